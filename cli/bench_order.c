#include "cli/bench_order.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fields.h"

#define POLL_MAX_US 1000000

/* An authorization that is not valid yet. */
struct pending {
	const char *url;
	const char *token;
	int64_t retry_after_us;
	int64_t received_us;
	bool valid;
};

/* What the steps of one order share. */
struct way {
	struct bench_client *client;
	struct bench_responder *responder;
	struct bench_issuers *issuers;
	struct bench_order *order;
	const char *url;
	const char *finalize;
	struct text_list authorizations;
	struct pending *pending;
	size_t n_pending;
	bool ready;
};

int64_t bench_poll_wait_us(int64_t retry_after_us, int64_t *delay_us)
{
	if (retry_after_us > 0) {
		return retry_after_us;
	}
	int64_t wait = *delay_us;
	int64_t next = wait + wait / 2;
	*delay_us = next < POLL_MAX_US ? next : POLL_MAX_US;
	return wait;
}

static bool is_status(const json_t *object, const char *status)
{
	const char *text = acme_text(object, "status");
	return text != NULL && strcmp(text, status) == 0;
}

/* The problem inside an object that became invalid: of an order, an authorization's challenge, or a challenge. */
static int fail_invalid(struct bench_client *a, enum bench_step step, const json_t *object)
{
	const json_t *error = json_object_get(object, "error");
	size_t i = 0;
	const json_t *challenge = NULL;
	json_array_foreach(json_object_get(object, "challenges"), i, challenge)
	{
		error = error == NULL ? json_object_get(challenge, "error") : error;
	}
	const char *type = acme_text(error, "type");
	const char *last = type == NULL ? NULL : strrchr(type, ':');
	const char *detail = json_string_value(json_object_get(error, "detail"));
	const char *status = acme_text(object, "status");
	return bench_client_fail(a, step,
	    last != NULL ? last + 1 : arena_printf(a->arena, "status %s", status == NULL ? "missing" : status), "%s",
	    detail == NULL ? "" : detail);
}

/* Polls until the status is `wanted`; *reply is the answer known so far and becomes the last one. */
static int poll_until(
    struct bench_client *a, enum bench_step step, const char *url, const char *wanted, struct acme_reply *reply)
{
	int64_t delay_us = a->options->poll_us;
	while (!is_status(reply->json, wanted)) {
		if (!is_status(reply->json, "pending") && !is_status(reply->json, "processing")) {
			return fail_invalid(a, step, reply->json);
		}
		int64_t until = reply->received_us + bench_poll_wait_us(reply->retry_after_us, &delay_us);
		if (until > a->deadline_us) {
			return bench_client_fail(a, step, "timeout", "still not %s", wanted);
		}
		if (!bench_halt_sleep(a->halt, until, BENCH_BREAK)) {
			return bench_client_fail(a, step, "interrupted", "%s", "");
		}
		/* The wait is one sample as a whole, its polls none. */
		bool recorded = a->recorded;
		a->recorded = false;
		int failed = acme_post(a, step, url, NULL, reply);
		a->recorded = recorded;
		TRY(failed);
	}
	return 0;
}

int bench_account_make(struct bench_client *a, struct arena *keep)
{
	a->kid = NULL;
	struct acme_reply reply = { 0 };
	TRY(acme_post(a, BENCH_NEW_ACCOUNT, a->urls.new_account, "{\"termsOfServiceAgreed\":true}", &reply));
	if (reply.location == NULL) {
		return bench_client_fail(a, BENCH_NEW_ACCOUNT, "no location", "no Location in the answer");
	}
	a->kid = arena_text(keep, reply.location);
	return 0;
}

/* renewalInfo may be asked by anybody and needs no account (RFC 9773 4.1). */
static int ask_renewal_info(struct way *w)
{
	struct bench_client *a = w->client;
	if (w->order->replaces == NULL || a->urls.renewal_info == NULL) {
		return 0;
	}
	struct acme_reply reply = { 0 };
	return acme_get(
	    a, BENCH_RENEWAL_INFO, arena_printf(a->arena, "%s/%s", a->urls.renewal_info, w->order->replaces), &reply);
}

static const char *order_payload(const struct way *w)
{
	struct arena *arena = w->client->arena;
	const struct bench_item *item = w->order->item;
	const char *names = "";
	for (size_t i = 0; i < item->names.n; i++) {
		names =
		    arena_printf(arena, "%s%s{\"type\":\"dns\",\"value\":\"%s\"}", names, i == 0 ? "" : ",", item->names.v[i]);
	}
	const char *profile = w->client->options->profile;
	bool replaces = w->order->replaces != NULL && w->client->urls.renewal_info != NULL;
	return arena_printf(arena, "{\"identifiers\":[%s]%s%s%s%s%s%s}", names, profile == NULL ? "" : ",\"profile\":\"",
	    profile == NULL ? "" : profile, profile == NULL ? "" : "\"", replaces ? ",\"replaces\":\"" : "",
	    replaces ? w->order->replaces : "", replaces ? "\"" : "");
}

static int place_order(struct way *w)
{
	struct bench_client *a = w->client;
	struct acme_reply reply = { 0 };
	TRY(acme_post(a, BENCH_NEW_ORDER, a->urls.new_order, order_payload(w), &reply));
	const json_t *list = json_object_get(reply.json, "authorizations");
	w->url = reply.location;
	w->finalize = acme_text(reply.json, "finalize");
	w->ready = is_status(reply.json, "ready");
	size_t n = json_array_size(list);
	if (w->url == NULL || w->finalize == NULL || n == 0 || n > BENCH_NAMES_MAX) {
		return bench_client_fail(a, BENCH_NEW_ORDER, "not an order", "Location, finalize or authorizations is missing");
	}
	w->authorizations = (struct text_list) { ARENA_ARRAY(a->arena, n, const char *), n };
	w->pending = ARENA_ARRAY(a->arena, n, struct pending);
	for (size_t i = 0; i < n; i++) {
		const char *url = json_string_value(json_array_get(list, i));
		if (url == NULL) {
			return bench_client_fail(a, BENCH_NEW_ORDER, "not an order", "an authorization is no URL");
		}
		w->authorizations.v[i] = url;
	}
	return 0;
}

static const json_t *find_http01(const json_t *authorization)
{
	size_t i = 0;
	const json_t *challenge = NULL;
	json_array_foreach(json_object_get(authorization, "challenges"), i, challenge)
	{
		const char *type = acme_text(challenge, "type");
		if (type != NULL && strcmp(type, "http-01") == 0 && acme_text(challenge, "url") != NULL &&
		    acme_text(challenge, "token") != NULL) {
			return challenge;
		}
	}
	return NULL;
}

/* Reads one authorization and, unless it is valid, answers its challenge. */
static int answer_challenge(struct way *w, const char *url)
{
	struct bench_client *a = w->client;
	struct acme_reply reply = { 0 };
	TRY(acme_post(a, BENCH_AUTHORIZATION, url, NULL, &reply));
	if (is_status(reply.json, "valid")) {
		return 0;
	}
	const json_t *challenge = is_status(reply.json, "pending") ? find_http01(reply.json) : NULL;
	if (challenge == NULL) {
		return bench_client_fail(
		    a, BENCH_AUTHORIZATION, "no http-01", "a new authorization offers no http-01 challenge");
	}
	const char *token = acme_text(challenge, "token");
	if (bench_responder_put(w->responder, token, a->key->thumbprint) != 0) {
		return bench_client_fail(a, BENCH_AUTHORIZATION, "bad token", "the token is not base64url");
	}
	struct pending *p = &w->pending[w->n_pending++];
	*p = (struct pending) { .url = url, .token = token };
	TRY(acme_post(a, BENCH_CHALLENGE, acme_text(challenge, "url"), "{}", &reply));
	if (is_status(reply.json, "invalid")) {
		return fail_invalid(a, BENCH_VALIDATION, reply.json);
	}
	/* One valid challenge makes the authorization valid (RFC 8555 7.1.6): nothing is left to ask. */
	p->valid = is_status(reply.json, "valid");
	p->retry_after_us = reply.retry_after_us;
	p->received_us = reply.received_us;
	return 0;
}

static int await_validations(struct way *w)
{
	struct bench_client *a = w->client;
	int64_t start_us = clock_monotonic_us();
	for (size_t i = 0; i < w->n_pending; i++) {
		const struct pending *p = &w->pending[i];
		/* As if the answer to the challenge had been a poll: the wait counts from there. */
		json_t *status = arena_json(a->arena, json_pack("{s:s}", "status", p->valid ? "valid" : "pending"));
		struct acme_reply reply = {
			.json = status,
			.retry_after_us = p->retry_after_us,
			.received_us = p->received_us,
		};
		TRY(poll_until(a, BENCH_VALIDATION, p->url, "valid", &reply));
	}
	if (w->n_pending > 0) {
		bench_client_record(a, BENCH_VALIDATION, start_us);
	}
	return 0;
}

static int authorize(struct way *w)
{
	for (size_t i = 0; i < w->authorizations.n && !w->ready; i++) {
		TRY(answer_challenge(w, w->authorizations.v[i]));
	}
	return await_validations(w);
}

/* Asks for the certificate and waits for it; its URL. */
static int finalize(struct way *w, const char **ret_url)
{
	struct bench_client *a = w->client;
	struct acme_reply reply = { 0 };
	const char *payload = arena_printf(a->arena, "{\"csr\":\"%s\"}", w->order->item->csr);
	TRY(acme_post(a, BENCH_FINALIZE, w->finalize, payload, &reply));
	int64_t start_us = clock_monotonic_us();
	TRY(poll_until(a, BENCH_ISSUANCE, w->url, "valid", &reply));
	bench_client_record(a, BENCH_ISSUANCE, start_us);
	const char *url = acme_text(reply.json, "certificate");
	if (url == NULL) {
		return bench_client_fail(a, BENCH_ISSUANCE, "no certificate", "a valid order names no certificate");
	}
	*ret_url = url;
	return 0;
}

static int download(struct way *w, const char *url)
{
	struct bench_client *a = w->client;
	struct acme_reply reply = { 0 };
	TRY(acme_post(a, BENCH_DOWNLOAD, url, NULL, &reply));
	w->order->issued_us = clock_monotonic_us();
	bench_client_record(a, BENCH_TOTAL, w->order->due_us);
	const char *problem = NULL;
	if (bench_check_chain(a->arena, w->issuers, reply.body, w->order->item, &w->order->certificate, &problem) != 0) {
		return bench_client_fail(a, BENCH_CHECK, "wrong certificate", "%s", problem);
	}
	bench_client_record(a, BENCH_CHECK, w->order->issued_us);
	return 0;
}

static int revoke(struct way *w)
{
	struct bench_client *a = w->client;
	if (a->urls.revoke_cert == NULL) {
		return bench_client_fail(a, BENCH_REVOKE, "not a directory", "revokeCert is missing");
	}
	struct acme_reply reply = { 0 };
	const char *payload = arena_printf(a->arena, "{\"certificate\":\"%s\"}", w->order->certificate.der);
	TRY(acme_post(a, BENCH_REVOKE, a->urls.revoke_cert, payload, &reply));
	a->stats->revocations++;
	return 0;
}

static int go(struct way *w)
{
	struct bench_client *a = w->client;
	if (w->order->new_account) {
		a->key = &w->order->item->account;
		TRY(bench_account_make(a, a->arena));
	}
	TRY(ask_renewal_info(w));
	TRY(place_order(w));
	TRY(authorize(w));
	const char *url = NULL;
	TRY(finalize(w, &url));
	TRY(download(w, url));
	return w->order->revoke ? revoke(w) : 0;
}

int bench_order_run(
    struct bench_client *a, struct bench_responder *responder, struct bench_issuers *issuers, struct bench_order *order)
{
	struct way w = { .client = a, .responder = responder, .issuers = issuers, .order = order };
	int failed = go(&w);
	for (size_t i = 0; i < w.n_pending; i++) {
		bench_responder_remove(responder, w.pending[i].token);
	}
	return failed;
}
