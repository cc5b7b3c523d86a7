#include "ca/linter.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/auto.h"
#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"

#define REPLY_MAX 262144
#define FINDINGS_MAX 4096
#define LINTERS_MAX 64
#define WHY_MAX 300

AUTO_DEFINE(CURL, curl_easy_cleanup)

static struct {
	pthread_mutex_t lock;
	bool silent; /* when it was asked last */
	bool untold; /* it fell silent, and nobody was told yet */
	char why[WHY_MAX];
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Less than what came ends the transfer. */
static size_t take(const char *p, size_t one, size_t n, void *arg)
{
	struct buffer *b = arg;
	if (b->n + one * n > REPLY_MAX) {
		return 0;
	}
	buffer_add(b, p, one * n);
	return one * n;
}

/* form NULL: GET. */
static int fetch(
    struct ctx *c, const struct config_ca *config, const char *path, const char *form, struct bytes *ret_reply)
{
	int64_t left_ms = ctx_left_ms(c, config->linter_timeout_ms);
	if (left_ms < 1) { /* for libcurl 0 is no limit */
		return FAIL(c, DEADLINE, "The time for this request is over");
	}
	AUTO(CURL) curl = curl_easy_init();
	const char *url = arena_printf(c->arena, "%s/%s", config->linter_url, path);
	struct buffer b;
	long status = 0;
	buffer_init(&b, c->arena, 1024);
	bool set = curl != NULL && curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) left_ms) == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
	           (form == NULL || curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form) == CURLE_OK) &&
	           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
	           curl_easy_setopt(curl, CURLOPT_WRITEDATA, &b) == CURLE_OK;
	CURLcode result = set ? curl_easy_perform(curl) : CURLE_FAILED_INIT;
	if (result == CURLE_OK) {
		result = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	}
	if (result != CURLE_OK || status != 200) {
		bool large = result == CURLE_WRITE_ERROR; /* by take */
		ctx_cause(c, "%s, status %ld", large ? "more than 256 kB came" : curl_easy_strerror(result), status);
		return FAIL(c, UNAVAILABLE, "The outside linter gives no answer");
	}
	*ret_reply = buffer_bytes(&b);
	return 0;
}

/* True: of the severities that forbid a signature. One that nobody knows does. */
static bool is_error(const char *severity)
{
	static const char *const harmless[] = { "meta", "debug", "info", "notice", "warning" };
	for (size_t i = 0; i < COUNT_OF(harmless); i++) {
		if (strcmp(severity, harmless[i]) == 0) {
			return false;
		}
	}
	return true;
}

static int not_understood(struct ctx *c)
{
	ctx_forgive(c);
	return FAIL(c, UNAVAILABLE, "The outside linter's answer is not of the form that pkimetal has");
}

/* Of what somebody else wrote: for the database, a terminal and a mail, and cut where it is too long. */
static const char *plain(struct arena *a, const char *text, size_t most)
{
	size_t n = strnlen(text, most);
	char *copy = arena_alloc(a, n + 1);
	for (size_t i = 0; i < n; i++) {
		copy[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	}
	copy[n] = '\0';
	return copy;
}

/* An array of {Linter, Finding, Severity}: the first error, or NULL. */
static int read_findings(struct ctx *c, struct bytes reply, const char **ret_error)
{
	json_t *list = NULL;
	*ret_error = NULL;
	if (json_parse(c, reply, &list) != 0 || !json_is_array(list) || json_array_size(list) > FINDINGS_MAX) {
		return not_understood(c);
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *severity = json_string_value(json_object_get(one, "Severity"));
		const char *finding = json_string_value(json_object_get(one, "Finding"));
		const char *linter = json_string_value(json_object_get(one, "Linter"));
		if (severity == NULL || finding == NULL || linter == NULL) {
			return not_understood(c);
		}
		if (*ret_error == NULL && is_error(severity)) {
			*ret_error = arena_printf(c->arena, "%s: %s", plain(c->arena, linter, 40), plain(c->arena, finding, 300));
		}
	}
	return 0;
}

/* The characters of base64 that mean something else in a form. */
static const char *escaped(struct arena *a, const char *base64)
{
	struct buffer b;
	buffer_init(&b, a, strlen(base64) + 64);
	for (const char *p = base64; *p != '\0'; p++) {
		const char *text = *p == '+' ? "%2B" : *p == '/' ? "%2F" : *p == '=' ? "%3D" : NULL;
		buffer_add(&b, text == NULL ? p : text, text == NULL ? 1 : 3);
	}
	buffer_add(&b, "", 1);
	return (const char *) buffer_bytes(&b).p;
}

static void remember(const struct ctx *c, bool silent)
{
	pthread_mutex_lock(&known.lock);
	if (known.silent && !silent) {
		log_event(c, LOG_INFO, "the outside linter answers again", NULL);
	}
	known.untold = known.untold || (silent && !known.silent); /* also one that answers again at once */
	known.silent = silent;
	if (silent) {
		(void) snprintf(known.why, sizeof(known.why), "%s%s%s", c->err.detail, c->err.cause == NULL ? "" : ": ",
		    c->err.cause == NULL ? "" : c->err.cause);
	}
	pthread_mutex_unlock(&known.lock);
}

const char *linter_silence(struct arena *a)
{
	pthread_mutex_lock(&known.lock);
	const char *why = known.untold ? arena_text(a, known.why) : NULL;
	pthread_mutex_unlock(&known.lock);
	return why;
}

void linter_silence_told(void)
{
	pthread_mutex_lock(&known.lock);
	known.untold = false;
	pthread_mutex_unlock(&known.lock);
}

int linter_ask(struct ctx *c, const struct config_ca *config, struct bytes tbs)
{
	struct bytes reply;
	const char *error = NULL;
	if (config->linter_url == NULL) {
		return 0;
	}
	const char *form = arena_printf(
	    c->arena, "format=json&severity=error&b64input=%s", escaped(c->arena, base64_encode(c->arena, tbs)));
	if (fetch(c, config, "linttbscert", form, &reply) != 0 || read_findings(c, reply, &error) != 0) {
		metric_add(METRIC_linter_asked, "silent", 1);
		remember(c, true);
		if (config->linter_required) {
			return -1;
		}
		log_error(c, LOG_WARN, "a certificate is signed without the outside linter");
		ctx_forgive(c);
		return 0;
	}
	remember(c, false);
	metric_add(METRIC_linter_asked, error == NULL ? "good" : "refused", 1);
	return error == NULL ? 0 : ctx_fault(c, "the outside linter refuses: %s", error);
}

int linter_versions(struct ctx *c, const struct config_ca *config, struct linter_list *ret)
{
	struct bytes reply;
	json_t *list = NULL;
	TRY(fetch(c, config, "linters", NULL, &reply));
	if (json_parse(c, reply, &list) != 0 || !json_is_array(list) || json_array_size(list) > LINTERS_MAX) {
		return not_understood(c);
	}
	struct linter_list all = { ARENA_ARRAY(c->arena, json_array_size(list), struct linter), 0 };
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(one, "Name"));
		const char *version = json_string_value(json_object_get(one, "Version"));
		const json_t *instances = json_object_get(one, "Instances");
		if (name == NULL || version == NULL) {
			return not_understood(c);
		}
		if (!json_is_integer(instances) || json_integer_value(instances) != 0) {
			all.v[all.n++] = (struct linter) { plain(c->arena, name, 80), plain(c->arena, version, 80) };
		}
	}
	*ret = all;
	return 0;
}
