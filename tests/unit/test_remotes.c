/* link: va */
/* Rounds of remote perspectives, with fakes for the calls to them and to the registration authority.
 * B-34, B-39, C-15, C-55..C-59, C-61. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/buffer.h"
#include "lib/rpc/client.h"
#include "va/record.h"
#include "va/remotes.h"
#include "tests/unit/address_answer.h"

#define N 5
#define TOKEN "tokentokentokentokentoken"
#define OTHER_TOKEN "othertokenothertokenother"
#define THUMBPRINT ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define KEY_AUTHORIZATION TOKEN THUMBPRINT
#define URL "http://a.example/.well-known/acme-challenge/" TOKEN

static const char *identity = "ca.test";
static struct config_perspective list[N] = {
	{ .name = "ams", .address = "192.0.2.1:1", .region = "RIPE", .place = "52.37 4.90" },
	{ .name = "sin", .address = "192.0.2.2:1", .region = "APNIC", .place = "1.35 103.82" },
	{ .name = "gru", .address = "192.0.2.3:1", .region = "LACNIC", .place = "-23.55 -46.63" },
	{ .name = "jnb", .address = "192.0.2.4:1", .region = "AFRINIC", .place = "-26.20 28.05" },
	{ .name = "sea", .address = "192.0.2.5:1", .region = "ARIN", .place = "47.61 -122.33" },
};
static struct config config = {
	.policy = { .mode = "private" },
	.va = { .perspective = "nyc",
	    .region = "ARIN",
	    .place = "40.71 -74.01",
	    .timeout_s = 10,
	    .http01_port = 80,
	    .tlsalpn01_port = 443,
	    .perspectives = { list, N } },
};

/* ---- fakes ---- */

struct call {
	char address[32];
	char certificate_name[64];
	char key_authorization[128];
	char account_url[64];
	struct id validation_id;
	int64_t deadline_ms;
	rpc_va_validate_done *done;
	void *arg;
	bool answered;
};
static struct call calls[N];
static size_t n_calls;

struct rpc_loop {
	int unused;
};
static struct rpc_loop the_loop;

struct rpc_loop *rpc_loop_new(void)
{
	return &the_loop;
}

static void answer_the_rest(void);

void rpc_loop_free(struct rpc_loop *loop)
{
	(void) loop;
	answer_the_rest(); /* as the calls' deadlines do */
}

void rpc_loop_cut(struct rpc_loop *loop)
{
	(void) loop;
	answer_the_rest(); /* "shutting down" is no other answer than a deadline's */
}

/* It is in the library's file with the other two. */
void rpc_va_validate_start(struct rpc_loop *loop, const struct validate_request *in, struct id request_id,
    int64_t deadline_ms, rpc_va_validate_done *done, void *arg)
{
	(void) loop;
	(void) in;
	(void) request_id;
	(void) deadline_ms;
	(void) done;
	(void) arg;
	fail();
}

static void copy(char *to, size_t n, const char *text)
{
	assert_true(snprintf(to, n, "%s", text == NULL ? "" : text) < (int) n);
}

void rpc_va_validate_start_at(
    struct rpc_loop *loop, const struct rpc_va_validate_start *start, const struct validate_request *in)
{
	assert_ptr_equal(loop, &the_loop);
	assert_true(n_calls < N);
	assert_int_equal(start->max_reply, RECORD_MAX); /* however many are asked */
	struct call *call = &calls[n_calls++];
	copy(call->address, sizeof(call->address), start->address);
	copy(call->certificate_name, sizeof(call->certificate_name), start->certificate_name);
	copy(call->key_authorization, sizeof(call->key_authorization), in->key_authorization);
	copy(call->account_url, sizeof(call->account_url), in->account_url);
	call->validation_id = in->validation_id;
	call->deadline_ms = start->deadline_ms;
	call->done = start->done;
	call->arg = start->arg;
	call->answered = false;
}

void rpc_client_thread_end(void)
{
}

static pthread_mutex_t late_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t late_more = PTHREAD_COND_INITIALIZER;
static int late_calls;   /* of the registration authority */
static int late_not_yet; /* so many calls come before the record that they belong to */
static char late_perspective[64];
static char late_detail[512];
static bool late_passed;
static struct id late_own;

int rpc_ra_record_late(struct ctx *c, const struct record_late_request *in, struct record_late_response *ret)
{
	/* all of it has to be there, however long the round is over */
	assert_true(fields_to_json(c->arena, &record_late_request_fields, in).n > 0);
	pthread_mutex_lock(&late_lock);
	ret->recorded = late_calls++ >= late_not_yet;
	copy(late_perspective, sizeof(late_perspective), in->remote.perspective);
	copy(late_detail, sizeof(late_detail), in->remote.problem.detail);
	late_passed = in->remote.passed;
	late_own = in->validation_id;
	pthread_cond_signal(&late_more);
	pthread_mutex_unlock(&late_lock);
	return 0;
}

static void wait_for_late(int n)
{
	pthread_mutex_lock(&late_lock);
	while (late_calls < n) {
		pthread_cond_wait(&late_more, &late_lock);
	}
	pthread_mutex_unlock(&late_lock);
}

/* ---- one round ---- */

struct world {
	struct ctx c;
	struct remotes *remotes;
	struct validate_request in;
	struct validation_result own;
	bool done;
	struct validation_result result; /* its texts live as long as the round: in `text` those that are looked at later */
	size_t n_answers;
	char quorum[16];
	char type[32];
	char detail[2048];
};

/* Of what a remote one says, the observations alone. */
static void check_remote(const struct validation_result *remote)
{
	assert_int_equal(remote->remotes.n + remote->round.n, 0);
	assert_null(remote->quorum);
	assert_true(remote->started_at.us > 0 && remote->started_at.us <= remote->ended_at.us);
	assert_null(remote->caa.found_at == NULL ? NULL : strstr(remote->caa.found_at, "claimed"));
	assert_int_equal(remote->basis.http01_port, 80);
	assert_false(remote->basis.webpki);
}

static void on_done(void *arg, const struct validation_result *result)
{
	struct world *w = arg;
	for (size_t i = 0; i < result->remotes.n; i++) {
		check_remote(&result->remotes.v[i]);
	}
	assert_int_equal(result->basis.webpki, result->quorum != NULL && strcmp(config.policy.mode, "webpki") == 0);
	assert_false(w->done);
	w->done = true;
	w->result = *result;
	w->n_answers = result->remotes.n;
	assert_int_equal(result->round.n, result->quorum == NULL ? 0 : config.va.perspectives.n);
	copy(w->quorum, sizeof(w->quorum), result->quorum);
	copy(w->type, sizeof(w->type), result->problem.type);
	copy(w->detail, sizeof(w->detail), result->problem.detail);
}

static void world_ask(struct world *w)
{
	n_calls = 0;
	w->done = false;
	struct remotes_question question = { &w->in, &w->own, on_done, w };
	assert_true(remotes_wanted(w->remotes, &w->in, &w->own));
	assert_int_equal(remotes_ask(w->remotes, &w->c, &question), 0);
	assert_int_equal(n_calls, config.va.perspectives.n);
}

static void world_open(struct world *w, const char *mode, size_t n)
{
	memset(w, 0, sizeof(*w));
	config.policy.mode = mode;
	config.va.perspectives.n = n;
	late_calls = 0;
	late_not_yet = 0;
	ctx_init(&w->c);
	assert_int_equal(remotes_new(&w->c, &config, &w->remotes), 0);
	remotes_start(w->remotes);
	w->in = (struct validate_request) {
		.validation_id = id_new(),
		.identifier = { "dns", "a.example" },
		.method = "http-01",
		.token = TOKEN,
		.key_authorization = KEY_AUTHORIZATION,
		.caa_identities = { &identity, 1 },
		.account_url = "https://ca.test/acme/account/1",
		.check_caa = true,
	};
	w->own = (struct validation_result) { .validation_id = w->in.validation_id,
		.perspective = "nyc",
		.method = "http-01",
		.passed = true,
		.dcv = true,
		.basis = { .http01_port = 80, .tlsalpn01_port = 443 } };
}

static void world_close(struct world *w)
{
	remotes_stop(w->remotes, 1000);
	remotes_free(w->remotes);
	ctx_done(&w->c);
}

/* What a remote one may say. */
enum says {
	SEES_IT,
	DENIES_IT,
	SEES_OTHER_TOKEN,
	CLAIMS_IT,
	SEES_NO_CAA_FOR_US,
	HIDES_CAA,
	RESOLVES_ELSEWHERE,
	HAS_A_FAULT,
	IS_DEAD,
	IS_ANOTHER
};

/* An answer about CAA of a.example: one record that names us for another account (B-34). */
static struct bytes caa_for_another(struct arena *a)
{
	static const char value[] = "issueca.test; accounturi=https://ca.test/acme/account/2";
	static const uint8_t head[] = { 0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 1, 'a', 7, 'e', 'x', 'a', 'm', 'p', 'l',
		'e', 0, 1, 1, 0, 1, 0xc0, 12, 1, 1, 0, 1, 0, 0, 0, 60, 0, 2 + sizeof(value) - 1, 0, 5 };
	struct buffer b;
	buffer_init(&b, a, 256);
	buffer_add(&b, head, sizeof(head));
	buffer_add_text(&b, value);
	return buffer_bytes(&b);
}

static struct resolution_list lookups(struct arena *a, enum says says)
{
	struct resolution *v = ARENA_ARRAY(a, 3, struct resolution);
	v[0] = (struct resolution) { "a.example", "CAA", "recursive", "insecure", .rcode = 3 };
	v[1] = address_answer(a, "a.example", "93.184.216.34");
	v[2] = (struct resolution) { "example", "CAA", "recursive", "insecure", .rcode = 3 };
	v[2].resolver = says == RESOLVES_ELSEWHERE ? "192.0.2.53@53" : v[2].resolver;
	if (says == SEES_NO_CAA_FOR_US) {
		v[0].rcode = 0;
		v[0].raw = caa_for_another(a);
	}
	return (struct resolution_list) { v, says == HIDES_CAA ? 2 : 3 };
}

static struct validation_result observation(struct arena *a, const struct call *call, const char *name, enum says says)
{
	const char *body = says == SEES_OTHER_TOKEN || says == CLAIMS_IT ? OTHER_TOKEN THUMBPRINT : KEY_AUTHORIZATION;
	static const char *addresses[] = { "93.184.216.34" };
	struct connection_attempt *attempt = ARENA_NEW(a, struct connection_attempt);
	*attempt = (struct connection_attempt) { .url = URL,
		.host = "a.example",
		.port = 80,
		.addresses_resolved = { addresses, 1 },
		.address_used = "93.184.216.34",
		.http_status = 200,
		.body = bytes_of_text(body),
		.body_octets = (int64_t) strlen(body) };
	struct validation_result r = {
		.validation_id = call->validation_id,
		.perspective = says == IS_ANOTHER ? "elsewhere" : name,
		.method = "http-01",
		.passed = says == SEES_IT || says == RESOLVES_ELSEWHERE || says == CLAIMS_IT || says == HIDES_CAA ||
		          says == IS_ANOTHER,
		.fault = says == HAS_A_FAULT,
		.resolutions = lookups(a, says),
		.attempts = { attempt, 1 },
		.address = "claimed",
		.region = "claimed",
		.caa = { .checked = true, .permitted = true, .found_at = "claimed" },
		.basis = { .http01_port = 8080, .webpki = true },
		.started_at = { 5 },
		.ended_at = { -5 },
		.remotes = { ARENA_NEW(a, struct validation_result), 1 },
		.round = { ARENA_NEW(a, struct id), 1 },
		.quorum = "claimed",
	};
	if (!r.passed) { /* in its own words, which are not told */
		r.problem = (struct problem_record) { .type = "MALFORMED", .detail = "own words" };
	}
	return r;
}

static void answer(size_t i, enum says says)
{
	struct ctx c;
	ctx_init(&c);
	struct validation_result r = observation(c.arena, &calls[i], list[i].name, says);
	int result = says == IS_DEAD ? FAIL(&c, UNAVAILABLE, "nobody answers") : 0;
	calls[i].answered = true;
	calls[i].done(calls[i].arg, &c, result, result == 0 ? &r : NULL);
	ctx_done(&c);
}

static void answer_the_rest(void)
{
	for (size_t i = 0; i < n_calls; i++) {
		if (!calls[i].answered) {
			answer(i, IS_DEAD);
		}
	}
}

/* ---- tests ---- */

/* C-55, C-58, B-34: each is asked the same as the first one, by its own name and address */
static void all_are_asked_the_same(void **state)
{
	(void) state;
	struct world w;
	world_open(&w, "private", 3);
	world_ask(&w);
	for (size_t i = 0; i < 3; i++) {
		char name[64];
		assert_true(snprintf(name, sizeof(name), "perspective-%s", list[i].name) > 0);
		assert_string_equal(calls[i].certificate_name, name);
		assert_string_equal(calls[i].address, list[i].address);
		assert_string_equal(calls[i].key_authorization, KEY_AUTHORIZATION);
		assert_string_equal(calls[i].account_url, w.in.account_url);
		assert_false(id_equal(calls[i].validation_id, w.in.validation_id));
		assert_true(calls[i].deadline_ms > 10000 && calls[i].deadline_ms <= 12000);
	}
	assert_false(id_equal(calls[0].validation_id, calls[1].validation_id));
	for (size_t i = 0; i < 3; i++) {
		answer(i, SEES_IT);
	}
	assert_true(w.done && w.result.passed);
	world_close(&w);
}

/* C-59, C-61: it goes out with the quorum, and who comes later is reported */
static void decided_early_recorded_late(void **state)
{
	(void) state;
	struct world w;
	world_open(&w, "private", 4);
	late_not_yet = 2;
	world_ask(&w);
	answer(0, SEES_IT);
	answer(1, SEES_OTHER_TOKEN);
	assert_false(w.done);
	answer(2, SEES_IT);
	assert_false(w.done);
	answer(3, SEES_IT);
	assert_true(w.done && w.result.passed && !w.result.fault);
	assert_string_equal(w.quorum, "3/4");
	assert_int_equal(w.n_answers, 4);
	assert_int_equal(late_calls, 0);
	world_ask(&w); /* another round */
	answer(3, SEES_IT);
	answer(1, SEES_IT);
	answer(0, SEES_IT);
	assert_true(w.done && w.result.passed);
	assert_int_equal(w.n_answers, 3);
	memset(&w.own.validation_id, 0, sizeof(w.own.validation_id)); /* the call is over, its memory gone */
	answer(2, SEES_OTHER_TOKEN);
	wait_for_late(3); /* twice there is no record yet that it belongs to */
	assert_string_equal(late_perspective, "gru");
	assert_false(late_passed);
	assert_true(id_equal(late_own, w.in.validation_id));
	world_close(&w);
}

/* C-53, C-54: an answer counts when all lookups were made where the perspective is declared to make them */
static void who_resolves_elsewhere_does_not_count(void **state)
{
	(void) state;
	static const struct {
		const char *mode;
		const char *resolver; /* of the second one, which asks 192.0.2.53@53 for some names */
		size_t n;
		bool counts; /* enough agree without the last one */
	} rows[] = { { "private", "", 4, true }, { "private", "192.0.2.53@53", 4, false }, { "webpki", "", 5, false } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world w;
		list[1].resolver = rows[i].resolver;
		world_open(&w, rows[i].mode, rows[i].n);
		world_ask(&w);
		answer(1, RESOLVES_ELSEWHERE);
		for (size_t k = 0; k + 1 < rows[i].n; k++) {
			if (k != 1) {
				answer(k, SEES_IT);
			}
		}
		assert_int_equal(w.done, rows[i].counts);
		answer(rows[i].n - 1, SEES_IT);
		assert_true(w.done && w.result.passed);
		world_close(&w);
	}
	list[1].resolver = "";
}

/* What the doctor tries has no record that a late answer could stand beside. */
static void nothing_of_a_trial_is_recorded(void **state)
{
	(void) state;
	struct world w;
	world_open(&w, "private", 2);
	w.in.trial = true;
	world_ask(&w);
	answer(0, SEES_IT);
	assert_true(w.done && w.result.passed);
	answer(1, SEES_IT);
	world_close(&w); /* waits for reports */
	assert_int_equal(late_calls, 0);
}

/* C-51, C-58: two that see something else refuse, whoever has not answered yet */
static void refused_with_what_they_saw(void **state)
{
	(void) state;
	struct world w;
	world_open(&w, "private", 4);
	world_ask(&w);
	answer(2, SEES_OTHER_TOKEN);
	answer(0, SEES_IT);
	answer(3, SEES_OTHER_TOKEN);
	assert_true(w.done && !w.result.passed && !w.result.fault);
	assert_string_equal(w.quorum, "1/4");
	assert_string_equal(w.type, "UNAUTHORIZED");
	assert_non_null(strstr(w.detail,
	    "During secondary validation: 2 of 4 remote network perspectives see something else than the first one: "
	    "gru (LACNIC): 93.184.216.34: Invalid response from " URL ": \"" OTHER_TOKEN));
	assert_non_null(strstr(w.detail, "; jnb (AFRINIC): 93.184.216.34: "));
	assert_null(strstr(w.detail, "own words"));
	answer(1, IS_DEAD);
	wait_for_late(1);
	assert_non_null(strstr(late_detail, "No answer"));
	world_close(&w);
	world_open(&w, "webpki", 5); /* C-61: the world does not learn who they are */
	world_ask(&w);
	answer(4, SEES_OTHER_TOKEN);
	answer(3, SEES_OTHER_TOKEN);
	assert_true(w.done && !w.result.passed);
	assert_null(strstr(w.detail, "jnb"));
	assert_null(strstr(w.detail, "ARIN"));
	assert_non_null(strstr(w.detail, "Invalid response from " URL));
	for (size_t i = 0; i < 3; i++) {
		answer(i, SEES_IT);
	}
	world_close(&w);
}

/* C-56: CAA needs the quorum as well, and both are needed of each */
static void caa_is_corroborated(void **state)
{
	(void) state;
	struct world w;
	world_open(&w, "private", 5);
	world_ask(&w);
	answer(0, SEES_IT);
	answer(1, SEES_NO_CAA_FOR_US);
	answer(2, SEES_IT);
	answer(3, SEES_NO_CAA_FOR_US);
	assert_true(w.done && !w.result.passed && !w.result.fault);
	assert_string_equal(w.type, "CAA");
	answer(4, SEES_IT);
	world_ask(&w);
	answer(0, SEES_OTHER_TOKEN);
	answer(1, SEES_NO_CAA_FOR_US);
	assert_true(w.done && !w.result.passed);
	for (size_t i = 2; i < 5; i++) {
		answer(i, SEES_IT);
	}
	world_close(&w);
}

/* The record decides and not the word of the remote one. C-15, C-58 */
static void words_do_not_count(void **state)
{
	(void) state;
	static const enum says lies[] = { CLAIMS_IT, DENIES_IT, HIDES_CAA, IS_ANOTHER };
	for (size_t i = 0; i < COUNT_OF(lies); i++) {
		struct world w;
		world_open(&w, "private", 3);
		world_ask(&w);
		answer(0, lies[i]);
		answer(1, lies[i]);
		answer(2, SEES_IT);
		assert_true(w.done && !w.result.passed);
		assert_int_equal(w.result.fault, lies[i] != CLAIMS_IT); /* the others are set up wrongly, by us */
		world_close(&w);
	}
}

/* What fails by our own fault is not the subscriber's. C-57: the next round has nothing of this one */
static void faults_are_ours(void **state)
{
	(void) state;
	struct world w;
	world_open(&w, "private", 4);
	world_ask(&w);
	answer(0, IS_DEAD);
	answer(1, SEES_IT);
	answer(2, HAS_A_FAULT);
	assert_false(w.done);
	answer(3, SEES_IT);
	assert_true(w.done && !w.result.passed && w.result.fault);
	assert_string_equal(w.quorum, "2/4");
	world_ask(&w);
	answer(1, SEES_OTHER_TOKEN);
	answer(3, SEES_IT);
	assert_false(w.done);
	answer(0, SEES_IT);
	answer(2, SEES_IT);
	assert_true(w.done && w.result.passed);
	assert_string_equal(w.quorum, "3/4");
	world_ask(&w); /* one that is dead is within the table */
	answer(0, IS_DEAD);
	for (size_t i = 1; i < 4; i++) {
		answer(i, SEES_IT);
	}
	assert_true(w.done && w.result.passed);
	world_close(&w);
}

static void who_is_not_asked(void **state)
{
	(void) state;
	struct world w;
	world_open(&w, "private", 4);
	w.own.passed = false;
	assert_false(remotes_wanted(w.remotes, &w.in, &w.own)); /* what failed needs no corroboration */
	w.own.fault = true;
	assert_false(remotes_wanted(w.remotes, &w.in, &w.own));
	world_close(&w);
	world_open(&w, "webpki", 5);                     /* B-39: no network is asked about onion services */
	assert_true(remotes_required(w.remotes, &w.in)); /* C-50 */
	config.va.remote = true;
	assert_false(remotes_required(w.remotes, &w.in));
	config.va.remote = false;
	w.in.identifier.value = "a.onion";
	assert_false(remotes_required(w.remotes, &w.in));
	assert_false(remotes_wanted(w.remotes, &w.in, &w.own));
	world_close(&w);
	world_open(&w, "private", 0); /* C-61: a private CA may have none */
	assert_false(remotes_required(w.remotes, &w.in));
	assert_false(remotes_wanted(w.remotes, &w.in, &w.own));
	world_close(&w);
}

/* C-50: fewer than are needed from today: nothing is asked, and nothing concluded */
static void the_day_came(void **state)
{
	(void) state;
	struct world w;
	world_open(&w, "webpki", 5);
	config.va.perspectives.n = 1;
	struct remotes_question question = { &w.in, &w.own, on_done, &w };
	assert_true(remotes_wanted(w.remotes, &w.in, &w.own));
	assert_int_equal(remotes_ask(w.remotes, &w.c, &question), -1);
	assert_int_equal(w.c.err.type, PROBLEM_UNAVAILABLE);
	assert_false(w.done);
	world_close(&w);
	ctx_init(&w.c);
	config.va.perspectives.n = 1;
	assert_int_equal(remotes_new(&w.c, &config, &w.remotes), -1);
	assert_non_null(strstr(w.c.err.detail, "mode webpki needs"));
	ctx_done(&w.c);
}

/* Issue 4.6: the end of the process beside remote ones that hang: an undecided round ends as a fault with all that is known of it, and what a
 * decided one waited for is reported, also when its record takes a moment. */
static void cut_short(void **state)
{
	(void) state;
	struct world w;
	world_open(&w, "private", 3);
	world_ask(&w);
	answer(0, SEES_IT);
	remotes_stop(w.remotes, 50);
	assert_true(w.done && !w.result.passed && w.result.fault);
	assert_string_equal(w.quorum, "1/3");
	assert_int_equal(w.n_answers, 3);
	assert_int_equal(late_calls, 0);
	remotes_free(w.remotes);
	remotes_free(NULL);
	ctx_done(&w.c);
	world_open(&w, "private", 4);
	late_not_yet = 2;
	world_ask(&w);
	for (size_t i = 0; i < 3; i++) {
		answer(i, SEES_IT);
	}
	assert_true(w.done && w.result.passed);
	remotes_stop(w.remotes, 5000);
	assert_int_equal(late_calls, 3);
	assert_string_equal(late_perspective, "jnb");
	assert_non_null(strstr(late_detail, "No answer"));
	remotes_free(w.remotes);
	ctx_done(&w.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_asked_the_same),
		cmocka_unit_test(decided_early_recorded_late),
		cmocka_unit_test(nothing_of_a_trial_is_recorded),
		cmocka_unit_test(who_resolves_elsewhere_does_not_count),
		cmocka_unit_test(refused_with_what_they_saw),
		cmocka_unit_test(caa_is_corroborated),
		cmocka_unit_test(words_do_not_count),
		cmocka_unit_test(faults_are_ours),
		cmocka_unit_test(who_is_not_asked),
		cmocka_unit_test(the_day_came),
		cmocka_unit_test(cut_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
