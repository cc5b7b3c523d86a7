#include "wfe/spool_internal.h"

/* What the next read takes: n octets of one segment. n 0: nothing is left. */
struct range {
	uint64_t first;
	size_t offset;
	size_t n;
};

static struct range next_range(struct spool *s, size_t max_octets)
{
	struct range range = { 0 };
	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; i < s->n_segments; i++) {
		const struct segment *segment = &s->segments[i];
		size_t offset = segment->first == s->read_first ? s->read_offset : 0;
		if (segment->first >= s->read_first && offset < segment->octets) {
			size_t left = segment->octets - offset;
			range = (struct range) { segment->first, offset, left < max_octets ? left : max_octets };
			break;
		}
	}
	pthread_mutex_unlock(&s->mutex);
	return range;
}

/* All whole records in `in`; the octets that they take. */
static size_t decode_all(struct arena *a, struct bytes in, struct spool_record_list *ret)
{
	size_t used = 0;
	ret->v = ARENA_ARRAY(a, in.n / SEGMENT_HEADER, struct spool_record);
	while (used < in.n) {
		size_t n = 0;
		if (segment_decode((struct bytes) { in.p + used, in.n - used }, &ret->v[ret->n], &n) != 0) {
			break;
		}
		ret->n++;
		used += n;
	}
	return used;
}

int spool_read(struct ctx *c, struct spool *s, size_t max_octets, struct spool_record_list *ret)
{
	/* One record always fits. */
	struct range range = next_range(s, max_octets + SEGMENT_HEADER + SPOOL_PAYLOAD_MAX);
	struct spool_record_list records = { 0 };
	if (range.n > 0) {
		struct bytes in;
		TRY(segment_load(c, s->folder, range.first, range.offset, range.n, &in));
		size_t used = decode_all(c->arena, in, &records);
		if (used == 0) {
			return FAIL(c, SERVER_INTERNAL, "A record of the spool changed on the disk");
		}
		s->read_first = range.first;
		s->read_offset = range.offset + used;
	}
	*ret = records;
	return 0;
}

void spool_rewind(struct spool *s)
{
	s->read_first = 0;
	s->read_offset = 0;
}
