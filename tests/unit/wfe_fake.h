/* The front end without its neighbours: HTTP server, database and RA are fakes linked in their place; nonces, spool, keys
 * and signatures are real. Include it behind cmocka.h. */
#ifndef CAIRN_TESTS_WFE_FAKE_H
#define CAIRN_TESTS_WFE_FAKE_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/rpc/client.h"
#include "lib/rpc/rows.h"
#include "wfe/accounts.h"
#include "wfe/front.h"
#include "wfe/nonces.h"
#include "wfe/record.h"
#include "wfe/request.h"
#include "wfe/statements.h"

#define BASE "https://ca.test:14000"
#define HERE "10.0.0.1:14100" /* the front ends */
#define THERE "10.0.0.2:14100"
#define TERMS "https://ca.test/terms"

/* One signer and the account that it has, or has not. */
struct signer {
	EVP_PKEY *key;
	struct jwk jwk;
	struct id id;
	const char *status; /* NULL: no account */
	char kid[128];
};

static struct {
	struct ctx c;    /* for what the test keeps */
	struct ctx last; /* of the last request, whose memory the fakes point into */
	struct config config;
	struct front front;
	struct signer alice;
	struct signer bob;
	const char *meanwhile; /* what alice's account becomes as soon as its row was read */
	char dir[64];
	/* the request under way, and what was answered */
	struct http_header in[16];
	size_t n_in;
	struct http_header out[32];
	size_t n_out;
	unsigned status;
	const char *type;
	const char *body;
	size_t body_n;
	/* what the RA was asked */
	const char *called;
	struct new_account_request new_account;
	struct change_key_request change_key;
	struct new_order_request new_order;
	struct new_authorization_request new_authz;
	struct start_challenge_request start_challenge;
	struct finalize_order_request finalize;
	struct revoke_certificate_request revoke;
	struct bytes blocked_key;
	struct get_subject_data_request subject;
	json_t *subject_items;
	struct id subject_next;
	struct unpause_request unpause;
	struct diagnose_request diagnose;
	struct diagnosis diagnosis;
	enum problem ra_problem; /* what it fails with */
	/* what the vault was asked */
	unsigned recovery_calls;
	struct claim_account_request claim;
	struct confirm_recovery_request confirm;
	struct stop_recovery_request stop;
	const char *recovery_state; /* of the recovery that the vault tells of */
	enum problem vault_problem; /* what it fails with; none: as the RA */
	struct id recovery_account;
	struct text_list recovery_contacts;
	/* what another front end was asked */
	const char *peer_says; /* NULL: it does not answer */
	const char *peer_address;
	const char *peer_nonce;
	unsigned peer_asked;
	const char *ra_location;
	const char *ra_instance;
	int64_t ra_retry_after_s;
	struct text_list paused; /* what it says of a link */
	/* what the database has */
	struct order order;
	struct authorization authz;
	size_t n_orders;
	struct id certificate_id; /* what the database has: its DER and its chain, of alice */
	struct bytes certificate;
	const char *chain;
	struct text_list alternates;
	struct timestamp crl_this_update;
	struct timestamp renewal[2]; /* the window of every certificate; none: there is no certificate */
	json_t *binding;             /* of every account */
	bool database_down;
	bool terms_changed; /* since the accounts were made */
	struct timestamp terms_agreed_at;
	const char *terms_token; /* of the page that there is */
} t;

/* ---- the HTTP server ---- */

const char *http_request_header(struct http_request *r, const char *name)
{
	(void) r;
	for (size_t i = 0; i < t.n_in; i++) {
		if (strcasecmp(t.in[i].name, name) == 0) {
			return t.in[i].value;
		}
	}
	return NULL;
}

const struct http_header *http_request_headers(struct http_request *r, size_t *ret_n)
{
	(void) r;
	*ret_n = t.n_in;
	return t.in;
}

const char *http_request_header_list(struct http_request *r, const char *name)
{
	const char *all = NULL;
	for (size_t i = 0; i < t.n_in; i++) {
		if (strcasecmp(t.in[i].name, name) == 0) {
			all = all == NULL ? t.in[i].value : arena_printf(r->ctx.arena, "%s, %s", all, t.in[i].value);
		}
	}
	return all;
}

size_t http_request_header_count(struct http_request *r, const char *name)
{
	size_t n = 0;
	(void) r;
	for (size_t i = 0; i < t.n_in; i++) {
		n += strcasecmp(t.in[i].name, name) == 0 ? 1 : 0;
	}
	return n;
}

const char *http_request_address(struct http_request *r, uint16_t *ret_port)
{
	(void) r;
	*ret_port = 40000;
	return "192.0.2.7";
}

void http_reply_header(struct http_request *r, const char *name, const char *value)
{
	(void) r;
	assert_true(t.n_out < COUNT_OF(t.out));
	t.out[t.n_out++] = (struct http_header) { name, arena_text(t.c.arena, value) };
}

void http_reply(struct http_request *r, unsigned status, const char *content_type, struct bytes body)
{
	(void) r;
	t.status = status;
	t.type = arena_text(t.c.arena, content_type);
	t.body = arena_text_n(t.c.arena, body.p, body.n);
	t.body_n = body.n;
}

/* ---- the database ---- */

static struct order_row row_of_order(const struct order *order)
{
	size_t n = order->identifiers.n;
	struct order_row row = {
		.id = order->id,
		.account_id = order->account_id,
		.status = order->status,
		.identifier_types = { ARENA_ARRAY(t.c.arena, n, const char *), n },
		.identifier_values = { ARENA_ARRAY(t.c.arena, n, const char *), n },
		.authorizations = order->authorizations,
		.expires_at = order->expires_at,
		.profile = order->profile,
		.replaces = order->replaces,
		.certificate_id = order->certificate_id,
		.error = order->error,
	};
	for (size_t i = 0; i < n; i++) {
		row.identifier_types.v[i] = order->identifiers.v[i].type;
		row.identifier_values.v[i] = order->identifiers.v[i].value;
	}
	return row;
}

/* Its first challenge is the one that was tried. */
static struct authorization_row row_of_authz(const struct authorization *authz)
{
	size_t n = authz->challenges.n;
	const struct challenge *tried = &authz->challenges.v[0];
	struct authorization_row row = {
		.id = authz->id,
		.account_id = authz->account_id,
		.identifier_type = authz->identifier.type,
		.identifier_value = authz->identifier.value,
		.wildcard = authz->wildcard,
		.status = authz->status,
		.expires_at = authz->expires_at,
		.challenge_types = { ARENA_ARRAY(t.c.arena, n, const char *), n },
		.tokens = { ARENA_ARRAY(t.c.arena, n, const char *), n },
		.tried = 1,
		.tried_status = tried->status,
		.validated_at = tried->validated_at,
		.error = tried->error,
	};
	for (size_t i = 0; i < n; i++) {
		row.challenge_types.v[i] = authz->challenges.v[i].type;
		row.tokens.v[i] = authz->challenges.v[i].token;
	}
	return row;
}

/* n: octets of the row. */
static int fake_account(bool by_key, const void *params, size_t n, void *ret)
{
	const struct {
		struct id id;
		const char *terms;
		struct bytes thumbprint;
	} *wanted = params;
	const struct signer *signers[] = { &t.alice, &t.bob };
	for (size_t i = 0; i < COUNT_OF(signers); i++) {
		const struct signer *one = signers[i];
		struct bytes own = { one->jwk.thumbprint, SHA256_SIZE };
		if (one->status == NULL || !(by_key ? bytes_equal(wanted->thumbprint, own) : id_equal(wanted->id, one->id))) {
			continue;
		}
		const struct {
			struct id id;
			const char *status;
			const char *key;
			struct bytes thumbprint;
			bool terms_agreed;
			bool terms_current;
		} row = { one->id, one->status, one->jwk.canonical, own, true, !t.terms_changed };
		assert_int_equal(n, sizeof(row));
		memcpy(ret, &row, sizeof(row));
		if (t.meanwhile != NULL) {
			t.alice.status = t.meanwhile;
			t.meanwhile = NULL;
			accounts_forget(t.alice.id);
		}
		return 1;
	}
	return 0;
}

static int fake_row(struct ctx *c, const struct statement *s, const void *params, void *ret)
{
	const struct id *id = params;
	(void) c;
	if (strncmp(s->name, "accounts_find", 13) == 0) {
		return fake_account(strcmp(s->name, "accounts_find_by_key") == 0, params, s->row->size, ret);
	}
	if (s == &binding_find && t.binding != NULL) {
		*(json_t **) ret = t.binding;
		return 1;
	}
	if (s == &certificate_find && id_equal(*id, t.certificate_id)) {
		struct {
			struct id account_id;
			struct bytes der;
			const char *chain;
			struct text_list alternates;
		} row = { t.alice.id, t.certificate, t.chain, t.alternates };
		assert_int_equal(s->row->size, sizeof(row));
		memcpy(ret, &row, sizeof(row));
		return 1;
	}
	if (s == &renewal_find && t.renewal[0].us != 0) {
		struct {
			struct timestamp opens;
			struct timestamp closes;
			const char *url;
		} row = { t.renewal[0], t.renewal[1], "https://ca.test/why" };
		assert_int_equal(s->row->size, sizeof(row));
		memcpy(ret, &row, sizeof(row));
		return 1;
	}
	if (s == &terms_find_page && t.terms_token != NULL && strcmp(*(const char *const *) params, t.terms_token) == 0) {
		const struct {
			struct id account_id;
			const char *terms;
			struct timestamp agreed_at;
		} row = { t.alice.id, TERMS "?a=1&b=<2>", t.terms_agreed_at };
		assert_int_equal(s->row->size, sizeof(row));
		memcpy(ret, &row, sizeof(row));
		return 1;
	}
	if (s == &order_find && id_equal(*id, t.order.id)) {
		*(struct order_row *) ret = row_of_order(&t.order);
		return 1;
	}
	if (s == &authz_find && id_equal(*id, t.authz.id)) {
		*(struct authorization_row *) ret = row_of_authz(&t.authz);
		return 1;
	}
	return 0;
}

int db_row(struct ctx *c, const struct statement *s, const void *params, void *ret_row, bool *ret_found)
{
	if (t.database_down) {
		ctx_cause(c, "connection to server at 10.1.2.3 failed");
		return FAIL(c, UNAVAILABLE, "The database does not answer");
	}
	memset(ret_row, 0, s->row->size);
	*ret_found = fake_row(c, s, params, ret_row) == 1;
	return 0;
}

/* The orders that an account has: the id of the n-th ends in n; every tenth is invalid. */
int db_rows(struct ctx *c, const struct statement *s, const void *params, void *ret_array, size_t *ret_n)
{
	const struct {
		struct id account_id;
		struct id after;
		int64_t count;
	} *page = params;
	struct {
		struct id id;
		const char *status;
	} *rows = arena_array(c->arena, t.n_orders, sizeof(*rows));
	assert_int_equal(s->row->size, sizeof(*rows));
	assert_ptr_equal(s, &orders_list);
	*ret_n = 0;
	for (size_t i = 1; i <= t.n_orders && *ret_n < (size_t) page->count; i++) {
		struct id id = { { [14] = (uint8_t) (i >> 8), [15] = (uint8_t) i } };
		if (memcmp(id.b, page->after.b, sizeof(id.b)) > 0) {
			rows[*ret_n].id = id;
			rows[(*ret_n)++].status = i % 10 == 0 ? "invalid" : "valid";
		}
	}
	*(void **) ret_array = rows;
	return 0;
}

int db_copy_all(
    struct ctx *c, const struct db_copy *copies, size_t n, const struct statement *after, const void *params)
{
	(void) copies;
	(void) n;
	(void) after;
	(void) params;
	return FAIL(c, UNAVAILABLE, "The database is a fake");
}

void db_thread_end(void)
{
}

/* ---- the RA ---- */

static int fake_call(struct ctx *c, const char *name)
{
	t.called = name;
	c->err.location = t.ra_location;
	c->err.instance = t.ra_instance;
	c->err.retry_after_s = t.ra_retry_after_s;
	return t.ra_problem == PROBLEM_NONE ? 0 : ctx_fail(c, t.ra_problem, "as told");
}

int rpc_ra_new_account(struct ctx *c, const struct new_account_request *in, struct new_account_response *ret)
{
	t.new_account = *in;
	*ret = (struct new_account_response) { .account = { .id = t.bob.id, .status = "valid", .terms_agreed = true },
		.created = true };
	return fake_call(c, "new_account");
}

int rpc_ra_update_account(struct ctx *c, const struct update_account_request *in, struct account *ret)
{
	*ret = (struct account) { .id = in->account_id, .status = "deactivated" };
	t.alice.status = "deactivated";
	return fake_call(c, "update_account");
}

int rpc_ra_change_key(struct ctx *c, const struct change_key_request *in, struct account *ret)
{
	t.change_key = *in;
	t.change_key.thumbprint = arena_bytes(t.c.arena, in->thumbprint.p, in->thumbprint.n);
	t.change_key.key = arena_text(t.c.arena, in->key);
	*ret = (struct account) { .id = in->account_id, .status = "valid", .terms_agreed = true };
	return fake_call(c, "change_key");
}

int rpc_ra_ask_terms(struct ctx *c, const struct ask_terms_request *in, struct terms_token *ret)
{
	assert_true(id_equal(in->account_id, t.alice.id));
	*ret = (struct terms_token) { t.terms_token };
	return fake_call(c, "ask_terms");
}

int rpc_ra_agree_terms(struct ctx *c, const struct terms_token *in, struct terms_agreed *ret)
{
	assert_string_equal(in->token, t.terms_token);
	*ret = (struct terms_agreed) { t.alice.id };
	t.terms_changed = false;
	return fake_call(c, "agree_terms");
}

int rpc_ra_new_order(struct ctx *c, const struct new_order_request *in, struct order *ret)
{
	t.new_order = *in;
	t.new_order.thumbprint = arena_bytes(t.c.arena, in->thumbprint.p, in->thumbprint.n); /* of the handler's stack */
	*ret = t.order;
	return fake_call(c, "new_order");
}

int rpc_ra_new_authorization(struct ctx *c, const struct new_authorization_request *in, struct authorization *ret)
{
	t.new_authz = *in;
	*ret = t.authz;
	return fake_call(c, "new_authorization");
}

int rpc_ra_start_challenge(struct ctx *c, const struct start_challenge_request *in, struct authorization *ret)
{
	t.start_challenge = *in;
	*ret = t.authz;
	return fake_call(c, "start_challenge");
}

int rpc_ra_deactivate_authorization(
    struct ctx *c, const struct deactivate_authorization_request *in, struct authorization *ret)
{
	(void) in;
	*ret = t.authz;
	ret->status = "deactivated";
	return fake_call(c, "deactivate_authorization");
}

int rpc_ra_finalize_order(struct ctx *c, const struct finalize_order_request *in, struct order *ret)
{
	t.finalize = *in;
	*ret = t.order;
	return fake_call(c, "finalize_order");
}

int rpc_ra_revoke_certificate(
    struct ctx *c, const struct revoke_certificate_request *in, struct revoke_certificate_response *ret)
{
	t.revoke = *in;
	*ret = (struct revoke_certificate_response) { 0 };
	return fake_call(c, "revoke_certificate");
}

/* ---- another front end ---- */

int rpc_wfe_redeem_nonce(
    struct ctx *c, const char *address, const struct redeem_nonce_request *in, struct redeem_nonce_response *ret)
{
	t.peer_asked++;
	t.peer_address = address;
	t.peer_nonce = arena_text(t.c.arena, in->nonce);
	ret->verdict = t.peer_says;
	return t.peer_says != NULL ? 0 : FAIL(c, UNAVAILABLE, "Nobody answers");
}

int rpc_ra_diagnose(struct ctx *c, const struct diagnose_request *in, struct diagnosis *ret)
{
	t.diagnose = *in;
	t.diagnose.name = arena_text(t.c.arena, in->name);
	*ret = t.diagnosis;
	return fake_call(c, "diagnose");
}

int rpc_ra_block_key(struct ctx *c, const struct block_key_request *in, struct block_key_response *ret)
{
	t.blocked_key = arena_bytes(t.c.arena, in->spki_sha256.p, in->spki_sha256.n);
	*ret = (struct block_key_response) { .blocked = true };
	return fake_call(c, "block_key");
}

int rpc_ra_unpause(struct ctx *c, const struct unpause_request *in, struct unpause_response *ret)
{
	t.unpause = *in;
	t.unpause.ticket = arena_text(t.c.arena, in->ticket);
	*ret = (struct unpause_response) { t.alice.id, t.paused };
	return fake_call(c, "unpause");
}

int rpc_ra_check_key(struct ctx *c, const struct check_key_request *in, struct check_key_response *ret)
{
	*ret = (struct check_key_response) { bytes_of_text(arena_text(c->arena, in->key)) };
	return fake_call(c, "check_key");
}

int rpc_subscriber_claim_account(
    struct ctx *c, const struct claim_account_request *in, struct claim_account_response *ret)
{
	t.claim = *in;
	t.claim.contact = arena_text(t.c.arena, in->contact);
	*ret = (struct claim_account_response) { 86400, 604800 };
	return fake_call(c, "claim_account");
}

static inline struct recovery_progress fake_progress(void)
{
	return (struct recovery_progress) { t.alice.id, t.recovery_state, { 1700000000000000 }, { 1700604800000000 } };
}

int rpc_subscriber_confirm_recovery(
    struct ctx *c, const struct confirm_recovery_request *in, struct recovery_progress *ret)
{
	t.confirm.token = arena_text(t.c.arena, in->token);
	*ret = fake_progress();
	return fake_call(c, "confirm_recovery");
}

int rpc_subscriber_stop_recovery(struct ctx *c, const struct stop_recovery_request *in, struct recovery_progress *ret)
{
	t.stop = (struct stop_recovery_request) { arena_text(t.c.arena, in->ticket), in->act };
	*ret = fake_progress();
	return fake_call(c, "stop_recovery");
}

/* ---- the vault, of which the fake keeps what it was asked for and nothing else ---- */

int rpc_subscriber_set_recovery_contacts(
    struct ctx *c, const struct set_recovery_contacts_request *in, struct recovery_status *ret)
{
	t.recovery_calls++;
	t.recovery_account = in->account_id;
	t.recovery_contacts =
	    (struct text_list) { ARENA_ARRAY(t.c.arena, in->contacts.n + 1, const char *), in->contacts.n };
	for (size_t i = 0; i < in->contacts.n; i++) {
		t.recovery_contacts.v[i] = arena_text(t.c.arena, in->contacts.v[i]);
	}
	*ret = (struct recovery_status) { .changed_at = in->contacts.n > 0 ? (struct timestamp) { 1700000000000000 }
		                                                               : (struct timestamp) { 0 } };
	return t.vault_problem == PROBLEM_NONE ? fake_call(c, "set_recovery_contacts")
	                                       : ctx_fail(c, t.vault_problem, "as told");
}

int rpc_subscriber_get_recovery_status(
    struct ctx *c, const struct get_recovery_status_request *in, struct recovery_status *ret)
{
	t.recovery_account = in->account_id;
	*ret = (struct recovery_status) { .changed_at = { t.recovery_contacts.n > 0 ? 1700000000000000 : 0 } };
	return fake_call(c, "get_recovery_status");
}

int rpc_subscriber_get_subject_data(struct ctx *c, const struct get_subject_data_request *in, struct subject_data *ret)
{
	t.subject = *in;
	t.subject.part = arena_text(t.c.arena, in->part);
	*ret = (struct subject_data) { t.subject_items, t.subject_next };
	return fake_call(c, "get_subject_data");
}

/* ---- the sealed log, which is tested with a real database and a real cairn-subscriber ---- */

int rpc_subscriber_add_checkpoint(
    struct ctx *c, const struct add_checkpoint_request *in, struct add_checkpoint_response *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, NOT_FOUND, "There is no such resource");
}

int rpc_subscriber_get_log_entries(
    struct ctx *c, const struct get_log_entries_request *in, struct get_log_entries_response *ret)
{
	(void) in;
	(void) ret;
	return FAIL(c, UNAVAILABLE, "The log is a fake");
}

/* ---- signed requests ---- */

static inline void signer_init(struct signer *s, const char *status)
{
	s->key = EVP_EC_gen("P-256");
	assert_non_null(s->key);
	assert_int_equal(jwk_of_key(&t.c, s->key, &s->jwk), 0);
	s->id = id_new();
	s->status = status;
	char id[ID_TEXT_SIZE];
	id_encode(s->id, id);
	(void) snprintf(s->kid, sizeof(s->kid), BASE "/acme/account/%s", id);
}

/* r and s of 32 octets each. */
static inline struct bytes es256(const struct signer *s, const char *text)
{
	uint8_t der[128];
	size_t n = sizeof(der);
	AUTO(EVP_MD_CTX) md = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, s->key), 1);
	assert_int_equal(EVP_DigestSign(md, der, &n, (const uint8_t *) text, strlen(text)), 1);
	const uint8_t *p = der;
	ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &p, (long) n);
	assert_non_null(parts);
	uint8_t *raw = arena_alloc(t.c.arena, 64);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(parts), raw, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(parts), raw + 32, 32), 32);
	ECDSA_SIG_free(parts);
	return (struct bytes) { raw, 64 };
}

static inline const char *fresh_nonce(void)
{
	char text[NONCE_TEXT_SIZE];
	nonce_make(t.front.nonces, text);
	return arena_text(t.c.arena, text);
}

/* A flattened JWS over a header that is given as JSON text. */
static inline const char *jws_of(const struct signer *s, const char *header, const char *payload)
{
	struct arena *a = t.c.arena;
	const char *h = base64url_encode(a, bytes_of_text(header));
	const char *p = base64url_encode(a, bytes_of_text(payload));
	const char *signature = base64url_encode(a, es256(s, arena_printf(a, "%s.%s", h, p)));
	return arena_printf(a, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}", h, p, signature);
}

static inline const char *header_kid(const char *kid, const char *nonce, const char *url)
{
	return arena_printf(
	    t.c.arena, "{\"alg\":\"ES256\",\"kid\":\"%s\",\"nonce\":\"%s\",\"url\":\"%s\"}", kid, nonce, url);
}

static inline const char *header_jwk(const struct signer *s, const char *nonce, const char *url)
{
	return arena_printf(
	    t.c.arena, "{\"alg\":\"ES256\",\"jwk\":%s,\"nonce\":\"%s\",\"url\":\"%s\"}", s->jwk.canonical, nonce, url);
}

/* ---- requests ---- */

/* Serves one request with the headers that t.in holds, and clears them. */
static inline unsigned request(const char *method, const char *target, const char *body)
{
	struct http_request r = {
		.method = method, .target = target, .body = bytes_of_text(body), .received_at = clock_now()
	};
	const char *mark = strchr(target, '?');
	r.path = mark == NULL ? target : arena_text_n(t.c.arena, target, (size_t) (mark - target));
	r.query = mark == NULL ? NULL : mark + 1;
	ctx_done(&t.last);
	ctx_init(&r.ctx);
	t.n_out = 0;
	t.status = 0;
	t.body = "";
	t.called = NULL;
	front_serve(&r, &t.front);
	t.last = r.ctx;
	t.n_in = 0;
	return t.status;
}

static inline void header_in(const char *name, const char *value)
{
	t.in[t.n_in++] = (struct http_header) { name, value };
}

static inline unsigned post(const char *target, const char *jws)
{
	header_in("Content-Type", "application/jose+json");
	return request("POST", target, jws);
}

static inline const char *url_of(const char *target)
{
	return arena_printf(t.c.arena, BASE "%s", target);
}

static inline unsigned post_as(const struct signer *s, const char *target, const char *payload)
{
	return post(target, jws_of(s, header_kid(s->kid, fresh_nonce(), url_of(target)), payload));
}

static inline unsigned post_with_key(const struct signer *s, const char *target, const char *payload)
{
	return post(target, jws_of(s, header_jwk(s, fresh_nonce(), url_of(target)), payload));
}

/* The first header of the answer with this name whose value has `part` in it, or NULL. */
static inline const char *answer_header(const char *name, const char *part)
{
	for (size_t i = 0; i < t.n_out; i++) {
		if (strcmp(t.out[i].name, name) == 0 && strstr(t.out[i].value, part) != NULL) {
			return t.out[i].value;
		}
	}
	return NULL;
}

static inline void assert_problem(unsigned status, const char *type)
{
	if (t.status != status || strstr(t.body, arena_printf(t.c.arena, "acme:error:%s\"", type)) == NULL) {
		fail_msg("%u %s", t.status, t.body);
	}
	assert_string_equal(t.type, "application/problem+json");
}

static inline const char *object_path(const char *kind, struct id id)
{
	char text[ID_TEXT_SIZE];
	id_encode(id, text);
	return arena_printf(t.c.arena, "/acme/%s/%s", kind, text);
}

/* ---- what was recorded ---- */

/* The payload of the last record of a kind. */
static inline struct bytes last_record(enum spool_kind kind)
{
	struct spool_record_list records = { 0 };
	struct bytes found = { NULL, 0 };
	spool_rewind(t.front.spool);
	do {
		assert_int_equal(spool_read(&t.c, t.front.spool, 1000000, &records), 0);
		for (size_t i = 0; i < records.n; i++) {
			if (records.v[i].kind == kind) {
				found = records.v[i].payload;
			}
		}
	} while (records.n > 0);
	return found;
}

static inline struct record_begin last_begin(void)
{
	struct record_begin begin;
	assert_int_equal(record_parse_begin(last_record(SPOOL_BEGIN), &begin), 0);
	return begin;
}

static inline struct record_end last_end(void)
{
	struct record_end end;
	assert_int_equal(record_parse_end(last_record(SPOOL_END), &end), 0);
	return end;
}

static int fake_setup(void **state)
{
	(void) state;
	memset(&t, 0, sizeof(t));
	ctx_init(&t.c);
	(void) snprintf(t.dir, sizeof(t.dir), "/tmp/wfe-front-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	t.config.acme.external_url = BASE;
	t.config.acme.terms_of_service = TERMS;
	t.config.recovery.account_contacts = "drop";
	t.config.wfe.process.workers = 4;
	t.config.wfe.hold_ms = 2000;
	t.front.config = &t.config;
	const char *addresses[] = { HERE, THERE };
	const struct text_list all = { addresses, COUNT_OF(addresses) };
	assert_int_equal(peers_make(&t.c, t.c.arena, &all, HERE, bytes_of_text("salt"), &t.front.peers), 0);
	assert_int_equal(nonce_box_open(&t.c, NULL, peers_own(t.front.peers), &t.front.nonces), 0);
	nonces_answer(t.front.nonces);
	t.front.trial = trial_new(t.c.arena, &t.config);
	const struct spool_options options = { t.dir, SPOOL_SEGMENT_OCTETS, SPOOL_LIMIT_OCTETS };
	assert_int_equal(spool_open(&t.c, &options, &t.front.spool), 0);
	signer_init(&t.alice, "valid");
	signer_init(&t.bob, NULL);
	t.order = (struct order) { .id = id_new(), .account_id = t.alice.id, .status = "pending" };
	return 0;
}

static int fake_teardown(void **state)
{
	(void) state;
	static const char *const files[] = { "lock", "instance", "0000000000000001.seg" };
	spool_close(t.front.spool);
	nonce_box_free(t.front.nonces);
	EVP_PKEY_free(t.alice.key);
	EVP_PKEY_free(t.bob.key);
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		(void) unlink(arena_printf(t.c.arena, "%s/%s", t.dir, files[i]));
	}
	(void) rmdir(t.dir);
	ctx_done(&t.last);
	ctx_done(&t.c);
	return 0;
}

#endif
