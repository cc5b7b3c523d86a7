/* Inside the signer. */
#include "ca/signer_channel.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ca/signer_keys.h"
#include "ca/signer_responder.h"
#include "lib/base/sandbox.h"
#include "lib/crypto/der.h"
#include "lib/ct/precert.h"
#include "lib/crypto/crl.h"
#include "policy/lints.h"

struct signer_state {
	const struct config *config;
	const struct issuer_list *issuers;
	enum policy_mode mode;
	struct signer_keys keys;
	struct responders responders;
};

/* OpenSSL loads what it needs at the first use, and there are no files inside the sandbox. With keys of no meaning:
 * nothing but certificates and CRLs is ever signed with the real ones. */
static int warm_up(struct ctx *c)
{
	static const char *const kinds[] = { "p256", "p384", "rsa2048" };
	static const char text[] = "nothing";
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		EVP_PKEY *key = NULL;
		struct bytes signature;
		struct bytes spki;
		TRY(key_generate(c, kinds[i], &key));
		TRY(key_sign(c, key, bytes_of_text(text), &signature));
		TRY(key_spki(c, key, &spki));
		if (!key_verify(key, bytes_of_text(text), signature) || key_of_spki(c, spki, &key) != 0) {
			return ctx_fault(c, "a fresh key does not work");
		}
	}
	return 0;
}

static bool is_leaf(uint32_t kind)
{
	return kind == SIGNER_CERTIFICATE || kind == SIGNER_PRECERTIFICATE || kind == SIGNER_PROMISED;
}

static struct lint_options lint_options(const struct signer_state *s, const struct signer_head *head)
{
	return (struct lint_options) {
		.mode = s->mode,
		.now = clock_now(),
		.issuer = &s->issuers->v[head->issuer].info,
		.constraints = &s->issuers->v[head->issuer].constraints,
		.profile = is_leaf(head->kind) ? &s->config->policy.profiles.v[head->profile] : NULL,
		.ocsp_url = s->issuers->v[head->issuer].config->ocsp_url,
	};
}

/* The TBSCertificate behind a precertificate that this very issuer signed, and the promise. */
static int read_promise(struct ctx *c, const struct signer_state *s, const struct signer_head *head, struct bytes *tbs,
    struct lint_options *options)
{
	struct der in = der_of(*tbs);
	struct bytes whole;
	struct cert_info promise;
	if (der_take(&in, DER_SEQUENCE, &whole, NULL) != 0) {
		return ctx_fault(c, "there is no precertificate");
	}
	TRY(cert_parse(c, whole, &promise));
	TRY(cert_verify_signature(c, &promise, s->issuers->v[head->issuer].public_key)); /* D-53 */
	*tbs = (struct bytes) { in.p, in.n };
	TRY(precert_check_same(c, promise.tbs, *tbs)); /* D-56 */
	options->precertificate = promise.tbs;
	return 0;
}

/* D-57, H-12: no certificate that was not promised, but where the configuration says that none is. */
static int sign_certificate(
    struct ctx *c, struct signer_state *s, const struct signer_head *head, struct bytes tbs, struct bytes *ret_der)
{
	struct lint_options options = lint_options(s, head);
	struct cert_info signed_cert;
	enum cert_kind kind = head->kind == SIGNER_PRECERTIFICATE ? CERT_PRECERTIFICATE : CERT_LEAF;
	if (head->kind == SIGNER_CERTIFICATE && config_promises(s->config)) {
		return ctx_fault(c, "no precertificate promised it");
	}
	if (head->kind == SIGNER_PROMISED) {
		TRY(read_promise(c, s, head, &tbs, &options));
	}
	TRY(lint_certificate(c, kind, tbs, &options)); /* F-30 */
	TRY(signer_keys_sign(c, &s->keys, head->issuer, tbs, ret_der));
	TRY(cert_parse(c, *ret_der, &signed_cert));
	if (!bytes_equal(signed_cert.tbs, tbs)) {
		return ctx_fault(c, "other bytes were signed");
	}
	return cert_verify_signature(c, &signed_cert, s->issuers->v[head->issuer].public_key); /* F-35 */
}

static int sign_crl(
    struct ctx *c, struct signer_state *s, const struct signer_head *head, struct bytes tbs, struct bytes *ret_der)
{
	const struct lint_options options = lint_options(s, head);
	TRY(lint_crl(c, tbs, &options)); /* F-33 */
	TRY(signer_keys_sign(c, &s->keys, head->issuer, tbs, ret_der));
	return crl_check_signed(c, *ret_der, tbs, s->issuers->v[head->issuer].public_key); /* F-35 */
}

/* Only of an issuer that has OCSP (E-39). */
static int serve_responder(
    struct ctx *c, struct signer_state *s, const struct signer_head *head, struct bytes tbs, struct bytes *ret_der)
{
	const struct lint_options options = lint_options(s, head);
	if (options.ocsp_url == NULL) {
		return ctx_fault(c, "the issuer has no OCSP");
	}
	if (head->kind == SIGNER_RESPONDER_KEY) {
		return responder_make_key(c, &s->responders, head->issuer, ret_der);
	}
	if (head->kind == SIGNER_RESPONDER) {
		return responder_certify(c, &s->responders, head->issuer, &options, tbs, ret_der);
	}
	return responder_sign(c, &s->responders, head->issuer, &options, tbs, ret_der);
}

static int serve(
    struct ctx *c, struct signer_state *s, const struct signer_head *head, struct bytes tbs, struct bytes *ret_der)
{
	if (head->kind == SIGNER_KEYS) {
		signer_keys_look(c, &s->keys);
		*ret_der = bytes_of_text(s->keys.why);
		return 0;
	}
	if (head->issuer >= s->issuers->n) {
		return ctx_fault(c, "there is no such issuer");
	}
	if (head->kind == SIGNER_CRL) {
		return sign_crl(c, s, head, tbs, ret_der);
	}
	if (head->kind >= SIGNER_RESPONDER_KEY && head->kind <= SIGNER_OCSP) {
		return serve_responder(c, s, head, tbs, ret_der);
	}
	if (!is_leaf(head->kind) || head->profile >= s->config->policy.profiles.n) {
		return ctx_fault(c, "there is no such request");
	}
	return sign_certificate(c, s, head, tbs, ret_der);
}

static int answer(int fd, const struct ctx *c, const struct signer_keys *keys, int result, struct bytes body)
{
	bool later = c->err.type == PROBLEM_UNAVAILABLE;
	const struct signer_head head = {
		.kind = result == 0 ? SIGNER_DONE
		        : later     ? SIGNER_LATER
		                    : SIGNER_REFUSED,
		.issuer = signer_keys_ready(keys),
		.profile = keys->returns,
	};
	return channel_write(fd, &head, result == 0 ? body : bytes_of_text(c->err.cause == NULL ? "" : c->err.cause));
}

/* False at the end of the channel. */
static bool serve_one(int fd, struct signer_state *s)
{
	struct ctx c;
	struct signer_head head;
	struct bytes tbs;
	struct bytes der = { NULL, 0 };
	ctx_init(&c);
	bool alive = channel_read(fd, c.arena, &head, &tbs) == 0;
	if (alive) {
		int result = serve(&c, s, &head, tbs, &der);
		alive = answer(fd, &c, &s->keys, result, der) == 0;
	}
	ctx_done(&c);
	return alive;
}

/* A module needs files, and perhaps a network; keys in files need nothing. */
static const char *sandbox_of(const struct signer_state *s)
{
	if (!s->keys.wants_token) {
		return "cairn-ca-signer";
	}
	return s->config->ca.token.network ? "cairn-ca-signer-network" : "cairn-ca-signer-token";
}

static int prepare(struct ctx *c, struct signer_state *s)
{
	TRY(sandbox_no_dump(c));
	TRY(policy_mode_parse(s->config->policy.mode, &s->mode));
	TRY(signer_keys_open(c, s->config, s->issuers, &s->keys));
	TRY(warm_up(c));
	return sandbox_enter(c, sandbox_of(s), s->config);
}

_Noreturn void signer_child(int fd, const struct config *config, const struct issuer_list *issuers)
{
	static const struct issuer_list none;
	struct signer_state s = { .config = config, .issuers = issuers, .keys = { .issuers = &none } };
	struct ctx c; /* lives as long as the keys */
	/* A signal to the whole group must not end the signer while the parent still drains: the closed channel does. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_PDEATHSIG,
	    SIGKILL); /* no keys stay in memory when the parent is killed, whatever state the child is in */
	prctl(PR_SET_NAME, "cairn-ca-signer");
	ctx_init(&c);
	s.responders.keys = &s.keys;
	int result = prepare(&c, &s);
	bool alive = answer(fd, &c, &s.keys, result, bytes_of_text(s.keys.why)) == 0 && result == 0;
	while (alive) { /* cairn-ca ends with it, and both are started again */
		alive = serve_one(fd, &s) && !s.keys.outdated;
	}
	responders_done(&s.responders);
	ctx_done(&c);
	_exit(result == 0 ? 0 : 1);
}
