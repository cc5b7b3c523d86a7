/* link: ca cli */
/* OCSP answers of the signing CA on a real database with a real signer, as OpenSSL sees them. Once with keys in files and once
 * with keys in a token. */
#include "tests/unit/ca_world.h"

#include <openssl/ocsp.h>

#include "ca/ocsp_rows.h"
#include "lib/crypto/ocsp.h"

#define OCSP_URL "http://localhost:14001/ocsp"

static int ocsp_setup(void **state)
{
	struct ctx c;
	ocsp_url = OCSP_URL;
	int result = setup(state);
	ctx_init(&c);
	assert_good(&c, ca_register_issuers(&c));
	assert_good(&c, ca_register_ocsp(&c));
	assert_good(&c, ca_make_crls(&c));
	ctx_done(&c);
	return result;
}

static struct cert_info issue(struct ctx *c, const char *name)
{
	struct issue_certificate_request in = one_name(c, name);
	struct issue_certificate_response out;
	struct cert_info info;
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	assert_good(c, cert_parse(c, certificate_of(c, out.certificate_id), &info));
	return info;
}

static const char *where(struct ctx *c, const struct cert_info *cert)
{
	return arena_printf(c->arena, "ca.ocsp WHERE serial = '\\x%s'", hex_encode(c->arena, cert->serial));
}

static struct bytes answer_of(struct ctx *c, const struct cert_info *cert, const char *hash)
{
	return from_db(c, arena_printf(c->arena, "SELECT encode(%s, 'hex') FROM %s", hash, where(c, cert)));
}

struct seen {
	int status;
	int reason;
};

/* The status that OpenSSL finds, after it has verified the response up to the root. */
static struct seen see(struct ctx *c, const struct cert_info *cert, const char *hash)
{
	struct bytes der = answer_of(c, cert, hash);
	const uint8_t *p = der.p;
	struct seen seen = { -1, -1 };
	ASN1_GENERALIZEDTIME *this_update = NULL;
	ASN1_GENERALIZEDTIME *next_update = NULL;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long) der.n);
	OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
	assert_non_null(basic);
	AUTO(X509) leaf = x509_of(cert->der);
	AUTO(X509) issuer = x509_of_file(c, "ecdsa-1.pem");
	AUTO(X509_STORE) store = X509_STORE_new();
	AUTO(X509) root = x509_of_file(c, "root.pem");
	AUTO_STACK(X509) chain = sk_X509_new_null();
	sk_X509_push(chain, x509_of_file(c, "ecdsa-1.pem"));
	assert_int_equal(X509_STORE_add_cert(store, root), 1);
	assert_int_equal(OCSP_basic_verify(basic, chain, store, 0), 1);
	OCSP_CERTID *id = OCSP_cert_to_id(strcmp(hash, "sha1") == 0 ? EVP_sha1() : EVP_sha256(), leaf, issuer);
	assert_int_equal(OCSP_resp_find_status(basic, id, &seen.status, &seen.reason, NULL, &this_update, &next_update), 1);
	assert_int_equal(OCSP_check_validity(this_update, next_update, 60, -1), 1);
	OCSP_CERTID_free(id);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	return seen;
}

static void assert_seen(struct ctx *c, const struct cert_info *cert, int status, int reason)
{
	static const char *const hashes[] = { "sha1", "sha256" };
	for (size_t i = 0; i < COUNT_OF(hashes); i++) {
		struct seen seen = see(c, cert, hashes[i]);
		assert_int_equal(seen.status, status);
		assert_int_equal(seen.reason, reason);
	}
}

/* E-35, E-37, E-39, D-43: named by the certificate, and answered as soon as the next look; a revocation by the look after it. */
static void test_answers(void **state)
{
	struct ctx *c = *state;
	struct cert_info good = issue(c, "good.test");
	struct cert_info bad = issue(c, "bad.test");
	struct cert_info plain = issue(c, "plain.test");
	assert_string_equal(good.ocsp_url, OCSP_URL);
	assert_good(c, ca_sign_ocsp(c));
	assert_seen(c, &good, V_OCSP_CERTSTATUS_GOOD, -1);
	assert_seen(c, &bad, V_OCSP_CERTSTATUS_GOOD, -1);
	revoke_now(c, bad.der, 4);
	revoke_now(c, plain.der, 0);
	assert_good(c, ca_sign_ocsp(c));
	assert_seen(c, &good, V_OCSP_CERTSTATUS_GOOD, -1);
	assert_seen(c, &bad, V_OCSP_CERTSTATUS_REVOKED, 4);
	assert_seen(c, &plain, V_OCSP_CERTSTATUS_REVOKED, -1); /* E-11 */
	expect("1", "SELECT count(*) FROM log.event WHERE kind = 'ocsp.signed' AND (facts->>'answers')::int = 2");
}

/* E-35: anew after half of the life, with the end as the configuration has it; a certificate that ended has no answer any more. */
static void test_turns(void **state)
{
	struct ctx *c = *state;
	struct cert_info one = issue(c, "turn.test");
	struct cert_info ended = issue(c, "ended.test");
	assert_good(c, ca_sign_ocsp(c));
	expect("345600 172800",
	    "SELECT extract(epoch FROM next_update - this_update)::int || ' ' || extract(epoch FROM due_at - "
	    "this_update)::int "
	    "FROM %s",
	    where(c, &one));
	struct bytes before = answer_of(c, &one, "sha1");
	assert_good(c, ca_sign_ocsp(c)); /* nothing is due */
	assert_true(bytes_equal(before, answer_of(c, &one, "sha1")));
	run_sql(
	    "UPDATE ca.ocsp SET due_at = now() - interval '1 s' WHERE serial = '\\x%s'", hex_encode(c->arena, one.serial));
	run_sql(
	    "UPDATE ca.ocsp SET due_at = now() - interval '1 s', not_after = now() - interval '1 s' WHERE serial = '\\x%s'",
	    hex_encode(c->arena, ended.serial));
	assert_good(c, ca_sign_ocsp(c));
	assert_false(bytes_equal(before, answer_of(c, &one, "sha1")));
	expect("0", "SELECT count(*) FROM %s", where(c, &ended));
}

/* E-35: an answer that ends with its responder, which could not be renewed for days, is made anew before it ends, not after. */
static void test_times(void **state)
{
	static const struct {
		int64_t responder_s;
		int64_t next_s;
		int64_t due_s;
	} rows[] = {
		{ 14 * 86400, 7 * 86400, 302400 },
		{ 7 * 86400, 7 * 86400, 302400 },
		{ 2 * 86400, 2 * 86400, 86400 },
		{ 86401, 86401, 43200 },
	};
	(void) state;
	const struct timestamp now = { INT64_C(1795000000000000) };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ocsp_signed made = { .serials = { NULL, 0 } };
		ocsp_set_times(&made, now, 7 * 86400, timestamp_add_s(now, rows[i].responder_s));
		assert_int_equal(made.this_update.us, now.us);
		assert_int_equal(made.next_update.us, timestamp_add_s(now, rows[i].next_s).us);
		assert_int_equal(made.due_at.us, timestamp_add_s(now, rows[i].due_s).us);
	}
}

/* D-60, F-40: on record before its signature and after; with each start of the signer another key. */
static void test_responder(void **state)
{
	struct ctx *c = *state;
	struct cert_info info;
	(void) issue(c, "responder.test");
	assert_good(c, ca_sign_ocsp(c));
	expect("1", "SELECT count(*) FROM ca.responder");
	assert_good(c, cert_parse(c, from_db(c, "SELECT encode(der, 'hex') FROM ca.responder"), &info));
	AUTO(X509) x = x509_of(info.der);
	AUTO(EXTENDED_KEY_USAGE) use = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	assert_int_equal(sk_ASN1_OBJECT_num(use), 1);
	assert_int_equal(OBJ_obj2nid(sk_ASN1_OBJECT_value(use, 0)), NID_OCSP_sign);
	assert_true(X509_get_ext_by_NID(x, NID_id_pkix_OCSP_noCheck, -1) >= 0);
	assert_true(X509_get_ext_by_NID(x, NID_crl_distribution_points, -1) < 0);
	assert_true(X509_get_ext_by_NID(x, NID_subject_alt_name, -1) < 0);
	assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
	assert_in_range((info.not_after.us - clock_now().us) / 86400000000, 13, 14);
	const char *serial = hex_encode(c->arena, info.serial);
	expect("responder.begun responder.issued",
	    "SELECT string_agg(kind, ' ' ORDER BY left(id::text, 18), kind) FROM log.event WHERE facts->>'serial' = '%s'",
	    serial);
	expect("1", "SELECT count(*) FROM ca.serial WHERE serial = '\\x%s'", serial);
	assert_good(c, ca_register_ocsp(c)); /* as a start would, which forgets the key */
	struct cert_info later = issue(c, "later.test");
	assert_good(c, ca_sign_ocsp(c));
	expect("2", "SELECT count(*) FROM ca.responder WHERE der IS NOT NULL");
	assert_seen(c, &later, V_OCSP_CERTSTATUS_GOOD, -1);
}

/* One instance at a time; what another one died over is signed when its lease is over. */
static void test_lease(void **state)
{
	struct ctx *c = *state;
	struct cert_info cert = issue(c, "lease.test");
	run_sql("UPDATE cairn.lease SET holder = 'another', until = now() + interval '1 h' WHERE name LIKE 'ocsp/%%'");
	assert_good(c, ca_sign_ocsp(c));
	expect("0", "SELECT count(*) FROM %s", where(c, &cert));
	run_sql("UPDATE cairn.lease SET until = now() - interval '1 s' WHERE name LIKE 'ocsp/%%'");
	assert_good(c, ca_sign_ocsp(c));
	assert_seen(c, &cert, V_OCSP_CERTSTATUS_GOOD, -1);
}

/* The signer refuses what is no good response: whatever asks it. */
static void test_signer_refuses(void **state)
{
	struct ctx *c = *state;
	const struct issuer *issuer = issuer_find(&ca.issuers, "ecdsa-1");
	struct bytes spki;
	struct bytes der;
	struct bytes tbs = from_db(c, "SELECT encode(tbs, 'hex') FROM ca.responder WHERE issuer = 'ecdsa-1' LIMIT 1");
	assert_good(c, signer_make_responder_key(c, issuer, &spki));
	assert_cause(c, "not for the key that waits", signer_sign_responder(c, issuer, tbs, &der)); /* an earlier one's */
	assert_cause(c, "lint", signer_sign_responder(c, issuer, spki, &der));
	assert_cause(c, "lint response_is_readable", signer_sign_ocsp(c, issuer, tbs, &der));
	assert_cause(c, "has no certificate", signer_sign_ocsp(c, issuer_find(&ca.issuers, "rsa-1"), tbs, &der));
}

/* E-39: off, there is nothing at the front; on again, all is looked at anew. */
static void test_off_and_on(void **state)
{
	struct ctx *c = *state;
	struct config_issuer *issuers = config->ca.issuers.v;
	struct cert_info cert = issue(c, "off.test");
	assert_good(c, ca_sign_ocsp(c));
	expect("2", "SELECT count(*) FROM front.ocsp_issuer");
	issuers[0].ocsp_url = issuers[1].ocsp_url = NULL;
	assert_good(c, ca_register_ocsp(c));
	expect("0", "SELECT count(*) FROM front.ocsp_issuer");
	expect("2", "SELECT count(*) FROM log.event WHERE kind = 'ocsp.off'");
	revoke_now(c, cert.der, 4);
	run_sql("UPDATE ca.revocation SET changed_at = changed_at - interval '1 d'"); /* unseen, and long ago */
	assert_null(issue(c, "without.test").ocsp_url);
	assert_good(c, ca_sign_ocsp(c));
	assert_seen(c, &cert, V_OCSP_CERTSTATUS_GOOD, -1);
	issuers[0].ocsp_url = issuers[1].ocsp_url = OCSP_URL;
	issuers[0].ocsp_named = issuers[1].ocsp_named = false;
	assert_good(c, ca_register_ocsp(c));
	struct cert_info unnamed = issue(c, "unnamed.test");
	assert_null(unnamed.ocsp_url);
	assert_good(c, ca_sign_ocsp(c));
	assert_seen(c, &cert, V_OCSP_CERTSTATUS_REVOKED, 4);
	assert_seen(c, &unnamed, V_OCSP_CERTSTATUS_GOOD, -1);
	issuers[0].ocsp_named = issuers[1].ocsp_named = true;
}

/* n certificates of others, as when OCSP is turned on over many. */
static void add_many(long from, long n)
{
	run_sql("INSERT INTO ca.certificate (id, order_id, account_id, not_before, not_after, begun_at, crl_shard, issuer, "
	        "profile, serial, spki_sha256, names, validations, der, signed_at) SELECT cairn.new_id(), cairn.new_id(), "
	        "cairn.new_id(), now(), now() + interval '90 d', now(), 0, 'ecdsa-1', 'classic', '\\x01' || "
	        "substr(sha256(i::text::bytea), 1, 17), sha256('k'), '{many.test}', '{}', 'x', now() FROM "
	        "generate_series(%ld, %ld) i",
	    from, from + n - 1);
}

static long long count_of(const char *sql)
{
	char *text = pg_value(sql);
	long long n = strtoll(text, NULL, 10);
	free(text);
	return n;
}

/* More than a batch, as when OCSP is turned on over many certificates: each has its answer in the end. CAIRN_OCSP_CERTIFICATES=1000000
 * tells what that costs. */
static void test_many(void **state)
{
	struct ctx *c = *state;
	const char *asked = getenv("CAIRN_OCSP_CERTIFICATES");
	long n = asked == NULL ? 600 : strtol(asked, NULL, 10);
	add_many(1, n);
	run_sql("ANALYZE ca.certificate");
	int64_t since_us = clock_monotonic_us();
	int64_t longest_us = 0;
	int rounds = 0;
	for (; count_of("SELECT count(*) FROM (SELECT FROM ca.ocsp WHERE sha1 IS NOT NULL) o") < n; rounds++) {
		int64_t began_us = clock_monotonic_us();
		assert_true(rounds <= n / 1000 + 1);
		assert_good(c, ca_sign_ocsp(c));
		longest_us = clock_monotonic_us() - began_us > longest_us ? clock_monotonic_us() - began_us : longest_us;
	}
	int64_t took_ms = (clock_monotonic_us() - since_us) / 1000;
	since_us = clock_monotonic_us();
	assert_good(c, ca_sign_ocsp(c));
	printf("%ld certificates: %d rounds, %lld ms, the longest %lld ms; one with nothing to do %lld ms\n", n, rounds,
	    (long long) took_ms, (long long) longest_us / 1000, (long long) (clock_monotonic_us() - since_us) / 1000);
	since_us = clock_monotonic_us();
	expect("t", "SELECT due = 0 AND answers >= %ld AND late = 0 AND ends_s > 340000 FROM ca.ocsp_state('ecdsa-1')", n);
	printf("their state: %lld ms\n", (long long) (clock_monotonic_us() - since_us) / 1000);
	expect("0", "SELECT count(*) FROM ca.certificate c WHERE not_after > now() AND NOT EXISTS (SELECT FROM ca.ocsp o "
	            "WHERE o.serial = c.serial AND o.sha1 IS NOT NULL)");
}

#define MARKED "SELECT count(*) FROM ca.ocsp WHERE due_at = '-infinity'"
#define NOTE(most) "SELECT ca.note_revoked_ocsp('ecdsa-1', " most ")"

static void revoke_many(const char *from, const char *to)
{
	run_sql(
	    "INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_by, not_after) SELECT "
	    "c.id, c.serial, c.issuer, 0, 4, 'operator', c.not_after FROM ca.certificate c WHERE c.names = "
	    "'{many.test}' ORDER BY c.id OFFSET %s LIMIT %s",
	    from, to);
}

/* E-35: so many revocations at a time, and in the end all; also one whose transaction ends late, however late. */
static void test_revoked_in_parts(void **state)
{
	struct ctx *c = *state;
	assert_good(c, ca_sign_ocsp(c));
	PGconn *late = pg_connect("postgres", "cairn");
	PQclear(PQexec(late, "BEGIN"));
	PQclear(PQexec(late,
	    "INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_by, not_after) "
	    "SELECT c.id, c.serial, c.issuer, 0, 4, 'operator', c.not_after FROM ca.certificate c WHERE "
	    "c.names = '{many.test}' ORDER BY c.id LIMIT 1"));
	revoke_many("1", "25");
	run_sql(NOTE("10"));
	expect("10", MARKED);
	run_sql(NOTE("10"));
	run_sql(NOTE("10"));
	expect("25", MARKED);
	run_sql("UPDATE ca.ocsp_issuer SET safe_at = now() WHERE issuer = 'ecdsa-1'");
	run_sql(NOTE("10"));
	run_sql(NOTE("10"));
	PQclear(PQexec(late, "COMMIT"));
	PQfinish(late);
	run_sql(NOTE("10"));
	expect("26", MARKED);
	assert_good(c, ca_sign_ocsp(c));
	expect("0", MARKED);
	expect("26", "SELECT count(*) FROM ca.ocsp WHERE reason = 4 AND serial IN (SELECT serial FROM ca.certificate WHERE "
	             "names = '{many.test}')");
}

/* The end of the process waits for no answers. */
static void test_stops(void **state)
{
	struct ctx *c = *state;
	struct cert_info cert = issue(c, "stops.test");
	atomic_store(&ca.stopping, true);
	assert_good(c, ca_sign_ocsp(c));
	expect("0", "SELECT count(*) FROM %s", where(c, &cert));
	atomic_store(&ca.stopping, false);
	assert_good(c, ca_sign_ocsp(c));
	assert_seen(c, &cert, V_OCSP_CERTSTATUS_GOOD, -1);
}

/* No new key and serial each round while the responder can't have its certificate. */
static void test_no_new_key_each_round(void **state)
{
	struct ctx *c = *state;
	(void) issue(c, "again.test");
	assert_good(c, ca_register_ocsp(c)); /* as a start would, which forgets the key */
	run_sql("CREATE FUNCTION public.away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'away'; END $$; "
	        "CREATE TRIGGER away BEFORE UPDATE OF der ON ca.responder FOR EACH ROW EXECUTE FUNCTION public.away()");
	long long before = count_of("SELECT count(*) FROM ca.responder");
	assert_int_equal(ca_sign_ocsp(c), -1);
	ctx_forgive(c);
	for (int i = 0; i < 3; i++) {
		assert_good(c, ca_sign_ocsp(c));
	}
	assert_int_equal(count_of("SELECT count(*) FROM ca.responder"), before + 1);
	run_sql("DROP TRIGGER away ON ca.responder; DROP FUNCTION public.away()");
	assert_good(c, ca_register_ocsp(c));
	assert_good(c, ca_sign_ocsp(c));
	expect("0", MARKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(test_responder),
		WITH_CTX(test_answers),
		WITH_CTX(test_turns),
		cmocka_unit_test(test_times),
		WITH_CTX(test_lease),
		WITH_CTX(test_signer_refuses),
		WITH_CTX(test_off_and_on),
		WITH_CTX(test_stops),
		WITH_CTX(test_no_new_key_each_round),
		WITH_CTX(test_many),
		WITH_CTX(test_revoked_in_parts),
	};
	return run_in_files_and_token(tests, ocsp_setup);
}
