/* The parent's side of the signer. */
#include "ca/signer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ca/signer_channel.h"
#include "ca/signer_keys.h"
#include "lib/base/die.h"
#include "lib/base/metrics.h"
#include "lib/crypto/der.h"
#include "policy/profiles.h"

#define GRACE_MS 5000 /* that a child has to end after it was told to */

struct signer_patience signer_patience = {
	.start_s = 120,
	.person_s = 900,
	.certificate_s = 20,
	.crl_s = 300,
	.token_s = 120,
};

static struct {
	pthread_mutex_t lock; /* one request at a time */
	int fd;
	pid_t pid;
	bool stopping;
	const struct config *config;
	const struct issuer_list *issuers;
	struct signer_keys_state keys;
	char why[SIGNER_WHY_MAX]; /* not all keys are at hand: why; "": they are */
} signer = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static int refused(struct ctx *c, struct bytes why)
{
	return ctx_fault(c, "the signer refuses: %.*s", (int) why.n, (const char *) why.p);
}

/* What each answer tells of the keys; with the lock. */
static void note_keys(const struct signer_head *reply, struct bytes why)
{
	uint32_t all = 0;
	for (size_t i = 0; i < signer.issuers->n; i++) {
		bool ready = (reply->issuer >> i & 1) != 0;
		metric_set(METRIC_signing_key_ready, signer.issuers->v[i].config->name, ready ? 1 : 0);
		all |= (uint32_t) 1 << i;
	}
	metric_add(METRIC_token_returns, NULL, reply->profile - signer.keys.returns);
	signer.keys = (struct signer_keys_state) { reply->issuer, reply->profile };
	if (reply->issuer == all) {
		signer.why[0] = '\0';
	} else if (why.n > 0) {
		(void) snprintf(signer.why, sizeof(signer.why), "%.*s", (int) why.n, (const char *) why.p);
	}
}

static bool wants_token(void)
{
	bool wants = false;
	for (size_t i = 0; i < signer.issuers->n; i++) {
		wants = wants || signer.issuers->v[i].config->key_file == NULL;
	}
	return wants;
}

/* How long what is asked for may take. With a token each request may have to open it anew. */
static int patience_for(uint32_t kind)
{
	const struct signer_patience *p = &signer_patience;
	int own_s = kind == SIGNER_KEYS ? 0 : kind == SIGNER_CRL ? p->crl_s : p->certificate_s;
	return own_s + (wants_token() ? p->token_s : kind == SIGNER_KEYS ? p->certificate_s : 0);
}

/* A signer that hangs ends this process, and a new one takes up what was begun. */
static void limit(int seconds)
{
	const struct timeval patience = { .tv_sec = seconds };
	(void) setsockopt(signer.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)); /* known to every kernel */
	(void) setsockopt(signer.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

static int await_ready(struct ctx *c)
{
	struct signer_head head;
	struct bytes why;
	const struct config_token *token = &signer.config->ca.token;
	bool asks = wants_token() && token->pin_file == NULL && token->pin_credential == NULL;
	int patience_s = asks ? signer_patience.person_s : signer_patience.start_s;
	limit(patience_s);
	errno = 0;
	if (channel_read(signer.fd, c->arena, &head, &why) != 0) {
		return errno == EAGAIN ? ctx_fault(c, "the signer did not start within %d s", patience_s)
		                       : ctx_fault(c, "the signer ended while it started");
	}
	if (head.kind != SIGNER_DONE) {
		return refused(c, why);
	}
	note_keys(&head, why);
	return 0;
}

int signer_start(struct ctx *c, const struct config *config, const struct issuer_list *issuers)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		return ctx_fault(c, "socketpair: %s", strerror(errno));
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		signer_child(pair[1], config, issuers);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return ctx_fault(c, "fork: %s", strerror(errno));
	}
	signer.fd = pair[0];
	signer.pid = pid;
	signer.stopping = false;
	signer.config = config;
	signer.issuers = issuers;
	signer.keys = (struct signer_keys_state) { 0, 0 };
	if (await_ready(c) != 0) {
		signer_stop();
		return -1;
	}
	return 0;
}

/* Waits for the child's end, but not for one that hangs in a module and does not see that the channel is closed: the
   kernel ends that one with this process, which may send no signals. */
static void reap(pid_t pid)
{
	siginfo_t info = { 0 };
	for (int ms = 0; ms < GRACE_MS && waitid(P_PID, (id_t) pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0;
	     ms += 10) {
		nanosleep(&(struct timespec) { .tv_nsec = 10000000 }, NULL);
	}
}

void signer_stop(void)
{
	pthread_mutex_lock(&signer.lock);
	signer.stopping = true;
	pid_t pid = signer.pid;
	close(signer.fd);
	signer.fd = -1;
	signer.pid = 0;
	pthread_mutex_unlock(&signer.lock);
	if (pid > 0) {
		reap(pid);
	}
}

static void *watch(void *arg)
{
	pid_t pid = *(const pid_t *) arg;
	siginfo_t info;
	while (waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
	}
	pthread_mutex_lock(&signer.lock);
	bool expected = signer.stopping;
	pthread_mutex_unlock(&signer.lock);
	if (!expected) {
		die("the signer ended");
	}
	return NULL;
}

int signer_watch(struct ctx *c)
{
	static pid_t pid; /* read by the thread, which outlives this call */
	pthread_t thread;
	pid = signer.pid;
	int result = pthread_create(&thread, NULL, watch, &pid);
	if (result != 0) {
		return ctx_fault(c, "pthread_create: %s", strerror(result));
	}
	pthread_detach(thread);
	return 0;
}

/* One request and its answer. */
static void ask(struct ctx *c, const struct signer_head *head, struct bytes tbs, struct signer_head *ret_reply,
    struct bytes *ret_body)
{
	pthread_mutex_lock(&signer.lock);
	limit(patience_for(head->kind));
	int result = channel_write(signer.fd, head, tbs);
	if (result == 0) {
		result = channel_read(signer.fd, c->arena, ret_reply, ret_body);
	}
	if (result == 0) {
		bool tells = head->kind == SIGNER_KEYS || ret_reply->kind == SIGNER_LATER;
		note_keys(ret_reply, tells ? *ret_body : (struct bytes) { NULL, 0 });
	}
	pthread_mutex_unlock(&signer.lock);
	if (result != 0) {
		die("the signer does not answer");
	}
}

/* As metrics name them. */
static const char *const kinds[] = {
	[SIGNER_CERTIFICATE] = "certificate",
	[SIGNER_CRL] = "crl",
	[SIGNER_PRECERTIFICATE] = "precertificate",
	[SIGNER_PROMISED] = "certificate",
	[SIGNER_RESPONDER_KEY] = "responder-key",
	[SIGNER_RESPONDER] = "responder",
	[SIGNER_OCSP] = "ocsp",
};

static int exchange(struct ctx *c, const struct signer_head *head, struct bytes tbs, struct bytes *ret_der)
{
	struct signer_head reply;
	struct bytes body;
	if (tbs.n > SIGNER_MESSAGE_MAX) {
		return ctx_fault(c, "%zu octets are too many to be signed", tbs.n);
	}
	int64_t from_us = clock_monotonic_us();
	ask(c, head, tbs, &reply, &body);
	const char *kind = kinds[head->kind];
	if (reply.kind == SIGNER_LATER) {
		metric_add(METRIC_signatures_failed, kind, 1);
		ctx_cause(c, "%.*s", (int) body.n, (const char *) body.p);
		return FAIL(c, UNAVAILABLE, "The signing keys are out of reach at the moment");
	}
	if (reply.kind != SIGNER_DONE) {
		metric_add(METRIC_signatures_refused, kind, 1);
		return refused(c, body);
	}
	metric_add(METRIC_signatures, kind, 1);
	metric_observe_us(METRIC_signature_seconds, kind, clock_monotonic_us() - from_us);
	*ret_der = body;
	return 0;
}

void signer_look(struct ctx *c)
{
	const struct signer_head head = { .kind = SIGNER_KEYS };
	struct signer_head reply;
	struct bytes body;
	ask(c, &head, (struct bytes) { NULL, 0 }, &reply, &body);
}

struct signer_keys_state signer_keys_state(void)
{
	pthread_mutex_lock(&signer.lock);
	struct signer_keys_state keys = signer.keys;
	pthread_mutex_unlock(&signer.lock);
	return keys;
}

const char *signer_keys_fault(void)
{
	static _Thread_local char copy[SIGNER_WHY_MAX];
	pthread_mutex_lock(&signer.lock);
	memcpy(copy, signer.why, sizeof(copy));
	pthread_mutex_unlock(&signer.lock);
	return copy[0] == '\0' ? NULL : copy;
}

struct signer_ask {
	uint32_t kind;
	struct bytes body;
};

static int sign_kind(
    struct ctx *c, const struct issuer *issuer, const char *profile, struct signer_ask ask, struct bytes *ret_der)
{
	const struct config_profile_list *profiles = &signer.config->policy.profiles;
	const struct config_profile *found = profile_find(profiles, profile);
	if (found == NULL) {
		return ctx_fault(c, "the profile %s is not in the configuration", profile);
	}
	const struct signer_head head = {
		.kind = ask.kind,
		.issuer = (uint32_t) (issuer - signer.issuers->v),
		.profile = (uint32_t) (found - profiles->v),
	};
	return exchange(c, &head, ask.body, ret_der);
}

int signer_sign_certificate(
    struct ctx *c, const struct issuer *issuer, const char *profile, struct bytes tbs, struct bytes *ret_der)
{
	return sign_kind(c, issuer, profile, (struct signer_ask) { SIGNER_CERTIFICATE, tbs }, ret_der);
}

int signer_sign_precertificate(
    struct ctx *c, const struct issuer *issuer, const char *profile, struct bytes tbs, struct bytes *ret_der)
{
	return sign_kind(c, issuer, profile, (struct signer_ask) { SIGNER_PRECERTIFICATE, tbs }, ret_der);
}

int signer_sign_promised(struct ctx *c, const struct issuer *issuer, const char *profile, const struct bytes object[2],
    struct bytes *ret_der)
{
	struct signer_ask ask = { SIGNER_PROMISED, der_join(c->arena, object, 2) };
	return sign_kind(c, issuer, profile, ask, ret_der);
}

static int ask_for(
    struct ctx *c, enum signer_kind kind, const struct issuer *issuer, struct bytes tbs, struct bytes *ret_der)
{
	const struct signer_head head = { .kind = kind, .issuer = (uint32_t) (issuer - signer.issuers->v) };
	return exchange(c, &head, tbs, ret_der);
}

int signer_sign_crl(struct ctx *c, const struct issuer *issuer, struct bytes tbs, struct bytes *ret_der)
{
	return ask_for(c, SIGNER_CRL, issuer, tbs, ret_der);
}

int signer_make_responder_key(struct ctx *c, const struct issuer *issuer, struct bytes *ret_spki)
{
	return ask_for(c, SIGNER_RESPONDER_KEY, issuer, (struct bytes) { NULL, 0 }, ret_spki);
}

int signer_sign_responder(struct ctx *c, const struct issuer *issuer, struct bytes tbs, struct bytes *ret_der)
{
	return ask_for(c, SIGNER_RESPONDER, issuer, tbs, ret_der);
}

int signer_sign_ocsp(struct ctx *c, const struct issuer *issuer, struct bytes tbs, struct bytes *ret_der)
{
	return ask_for(c, SIGNER_OCSP, issuer, tbs, ret_der);
}
