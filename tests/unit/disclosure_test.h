/* Cases of disclosure in a database of the test's own: officers with keys, and what they do. */
#ifndef CAIRN_TESTS_DISCLOSURE_TEST_H
#define CAIRN_TESTS_DISCLOSURE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/disclose_rows.h"
#include "cli/disclose_sign.h"
#include "cli/files.h"
#include "lib/base/base64.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/cert.h"
#include "subscriber/keeper.h"
#include "tests/unit/pg.h"

#define ACCOUNT "01900000-0000-7000-8000-000000000001"
#define OTHER "01900000-0000-7000-8000-000000000002"

static struct ctx c;
static char account[ID_TEXT_SIZE]; /* as scopes name it */
static char other[ID_TEXT_SIZE];
static struct officer {
	char key[128];
	char pem[128];
	struct officer_cert cert;
} ana, ben, late, twin;

static inline void store(const char *path, struct bytes content)
{
	assert_int_equal(file_make(&c, path, content, 0600), 0);
}

/* A self-signed certificate and its key in files. */
static inline void make_officer(struct officer *o, const char *name)
{
	EVP_PKEY *key = NULL;
	struct bytes pem;
	unsigned char *der = NULL;
	assert_int_equal(key_generate(&c, "rsa3072", &key), 0);
	AUTO(X509) x509 = X509_new();
	X509_set_version(x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 7);
	X509_NAME_add_entry_by_txt(
	    X509_get_subject_name(x509), "CN", MBSTRING_UTF8, (const unsigned char *) name, -1, -1, 0);
	X509_set_issuer_name(x509, X509_get_subject_name(x509));
	X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
	X509_set_pubkey(x509, key);
	assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
	int n = i2d_X509(x509, &der);
	(void) snprintf(o->key, sizeof(o->key), "%s/%s.key", pg_cluster.dir, name);
	(void) snprintf(o->pem, sizeof(o->pem), "%s/%s.pem", pg_cluster.dir, name);
	assert_int_equal(key_to_pem(&c, key, &pem), 0);
	store(o->key, pem);
	store(o->pem, cert_to_pem(c.arena, (struct bytes) { der, (size_t) n }));
	OPENSSL_free(der);
	assert_int_equal(officer_cert_read(&c, o->pem, &o->cert), 0);
}

static inline void become(const char *role, const struct statement *const *statements, size_t n)
{
	db_thread_end();
	db_statements(statements, n);
	db_configure(pg_conninfo(role), 1, 20000);
}

static inline void add_officer(const struct officer *o, const char *name)
{
	become("cairn_operator", disclose_operator_statements, disclose_operator_statements_n);
	assert_int_equal(disclose_add_officer(&c, name, o->cert.der, o->cert.modulus), 0);
	become("cairn_officer", disclose_statements, disclose_statements_n);
}

static inline int setup(void **state)
{
	(void) state;
	pg_start();
	ctx_init(&c);
	struct id one = { { 0x01, 0x90, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1 } };
	id_encode(one, account);
	one.b[15] = 2;
	id_encode(one, other);
	pg_exec("postgres", "INSERT INTO acme.account (id, status, key, thumbprint) VALUES ('" ACCOUNT
	                    "', 'valid', '{}', sha256('1')), ('" OTHER "', 'valid', '{}', sha256('2'))");
	for (size_t i = 0; i < 3; i++) {
		pg_exec("postgres",
		    "WITH r AS (INSERT INTO log.request (id, received_at, frontend, method, route, url, account_id, "
		    "body_sha256, body_octets, "
		    "commitments) SELECT cairn.new_id(), now(), 'f', 'POST', 'new-order', '/x', a, sha256(''), 0, '' FROM "
		    "unnest(ARRAY['" ACCOUNT "', '" OTHER "']::uuid[]) a RETURNING id, account_id) INSERT INTO "
		    "log.request_private (id, salt, remote_address, remote_port, "
		    "user_agent) SELECT id, sha256(''), CASE WHEN account_id = '" ACCOUNT
		    "' THEN '192.0.2.1' ELSE '192.0.2.2' END::inet, 1, 'agent' FROM r");
	}
	make_officer(&ana, "ana");
	make_officer(&ben, "ben");
	make_officer(&late, "late");
	make_officer(&twin, "twin");
	add_officer(&ana, "Ana");
	add_officer(&ben, "Ben");
	add_officer(&twin, "ANA");
	return 0;
}

static inline int teardown(void **state)
{
	(void) state;
	ctx_done(&c);
	db_thread_end();
	pg_stop();
	return 0;
}

/* ---- steps ---- */

static struct id new_case;

/* The state that it leads to, or the sentence of its refusal. */
static inline const char *try_json(struct id id, const char *act, bool dry, json_t *facts)
{
	struct disclose_step step;
	const char *said = NULL;
	if (disclose_add_step(&c, id, act, facts, dry, &step) == 0) {
		return step.state;
	}
	said = arena_text(c.arena, c.err.detail);
	ctx_forgive(&c);
	return said;
}

static inline const char *try_step(struct id id, const char *act, bool dry, const char *facts)
{
	json_t *json = NULL;
	assert_int_equal(json_parse(&c, bytes_of_text(facts), &json), 0);
	return try_json(id, act, dry, json);
}

/* The facts are JSON in which ' stands for ". */
static inline void PRINTF_LIKE(3, 4) step(const char *act, const char *expected, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	char *facts = arena_vprintf(c.arena, format, ap);
	va_end(ap);
	for (char *p = facts; *p != '\0'; p++) {
		*p = *p == '\'' ? '"' : *p;
	}
	const char *got = try_step(new_case, act, false, facts);
	if (strstr(got, expected) == NULL) {
		fail_msg("%s: \"%s\" where \"%s\" was expected", act, got, expected);
	}
}

#define SCOPE_ACCOUNT "{'items': [{'view': 'account', 'columns': ['id', 'status'], 'accounts': ['%s']}]}"
static inline void hold(int64_t days, const char *expected)
{
	char until[RFC3339_SIZE];
	timestamp_encode(timestamp_add_s(clock_now(), INT64_C(86400) * days), false, until);
	step("hold", expected, "{'until': '%s'}", until);
}

#define SCOPE_BOTH \
	"{'items': [{'view': 'account', 'columns': ['id', 'status'], 'accounts': ['%s']}, {'view': 'request', 'columns': " \
	"['remote_address', 'account_id'], 'accounts': ['%s'], 'since': '2020-01-01T00:00:00Z'}]}"

static inline void receive(const char *kind)
{
	new_case = id_new();
	step("receive", "received", "{'kind': '%s', 'from': 'Court', 'reference': 'Az 7', 'scope': " SCOPE_BOTH "}", kind,
	    account, account);
}

/* By consent: of the account. */
static inline void ground(const char *kind, const char *ground)
{
	receive(kind);
	step("check", "checked", "{'how': 'called', 'call_back': 'number of the directory'}");
	step("ground", "grounded", "{'ground': '%s', 'reason': 'the order'%s}", ground,
	    strcmp(ground, "consent") == 0 ? arena_printf(c.arena, ", 'accounts': ['%s']", account) : "");
}

static inline void tell(void)
{
	step("notify", "notifying", "{'account': '%s', 'via': 'mail', 'subject': 's', 'text': 't'}", account);
	step("notified", "notified", "{'account': '%s', 'answer': '250 ok'}", account);
}

/* So long ago that all terms of the case are over, as nobody but a superuser could have it. */
static inline void let_pass(const char *interval)
{
	char sql[512];
	char id[ID_TEXT_SIZE];
	id_encode(new_case, id);
	(void) snprintf(sql, sizeof(sql),
	    "BEGIN; SET LOCAL session_replication_role = replica; UPDATE disclosure.step SET at = at - interval '%s', "
	    "facts = CASE WHEN "
	    "facts ? 'until' THEN facts || jsonb_build_object('until', (facts->>'until')::timestamptz - interval '%s') "
	    "ELSE facts END WHERE case_id = "
	    "cairn.id_of('%s') AND act <> 'receive'; COMMIT",
	    interval, interval, id);
	pg_exec("postgres", sql);
}

static inline json_t *signed_facts(const struct officer *o, const char *decision)
{
	const char *text = NULL;
	struct officer_signature s;
	assert_int_equal(disclose_read_statement(&c, new_case, decision, &text), 0);
	assert_int_equal(officer_sign(&c, &o->cert, o->key, text, &s), 0);
	return arena_json(
	    c.arena, json_pack("{s:s,s:s,s:s}", "officer", cert_fingerprint(c.arena, o->cert.der), "signature",
	                 hex_encode(c.arena, s.signature), "cms", base64_encode(c.arena, s.cms)));
}

static inline void approve(const struct officer *o, const char *decision, const char *expected)
{
	const char *got = try_json(new_case, decision, false, signed_facts(o, decision));
	if (strstr(got, expected) == NULL) {
		fail_msg("\"%s\" where \"%s\" was expected", got, expected);
	}
}

#endif
