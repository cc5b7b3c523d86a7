/* link: ra */
/* Evidence that the database could not take waits on disk, and what is lost is told. F-41, issue 4.7. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/syscall.h>
#include <sys/wait.h>

#include "ra/evidence.h"
#include "ra/kept.h"
#include "tests/unit/gauge.h"
#include "tests/unit/ra_world.h"

#define HOUR_S 3600

static char folder[96];
static int64_t passed_s;   /* the clock goes ahead by so much, that of files does not */
static int left = INT_MAX; /* so many times it may go on */

int clock_gettime(clockid_t which, struct timespec *t)
{
	long result = syscall(SYS_clock_gettime, which, t);
	t->tv_sec += which == CLOCK_REALTIME ? passed_s : 0;
	return (int) result;
}

static bool goes_on(void)
{
	return left-- > 0;
}

static void set_database(const char *conninfo, int64_t timeout_ms)
{
	db_thread_end();
	db_configure(conninfo, 8, timeout_ms);
}

static int files_in(void)
{
	DIR *d = opendir(folder);
	int n = 0;
	assert_non_null(d);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		n += e->d_name[0] != '.';
	}
	closedir(d);
	return n;
}

static int kept_setup(void **state)
{
	assert_int_equal(setup(state), 0);
	struct ctx c;
	ctx_init(&c);
	snprintf(folder, sizeof(folder), "%s/evidence", pg_cluster.dir);
	test_config.ra.evidence_dir = folder;
	assert_int_equal(kept_open(&c, &test_config), 0);
	ctx_done(&c);
	return 0;
}

/* An authorization that waits for its validation, and a job for it with what was found. */
static void looked_at(struct fixture *f, const char *name, struct job *ret_job, struct validation_result *ret)
{
	struct order order;
	va_does = VA_IS_DEAD;
	assert_int_equal(order_one(f, name, &order), 0);
	struct authorization a = authorization_of(f, &order, 0);
	assert_int_equal(start(f, a.challenges.v[0].id, 0, &a), 0);
	*ret_job = (struct job) {
		.challenge_id = a.challenges.v[0].id,
		.authz_id = a.id,
		.account_id = f->account.id,
		.identifier = { "dns", name },
		.type = a.challenges.v[0].type,
		.token = a.challenges.v[0].token,
		.key_authorization = a.challenges.v[0].token,
		.request_id = id_new(),
	};
	*ret = fake_result(id_new(), true, false);
	fake_evidence(ret);
}

/* Where nothing can be kept. */
static void test_no_folder(void **state)
{
	(void) state;
	struct fixture f;
	struct job job;
	struct validation_result result;
	fixture_init(&f);
	looked_at(&f, "nowhere.test", &job, &result);
	evidence_keep(&job, &result);
	assert_int_equal(gauge_value(f.c.arena, "cairn_evidence_lost_total"), 1);
	ctx_done(&f.c);
}

/* An answer that comes when the process ends and nobody records any more goes straight to disk. Nobody but the test records from here on. */
static void test_straight_to_disk(void **state)
{
	(void) state;
	struct fixture f;
	struct order order;
	struct ctx c;
	fixture_init(&f);
	va_does = VA_TAKES_ITS_TIME;
	assert_int_equal(order_one(&f, "straight.test", &order), 0);
	struct authorization a = authorization_of(&f, &order, 0);
	assert_int_equal(start(&f, a.challenges.v[0].id, 0, &a), 0);
	assert_non_null(va_held.done);
	jobs_stop(50);
	assert_int_equal(files_in(), 0);
	ctx_init(&c);
	va_held.result.method = "http-01";
	fake_evidence(&va_held.result);
	va_held.done(va_held.arg, &c, 0, &va_held.result);
	ctx_done(&c);
	assert_int_equal(files_in(), 1);
	kept_record(goes_on);
	kept_record(goes_on);
	assert_int_equal(files_in(), 0);
	pg_assert_value("SELECT count(*) FROM log.validation WHERE identifier_value = 'straight.test' AND passed", "1");
	pg_assert_value("SELECT sum((facts->>'records')::int) FROM log.event WHERE kind = 'validation.lost'",
	    "1"); /* of the test before */
	ctx_done(&f.c);
}

static void test_kept_and_recorded(void **state)
{
	(void) state;
	struct fixture f;
	struct job job;
	struct validation_result result;
	fixture_init(&f);
	looked_at(&f, "kept.test", &job, &result);
	evidence_keep(&job, &result);
	assert_int_equal(files_in(), 1);
	char path[160];
	snprintf(path, sizeof(path), "%s/README", folder); /* not ours */
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	for (int i = 0; i < 2; i++) { /* once is enough */
		kept_record(goes_on);
		assert_int_equal(files_in(), 1);
	}
	pg_assert_value(
	    "SELECT count(*) || ' ' || bool_and(v.passed AND v.proof = 'control' AND p.attempts LIKE '%127.0.0.1%') FROM "
	    "log.validation v JOIN log.validation_private p USING (id) WHERE v.identifier_value = 'kept.test' AND v.passed",
	    "1 true");
	/* it is evidence and no more: the validation is made again */
	pg_assert_value("SELECT validation_id IS NULL FROM acme.authz WHERE identifier_value = 'kept.test'", "t");
	ctx_done(&f.c);
}

/* An answer of a perspective waits until the record that it belongs to is there. */
static void test_late_waits(void **state)
{
	(void) state;
	struct fixture f;
	struct job job;
	struct validation_result own;
	struct record_late_response response;
	struct id asked = id_new();
	fixture_init(&f);
	looked_at(&f, "late.test", &job, &own);
	own.round = (struct id_list) { &asked, 1 };
	own.quorum = "1/1";
	own.passed = false;
	own.problem = (struct problem_record) { .type = "UNAUTHORIZED", .detail = "no" };
	struct record_late_request in = { .validation_id = own.validation_id, .remote = fake_result(asked, false, false) };
	in.remote.method = "http-01";
	set_database("host=/nonexistent dbname=cairn user=cairn_ra", 1000); /* away */
	assert_int_equal(ra_record_late_serve(&f.c, &in, &response), 0);
	assert_true(response.recorded);
	passed_s = 2 * HOUR_S;
	kept_record(goes_on);
	set_database(pg_conninfo("cairn_ra"), 5000);
	kept_record(goes_on);            /* two hours in which the database was away are none */
	assert_int_equal(files_in(), 2); /* with the one that is not ours */
	evidence_keep(&job, &own);
	kept_record(goes_on);
	kept_record(goes_on);
	passed_s = 0;
	assert_int_equal(files_in(), 1);
	pg_assert_value(
	    "SELECT string_agg(perspective || coalesce(late::text, ''), ' ' ORDER BY id) FROM log.validation WHERE "
	    "identifier_value = 'late.test' AND problem = 'UNAUTHORIZED' AND corroborates IS NOT NULL",
	    "testtrue");
	ctx_done(&f.c);
}

/* More late answers without a record than one call takes, and amid them a record: they don't hold it up, and it is known what became of
 * them. */
static void test_orphans_starve_none(void **state)
{
	(void) state;
	enum { ORPHANS = 200 };
	test_ra.instance = "cairn-ra@orphans";
	struct fixture f;
	struct job job;
	struct validation_result result;
	struct record_late_response response;
	fixture_init(&f);
	looked_at(&f, "starved.test", &job, &result);
	set_database("host=/nonexistent dbname=cairn user=cairn_ra", 1000);
	for (int i = 0; i < ORPHANS; i++) {
		struct id asked = id_new();
		struct record_late_request in = { .validation_id = asked, .remote = fake_result(asked, false, false) };
		in.remote.method = "http-01";
		assert_int_equal(ra_record_late_serve(&f.c, &in, &response), 0);
	}
	evidence_keep(&job, &result);
	set_database(pg_conninfo("cairn_ra"), 5000);
	passed_s = 10;
	for (int i = 0; i < ORPHANS / 64 + 1; i++) {
		kept_record(goes_on);
	}
	assert_int_equal(files_in(), ORPHANS + 1);
	pg_assert_value("SELECT count(*) FROM log.validation WHERE identifier_value = 'starved.test' AND passed", "1");
	passed_s = HOUR_S + 60;
	left = 10; /* then the process ends */
	kept_record(goes_on);
	assert_in_range(files_in(), ORPHANS + 1 - 9, ORPHANS + 1 - 6);
	left = INT_MAX;
	for (int i = 0; i < ORPHANS / 64 + 2; i++) {
		kept_record(goes_on);
	}
	assert_int_equal(files_in(), 1);
	kept_record(goes_on);
	pg_assert_value("SELECT sum((facts->>'records')::int) FROM log.event WHERE kind = 'validation.lost' AND process = "
	                "'cairn-ra@orphans'",
	    "200");
	passed_s = 0;
	ctx_done(&f.c);
}

/* A database that hangs is met once, and nothing is lost. */
static void test_hangs(void **state)
{
	(void) state;
	struct fixture f;
	struct job job;
	struct validation_result result;
	fixture_init(&f);
	looked_at(&f, "hangs.test", &job, &result);
	for (int i = 0; i < 3; i++) {
		result.validation_id = id_new();
		evidence_keep(&job, &result);
	}
	PGconn *other = pg_connect("cairn_owner", "cairn");
	PQclear(PQexec(other, "BEGIN; LOCK TABLE log.validation IN ACCESS EXCLUSIVE MODE"));
	set_database(pg_conninfo("cairn_ra"), 500);
	left = 10;
	kept_record(goes_on);
	assert_in_range(
	    left, 5, 8); /* asked before all, and before each file until the first of ours, beside ., .. and README */
	left = INT_MAX;
	assert_int_equal(files_in(), 4); /* with the one that is not ours */
	PQfinish(other);
	set_database(pg_conninfo("cairn_ra"), 5000);
	kept_record(goes_on);
	kept_record(goes_on);
	assert_int_equal(files_in(), 1);
	pg_assert_value("SELECT count(*) FROM log.validation WHERE identifier_value = 'hangs.test' AND passed", "3");
	ctx_done(&f.c);
}

static void put_file(const char *name, const char *text, off_t octets)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0 && fflush(file) == 0);
	assert_true(octets == 0 || ftruncate(fileno(file), octets) == 0);
	fclose(file);
}

static void test_lost_is_told(void **state)
{
	(void) state;
	struct fixture f;
	fixture_init(&f);
	put_file("broken.caa", "", 0);
	put_file("refused.caa", "{}", 0); /* by the database, for good */
	kept_record(goes_on);             /* not to be read */
	kept_record(goes_on);
	pg_assert_value(
	    "SELECT actor || (facts->>'records') FROM log.event WHERE kind = 'validation.lost' ORDER BY id DESC LIMIT 1",
	    "cairn-ra2");
	assert_int_equal(files_in(), 1);
	ctx_done(&f.c);
}

/* In a process of its own, as one that starts now and counts what is there. */
static bool is_kept(const struct job *job, const struct validation_result *result)
{
	int status = -1;
	pid_t child = fork();
	if (child == 0) {
		struct ctx c;
		int before = files_in();
		ctx_init(&c);
		bool opened = kept_open(&c, &test_config) == 0;
		evidence_keep(job, result);
		_exit(!opened ? 2 : files_in() == before + 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

/* The disk of the CA is nothing that a long outage may fill; and a folder that is gone loses records, not the process. */
static void test_no_room(void **state)
{
	(void) state;
	struct fixture f;
	struct job job;
	struct validation_result result;
	char away[128];
	char name[128];
	fixture_init(&f);
	looked_at(&f, "room.test", &job, &result);
	put_file("big.validation", "", (off_t) 256 * 1024 * 1024);
	assert_false(is_kept(&job, &result));
	put_file("big.validation", "", (off_t) 255 * 1024 * 1024);
	assert_true(is_kept(&job, &result));
	snprintf(away, sizeof(away), "%s.away", folder);
	long lost = gauge_value(f.c.arena, "cairn_evidence_lost_total");
	assert_int_equal(rename(folder, away), 0);
	evidence_keep(&job, &result);
	assert_int_equal(gauge_value(f.c.arena, "cairn_evidence_lost_total"), lost + 1);
	assert_int_equal(kept_open(&f.c, &test_config), 0); /* makes it anew */
	for (int i = 0; i < 4096 + 8; i++) {
		snprintf(name, sizeof(name), "%d.late", i);
		put_file(name, "", 0);
	}
	result.validation_id = id_new();
	assert_false(is_kept(&job, &result));
	for (int i = 0; i < 16; i++) { /* a few more or less: the tests before put files there behind its back */
		snprintf(name, sizeof(name), "%s/%d.late", folder, i);
		assert_int_equal(unlink(name), 0);
	}
	assert_true(is_kept(&job, &result));
	ctx_done(&f.c);
}

/* It can't be made, or can't be entered. */
static void test_folder_of_no_use(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	test_config.ra.evidence_dir = "/dev/null";
	assert_int_equal(kept_open(&c, &test_config), -1);
	test_config.ra.evidence_dir = "/nonexistent/evidence";
	ctx_forgive(&c);
	assert_int_equal(kept_open(&c, &test_config), -1);
	assert_non_null(strstr(c.err.detail, "ra.evidence_dir can't be used"));
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_no_folder, setup),
		cmocka_unit_test_setup(test_straight_to_disk, kept_setup),
		cmocka_unit_test_setup(test_kept_and_recorded, kept_setup),
		cmocka_unit_test_setup(test_late_waits, kept_setup),
		cmocka_unit_test_setup(test_hangs, kept_setup),
		cmocka_unit_test_setup(test_orphans_starve_none, kept_setup),
		cmocka_unit_test_setup(test_lost_is_told, kept_setup),
		cmocka_unit_test_setup(test_no_room, kept_setup),
		cmocka_unit_test(test_folder_of_no_use),
	};
	return cmocka_run_group_tests(tests, group_setup, pg_group_teardown);
}
