#include "cli/doctor_roots.h"

#include <curl/curl.h>

#include "lib/base/auto.h"
#include "lib/base/buffer.h"
#include "lib/crypto/cert.h"
#include "lib/ct/roots.h"
#include "policy/ct.h"

#define REPLY_MAX (16u << 20) /* logs for tests have thousands of roots */
#define LOG_MS 10000
#define ALL_MS 30000

AUTO_DEFINE(CURL, curl_easy_cleanup)

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

static bool set_up(CURL *curl, const char *url, const char *ca_file, int64_t left_ms, struct buffer *reply)
{
	return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       (ca_file == NULL || (curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file) == CURLE_OK &&
	                               curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK)) &&
	       curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) left_ms) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply) == CURLE_OK;
}

/* What a log says, of the time that is left. */
static int ask(struct ctx *c, const struct ct_log *log, const char *ca_file, struct bytes *ret)
{
	struct buffer reply;
	long status = 0;
	int64_t left_ms = ctx_left_ms(c, LOG_MS);
	buffer_init(&reply, c->arena, 65536);
	if (left_ms < 1) { /* for libcurl 0 is no limit */
		return FAIL(c, UNAVAILABLE, "no time was left to ask");
	}
	AUTO(CURL) curl = curl_easy_init();
	if (curl == NULL ||
	    !set_up(curl, arena_printf(c->arena, "%sct/v1/get-roots", log->url), ca_file, left_ms, &reply)) {
		return ctx_fault(c, "libcurl does not start");
	}
	CURLcode result = curl_easy_perform(curl);
	(void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (result != CURLE_OK) {
		return FAIL(c, UNAVAILABLE, "%s", curl_easy_strerror(result));
	}
	if (status != 200) {
		return FAIL(c, UNAVAILABLE, "status %ld", status);
	}
	*ret = buffer_bytes(&reply);
	return 0;
}

/* all: stays true when the log takes what every active issuer signs. */
static int compare(struct ctx *c, const struct diagnosing *d, const struct config *config, const struct ct_log *log,
    struct bytes roots, bool *all)
{
	for (size_t i = 0; i < config->ca.issuers.n; i++) {
		const struct config_issuer *issuer = &config->ca.issuers.v[i];
		struct bytes_list chain;
		bool known = true;
		if (!issuer->active || cert_read_file(c, issuer->cert_file, &chain) != 0) {
			ctx_forgive(c); /* said with the certificates */
			continue;
		}
		TRY(ct_roots_know(c, roots, &chain, &known));
		*all = *all && known;
		if (!known) {
			diagnose_add(d, "logs", FINDING_PROBLEM,
			    arena_printf(d->a,
			        "The log %s takes no certificate of %s: it has neither its root nor one of its chain (get-roots). "
			        "Have its "
			        "operator take the root in, or name other logs in ct.logs",
			        log->description, issuer->name));
		}
	}
	return 0;
}

void doctor_roots(
    struct ctx *c, const struct diagnosing *d, const struct config *config, const struct ct_log_list *list)
{
	struct text_list names = { ARENA_ARRAY(c->arena, config->ct.logs.n + 1, const char *), config->ct.logs.n };
	const struct ct_log **logs = ARENA_ARRAY(c->arena, list->n + 1, const struct ct_log *);
	struct timestamp now = clock_now();
	const struct ct_case o = {
		.logs = list,
		.not_before = now,
		.not_after = timestamp_add_s(now, config->policy.profiles.v[0].life_s),
		.now = now,
	};
	for (size_t i = 0; i < names.n; i++) {
		names.v[i] = config->ct.logs.v[i].description;
	}
	size_t n = ct_candidates(&o, &names, logs);
	bool all = n > 0;
	int64_t end_us = clock_monotonic_us() + ALL_MS * INT64_C(1000);
	for (size_t i = 0; i < n; i++) {
		struct ctx own; /* what one log says is given up before the next is asked */
		struct bytes roots;
		ctx_init(&own);
		own.deadline_us = end_us;
		if (ask(&own, logs[i], config->ct.ca_file, &roots) != 0 ||
		    compare(&own, d, config, logs[i], roots, &all) != 0) {
			all = false;
			diagnose_add(d, "logs", FINDING_NOTE,
			    arena_printf(c->arena, "The log %s does not tell whose certificates it takes (get-roots): %s",
			        logs[i]->description, own.err.detail));
		}
		ctx_done(&own);
	}
	if (all) {
		diagnose_add(d, "logs", FINDING_OK,
		    arena_printf(
		        c->arena, "The %zu transparency logs that would be asked now take certificates of all issuers", n));
	}
}
