#include "cli/doctor_state.h"

#include <curl/curl.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include "cli/doctor_alarms.h"
#include "cli/doctor_dns.h"
#include "cli/doctor_logs.h"
#include "cli/doctor_ocsp.h"
#include "cli/doctor_urls.h"
#include "lib/base/auto.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/token.h"
#include "lib/db/schema.h"
#include "policy/diagnose.h"
#include "policy/lints.h"
#include "policy/policy.h"

AUTO_DEFINE(PGconn, PQfinish)
AUTO_DEFINE(PGresult, PQclear)
AUTO_DEFINE(CURL, curl_easy_cleanup)

#define CLOCK_NOTE_US 1000000
#define CLOCK_PROBLEM_US 30000000
#define FREE_NOTE_PERCENT 20
#define FREE_PROBLEM_PERCENT 5
#define READY_LIMIT_MS 3000L
#define WAVE_LATE_S 600
#define CRL_OLD_S (INT64_C(84) * 3600)       /* E-22 */
#define CRL_NOTE_OCTETS (CRL_LARGE / 10 * 8) /* E-28 */

static const char *const processes[] = { "cairn-wfe", "cairn-ra", "cairn-va", "cairn-ca", "cairn-subscriber" };

/* One look at everything. */
struct look {
	struct ctx *c;
	const struct config *config;
	struct diagnosing d;
};

static void add(const struct look *l, const char *about, const char *level, const char *text)
{
	diagnose_add(&l->d, about, level, text);
}

/* The error of c becomes a problem. */
static void add_error(const struct look *l, const char *about)
{
	const char *more = l->c->err.cause == NULL
	                       ? ""
	                       : arena_printf(l->c->arena, ": %.*s", (int) strcspn(l->c->err.cause, "\n"), l->c->err.cause);
	add(l, about, FINDING_PROBLEM, arena_printf(l->c->arena, "%s%s", l->c->err.detail, more));
	ctx_forgive(l->c);
}

static void look_at_configuration(const struct look *l)
{
	struct policy_sources sources = { .config = l->config };
	struct policy *policy = NULL;
	if (policy_files_read(l->c, &l->config->policy, &sources.files) != 0 ||
	    policy_parse(l->c, &sources, &policy) != 0) {
		add_error(l, "config");
		return;
	}
	policy_free(policy);
	for (size_t i = 0; i < COUNT_OF(processes); i++) {
		if (config_require(l->c, l->config, processes[i]) != 0) {
			add(l, "config", FINDING_NOTE,
			    arena_printf(l->c->arena, "It does not do for %s: %s", processes[i], l->c->err.detail));
			ctx_forgive(l->c);
		}
	}
	add(l, "config", FINDING_OK, "The configuration and the lists of the policy can be read");
}

static void look_at_schema(const struct look *l, const char *database)
{
	const char *lacking = NULL;
	if (schema_find(l->c, database, &lacking) != 0) {
		add_error(l, "database");
	} else if (lacking != NULL) {
		add(l, "database", FINDING_PROBLEM,
		    arena_printf(l->c->arena, "The database lacks migration %s: run deploy/up, or cairn migrate", lacking));
	} else {
		add(l, "database", FINDING_OK, "The database is there, with the schema of this program");
	}
}

static void judge_clock(const struct look *l, int64_t ahead_us)
{
	int64_t off_us = ahead_us < 0 ? -ahead_us : ahead_us;
	const char *level = off_us > CLOCK_PROBLEM_US ? FINDING_PROBLEM
	                    : off_us > CLOCK_NOTE_US  ? FINDING_NOTE
	                                              : FINDING_OK;
	add(l, "clock", level,
	    arena_printf(l->c->arena, "The clock of this machine and that of the database are %lld.%01lld s apart",
	        (long long) (off_us / 1000000), (long long) (off_us % 1000000 / 100000)));
}

static void look_at_clock(const struct look *l, const char *database)
{
	AUTO(PGconn) conn = PQconnectdb(database);
	int64_t before_us = clock_now().us;
	AUTO(PGresult) row = PQexec(conn, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8");
	if (PQresultStatus(row) == PGRES_TUPLES_OK) {
		int64_t middle_us = before_us + (clock_now().us - before_us) / 2;
		judge_clock(l, strtoll(PQgetvalue(row, 0, 0), NULL, 10) - middle_us);
	}
	struct timex kept = { .modes = 0 }; /* only reads (F-47) */
	if (adjtimex(&kept) == TIME_ERROR) {
		add(l, "clock", FINDING_NOTE, "The kernel says that nothing keeps the clock of this machine right");
	}
}

struct finding doctor_blocked(struct arena *a, const char *keys, const char *due, const char *since)
{
	if (strcmp(due, "0") == 0) {
		return (struct finding) { "keys", FINDING_OK,
			arena_printf(a, "%s key(s) are blocked, and every certificate with one is revoked", keys) };
	}
	return (struct finding) { "keys", FINDING_PROBLEM,
		arena_printf(a,
		    "%s key(s) are blocked of which certificates may be left that are not revoked, the first since %s UTC: it "
		    "must be done within 24 hours, and cairn-ra does it while it runs",
		    due, since) };
}

static void look_at_blocked(const struct look *l, const char *database)
{
	AUTO(PGconn) conn = PQconnectdb(database);
	AUTO(PGresult)
	row = PQexec(conn, "SELECT keys, due, to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM "
	                   "acme.blocked_keys_state()");
	if (PQresultStatus(row) == PGRES_TUPLES_OK) { /* else it is said already how the database stands */
		struct finding f =
		    doctor_blocked(l->c->arena, PQgetvalue(row, 0, 0), PQgetvalue(row, 0, 1), PQgetvalue(row, 0, 2));
		add(l, f.about, f.level, f.text);
	}
}

struct finding doctor_waves(struct arena *a, const char *open, const char *due, int64_t late_s)
{
	if (strcmp(open, "0") == 0) {
		return (struct finding) { "waves", FINDING_OK, "No revocation in waves goes on" };
	}
	if (late_s <= WAVE_LATE_S) {
		return (struct finding) { "waves", FINDING_NOTE,
			arena_printf(a, "%s revocation(s) in waves go on: cairn revoke list", open) };
	}
	return (struct finding) { "waves", FINDING_PROBLEM,
		arena_printf(a,
		    "%s certificate(s) should have been revoked with their wave, the first %lld min ago: cairn-ra does it "
		    "while "
		    "it runs; cairn revoke list tells of which",
		    due, (long long) (late_s / 60)) };
}

static void look_at_waves(const struct look *l, const char *database)
{
	AUTO(PGconn) conn = PQconnectdb(database);
	AUTO(PGresult) row = PQexec(conn, "SELECT open, due, late_s FROM acme.waves_state()");
	if (PQresultStatus(row) == PGRES_TUPLES_OK) { /* else it is said already how the database stands */
		struct finding f = doctor_waves(
		    l->c->arena, PQgetvalue(row, 0, 0), PQgetvalue(row, 0, 1), strtoll(PQgetvalue(row, 0, 2), NULL, 10));
		add(l, f.about, f.level, f.text);
	}
}

/* F-69: what was found in the last month, and whether all was looked at as NSR 3.1.2 wants it. */
static void look_at_seal(const struct look *l, const char *database)
{
	AUTO(PGconn) conn = PQconnectdb(database);
	AUTO(PGresult)
	row = PQexec(conn, "SELECT last_difference_at > now() - interval '30 d', checked_at > now() - interval '1 d' AND "
	                   "whole_at > now() - interval '31 d' FROM cairn.seal_check");
	if (PQresultStatus(row) != PGRES_TUPLES_OK || PQntuples(row) != 1) {
		return; /* what is wrong with the database has been said */
	}
	if (PQgetvalue(row, 0, 0)[0] == 't') {
		add(l, "log", FINDING_PROBLEM,
		    "The log is not as it was sealed: events log.differs and cairn audit verify tell where");
	} else if (PQgetvalue(row, 0, 1)[0] != 't') {
		add(l, "log", FINDING_PROBLEM,
		    "The log was not compared with its seal for a day, or not as a whole for 31 days");
	} else {
		add(l, "log", FINDING_OK, "The log is compared with its seal, and is as it was sealed");
	}
}

/* F-46 */
static void look_at_splits(const struct look *l, const char *database)
{
	AUTO(PGconn) conn = PQconnectdb(database);
	AUTO(PGresult) row = PQexec(conn, "SELECT log.splits()");
	if (PQresultStatus(row) != PGRES_TUPLES_OK) {
		return; /* what is wrong with the database has been said */
	}
	const char *n = PQgetvalue(row, 0, 0);
	bool none = strcmp(n, "0") == 0;
	add(l, "log", none ? FINDING_OK : FINDING_PROBLEM,
	    none ? "No witness has seen checkpoints that contradict each other"
	         : arena_printf(
	               l->c->arena, "%s checkpoints contradict others of their log: events witness.split tell which", n));
}

struct finding doctor_crl(struct arena *a, const struct doctor_crl *crl, const struct config_ca *config)
{
	const char *name = arena_printf(a, "The CRL %s/%s", crl->issuer, crl->shard);
	int64_t age_s = config->crl_life_s - crl->left_s;
	if (crl->left_s <= 0) {
		return (struct finding) { "crl", FINDING_PROBLEM, arena_printf(a, "%s is not there, or has ended", name) };
	}
	if (crl->left_s < config->crl_life_s / 3 || age_s > CRL_OLD_S) {
		return (struct finding) { "crl", FINDING_PROBLEM,
			arena_printf(a, "%s ends in %lld h, and no new one was made", name, (long long) (crl->left_s / 3600)) };
	}
	if (age_s > 2 * config->crl_period_s) {
		return (struct finding) { "crl", FINDING_NOTE,
			arena_printf(a, "%s is %lld h old: it should have been made anew", name, (long long) (age_s / 3600)) };
	}
	if (crl->octets > CRL_NOTE_OCTETS) {
		return (struct finding) { "crl", FINDING_NOTE,
			arena_printf(a, "%s has %lld octets%s: more shards (ca.issuers.crl_shards) keep new certificates out of it",
			    name, (long long) crl->octets,
			    crl->octets < CRL_LARGE ? "" : ", which is more than root programs take") };
	}
	return (struct finding) { "crl", FINDING_OK,
		arena_printf(a, "%s lasts for %lld h", name, (long long) (crl->left_s / 3600)) };
}

/* Those of issuers that somebody else's configuration has are that one's matter. */
static bool is_issuer(const struct config *config, const char *name)
{
	bool found = false;
	for (size_t i = 0; i < config->ca.issuers.n; i++) {
		found = found || strcmp(config->ca.issuers.v[i].name, name) == 0;
	}
	return found;
}

/* All that is not well, and one line where all is. */
static void look_at_crls(const struct look *l, const char *database)
{
	AUTO(PGconn) conn = PQconnectdb(database);
	AUTO(PGresult)
	rows = PQexec(conn, "SELECT issuer, shard, coalesce(extract(epoch FROM next_update - now())::int8, 0), "
	                    "coalesce(octets, 0) FROM ca.list_crls(NULL, NULL)");
	struct finding last = { NULL, FINDING_OK, NULL };
	for (int i = 0; PQresultStatus(rows) == PGRES_TUPLES_OK && i < PQntuples(rows); i++) {
		const struct doctor_crl crl = { PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1),
			strtoll(PQgetvalue(rows, i, 2), NULL, 10), strtoll(PQgetvalue(rows, i, 3), NULL, 10) };
		struct finding f = doctor_crl(l->c->arena, &crl, &l->config->ca);
		if (!is_issuer(l->config, crl.issuer)) {
			continue;
		}
		if (strcmp(f.level, FINDING_OK) != 0) {
			add(l, f.about, f.level, f.text);
		}
		last = strcmp(last.level, FINDING_OK) == 0 ? f : last;
	}
	if (last.about != NULL && strcmp(last.level, FINDING_OK) == 0) {
		add(l, "crl", FINDING_OK, "All CRLs are made anew in time");
	}
}

/* F-34: what was found in the last month, and whether it was looked in the last two days. */
static void look_at_issued(const struct look *l, const char *database)
{
	AUTO(PGconn) conn = PQconnectdb(database);
	AUTO(PGresult)
	row = PQexec(conn, "SELECT CASE WHEN last_difference_at > now() - interval '30 d' THEN differences ELSE 0 "
	                   "END, checked_at > now() - interval '2 d' FROM cairn.issued_check");
	if (PQresultStatus(row) != PGRES_TUPLES_OK || PQntuples(row) != 1) {
		return; /* what is wrong with the database has been said */
	}
	const char *n = PQgetvalue(row, 0, 0);
	if (strcmp(n, "0") != 0) {
		add(l, "issued", FINDING_PROBLEM,
		    arena_printf(l->c->arena,
		        "%s certificates differ from their records: events certificate.differs and cairn audit issued tell how",
		        n));
	} else if (PQgetvalue(row, 0, 1)[0] != 't') {
		add(l, "issued", FINDING_PROBLEM, "No certificates were compared with their records for two days");
	} else {
		add(l, "issued", FINDING_OK, "Certificates were compared with their records, and none differs");
	}
}

static void look_at_database(const struct look *l)
{
	const char *database = l->config->command.database;
	if (database == NULL) {
		add(l, "database", FINDING_NOTE, "It was not looked at: the configuration has no command.database");
		return;
	}
	look_at_schema(l, database);
	look_at_clock(l, database);
	look_at_crls(l, database);
	doctor_ocsp(l->c->arena, &l->d, &l->config->ca, database);
	doctor_logged(l->c->arena, &l->d, l->config, database);
	look_at_blocked(l, database);
	look_at_waves(l, database);
	look_at_splits(l, database);
	look_at_seal(l, database);
	look_at_issued(l, database);
}

struct finding doctor_lifetime(
    struct arena *a, const char *file, struct timestamp from, struct timestamp until, struct timestamp now)
{
	char end[RFC3339_SIZE];
	timestamp_encode(until, false, end);
	int64_t third_us = (until.us - from.us) / 3;
	if (now.us > until.us || now.us < from.us) {
		return (struct finding) { "certificate", FINDING_PROBLEM,
			arena_printf(a, "%s %s %s", file, now.us > until.us ? "ended on" : "has not begun; it ends on", end) };
	}
	bool late = until.us - now.us < third_us;
	return (struct finding) { "certificate", late ? FINDING_NOTE : FINDING_OK,
		arena_printf(a, "%s lasts until %s%s", file, end, late ? ": less than a third of its life is left" : "") };
}

static void look_at_file(const struct look *l, const char *file)
{
	struct bytes_list chain;
	struct cert_info cert;
	if (file == NULL) {
		return;
	}
	if (cert_read_file(l->c, file, &chain) != 0 || cert_parse(l->c, chain.v[0], &cert) != 0) {
		add(l, "certificate", FINDING_NOTE,
		    arena_printf(l->c->arena, "%s can't be read here: %s", file, l->c->err.detail));
		ctx_forgive(l->c);
		return;
	}
	struct finding f = doctor_lifetime(l->c->arena, file, cert.not_before, cert.not_after, clock_now());
	add(l, f.about, f.level, f.text);
}

static void look_at_certificates(const struct look *l)
{
	const struct config *config = l->config;
	look_at_file(l, config->wfe.cert_file);
	look_at_file(l, config->wfe.root_file);
	look_at_file(l, config->rpc.ca_file);
	look_at_file(l, config->command.rpc_cert_file);
	for (size_t i = 0; i < COUNT_OF(processes); i++) {
		look_at_file(l, config_process(config, processes[i])->rpc_cert_file);
	}
	for (size_t i = 0; i < config->ca.issuers.n; i++) {
		look_at_file(l, config->ca.issuers.v[i].cert_file);
	}
}

/* How the key of an issuer is kept. Whether it is at hand, cairn-ca says itself when it is asked whether it is ready. */
static void look_at_key(const struct look *l, const struct config_issuer *issuer)
{
	bool sealed = issuer->passphrase_file != NULL || issuer->passphrase_credential != NULL;
	const char *where = issuer->key_file == NULL ? "in the token"
	                    : sealed                 ? "in an encrypted file"
	                                             : "in a plain file, which will do for tests only (docs/keys.md)";
	bool plain = issuer->key_file != NULL && !sealed;
	add(l, "issuer", plain ? FINDING_NOTE : FINDING_OK,
	    arena_printf(l->c->arena, "The key of the issuer %s is %s", issuer->name, where));
}

static void look_at_keys(const struct look *l)
{
	const char *sentence = NULL;
	for (size_t i = 0; i < l->config->ca.issuers.n; i++) {
		look_at_key(l, &l->config->ca.issuers.v[i]);
	}
	if (l->config->ca.token.module != NULL) {
		bool good = token_describe(l->c, &l->config->ca.token, &sentence);
		add(l, "token", good ? FINDING_OK : FINDING_PROBLEM, arena_printf(l->c->arena, "The %s", sentence));
	}
}

/* What a process says over HTTP. */
struct said {
	char text[65536];
	size_t n;
};

static size_t keep(const char *p, size_t size, size_t n, void *arg)
{
	struct said *said = arg;
	size_t room = sizeof(said->text) - 1 - said->n;
	size_t taken = size * n < room ? size * n : room;
	memcpy(said->text + said->n, p, taken);
	said->n += taken;
	return size * n;
}

/* ret_said is wanted zeroed. */
static CURLcode fetch(const char *url, struct said *ret_said, long *ret_status)
{
	AUTO(CURL) curl = curl_easy_init();
	if (curl == NULL) {
		return CURLE_FAILED_INIT;
	}
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, READY_LIMIT_MS);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_said);
	CURLcode code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	return code;
}

static void look_at_resolvers(const struct look *l)
{
	const char *at = l->config->va.process.metrics_listen;
	struct said *said = ARENA_NEW(l->c->arena, struct said);
	long status = 0;
	doctor_resolvers(&l->d, &l->config->va);
	if (at != NULL && fetch(arena_printf(l->c->arena, "http://%s/metrics", at), said, &status) == CURLE_OK &&
	    status == 200) {
		const char *probe = l->config->va.dnssec_probe;
		doctor_metrics(&l->d, said->text, probe != NULL && probe[0] != '\0');
	}
}

static void look_at_process(const struct look *l, const char *name)
{
	const char *at = config_process(l->config, name)->metrics_listen;
	struct said said = { .n = 0 };
	long status = 0;
	if (at == NULL) {
		add(l, "process", FINDING_NOTE, arena_printf(l->c->arena, "%s was not asked: it has no metrics_listen", name));
		return;
	}
	CURLcode code = fetch(arena_printf(l->c->arena, "http://%s/readyz", at), &said, &status);
	if (code != CURLE_OK) {
		add(l, "process", FINDING_PROBLEM,
		    arena_printf(l->c->arena, "%s does not answer on %s: %s", name, at, curl_easy_strerror(code)));
	} else if (status != 200) {
		add(l, "process", FINDING_PROBLEM,
		    arena_printf(l->c->arena, "%s is not ready: %.*s", name, (int) strcspn(said.text, "\r\n"), said.text));
	} else {
		add(l, "process", FINDING_OK, arena_printf(l->c->arena, "%s is ready", name));
	}
}

static void look_at_disk(const struct look *l, const char *folder)
{
	struct statvfs disk;
	if (folder == NULL || statvfs(folder, &disk) != 0 || disk.f_blocks == 0) {
		add(l, "disk", FINDING_NOTE,
		    arena_printf(l->c->arena, "%s can't be looked at: %s", folder == NULL ? "A folder" : folder,
		        strerrordesc_np(errno)));
		return;
	}
	unsigned long free_percent = (unsigned long) (disk.f_bavail * 100 / disk.f_blocks);
	const char *level = free_percent < FREE_PROBLEM_PERCENT ? FINDING_PROBLEM
	                    : free_percent < FREE_NOTE_PERCENT  ? FINDING_NOTE
	                                                        : FINDING_OK;
	add(l, "disk", level, arena_printf(l->c->arena, "%lu %% are free where %s is", free_percent, folder));
}

void doctor_look(struct ctx *c, const struct config *config, struct finding_list *findings)
{
	const struct look l = { c, config, { c->arena, true, findings } };
	look_at_configuration(&l);
	look_at_database(&l);
	look_at_certificates(&l);
	doctor_urls(c, &l.d, &config->ca);
	doctor_logs(c, &l.d, config);
	doctor_alarms(c->arena, &l.d, config, config->command.database);
	look_at_keys(&l);
	for (size_t i = 0; i < COUNT_OF(processes); i++) {
		look_at_process(&l, processes[i]);
	}
	look_at_resolvers(&l);
	look_at_disk(&l, config->folder);
	if (config->wfe.spool_dir != NULL) {
		look_at_disk(&l, config->wfe.spool_dir);
	}
}
