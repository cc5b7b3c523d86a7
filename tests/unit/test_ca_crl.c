/* link: ca cli */
/* The CRLs of the signing CA on a real database with a real signer, once with keys in files and once in a token. E-20, E-22, E-24..E-29, E-32. */
#include "tests/unit/ca_world.h"

#define ECDSA_URL "http://localhost:14001/crl/ecdsa-1.crl"

static int crl_setup(void **state)
{
	struct ctx c;
	int result = setup(state);
	ctx_init(&c);
	assert_good(&c, ca_register_issuers(&c));
	assert_good(&c, ca_make_crls(&c));
	ctx_done(&c);
	return result;
}

static struct bytes issue_revoked(struct ctx *c, const char *name, int reason)
{
	struct issue_certificate_request in = one_name(c, name);
	struct issue_certificate_response out;
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	struct bytes der = certificate_of(c, out.certificate_id);
	revoke_now(c, der, reason);
	return der;
}

static struct crl_info read_newest(struct ctx *c, const char *issuer)
{
	struct crl_info crl;
	assert_good(c, crl_parse(c, newest_crl(c, issuer), &crl));
	return crl;
}

static bool lists(const struct crl_info *crl, struct bytes serial)
{
	bool found = false;
	for (size_t i = 0; i < crl->entries.n; i++) {
		found = found || bytes_equal(crl->entries.v[i].serial, serial);
	}
	return found;
}

/* No pause between CRLs that are made out of turn, which the slowness of a machine would make long. */
static void no_pause(void)
{
	run_sql("UPDATE ca.crl SET made_ms = 0");
}

static void make_crls(struct ctx *c)
{
	no_pause();
	assert_good(c, ca_make_crls(c));
}

/* E-20, E-22, E-24: a revocation is in the next CRL at once, under the URL of the certificate. */
static void test_revocation(void **state)
{
	struct ctx *c = *state;
	struct cert_info cert;
	bool notified = false;
	struct crl_info before = read_newest(c, "ecdsa-1");
	assert_good(c, db_wait_notify(c, "cairn_revoked", 0, &notified));
	struct bytes der = issue_revoked(c, "revoked.test", 4);
	assert_good(c, db_wait_notify(c, "cairn_revoked", 5000, &notified));
	assert_true(notified);
	make_crls(c);
	struct crl_info after = read_newest(c, "ecdsa-1");
	assert_true(after.number > before.number);
	assert_int_equal(after.entries.n, before.entries.n + 1);
	assert_good(c, cert_parse(c, der, &cert));
	assert_string_equal(after.url, ECDSA_URL);
	assert_string_equal(cert.crl_url, after.url);
	assert_int_equal(verify(c, der, "ecdsa-1"), X509_V_ERR_CERT_REVOKED);
	make_crls(c); /* nothing is due */
	assert_true(read_newest(c, "ecdsa-1").number == after.number);
	expect("revocation", "SELECT why FROM ca.crl WHERE number = %lld", (long long) after.number);
}

/* E-3: a short-lived one names its CRL and is listed there like any other. */
static void test_short_lived(void **state)
{
	struct ctx *c = *state;
	struct issue_certificate_request in = one_name(c, "short.test");
	struct issue_certificate_response out;
	struct cert_info cert;
	in.profile = "shortlived";
	run_sql("UPDATE acme.orders SET profile = 'shortlived' WHERE id = '%s'", uuid(c->arena, in.order_id));
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	struct bytes der = certificate_of(c, out.certificate_id);
	assert_good(c, cert_parse(c, der, &cert));
	assert_true(cert.not_after.us - cert.not_before.us < INT64_C(7) * 86400 * 1000000);
	assert_string_equal(cert.crl_url, ECDSA_URL);
	revoke_now(c, der, 4);
	make_crls(c);
	struct crl_info crl = read_newest(c, "ecdsa-1");
	assert_true(lists(&crl, cert.serial));
}

/* E-32: its number, octets and entries are on record before the signature, and the signed one after. */
static void test_record(void **state)
{
	struct ctx *c = *state;
	struct crl_info crl = read_newest(c, "ecdsa-1");
	uint8_t tbs[SHA256_SIZE];
	uint8_t whole[SHA256_SIZE];
	sha256_of(crl.tbs, tbs);
	sha256_of(crl.der, whole);
	expect(hex_encode(c->arena, (struct bytes) { tbs, sizeof(tbs) }),
	    "SELECT facts->>'tbs_sha256' FROM log.event WHERE kind = 'crl.begun' AND facts->>'number' = '%lld'",
	    (long long) crl.number);
	expect(hex_encode(c->arena, (struct bytes) { whole, sizeof(whole) }),
	    "SELECT facts->>'sha256' FROM log.event WHERE kind = 'crl.published' AND facts->>'number' = '%lld'",
	    (long long) crl.number);
	expect("t", "SELECT count(*) = (SELECT count(*) FROM ca.crl) FROM log.event WHERE kind = 'crl.published'");
}

/* E-26: one that ended stands in one more CRL on schedule, whatever is made out of turn meanwhile. */
static void test_beyond_the_end(void **state)
{
	struct ctx *c = *state;
	struct cert_info cert;
	assert_good(c, cert_parse(c, issue_revoked(c, "ended.test", 4), &cert));
	const char *serial = hex_encode(c->arena, cert.serial);
	make_crls(c);
	run_sql("UPDATE ca.crl SET this_update = this_update - interval '5 h' WHERE issuer = 'ecdsa-1'");
	run_sql("UPDATE ca.revocation SET not_after = now() - interval '1 h' WHERE serial = '\\x%s'", serial);
	for (int i = 0; i < 2; i++) { /* out of turn */
		(void) issue_revoked(c, "other.test", 4);
		make_crls(c);
		struct crl_info crl = read_newest(c, "ecdsa-1");
		assert_true(lists(&crl, cert.serial));
	}
	run_sql("UPDATE ca.crl SET this_update = this_update - interval '2 h' WHERE issuer = 'ecdsa-1' AND why <> "
	        "'revocation'");
	make_crls(c); /* on schedule: once more */
	expect("schedule", "SELECT why FROM ca.crl WHERE issuer = 'ecdsa-1' ORDER BY number DESC LIMIT 1");
	struct crl_info crl = read_newest(c, "ecdsa-1");
	assert_true(lists(&crl, cert.serial));
	(void) issue_revoked(c, "other.test", 4);
	make_crls(c);
	crl = read_newest(c, "ecdsa-1");
	assert_false(lists(&crl, cert.serial));
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* E-27: the CRLs of all shards together list what is revoked, octet for octet, and nothing else. */
static void expect_all_listed(struct ctx *c)
{
	const char *listed[64];
	size_t n = 0;
	char *count = pg_value("SELECT count(*) FROM ca.crl_shard");
	for (int i = 0; i < (int) strtol(count, NULL, 10); i++) {
		struct crl_info crl;
		struct bytes der =
		    from_db(c, arena_printf(c->arena,
		                   "SELECT encode(der, 'hex') FROM (SELECT DISTINCT ON (issuer, shard) der, issuer, shard "
		                   "FROM ca.crl ORDER BY issuer, shard, number DESC) d ORDER BY issuer, shard OFFSET %d "
		                   "LIMIT 1",
		                   i));
		assert_good(c, crl_parse(c, der, &crl));
		for (size_t k = 0; k < crl.entries.n && n < COUNT_OF(listed); k++) {
			listed[n++] = hex_encode(c->arena, crl.entries.v[k].serial);
		}
	}
	free(count);
	qsort(listed, n, sizeof(*listed), compare_texts);
	const char *text = "";
	for (size_t i = 0; i < n; i++) {
		text = arena_printf(c->arena, "%s%s%s", text, i == 0 ? "" : ",", listed[i]);
	}
	expect(text, "SELECT string_agg(encode(serial, 'hex'), ',' ORDER BY encode(serial, 'hex') COLLATE \"C\") "
	             "FROM ca.revocation WHERE not_after > now()");
}

/* E-24, E-25, E-27: more shards, for new certificates only; then a new base of the URLs; each keeps its URL, and each CRL the one of its
 * certificates. */
static void test_shards(void **state)
{
	struct ctx *c = *state;
	struct bytes of[4] = { { NULL, 0 } };
	struct bytes old = issue_revoked(c, "old-shard.test", 4);
	struct config_issuer *issuer = &config->ca.issuers.v[0];
	issuer->crl_shards = 3;
	assert_good(c, ca_register_issuers(c));
	make_crls(c);
	assert_int_equal(ca.issuers.v[0].shards.n, 3);
	expect(ECDSA_URL " http://localhost:14001/crl/ecdsa-1/1.crl http://localhost:14001/crl/ecdsa-1/2.crl",
	    "SELECT string_agg(url, ' ' ORDER BY shard) FROM ca.crl_shard WHERE issuer = 'ecdsa-1'");
	for (int missing = 3, tries = 0; missing > 0; tries++) {
		assert_true(tries < 100);
		struct bytes der = issue_revoked(c, "shard.test", 4);
		char *shard = pg_value("SELECT crl_shard FROM ca.certificate ORDER BY begun_at DESC LIMIT 1");
		struct bytes *place = &of[strtol(shard, NULL, 10)];
		missing -= place->n == 0 ? 1 : 0;
		*place = der;
		free(shard);
	}
	issuer->crl_shards = 1;
	issuer->crl_url = "http://other.test/crl/ecdsa-1.crl";
	assert_good(c, ca_register_issuers(c));
	make_crls(c);
	assert_int_equal(ca.issuers.v[0].shards.n, 1);
	of[3] = issue_revoked(c, "shard.test", 4);
	make_crls(c);
	expect("0,1,2,3:false",
	    "SELECT string_agg(shard::text, ',' ORDER BY shard) || ':' || min(open::text) FROM ca.crl_shard "
	    "WHERE issuer = 'ecdsa-1'");
	for (int i = -1; i < 4; i++) {
		struct cert_info cert;
		struct crl_info crl;
		assert_good(c, cert_parse(c, i < 0 ? old : of[i], &cert));
		assert_good(c, crl_parse(c,
		                   from_db(c, arena_printf(c->arena,
		                                  "SELECT encode(der, 'hex') FROM ca.crl WHERE issuer "
		                                  "= 'ecdsa-1' AND shard = %d ORDER BY number DESC LIMIT 1",
		                                  i < 0 ? 0 : i)),
		                   &crl));
		assert_string_equal(cert.crl_url, crl.url);
		assert_true(lists(&crl, cert.serial));
	}
	expect_all_listed(c);
	issuer->crl_url = ECDSA_URL;
	assert_good(c, ca_register_issuers(c));
	assert_int_equal(ca.issuers.v[0].shards.v[0].shard, 0); /* it is the one of before */
	const char *taken = config->ca.issuers.v[1].crl_url;
	static const char *const not_its_own[] = { ECDSA_URL, "http://elsewhere.test/crl/ecdsa-1.crl" };
	for (size_t i = 0; i < COUNT_OF(not_its_own); i++) {
		config->ca.issuers.v[1].crl_url = not_its_own[i];
		assert_problem(c, PROBLEM_SERVER_INTERNAL, ca_register_issuers(c));
	}
	config->ca.issuers.v[1].crl_url = taken;
	assert_good(c, ca_register_issuers(c));
}

/* E-24: a certificate that names another CRL than that of its shard is not begun. */
static void test_other_url(void **state)
{
	struct ctx *c = *state;
	struct issue_certificate_request in = one_name(c, "other-url.test");
	struct issue_certificate_response out;
	struct crl_shard *shard = &ca.issuers.v[0].shards.v[0];
	const char *url = shard->url;
	shard->url = "http://localhost:14001/crl/ecdsa-2.crl";
	assert_problem(c, PROBLEM_SERVER_INTERNAL, ca_issue_certificate_serve(c, &in, &out));
	shard->url = url;
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
}

/* E-22: the period, an operator's wish, and another instance that holds the duty. */
static void test_period_and_lease(void **state)
{
	struct ctx *c = *state;
	const char *newest = "SELECT max(number) FROM ca.crl WHERE issuer = 'rsa-1'";
	char *number = pg_value(newest);
	run_sql("UPDATE ca.crl SET this_update = this_update - interval '7 h' WHERE issuer = 'rsa-1'");
	run_sql("UPDATE cairn.lease SET holder = 'another', until = now() + interval '1 h' WHERE name = 'crl/rsa-1/0'");
	assert_good(c, ca_make_crls(c));
	expect(number, "%s", newest);
	run_sql("UPDATE cairn.lease SET until = now() WHERE name = 'crl/rsa-1/0'");
	assert_good(c, ca_make_crls(c));
	expect("t", "SELECT max(number) > %s FROM ca.crl WHERE issuer = 'rsa-1'", number);
	free(number);
	number = pg_value(newest);
	pg_exec("cairn_operator", "SELECT ca.ask_crls('rsa-1', NULL, 'operator ana')");
	run_sql("UPDATE ca.crl SET made_ms = 60000 WHERE issuer = 'rsa-1'");
	assert_good(c, ca_make_crls(c)); /* one that takes a minute is not made again at once */
	expect(number, "%s", newest);
	make_crls(c);
	expect("asked", "SELECT why FROM ca.crl WHERE issuer = 'rsa-1' AND number > %s", number);
	expect("operator ana", "SELECT actor FROM log.event WHERE kind = 'crl.asked'");
	assert_string_equal(pg_try("cairn_operator", "SELECT ca.ask_crls('nobody', NULL, 'x')", NULL), "CA001");
	free(number);
}

/* E-20, E-26: a database that was restored from a copy, and a clock that was set back; the numbers rise all the same. */
static void test_number_rises(void **state)
{
	struct ctx *c = *state;
	struct bytes der = issue_revoked(c, "restored.test", 4);
	struct cert_info cert;
	make_crls(c);
	struct crl_info before = read_newest(c, "ecdsa-1");
	run_sql("DELETE FROM ca.crl WHERE issuer = 'ecdsa-1' AND number >= (SELECT max(number) FROM ca.crl WHERE issuer = "
	        "'ecdsa-1' AND shard = 0); UPDATE ca.crl_shard SET number = 1 WHERE issuer = 'ecdsa-1'");
	make_crls(c);
	struct crl_info after = read_newest(c, "ecdsa-1");
	assert_true(after.number > before.number);
	/* What was dated ahead is replaced, and lists what had not ended yet. */
	run_sql(
	    "UPDATE ca.crl SET this_update = this_update + interval '200 d', next_update = next_update + interval '200 d', "
	    "number = number + 1000000000000000 WHERE issuer = 'ecdsa-1' AND number = %lld; UPDATE ca.crl_shard SET number "
	    "= "
	    "%lld WHERE issuer = 'ecdsa-1' AND shard = 0",
	    (long long) after.number, (long long) after.number + 1000000000000000);
	make_crls(c);
	struct crl_info again = read_newest(c, "ecdsa-1");
	assert_int_equal(again.number, after.number + 1000000000000000 + 1);
	assert_true(again.this_update.us <= clock_now().us);
	assert_good(c, cert_parse(c, der, &cert));
	assert_true(lists(&again, cert.serial));
	assert_int_equal(verify(c, der, "ecdsa-1"), X509_V_ERR_CERT_REVOKED);
}

/* E-20, E-32: a crash between the record and the publication leaves a number that is never used again, and that it was. */
static void test_crash(void **state)
{
	struct ctx *c = *state;
	(void) issue_revoked(c, "crashed.test", 1);
	no_pause();
	run_sql("CREATE FUNCTION public.crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'crash'; END $$; "
	        "CREATE TRIGGER crash BEFORE INSERT ON ca.crl FOR EACH ROW EXECUTE FUNCTION public.crash()");
	assert_problem(c, PROBLEM_SERVER_INTERNAL, ca_make_crls(c));
	run_sql("DROP TRIGGER crash ON ca.crl; DROP FUNCTION public.crash()");
	char *number = pg_value("SELECT number FROM ca.crl_shard WHERE begun_sha256 IS NOT NULL");
	expect("1", "SELECT count(*) FROM log.event WHERE kind = 'crl.begun' AND facts->>'number' = '%s'", number);
	make_crls(c);
	expect("1", "SELECT count(*) FROM log.event WHERE kind = 'crl.abandoned' AND facts->>'number' = '%s'", number);
	expect("0", "SELECT count(*) FROM ca.crl WHERE number = %s", number);
	expect("0", "SELECT count(*) FROM ca.crl_shard WHERE begun_sha256 IS NOT NULL");
	expect("t", "SELECT max(number) > %s FROM ca.crl WHERE issuer = 'ecdsa-1'", number);
	free(number);
}

#define FIX "SELECT ca.fix_crl('ecdsa-1', 0, %n"
#define FIXED ", 'schedule', sha256('a'), 'one', 'test')"
#define PUBLISH "SELECT ca.publish_crl('ecdsa-1', 0, %n, now(), now() + interval '1 d', 99, now(), 'schedule', 1, "

/* E-29: what the storer refuses. */
static void test_storer_refuses(void **state)
{
	struct ctx *c = *state;
	(void) issue_revoked(c, "storer.test", 1);
	static const char *const calls[] = {
		/* lower number, a number that nobody took, older than the one before, ends before it begins, an entry is lost, no lease */
		FIX " - 1, now(), now() + interval '1 d', 99, clock_timestamp()" FIXED,
		FIX " + 1, now(), now() + interval '1 d', 99, clock_timestamp()" FIXED,
		FIX ", now() - interval '1 y', now() + interval '1 d', 99, clock_timestamp()" FIXED,
		FIX ", now(), now(), 99, clock_timestamp()" FIXED,
		FIX ", now(), now() + interval '1 d', 0, clock_timestamp()" FIXED,
		FIX ", now(), now() + interval '1 d', 99, clock_timestamp(), 'schedule', sha256('a'), 'two', 'test')",
		/* other octets than the fixed ones, those without the URL of the shard, no lease */
		PUBLISH "'xb" ECDSA_URL "', 1, 1, 'one', 'test')",
		PUBLISH "'xahttp://localhost:14001/crl/ecdsa-2.crl', 1, 1, 'one', 'test')",
		PUBLISH "'xa" ECDSA_URL "', 1, 1, 'two', 'test')",
	};
	run_sql("UPDATE cairn.lease SET holder = 'one', until = now() + interval '1 h' WHERE name = 'crl/ecdsa-1/0'");
	char *number = pg_value("SELECT number FROM ca.begin_crl('ecdsa-1', 0, 1, 'one', 3600, 'test')");
	run_sql("UPDATE ca.crl_shard SET begun_sha256 = sha256('a') WHERE issuer = 'ecdsa-1' AND shard = 0");
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		const char *mark = strstr(calls[i], "%n");
		const char *sql = arena_printf(c->arena, "%.*s%s%s", (int) (mark - calls[i]), calls[i], number, mark + 2);
		const char *code = pg_try("cairn_ca", sql, NULL);
		if (strcmp(code, "CA001") != 0) {
			fail_msg("SQLSTATE %s: %s", code, sql);
		}
	}
	assert_null(pg_value("SELECT number FROM ca.begin_crl('ecdsa-1', 0, 1, 'two', 3600, 'test')"));
	free(number);
	run_sql("UPDATE cairn.lease SET until = now() WHERE name = 'crl/ecdsa-1/0'");
	make_crls(c);
	expect_all_listed(c);
}

/* E-22: a revocation that takes long holds no CRL up, nor does a CRL that waits for it hold up others; what the CRL did not see calls for
 * the next one. Nor does a clean-up of the table. */
static void test_no_lock(void **state)
{
	struct ctx *c = *state;
	struct issue_certificate_response out;
	struct issue_certificate_request in = one_name(c, "slow.test");
	assert_good(c, ca_issue_certificate_serve(c, &in, &out));
	struct cert_info cert;
	assert_good(c, cert_parse(c, certificate_of(c, out.certificate_id), &cert));
	make_crls(c);
	PGconn *slow = pg_connect("postgres", "cairn");
	PGconn *vacuum = pg_connect("postgres", "cairn");
	PQclear(PQexec(vacuum, "BEGIN; LOCK TABLE ca.revocation IN SHARE UPDATE EXCLUSIVE MODE"));
	PQclear(PQexec(slow, "BEGIN"));
	PGresult *result = PQexec(
	    slow, arena_printf(c->arena,
	              "INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_by, "
	              "not_after) SELECT "
	              "id, serial, issuer, crl_shard, 4, 'operator', not_after FROM ca.certificate WHERE serial = '\\x%s'",
	              hex_encode(c->arena, cert.serial)));
	assert_string_equal(PQcmdTuples(result), "1");
	PQclear(result);
	struct bytes other = issue_revoked(c, "quick.test", 4); /* beside it, in the same shard */
	struct cert_info quick;
	assert_good(c, cert_parse(c, other, &quick));
	struct crl_info before = read_newest(c, "ecdsa-1");
	make_crls(c);
	struct crl_info crl = read_newest(c, "ecdsa-1");
	assert_true(crl.number > before.number);
	assert_true(lists(&crl, quick.serial) && !lists(&crl, cert.serial));
	PQclear(PQexec(slow, "COMMIT"));
	expect("t", "SELECT changed FROM ca.crl_states('{ecdsa-1}') ORDER BY shard LIMIT 1");
	make_crls(c);
	crl = read_newest(c, "ecdsa-1");
	assert_true(lists(&crl, quick.serial) && lists(&crl, cert.serial));
	expect("f", "SELECT changed FROM ca.crl_states('{ecdsa-1}') ORDER BY shard LIMIT 1");
	PQclear(PQexec(vacuum, "COMMIT"));
	PQfinish(slow);
	PQfinish(vacuum);
}

/* VmHWM of a process, in megabytes. */
static long peak_mb(const char *pid)
{
	char line[200];
	long kb = 0;
	FILE *f = fopen(arena_printf(all.arena, "/proc/%s/status", pid), "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "VmHWM:", 6) == 0) {
			kb = strtol(line + 6, NULL, 10);
		}
	}
	fclose(f);
	return kb / 1024;
}

/* The signer among the children of this process. */
static long signer_peak_mb(void)
{
	char pid[20];
	long mb = 0;
	FILE *f =
	    popen("for p in $(cat /proc/$PPID/task/$PPID/children); do grep -q signer /proc/$p/comm && echo $p; done", "r");
	assert_non_null(f);
	while (fgets(pid, sizeof(pid), f) != NULL) {
		mb = peak_mb(arena_text_n(all.arena, pid, strcspn(pid, "\n")));
	}
	pclose(f);
	return mb;
}

/* E-22, E-28: so many entries in one CRL, in so much time and memory (tests/bench/crl asks for a million). */
static void test_many(void **state)
{
	struct ctx *c = *state;
	const char *asked = getenv("CAIRN_CRL_ENTRIES");
	long n = asked == NULL ? 100001 : strtol(asked, NULL, 10); /* more than two pieces of what is read */
	run_sql("INSERT INTO ca.revocation (certificate_id, serial, issuer, crl_shard, reason, revoked_at, revoked_by, "
	        "not_after) SELECT "
	        "gen_random_uuid(), '\\x01' || substr(sha256(n::text::bytea), 1, 17), 'ecdsa-1', 0, (ARRAY[0, 1, 3, 4, 5, "
	        "9])[n %% 6 + 1], "
	        "now() - make_interval(secs => n), 'operator', now() + interval '30 d' FROM generate_series(1, %ld) n",
	    n);
	run_sql("VACUUM ANALYZE ca.revocation"); /* as autovacuum does */
	no_pause();
	printf("the CRL begins\n");
	fflush(stdout);
	int64_t since_us = clock_monotonic_us();
	assert_good(c, ca_make_crls(c));
	int64_t took_ms = (clock_monotonic_us() - since_us) / 1000;
	expect("t", "SELECT entries >= %ld FROM ca.crl WHERE issuer = 'ecdsa-1' AND shard = 0 ORDER BY number DESC LIMIT 1",
	    n);
#ifndef CAIRN_KEEP_NOTHING                                        /* a sanitizer keeps far more for itself */
	assert_in_range(peak_mb("self") + signer_peak_mb(), 1, 1023); /* of a million too */
#endif
	printf("%ld entries: %lld ms, %ld MB, signer %ld MB\n", n, (long long) took_ms, peak_mb("self"), signer_peak_mb());
	fflush(stdout);
	run_sql("DELETE FROM ca.revocation WHERE revoked_by = 'operator'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(test_revocation),
		WITH_CTX(test_short_lived),
		WITH_CTX(test_record),
		WITH_CTX(test_beyond_the_end),
		WITH_CTX(test_shards),
		WITH_CTX(test_other_url),
		WITH_CTX(test_period_and_lease),
		WITH_CTX(test_number_rises),
		WITH_CTX(test_crash),
		WITH_CTX(test_storer_refuses),
		WITH_CTX(test_no_lock),
		WITH_CTX(test_many),
	};
	return run_in_files_and_token(tests, crl_setup);
}
