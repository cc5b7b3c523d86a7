/* link: va */
/* Answers of hostile zones to A, AAAA and CAA, as libunbound hands them over (style 25; C-24, A-106). libunbound itself is
 * linked over by a few functions that answer from the input: for each lookup type, error, flags, RCODE, the length of the
 * packet (two octets), the number of records, and each record with its length in one octet. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unbound.h>

#include "lib/base/ip.h"
#include "va/resolve.h"

#define LOOKUPS_MAX 40
#define RECORDS_MAX 120

enum { BOGUS = 1, SECURE = 2, NO_RESULT = 4, CANONICAL = 8, NO_PACKET = 16 };

static struct bytes input;
static void *pending;
static ub_callback_type callback;

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

struct ub_ctx *ub_ctx_create(void)
{
	return &the_ctx;
}

void ub_ctx_delete(struct ub_ctx *ctx)
{
	(void) ctx;
}

int ub_ctx_debugout(struct ub_ctx *ctx, void *out)
{
	(void) ctx;
	(void) out;
	return 0;
}

int ub_ctx_async(struct ub_ctx *ctx, int dothread)
{
	(void) ctx;
	(void) dothread;
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

int ub_resolve_async(
    struct ub_ctx *ctx, const char *name, int rrtype, int rrclass, void *mydata, ub_callback_type done, int *async_id)
{
	(void) ctx;
	(void) name;
	(void) rrtype;
	(void) rrclass;
	(void) async_id;
	pending = mydata;
	callback = done;
	return 0;
}

void ub_resolve_free(struct ub_result *result)
{
	if (result == NULL) {
		return;
	}
	for (size_t i = 0; result->data != NULL && result->data[i] != NULL; i++) {
		free(result->data[i]);
	}
	free(result->data);
	free(result->len);
	free(result->answer_packet);
	free(result);
}

/* Each piece exactly as long as it says, so that a sanitizer sees a read past its end. */
static void *copy(const void *p, size_t n)
{
	void *to = malloc(n > 0 ? n : 1);
	if (to == NULL) {
		abort();
	}
	memcpy(to, p, n);
	return to;
}

static void take_records(struct ub_result *r)
{
	size_t n = take() % RECORDS_MAX;
	r->data = calloc(n + 1, sizeof(*r->data));
	r->len = calloc(n + 1, sizeof(*r->len));
	if (r->data == NULL || r->len == NULL) {
		abort();
	}
	for (size_t i = 0; i < n; i++) {
		size_t length = take();
		length = length > input.n ? input.n : length;
		r->data[i] = copy(input.p, length);
		r->len[i] = (int) length;
		input.p += length;
		input.n -= length;
	}
	r->havedata = n > 0;
}

int ub_process(struct ub_ctx *ctx)
{
	(void) ctx;
	static uint8_t packet[65535];
	static char canonical[] = "canonical.example.";
	static char why[] = "validation failure";
	int error = take() % 8 == 7 ? UB_SERVFAIL : 0;
	unsigned flags = take();
	struct ub_result *r = calloc(1, sizeof(*r));
	if (r == NULL) {
		abort();
	}
	r->bogus = (flags & BOGUS) != 0;
	r->secure = (flags & SECURE) != 0 && !r->bogus;
	r->why_bogus = r->bogus ? why : NULL;
	r->canonname = (flags & CANONICAL) != 0 ? canonical : NULL;
	r->rcode = (int) take() % 24;
	r->answer_len = (flags & NO_PACKET) != 0 ? 0 : (int) (take() << 8 | take());
	r->answer_packet = r->answer_len == 0 ? NULL : copy(packet, (size_t) r->answer_len);
	take_records(r);
	if (error != 0 || (flags & NO_RESULT) != 0) {
		ub_resolve_free(r);
		r = NULL;
	}
	void *arg = pending;
	pending = NULL;
	callback(arg, error, r);
	return 0;
}

/* ---- what must hold ---- */

static void check_address(const struct lookup_answer *answer, size_t i)
{
	struct ip ip;
	struct network_list nothing = { NULL, 0 };
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

static void on_answer(void *arg, const struct lookup_answer *answer)
{
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
		if (type != LOOKUP_CAA) {
			check_address(answer, i);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum lookup_type types[] = { LOOKUP_A, LOOKUP_AAAA, LOOKUP_CAA };
	static const struct config_va config;
	struct resolver *r = NULL;
	struct ctx c;
	ctx_init(&c);
	input = (struct bytes) { data, size };
	if (resolver_new(&c, &config, &r) != 0) {
		abort();
	}
	for (size_t i = 0; i < LOOKUPS_MAX && input.n > 0; i++) {
		enum lookup_type type = types[take() % COUNT_OF(types)];
		struct lookup_wanted wanted = { "a.example", type, on_answer, &type };
		if (lookup_start(r, c.arena, &wanted) == NULL) {
			abort();
		}
		resolver_process(r);
	}
	if (arena_used(c.arena) > (size_t) 4 * 1024 * 1024) {
		abort(); /* one validation keeps a bounded amount of what zones make it collect */
	}
	resolver_free(r);
	ctx_done(&c);
	return 0;
}
