#include "lib/http/chunks.h"

#define MAX_DIGITS 8
#define MAX_UNUSED 4096

static int hex_value(uint8_t one)
{
	if (one >= '0' && one <= '9') {
		return one - '0';
	}
	uint8_t lower = one | 0x20;
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static int go_to(struct http_chunks *k, enum http_chunks_state state)
{
	k->state = state;
	return 0;
}

static int step_size(struct http_chunks *k, uint8_t one)
{
	int value = hex_value(one);
	if (value >= 0) {
		k->left = k->left * 16 + (size_t) value;
		return ++k->digits > MAX_DIGITS ? -1 : 0;
	}
	if (k->digits == 0) {
		return -1;
	}
	if (one == '\r') {
		return go_to(k, CHUNKS_SIZE_LF);
	}
	return one == ';' || one == ' ' || one == '\t' ? go_to(k, CHUNKS_EXTENSION) : -1;
}

/* Of extensions and trailers: read over. */
static int step_unused(struct http_chunks *k, uint8_t one, enum http_chunks_state here, enum http_chunks_state behind)
{
	if (one == '\r') {
		return go_to(k, behind);
	}
	if ((one < 0x20 && one != '\t') || one == 0x7f || ++k->unused > MAX_UNUSED) {
		return -1;
	}
	return go_to(k, here);
}

static int step_extension(struct http_chunks *k, uint8_t one)
{
	return step_unused(k, one, CHUNKS_EXTENSION, CHUNKS_SIZE_LF);
}

static int step_size_lf(struct http_chunks *k, uint8_t one)
{
	return one == '\n' ? go_to(k, k->left == 0 ? CHUNKS_TRAILER : CHUNKS_DATA) : -1;
}

static int step_data_cr(struct http_chunks *k, uint8_t one)
{
	return one == '\r' ? go_to(k, CHUNKS_DATA_LF) : -1;
}

static int step_data_lf(struct http_chunks *k, uint8_t one)
{
	k->digits = 0;
	return one == '\n' ? go_to(k, CHUNKS_SIZE) : -1;
}

static int step_trailer(struct http_chunks *k, uint8_t one)
{
	return step_unused(k, one, CHUNKS_TRAILER_LINE, CHUNKS_END_LF);
}

static int step_trailer_line(struct http_chunks *k, uint8_t one)
{
	return step_unused(k, one, CHUNKS_TRAILER_LINE, CHUNKS_TRAILER_LF);
}

static int step_trailer_lf(struct http_chunks *k, uint8_t one)
{
	return one == '\n' ? go_to(k, CHUNKS_TRAILER) : -1;
}

static int step_end_lf(struct http_chunks *k, uint8_t one)
{
	(void) k;
	return one == '\n' ? 1 : -1;
}

static int (*const steps[])(struct http_chunks *k, uint8_t one) = {
	[CHUNKS_SIZE] = step_size,
	[CHUNKS_EXTENSION] = step_extension,
	[CHUNKS_SIZE_LF] = step_size_lf,
	[CHUNKS_DATA_CR] = step_data_cr,
	[CHUNKS_DATA_LF] = step_data_lf,
	[CHUNKS_TRAILER] = step_trailer,
	[CHUNKS_TRAILER_LINE] = step_trailer_line,
	[CHUNKS_TRAILER_LF] = step_trailer_lf,
	[CHUNKS_END_LF] = step_end_lf,
};

static struct bytes advance(struct bytes *in, size_t n)
{
	struct bytes taken = { in->p, n };
	*in = (struct bytes) { in->p + n, in->n - n };
	return taken;
}

int http_chunks_take(struct http_chunks *k, struct bytes *in, struct bytes *ret)
{
	*ret = (struct bytes) { NULL, 0 };
	int result = 0;
	while (in->n > 0 && result == 0) {
		if (k->state == CHUNKS_DATA) {
			*ret = advance(in, in->n < k->left ? in->n : k->left);
			k->left -= ret->n;
			return k->left == 0 ? go_to(k, CHUNKS_DATA_CR) : 0;
		}
		result = steps[k->state](k, *advance(in, 1).p);
	}
	return result;
}
