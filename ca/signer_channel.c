#include "ca/signer_channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static int write_all(int fd, const void *from, size_t n)
{
	const char *p = from;
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done <= 0) {
			return -1;
		}
		p += done;
		n -= (size_t) done;
	}
	return 0;
}

static int read_all(int fd, void *to, size_t n)
{
	char *p = to;
	while (n > 0) {
		ssize_t done = read(fd, p, n);
		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done <= 0) {
			return -1;
		}
		p += done;
		n -= (size_t) done;
	}
	return 0;
}

int channel_write(int fd, const struct signer_head *head, struct bytes body)
{
	if (body.n > SIGNER_MESSAGE_MAX) {
		return -1;
	}
	struct signer_head whole = *head;
	whole.n = (uint32_t) body.n;
	TRY(write_all(fd, &whole, sizeof(whole)));
	return write_all(fd, body.p, body.n);
}

int channel_read(int fd, struct arena *a, struct signer_head *ret_head, struct bytes *ret_body)
{
	struct signer_head head;
	TRY(read_all(fd, &head, sizeof(head)));
	if (head.n > SIGNER_MESSAGE_MAX) {
		return -1;
	}
	uint8_t *p = arena_alloc(a, head.n);
	TRY(read_all(fd, p, head.n));
	*ret_head = head;
	*ret_body = (struct bytes) { p, head.n };
	return 0;
}
