#include "policy/dns_cut.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "policy/dns_answer.h"
#include "policy/dns_wire.h"

#define HEAD_ANSWERS 6
#define HEAD_AUTHORITY 8
#define TYPE_NS 2
#define TYPE_SOA 6
#define TYPE_NSEC 47
#define TYPE_NSEC3 50
#define HASH_SHA1 1
#define SHA1_SIZE 20
#define ITERATIONS_MAX 150 /* as libunbound has it; above that nothing is proved */
#define NSEC3_HEAD 5       /* algorithm, flags, iterations, length of the salt */

static bool bit_is_set(struct bytes bitmap, unsigned type)
{
	return bitmap.n > type / 8 && (bitmap.p[type / 8] & 0x80 >> type % 8) != 0;
}

/* RFC 4034 4.1.2, RFC 6840 4.4: a delegation without DS. All types that matter stand in the first window. */
static bool shows_unsigned_delegation(struct bytes windows)
{
	if (windows.n < 2 || windows.p[0] != 0 || windows.p[1] > windows.n - 2) {
		return false;
	}
	struct bytes bitmap = { windows.p + 2, windows.p[1] };
	return bit_is_set(bitmap, TYPE_NS) && !bit_is_set(bitmap, TYPE_SOA) && !bit_is_set(bitmap, LOOKUP_DS);
}

static struct bytes rest_from(struct bytes b, size_t at)
{
	return at > b.n ? (struct bytes) { NULL, 0 } : (struct bytes) { b.p + at, b.n - at };
}

/* Behind the next name, which is not compressed (RFC 4034 4.1.1). */
static struct bytes nsec_windows(const struct wire_record *r)
{
	struct wire data = { r->data, 0 };
	struct wire_name next;
	return wire_take_name(&data, &next) == 0 ? rest_from(r->data, data.at) : (struct bytes) { NULL, 0 };
}

/* RFC 5155 5 */
static bool hash_name(const struct wire_name *name, struct bytes salt, unsigned iterations, uint8_t ret[SHA1_SIZE])
{
	uint8_t in[WIRE_NAME_MAX + 255];
	size_t n = name->n;
	for (size_t i = 0; i < n; i++) {
		in[i] = (uint8_t) tolower(name->octets[i]);
	}
	for (unsigned i = 0; i <= iterations; i++) {
		memcpy(in + n, salt.p, salt.n);
		if (EVP_Digest(in, n + salt.n, ret, NULL, EVP_sha1(), NULL) != 1) {
			return false;
		}
		memcpy(in, ret, SHA1_SIZE);
		n = SHA1_SIZE;
	}
	return true;
}

/* The first label of the owner is the hash in base32hex, 32 characters without padding. */
static bool label_is_hash(const struct wire_name *owner, const uint8_t hash[SHA1_SIZE])
{
	static const char alphabet[] = "0123456789abcdefghijklmnopqrstuv";
	char text[SHA1_SIZE * 8 / 5 + 1] = "";
	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		size_t bit = i * 5;
		unsigned two = (unsigned) (hash[bit / 8] << 8 | (bit / 8 + 1 < SHA1_SIZE ? hash[bit / 8 + 1] : 0));
		text[i] = alphabet[two >> (11 - bit % 8) & 31];
	}
	return owner->octets[0] == sizeof(text) - 1 &&
	       strncasecmp((const char *) owner->octets + 1, text, sizeof(text) - 1) == 0;
}

static struct bytes nsec3_windows(const struct wire_record *r, const struct wire_name *name)
{
	const struct bytes none = { NULL, 0 };
	uint8_t hash[SHA1_SIZE];
	if (r->data.n < NSEC3_HEAD || r->data.p[0] != HASH_SHA1) {
		return none;
	}
	unsigned iterations = (unsigned) (r->data.p[2] << 8 | r->data.p[3]);
	struct bytes salt = rest_from(r->data, NSEC3_HEAD);
	size_t salt_n = r->data.p[4];
	if (salt.n <= salt_n || iterations > ITERATIONS_MAX) {
		return none;
	}
	salt.n = salt_n;
	if (!hash_name(name, salt, iterations, hash) || !label_is_hash(&r->owner, hash)) {
		return none;
	}
	size_t next = NSEC3_HEAD + salt_n;
	return rest_from(r->data, next + 1 + r->data.p[next]);
}

static int skip_records(struct wire *r, unsigned n)
{
	struct wire_record ignored;
	for (unsigned i = 0; i < n; i++) {
		TRY(wire_take_record(r, &ignored));
	}
	return 0;
}

/* How many records the head says that the section at this place of it has (RFC 1035 4.1.1). */
static unsigned section_size(struct bytes packet, size_t at)
{
	return (unsigned) (packet.p[at] << 8 | packet.p[at + 1]);
}

/* Of the records of authority, which are those that were verified: the one that speaks of the name itself. */
static int find_denial(struct bytes packet, enum dns_cut *ret)
{
	struct wire r = { packet, WIRE_HEADER_SIZE };
	struct wire_name asked;
	uint16_t ignored = 0;
	bool found = false;
	TRY(wire_take_name(&r, &asked));
	TRY(wire_take_u16(&r, &ignored));
	TRY(wire_take_u16(&r, &ignored));
	TRY(skip_records(&r, section_size(packet, HEAD_ANSWERS)));
	for (unsigned n = section_size(packet, HEAD_AUTHORITY); n > 0; n--) {
		struct wire_record record;
		TRY(wire_take_record(&r, &record));
		struct bytes windows = { NULL, 0 };
		if (record.type == TYPE_NSEC && wire_same_name(&record.owner, &asked)) {
			windows = nsec_windows(&record);
		} else if (record.type == TYPE_NSEC3) {
			windows = nsec3_windows(&record, &asked);
		}
		found = found || shows_unsigned_delegation(windows);
	}
	*ret = found ? DNS_CUT_UNSIGNED : DNS_CUT_NONE;
	return 0;
}

int dns_cut_parse(struct arena *a, struct bytes packet, const char *name, enum dns_cut *ret)
{
	struct dns_answer answer;
	TRY(dns_answer_parse(a, packet, LOOKUP_DS, 1, &answer));
	if (strcasecmp(answer.asked, arena_printf(a, "%s.", name)) != 0) {
		return -1;
	}
	if (answer.canonical_name != NULL) { /* an alias stands there, so no zone begins */
		*ret = DNS_CUT_NONE;
		return 0;
	}
	if (answer.rdata.n > 0) {
		*ret = DNS_CUT_SIGNED;
		return 0;
	}
	return find_denial(packet, ret);
}
