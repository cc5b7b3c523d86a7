#include "ra/logs.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/buffer.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/crypto/digest.h"

#define ANSWER_MAX 16384
#define STAGGER_US INT64_C(1000000) /* after so long without enough, one more log is asked */
#define REST_MIN_S 2                /* of a log that failed: doubled by each failure */
#define REST_MAX_S 300
#define RESTS_MAX 64
#define AT_ONCE_MAX SCT_LIST_MAX
#define KEPT_MAX 64          /* multi handles between questions */
#define KEPT_CONNECTIONS 16L /* of each of them, to all logs */
#define POLL_MS 200          /* so soon an end is noticed */

/* One submission under way or done. */
struct asked {
	const struct ct_log *log;
	struct submission *told;
	CURL *easy;
	struct buffer answer;
	int64_t from_us;
};

struct asking {
	struct ctx *c;
	const struct logs_question *q;
	CURLM *multi;
	struct curl_slist *headers;
	const struct ct_log **logs;
	size_t n_logs;
	size_t next; /* of logs */
	struct asked *asked;
	size_t under_way;
	int64_t next_us; /* when one more is asked */
	struct submission_list done;
	struct sct *scts;
	size_t n_scts;
	size_t judged; /* of them: no more is enough until there are more */
};

/* What is known of logs that failed. */
static struct {
	pthread_mutex_t lock;
	struct rest {
		uint8_t id[SHA256_SIZE];
		unsigned failures; /* 0: free */
		int64_t until_us;
	} v[RESTS_MAX];
} rests = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Multi handles that no question uses just now: their connections to logs stay open for the next one. */
static struct {
	pthread_mutex_t lock;
	CURLM *v[KEPT_MAX];
	size_t n;
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static atomic_bool ending;

static CURLM *take_multi(void)
{
	CURLM *multi = NULL;
	pthread_mutex_lock(&kept.lock);
	if (kept.n > 0) {
		multi = kept.v[--kept.n];
	}
	pthread_mutex_unlock(&kept.lock);
	if (multi == NULL) {
		multi = curl_multi_init();
		(void) curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
	}
	return multi;
}

static void give_multi(CURLM *multi)
{
	pthread_mutex_lock(&kept.lock);
	bool keeps = multi != NULL && kept.n < KEPT_MAX;
	if (keeps) {
		kept.v[kept.n++] = multi;
	}
	pthread_mutex_unlock(&kept.lock);
	if (!keeps) {
		(void) curl_multi_cleanup(multi);
	}
}

void logs_end(void)
{
	atomic_store(&ending, true);
}

bool logs_ending(void)
{
	return atomic_load(&ending);
}

void logs_done(void)
{
	pthread_mutex_lock(&kept.lock);
	while (kept.n > 0) {
		(void) curl_multi_cleanup(kept.v[--kept.n]);
	}
	pthread_mutex_unlock(&kept.lock);
}

int logs_init(struct ctx *c)
{
	atomic_store(&ending, false);
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : ctx_fault(c, "libcurl can't be used");
}

/* With the lock: that of the log, or the one to be used for it. */
static struct rest *rest_of(const struct ct_log *log)
{
	struct rest *found = &rests.v[0];
	for (size_t i = 0; i < RESTS_MAX; i++) {
		struct rest *one = &rests.v[i];
		if (one->failures > 0 && memcmp(one->id, log->id.p, SHA256_SIZE) == 0) {
			return one;
		}
		found = one->until_us < found->until_us ? one : found;
	}
	return found;
}

static bool is_of(const struct rest *rest, const struct ct_log *log)
{
	return rest->failures > 0 && memcmp(rest->id, log->id.p, SHA256_SIZE) == 0;
}

static void note(const struct ct_log *log, bool good, int64_t retry_after_s)
{
	pthread_mutex_lock(&rests.lock);
	struct rest *rest = rest_of(log);
	if (good && is_of(rest, log)) {
		*rest = (struct rest) { .failures = 0 };
	} else if (!good) {
		unsigned failures = is_of(rest, log) ? rest->failures + 1 : 1;
		int64_t rest_s = failures > 8 ? REST_MAX_S : (int64_t) REST_MIN_S << (failures - 1);
		rest_s = retry_after_s > rest_s ? retry_after_s : rest_s;
		rest_s = rest_s > REST_MAX_S ? REST_MAX_S : rest_s;
		memcpy(rest->id, log->id.p, SHA256_SIZE);
		rest->failures = failures;
		rest->until_us = clock_monotonic_us() + rest_s * INT64_C(1000000);
	}
	pthread_mutex_unlock(&rests.lock);
}

static bool is_resting(const struct ct_log *log)
{
	pthread_mutex_lock(&rests.lock);
	const struct rest *rest = rest_of(log);
	bool resting = is_of(rest, log) && rest->until_us > clock_monotonic_us();
	pthread_mutex_unlock(&rests.lock);
	return resting;
}

/* Those that failed lately come last: asked when the others are not enough. */
static void put_resting_last(struct asking *a)
{
	const struct ct_log **sorted = ARENA_ARRAY(a->c->arena, a->n_logs, const struct ct_log *);
	bool *resting = ARENA_ARRAY(a->c->arena, a->n_logs, bool);
	size_t n = 0;
	for (size_t i = 0; i < a->n_logs; i++) {
		resting[i] = is_resting(a->logs[i]);
	}
	for (int last = 0; last <= 1; last++) {
		for (size_t i = 0; i < a->n_logs; i++) {
			if (resting[i] == (last == 1)) {
				sorted[n++] = a->logs[i];
			}
		}
	}
	a->logs = sorted;
}

/* Less than what came ends the transfer. */
static size_t take(const char *p, size_t one, size_t n, void *arg)
{
	struct buffer *b = arg;
	if (b->n + one * n > ANSWER_MAX) {
		return 0;
	}
	buffer_add(b, p, one * n);
	return one * n;
}

static bool prepare(const struct asking *a, struct asked *one, const char *url)
{
	CURL *easy = one->easy;
	const char *ca_file = a->q->ca_file;
	return easy != NULL && curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       (ca_file == NULL || (curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK &&
	                               curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK)) &&
	       /* an end does not wait for the thread that resolves the name */
	       curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) a->q->timeout_ms) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTPHEADER, a->headers) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long) a->q->body.n) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (const char *) a->q->body.p) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, &one->answer) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PRIVATE, one) == CURLE_OK &&
	       curl_multi_add_handle(a->multi, easy) == CURLM_OK;
}

static void end_one(struct asked *one, const char *outcome)
{
	one->told->took_ms = (clock_monotonic_us() - one->from_us) / 1000;
	one->told->outcome = outcome;
}

static void ask_next(struct asking *a)
{
	const struct ct_log *log = a->logs[a->next++];
	struct asked *one = &a->asked[a->done.n];
	one->told = &a->done.v[a->done.n++];
	one->log = log;
	one->from_us = clock_monotonic_us();
	one->easy = curl_easy_init();
	*one->told = (struct submission) { .log = log->description, .log_id = log->id, .at = clock_now() };
	buffer_init(&one->answer, a->c->arena, 1024);
	if (prepare(a, one, arena_printf(a->c->arena, "%s%s", log->url, a->q->path))) {
		a->under_way++;
		a->next_us = clock_monotonic_us() + STAGGER_US;
	} else {
		end_one(one, "the request could not be made");
		curl_easy_cleanup(one->easy);
		one->easy = NULL;
	}
}

/* NULL: the answer is an SCT that is good for this certificate; else what is wrong with it. */
static const char *look_at_answer(struct asking *a, struct asked *one)
{
	struct ctx own;
	struct sct sct;
	const char *why = NULL;
	ctx_init(&own);
	if (sct_of_answer(&own, buffer_bytes(&one->answer), &sct) != 0) {
		why = "the answer is no SCT";
	} else if (!bytes_equal(sct.log_id, one->log->id)) {
		why = "the SCT is of another log";
	} else {
		why = ct_sct_refusal(own.arena, a->q->o, &sct);
	}
	if (why == NULL) { /* once more, to lie in the arena of the question */
		why = sct_of_answer(a->c, buffer_bytes(&one->answer), &a->scts[a->n_scts]) == 0 ? NULL : "the answer is no SCT";
		a->n_scts += why == NULL ? 1 : 0;
	}
	ctx_done(&own);
	return why;
}

static void finish(struct asking *a, struct asked *one, CURLcode result)
{
	long status = 0;
	curl_off_t retry_after_s = 0;
	const char *why = NULL;
	(void) curl_easy_getinfo(one->easy, CURLINFO_RESPONSE_CODE, &status);
	(void) curl_easy_getinfo(one->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	bool bad = false; /* an answer that a log that is well never gives */
	if (result != CURLE_OK) {
		why = curl_easy_strerror(result);
	} else if (status != 200) {
		why = arena_printf(a->c->arena, "status %ld", status);
	} else {
		why = look_at_answer(a, one);
		bad = why != NULL;
	}
	end_one(one, why == NULL ? "sct" : why);
	one->told->refused = bad;
	note(one->log, why == NULL, retry_after_s);
	metric_add(METRIC_log_submissions, why == NULL ? "sct" : bad ? "refused" : "failed", 1);
	if (why != NULL) {
		log_event(a->c, bad ? LOG_ERROR : LOG_WARN, bad ? "an SCT is refused" : "a transparency log does not answer",
		    "log", one->log->description, "why", why, NULL);
	}
	(void) curl_multi_remove_handle(a->multi, one->easy);
	curl_easy_cleanup(one->easy);
	one->easy = NULL;
	a->under_way--;
}

static bool is_enough(struct asking *a, struct sct_list *ret)
{
	if (a->judged == a->n_scts) { /* not for each octet that comes, as it takes memory of the request */
		return false;
	}
	a->judged = a->n_scts;
	struct sct_list chosen = { ARENA_ARRAY(a->c->arena, a->n_scts + 1, struct sct), 0 };
	if (a->q->wanted > 0 ? a->n_scts < a->q->wanted : ct_choose(a->q->o, a->scts, a->n_scts, &chosen) != 0) {
		return false;
	}
	*ret = a->q->wanted > 0 ? (struct sct_list) { a->scts, a->n_scts } : chosen;
	return true;
}

/* A failed one is replaced at once. */
static void take_answers(struct asking *a)
{
	int left = 0;
	int running = 0;
	CURLMsg *message;
	(void) curl_multi_perform(a->multi, &running);
	while ((message = curl_multi_info_read(a->multi, &left)) != NULL) {
		struct asked *one = NULL;
		CURLcode result = message->data.result;
		if (message->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &one) != CURLE_OK) {
			continue;
		}
		size_t before = a->n_scts;
		finish(a, one, result);
		if (a->n_scts == before) {
			a->next_us = 0;
		}
	}
}

static bool run(struct asking *a, struct sct_list *ret)
{
	int64_t end_us = clock_monotonic_us() + a->q->timeout_ms * 1000;
	size_t first =
	    a->q->wanted > 0 ? a->q->wanted : ct_need_of(a->q->o->not_before, a->q->o->not_after, a->q->o->now).scts;
	while (!is_enough(a, ret)) {
		int64_t now_us = clock_monotonic_us();
		bool more = a->next < a->n_logs && a->done.n < AT_ONCE_MAX;
		if (now_us >= end_us || (a->under_way == 0 && !more) || logs_ending()) {
			return false;
		}
		if (more && (a->done.n < first || now_us >= a->next_us)) {
			ask_next(a);
			continue;
		}
		int64_t until_us = more && a->next_us < end_us ? a->next_us : end_us;
		int64_t wait_ms = (until_us - now_us) / 1000 + 1;
		(void) curl_multi_poll(a->multi, NULL, 0, (int) (wait_ms < POLL_MS ? wait_ms : POLL_MS), NULL);
		take_answers(a);
	}
	return true;
}

static void end(struct asking *a, bool enough)
{
	for (size_t i = 0; i < a->done.n; i++) {
		struct asked *one = &a->asked[i];
		if (one->easy != NULL) {
			bool late = !enough && !logs_ending();
			end_one(one, late ? "no answer in time" : "not awaited");
			if (late) {
				note(one->log, false, 0);
			}
			(void) curl_multi_remove_handle(a->multi, one->easy);
			curl_easy_cleanup(one->easy);
		}
	}
}

int logs_ask(struct ctx *c, const struct logs_question *q, struct submission_list *ret_done, struct sct_list *ret)
{
	CURLM *multi = take_multi();
	struct asking a = {
		.c = c,
		.q = q,
		.multi = multi,
		.headers = curl_slist_append(NULL, "Content-Type: application/json"),
		.logs = ARENA_ARRAY(c->arena, q->o->logs->n, const struct ct_log *),
		.asked = ARENA_ARRAY(c->arena, AT_ONCE_MAX, struct asked),
		.done = { ARENA_ARRAY(c->arena, AT_ONCE_MAX, struct submission), 0 },
		.scts = ARENA_ARRAY(c->arena, AT_ONCE_MAX, struct sct),
	};
	a.n_logs = ct_candidates(q->o, q->names, a.logs);
	put_resting_last(&a);
	bool enough = multi != NULL && a.headers != NULL && run(&a, ret);
	end(&a, enough);
	curl_slist_free_all(a.headers);
	give_multi(multi);
	*ret_done = a.done;
	return enough ? 0 : FAIL(c, UNAVAILABLE, "Too few transparency logs answered");
}
