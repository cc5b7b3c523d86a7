#include "wfe/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/auto_fd.h"
#include "lib/crypto/digest.h"

#define CHECKSUM 8

static void put_number(uint8_t *to, uint64_t value, size_t octets)
{
	for (size_t i = octets; i-- > 0; value >>= 8) {
		to[i] = (uint8_t) value;
	}
}

static uint64_t get_number(const uint8_t *from, size_t octets)
{
	uint64_t value = 0;
	for (size_t i = 0; i < octets; i++) {
		value = value << 8 | from[i];
	}
	return value;
}

static void checksum(const uint8_t header[SEGMENT_HEADER], struct bytes payload, uint8_t ret[CHECKSUM])
{
	const struct bytes pieces[] = { { header + CHECKSUM, SEGMENT_HEADER - CHECKSUM }, payload };
	uint8_t digest[SHA256_SIZE];
	sha256(pieces, COUNT_OF(pieces), digest);
	memcpy(ret, digest, CHECKSUM);
}

void segment_encode_header(const struct spool_record *record, uint8_t ret[SEGMENT_HEADER])
{
	put_number(ret + CHECKSUM, record->payload.n, 4);
	put_number(ret + 12, (uint64_t) record->kind, 4);
	put_number(ret + 16, record->number, 8);
	memcpy(ret + 24, record->request.b, sizeof(record->request.b));
	checksum(ret, record->payload, ret);
}

int segment_decode(struct bytes in, struct spool_record *ret, size_t *ret_used)
{
	if (in.n < SEGMENT_HEADER) {
		return -1;
	}
	uint64_t n = get_number(in.p + CHECKSUM, 4);
	uint64_t kind = get_number(in.p + 12, 4);
	if (n > SPOOL_PAYLOAD_MAX || n > in.n - SEGMENT_HEADER || kind < SPOOL_BEGIN || kind > SPOOL_LOST) {
		return -1;
	}
	struct spool_record record = {
		.number = get_number(in.p + 16, 8), .kind = (enum spool_kind) kind, .payload = { in.p + SEGMENT_HEADER, n }
	};
	memcpy(record.request.b, in.p + 24, sizeof(record.request.b));
	uint8_t expected[CHECKSUM];
	checksum(in.p, record.payload, expected);
	if (memcmp(expected, in.p, CHECKSUM) != 0) {
		return -1;
	}
	*ret = record;
	*ret_used = SEGMENT_HEADER + n;
	return 0;
}

void segment_name(uint64_t first, char ret[SEGMENT_NAME_SIZE])
{
	(void) snprintf(ret, SEGMENT_NAME_SIZE, "%016" PRIx64 ".seg", first);
}

int segment_name_parse(const char *name, uint64_t *ret_first)
{
	uint64_t first = 0;
	if (sscanf(name, "%16" SCNx64, &first) != 1) { // NOLINT(cert-err34-c): the comparison below decides
		return -1;
	}
	char exact[SEGMENT_NAME_SIZE];
	segment_name(first, exact);
	if (strcmp(exact, name) != 0) {
		return -1;
	}
	*ret_first = first;
	return 0;
}

int segment_load(struct ctx *c, int folder, uint64_t first, size_t offset, size_t n, struct bytes *ret)
{
	char name[SEGMENT_NAME_SIZE];
	segment_name(first, name);
	AUTO_FD fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		ctx_cause(c, "open %s: %s", name, strerror(errno));
		return FAIL(c, SERVER_INTERNAL, "The spool can't be read");
	}
	uint8_t *p = arena_alloc(c->arena, n);
	size_t got = 0;
	while (got < n) {
		ssize_t step = pread(fd, p + got, n - got, (off_t) (offset + got));
		if (step < 0 && errno == EINTR) {
			continue;
		}
		if (step < 0) {
			ctx_cause(c, "read %s: %s", name, strerror(errno));
			return FAIL(c, SERVER_INTERNAL, "The spool can't be read");
		}
		if (step == 0) {
			break;
		}
		got += (size_t) step;
	}
	*ret = (struct bytes) { p, got };
	return 0;
}
