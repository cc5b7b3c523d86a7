#include "ca/signer_channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define FIRST_MAX 4096 /* holds a certificate: most messages come in one piece */

/* Head and body leave together, so that the other end wakes once. */
static int write_all(int fd, struct iovec *pieces, size_t n)
{
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = n };
	while (message.msg_iovlen > 0) {
		ssize_t done = sendmsg(fd, &message, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done < 0) {
			return -1;
		}
		size_t left = (size_t) done;
		while (message.msg_iovlen > 0 && left >= message.msg_iov->iov_len) {
			left -= message.msg_iov->iov_len;
			message.msg_iov++;
			message.msg_iovlen--;
		}
		if (message.msg_iovlen > 0) {
			message.msg_iov->iov_base = (char *) message.msg_iov->iov_base + left;
			message.msg_iov->iov_len -= left;
		}
	}
	return 0;
}

/* At least `least` octets and at most `most`. */
static int read_some(int fd, uint8_t *to, size_t least, size_t most, size_t *ret_n)
{
	size_t n = 0;
	while (n < least) {
		ssize_t done = recv(fd, to + n, most - n, 0);
		if (done < 0 && errno == EINTR) {
			continue;
		}
		if (done <= 0) {
			return -1;
		}
		n += (size_t) done;
	}
	*ret_n = n;
	return 0;
}

int channel_write(int fd, const struct signer_head *head, struct bytes body)
{
	if (body.n > SIGNER_MESSAGE_MAX) {
		return -1;
	}
	struct signer_head whole = *head;
	whole.n = (uint32_t) body.n;
	struct iovec pieces[] = {
		{ .iov_base = &whole, .iov_len = sizeof(whole) },
		{ .iov_base = (void *) (uintptr_t) body.p, .iov_len = body.n },
	};
	return write_all(fd, pieces, COUNT_OF(pieces));
}

/* Requests and answers alternate, so what follows a head is its own body and nothing else. */
int channel_read(int fd, struct arena *a, struct signer_head *ret_head, struct bytes *ret_body)
{
	struct signer_head head;
	uint8_t first[FIRST_MAX];
	size_t n = 0;
	TRY(read_some(fd, first, sizeof(head), sizeof(first), &n));
	memcpy(&head, first, sizeof(head));
	size_t taken = n - sizeof(head);
	if (head.n > SIGNER_MESSAGE_MAX || taken > head.n) {
		return -1;
	}
	uint8_t *p = arena_alloc(a, head.n);
	memcpy(p, first + sizeof(head), taken);
	if (taken < head.n) {
		TRY(read_some(fd, p + taken, head.n - taken, head.n - taken, &n));
	}
	*ret_head = head;
	*ret_body = (struct bytes) { p, head.n };
	return 0;
}
