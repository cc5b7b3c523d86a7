#include "cli/acme_client.h"

#include <string.h>

#include "lib/base/fields.h"

#define LIMIT_US ((int64_t) 30 * 1000000)
#define NONCE_TRIES 5

static int exchange(
    struct ctx *c, struct acme_client *a, const struct bench_http_request *request, struct bench_http_answer *ret)
{
	struct bench_http_error error;
	if (bench_http_exchange(a->http, c->arena, request, clock_monotonic_us() + LIMIT_US, ret, &error) != 0) {
		return FAIL(c, UNAVAILABLE, "%s: %s", request->url, error.text);
	}
	a->nonce = bench_http_header(c->arena, ret->head, "Replay-Nonce");
	return 0;
}

int acme_client_open(struct ctx *c, const char *directory, const char *ca_file, struct acme_client *a)
{
	const struct bench_http_request request = { .method = "GET", .url = directory };
	struct bench_http_answer answer;
	json_t *json = NULL;
	bench_halt_init(&a->halt);
	a->http = bench_http_new(ca_file, &a->halt);
	TRY(exchange(c, a, &request, &answer));
	if (answer.status != 200 || json_parse(c, answer.body, &json) != 0 || !json_is_object(json)) {
		ctx_forgive(c);
		return FAIL(c, MALFORMED, "%s: is not the directory of an ACME server", directory);
	}
	a->directory = json;
	return 0;
}

void acme_client_close(struct acme_client *a)
{
	bench_http_free(a->http);
	bench_halt_done(&a->halt);
}

int acme_client_url(struct ctx *c, const struct acme_client *a, const char *name, const char **ret)
{
	*ret = json_string_value(json_object_get(a->directory, name));
	return *ret != NULL ? 0 : FAIL(c, NOT_FOUND, "The CA's directory has no \"%s\"", name);
}

static int fetch_nonce(struct ctx *c, struct acme_client *a)
{
	struct bench_http_answer answer;
	struct bench_http_request request = { .method = "HEAD" };
	TRY(acme_client_url(c, a, "newNonce", &request.url));
	TRY(exchange(c, a, &request, &answer));
	return a->nonce != NULL ? 0 : FAIL(c, MALFORMED, "%s: gives no nonce", request.url);
}

/* The problem's sentence, which is all that a person needs. */
static int refuse(struct ctx *c, long status, const json_t *problem)
{
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *type = json_string_value(json_object_get(problem, "type"));
	ctx_cause(c, "HTTP %ld%s%s", status, type == NULL ? "" : ", ", type == NULL ? "" : type);
	return FAIL(c, UNAUTHORIZED, "The CA refused: %s", detail == NULL ? "it does not say why" : detail);
}

static int post_once(
    struct ctx *c, struct acme_client *a, const char *url, const char *payload, struct bench_http_answer *ret)
{
	struct bench_http_request request = { .method = "POST", .url = url };
	if (a->nonce == NULL) {
		TRY(fetch_nonce(c, a));
	}
	const struct account_request signed_by = { a->kid, a->nonce, url, payload };
	TRY(account_key_sign(c, &a->key, &signed_by, &request.body));
	return exchange(c, a, &request, ret);
}

static bool is_bad_nonce(const json_t *problem)
{
	const char *type = json_string_value(json_object_get(problem, "type"));
	return type != NULL && strcmp(type, "urn:ietf:params:acme:error:badNonce") == 0;
}

static int post(struct ctx *c, struct acme_client *a, const char *url, const char *payload,
    struct bench_http_answer *ret_answer, json_t **ret)
{
	for (int i = 0; i < NONCE_TRIES; i++) {
		TRY(post_once(c, a, url, payload, ret_answer));
		*ret = NULL;
		if (json_parse(c, ret_answer->body, ret) != 0) {
			ctx_forgive(c);
		}
		if (ret_answer->status / 100 == 2) {
			return 0;
		}
		if (!is_bad_nonce(*ret)) {
			break;
		}
	}
	return refuse(c, ret_answer->status, *ret);
}

int acme_client_find_account(struct ctx *c, struct acme_client *a)
{
	struct bench_http_answer answer;
	const char *url = NULL;
	json_t *json = NULL;
	TRY(acme_client_url(c, a, "newAccount", &url));
	a->kid = NULL;
	TRY(post(c, a, url, "{\"onlyReturnExisting\":true}", &answer, &json));
	a->kid = bench_http_header(c->arena, answer.head, "Location");
	return a->kid != NULL ? 0 : FAIL(c, MALFORMED, "The CA does not name the account of the key");
}

int acme_client_post(struct ctx *c, struct acme_client *a, const char *url, const char *payload, const json_t **ret)
{
	struct bench_http_answer answer;
	json_t *json = NULL;
	TRY(post(c, a, url, payload, &answer, &json));
	if (json == NULL) {
		return FAIL(c, MALFORMED, "%s: the answer is no JSON", url);
	}
	*ret = json;
	return 0;
}
