/* link: va */
/* Answers of hostile zones to A, AAAA, CAA and TXT, as libunbound hands them over (style 25; C-24, A-106). libunbound itself is
 * linked over by a few functions that answer from the input: for each lookup type, error, flags, RCODE, the least length of
 * the packet (two octets), the number of records, and each record with its length in one octet. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unbound-event.h>
#include <unbound.h>

#include "lib/base/buffer.h"
#include "lib/base/ip.h"
#include "va/resolve.h"

#define LOOKUPS_MAX 40
#define RECORDS_MAX 120
#define ANSWER_MS 10000

enum { BOGUS = 1, SECURE = 2, NO_RESULT = 4, CANONICAL = 8, NO_PACKET = 16 };

static struct bytes input;

static unsigned take(void)
{
	if (input.n == 0) {
		return 0;
	}
	input.n--;
	return *input.p++;
}

/* ---- in the place of libunbound ---- */

struct ub_ctx {
	int nothing;
};

static struct ub_ctx the_ctx;

struct ub_ctx *ub_ctx_create_ub_event(struct ub_event_base *base)
{
	(void) base;
	return &the_ctx;
}

void ub_ctx_delete(struct ub_ctx *ctx)
{
	(void) ctx;
}

const char *ub_version(void)
{
	return "";
}

int ub_ctx_set_option(struct ub_ctx *ctx, const char *opt, const char *val)
{
	(void) ctx;
	(void) opt;
	(void) val;
	return 0;
}

int ub_ctx_debugout(struct ub_ctx *ctx, void *out)
{
	(void) ctx;
	(void) out;
	return 0;
}

int ub_ctx_config(struct ub_ctx *ctx, const char *fname)
{
	(void) ctx;
	(void) fname;
	return 0;
}

const char *ub_strerror(int err)
{
	(void) err;
	return "";
}

int ub_resolve(struct ub_ctx *ctx, const char *name, int rrtype, int rrclass, struct ub_result **result)
{
	(void) ctx;
	(void) name;
	(void) rrtype;
	(void) rrclass;
	*result = calloc(1, sizeof(**result));
	if (*result == NULL) {
		abort();
	}
	(*result)->havedata = 1;
	return 0;
}

void ub_resolve_free(struct ub_result *result)
{
	free(result);
}

static void add_u16(struct buffer *b, unsigned value)
{
	buffer_add_char(b, (char) (value >> 8));
	buffer_add_char(b, (char) value);
}

/* The owner is the question's name, or where the alias led. */
static void add_record(struct buffer *b, unsigned owner, unsigned type, struct bytes data)
{
	add_u16(b, 0xc000 | owner);
	add_u16(b, type);
	add_u16(b, 1);
	add_u16(b, 0);
	add_u16(b, 60);
	add_u16(b, (unsigned) data.n);
	buffer_add(b, data.p, data.n);
}

/* The packet, put together from the input. */
static struct bytes take_packet(struct arena *a, unsigned type, unsigned flags, unsigned rcode)
{
	static const uint8_t asked[] = { 1, 'a', 0 };
	static const uint8_t alias[] = { 1, 'b', 0 };
	struct buffer b;
	buffer_init(&b, a, 512);
	unsigned least = take() << 8 | take();
	unsigned n = take() % RECORDS_MAX;
	unsigned owner = (flags & CANONICAL) != 0 ? 31 : 12;
	const unsigned head[] = { 0, 0x8180 | (rcode & 0xf), 1, n + (owner != 12), 0, 0 };
	for (size_t i = 0; i < COUNT_OF(head); i++) {
		add_u16(&b, head[i]);
	}
	buffer_add(&b, asked, sizeof(asked));
	add_u16(&b, type);
	add_u16(&b, 1);
	if (owner != 12) {
		add_record(&b, 12, 5, (struct bytes) { alias, sizeof(alias) });
	}
	for (unsigned i = 0; i < n; i++) {
		size_t length = take();
		length = length > input.n ? input.n : length;
		add_record(&b, owner, type, (struct bytes) { input.p, length });
		input = (struct bytes) { input.p + length, input.n - length };
	}
	while (buffer_bytes(&b).n < least) {
		buffer_add_char(&b, '\0');
	}
	return buffer_bytes(&b);
}

int ub_cancel(struct ub_ctx *ctx, int async_id)
{
	(void) ctx;
	(void) async_id;
	abort(); /* nothing is pending */
}

/* Answers at once, as libunbound does from its cache. The packet is exactly as long as it says, so that a sanitizer sees
 * a read past its end. */
int ub_resolve_event(struct ub_ctx *ctx, const char *name, int rrtype, int rrclass, void *mydata,
    ub_event_callback_type callback, int *async_id)
{
	static char why[] = "validation failure";
	(void) ctx;
	(void) name;
	(void) rrclass;
	(void) async_id;
	if (mydata == NULL) { /* nobody's lookup, before each: it takes the place of what is remembered */
		callback(mydata, 2, NULL, 0, 0, NULL, 0);
		return 0;
	}
	int error = take() % 8 == 7 ? UB_NOMEM : 0;
	unsigned flags = take();
	unsigned rcode = take() % 24;
	struct arena *a = arena_new();
	struct bytes packet = take_packet(a, (unsigned) rrtype, flags, rcode);
	bool with_packet = (flags & (NO_PACKET | NO_RESULT)) == 0;
	uint8_t *p = with_packet ? malloc(packet.n) : NULL;
	if (with_packet && p == NULL) {
		abort();
	}
	if (p != NULL) {
		memcpy(p, packet.p, packet.n);
	}
	bool bogus = (flags & BOGUS) != 0;
	int security = (flags & SECURE) != 0 ? 2 : 0;
	/* the RCODE of the answer stands in it; one beside it says that there is none */
	int beside = rcode > 15 || (flags & NO_RESULT) != 0 ? (int) rcode : 0;
	if (error == 0) {
		callback(mydata, beside, p, with_packet ? (int) packet.n : 0, bogus ? 1 : security, bogus ? why : NULL, 0);
	}
	free(p);
	arena_free(a);
	return error;
}

/* ---- what must hold ---- */

static void check_address(const struct lookup_answer *answer, size_t i)
{
	struct ip ip;
	struct ip_reach nothing = { { NULL, 0 }, { NULL, 0 } };
	const char *text = answer->record.answers.v[i];
	if (ip_of_bytes(answer->rdata.v[i], &ip) != 0) {
		if (strcmp(text, "malformed") != 0) {
			abort();
		}
		return;
	}
	char expected[INET6_ADDRSTRLEN];
	struct ip again;
	(void) inet_ntop(ip.v6 ? AF_INET6 : AF_INET, ip.b, expected, sizeof(expected));
	if (ip_parse(text, &again) != 0 || !ip_equal(&ip, &again)) {
		abort();
	}
	bool loopback =
	    strcmp(expected, "::1") == 0 || strncmp(expected, "127.", 4) == 0 || strncmp(expected, "10.", 3) == 0;
	if (loopback && ip_refusal(&ip, &nothing) == NULL) {
		abort();
	}
}

static unsigned told;

static void on_answer(void *arg, const struct lookup_answer *answer)
{
	told++;
	enum lookup_type type = *(enum lookup_type *) arg;
	const struct resolution *r = &answer->record;
	if ((answer->fault && r->error == NULL) || (r->error != NULL && (answer->rdata.n > 0 || r->answers.n > 0)) ||
	    answer->rdata.n != r->answers.n || answer->rdata.n > LOOKUP_ANSWERS_MAX || r->raw.n > LOOKUP_PACKET_MAX) {
		abort();
	}
	if (strcmp(r->dnssec, "bogus") == 0 && r->error == NULL) {
		abort(); /* nothing is concluded from what does not verify */
	}
	for (size_t i = 0; i < answer->rdata.n; i++) {
		if (strchr(r->answers.v[i], '\n') != NULL) {
			abort();
		}
		if (type == LOOKUP_A || type == LOOKUP_AAAA) {
			check_address(answer, i);
		}
	}
}

/* One for all inputs: its lanes are threads. */
static struct resolver *the_resolver(struct ctx *c)
{
	static const struct config_va config;
	static struct resolver *r;
	if (r == NULL && (resolver_new(c, &config, &r) != 0 || resolver_start(c, r) != 0)) {
		abort();
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum lookup_type types[] = { LOOKUP_A, LOOKUP_AAAA, LOOKUP_CAA, LOOKUP_TXT };
	struct ctx c;
	ctx_init(&c);
	input = (struct bytes) { data, size };
	struct resolver *r = the_resolver(&c);
	for (size_t i = 0; i < LOOKUPS_MAX && input.n > 0; i++) {
		enum lookup_type type = types[take() % COUNT_OF(types)];
		struct lookup_wanted wanted = { "a.example", type, on_answer, &type, false, NULL };
		struct pollfd ready = { .fd = resolver_fd(r), .events = POLLIN };
		told = 0;
		(void) lookup_start(r, c.arena, &wanted);
		if (told != 0) {
			abort(); /* never from within lookup_start */
		}
		int came = 1;
		while (told == 0 && came != 0) { /* libFuzzer's clock interrupts */
			came = poll(&ready, 1, ANSWER_MS);
			resolver_deliver(r);
		}
		if (told != 1) {
			abort();
		}
	}
	if (arena_used(c.arena) > (size_t) 4 * 1024 * 1024) {
		abort(); /* one validation keeps a bounded amount of what zones make it collect */
	}
	ctx_done(&c);
	return 0;
}
