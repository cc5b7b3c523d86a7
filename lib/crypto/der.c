#include "lib/crypto/der.h"

#include <string.h>

#include "lib/base/die.h"

#define HEAD_MAX (2 + sizeof(size_t))

static size_t sum(const struct bytes *pieces, size_t n)
{
	size_t total = 0;
	for (size_t i = 0; i < n; i++) {
		total += pieces[i].n;
	}
	return total;
}

static void copy_all(uint8_t *to, const struct bytes *pieces, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (pieces[i].n > 0) {
			memcpy(to, pieces[i].p, pieces[i].n);
			to += pieces[i].n;
		}
	}
}

struct bytes der_join(struct arena *a, const struct bytes *pieces, size_t n)
{
	size_t total = sum(pieces, n);
	uint8_t *out = arena_alloc(a, total);
	copy_all(out, pieces, n);
	return (struct bytes) { out, total };
}

/* Tag and length; gives how many octets they are. */
static size_t write_head(int tag, size_t content, uint8_t head[HEAD_MAX])
{
	size_t n = 2;
	head[0] = (uint8_t) tag;
	head[1] = (uint8_t) content;
	if (content > 127) {
		size_t octets = 1;
		while (content >> (8 * octets) != 0) {
			octets++;
		}
		head[1] = (uint8_t) (0x80 | octets);
		for (size_t i = octets; i > 0; i--) {
			head[n++] = (uint8_t) (content >> (8 * (i - 1)));
		}
	}
	return n;
}

struct bytes der_head(struct arena *a, int tag, size_t content)
{
	uint8_t head[HEAD_MAX];
	return arena_bytes(a, head, write_head(tag, content, head));
}

struct bytes der_wrap(struct arena *a, int tag, const struct bytes *pieces, size_t n)
{
	uint8_t head[HEAD_MAX];
	size_t content = sum(pieces, n);
	size_t head_n = write_head(tag, content, head);
	uint8_t *out = arena_alloc(a, head_n + content);
	memcpy(out, head, head_n);
	copy_all(out + head_n, pieces, n);
	return (struct bytes) { out, head_n + content };
}

struct bytes der_unsigned(struct arena *a, struct bytes number)
{
	static const uint8_t zero[1] = { 0 };
	while (number.n > 0 && number.p[0] == 0) {
		number.p++;
		number.n--;
	}
	bool pad = number.n == 0 || (number.p[0] & 0x80) != 0;
	return DER(a, DER_INTEGER, { zero, pad ? 1 : 0 }, number);
}

struct bytes der_bits(struct arena *a, struct bytes octets)
{
	static const uint8_t unused[1] = { 0 };
	return DER(a, DER_BIT_STRING, { unused, 1 }, octets);
}

static uint8_t *put_pair(uint8_t *to, int number)
{
	*to++ = (uint8_t) ('0' + number / 10);
	*to++ = (uint8_t) ('0' + number % 10);
	return to;
}

uint8_t *der_put_time(uint8_t *to, struct timestamp t)
{
	struct utc utc;
	if (timestamp_to_utc(t, &utc) != 0) {
		die("a moment that no certificate can hold: %lld s", (long long) (t.us / 1000000));
	}
	bool short_year = utc.year < 2050; /* RFC 5280 4.1.2.5 (D-10) */
	*to++ = short_year ? DER_UTC_TIME : DER_GENERALIZED_TIME;
	*to++ = short_year ? 13 : 15;
	to = short_year ? to : put_pair(to, utc.year / 100);
	to = put_pair(put_pair(put_pair(to, utc.year % 100), utc.month), utc.day);
	to = put_pair(put_pair(put_pair(to, utc.hour), utc.minute), utc.second);
	*to++ = 'Z';
	return to;
}

struct bytes der_time(struct arena *a, struct timestamp t)
{
	uint8_t octets[DER_TIME_MAX];
	return arena_bytes(a, octets, (size_t) (der_put_time(octets, t) - octets));
}

struct der der_of(struct bytes in)
{
	return (struct der) { in.p, in.n };
}

int der_peek(const struct der *r)
{
	return r->n == 0 ? -1 : r->p[0];
}

bool der_at_end(const struct der *r)
{
	return r->n == 0;
}

/* Length in the shortest form (X.690 10.1), at most four octets of it. */
static int take_length(const uint8_t *p, size_t n, size_t *ret_head, size_t *ret_length)
{
	if (n < 2) {
		return -1;
	}
	if (p[1] < 0x80) {
		*ret_head = 2;
		*ret_length = p[1];
		return 0;
	}
	size_t octets = p[1] & 0x7f;
	if (octets == 0 || octets > 4 || n < 2 + octets || p[2] == 0) {
		return -1;
	}
	size_t length = 0;
	for (size_t i = 0; i < octets; i++) {
		length = length << 8 | p[2 + i];
	}
	if (length < 0x80) {
		return -1;
	}
	*ret_head = 2 + octets;
	*ret_length = length;
	return 0;
}

int der_take(struct der *r, int tag, struct bytes *ret_whole, struct bytes *ret_content)
{
	size_t head = 0;
	size_t length = 0;
	if (der_peek(r) != tag || take_length(r->p, r->n, &head, &length) != 0 || length > r->n - head) {
		return -1;
	}
	if (ret_whole != NULL) {
		*ret_whole = (struct bytes) { r->p, head + length };
	}
	if (ret_content != NULL) {
		*ret_content = (struct bytes) { r->p + head, length };
	}
	r->p += head + length;
	r->n -= head + length;
	return 0;
}

int der_take_only(struct bytes in, int tag, struct bytes *ret_content)
{
	struct der r = der_of(in);
	struct bytes content;
	if (der_take(&r, tag, NULL, &content) != 0 || !der_at_end(&r)) {
		return -1;
	}
	*ret_content = content;
	return 0;
}

/* -1 for what are no two digits. */
static int read_pair(const uint8_t *p)
{
	bool digits = p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9';
	return digits ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}

/* YYMMDDhhmmssZ or YYYYMMDDhhmmssZ, from 1970 on. */
static int read_time(struct bytes text, bool short_year, struct timestamp *ret_t)
{
	size_t more = short_year ? 0 : 2;
	if (text.n != 13 + more || text.p[text.n - 1] != 'Z') {
		return -1;
	}
	const uint8_t *p = text.p + more;
	int year = read_pair(p);
	int century = short_year ? (year >= 50 ? 19 : 20) : read_pair(text.p);
	const struct utc utc = { century * 100 + year, read_pair(p + 2), read_pair(p + 4), read_pair(p + 6),
		read_pair(p + 8), read_pair(p + 10) };
	if (year < 0 || century < 0 || utc.year < 1970) {
		return -1;
	}
	return timestamp_of_utc(&utc, ret_t);
}

int der_take_time(struct der *r, struct timestamp *ret_t)
{
	struct der rest = *r;
	bool short_year = der_peek(r) == DER_UTC_TIME;
	struct bytes text;
	if (der_take(&rest, short_year ? DER_UTC_TIME : DER_GENERALIZED_TIME, NULL, &text) != 0 ||
	    read_time(text, short_year, ret_t) != 0) {
		return -1;
	}
	*r = rest;
	return 0;
}
