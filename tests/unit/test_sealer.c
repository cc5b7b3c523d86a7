/* link: subscriber */
/* Sealing with a real PostgreSQL: one sequence without gaps whatever commits when, and nothing is signed that does not go on from
 * what was signed. F-45, F-46 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/crypto/key.h"
#include "lib/seal/leaf.h"
#include "subscriber/keeper.h"
#include "subscriber/sealer.h"
#include "tests/unit/pg.h"

#define ORIGIN "log.test/log"
#define ADD_EVENT_CALL "log.add_event(cairn.new_id(), 'test', 'a', 'seal.test', NULL, NULL, NULL, NULL, '{\"n\": 1}')"
#define ADD_EVENT "SELECT " ADD_EVENT_CALL
#define GAPS \
	"SELECT count(*) || ' ' || count(DISTINCT leaf) || ' ' || coalesce(min(leaf), 0) || ' ' || coalesce(max(leaf) + " \
	"1 - count(*), 0) " \
	"FROM log.leaf"

static struct ctx process; /* of the key */
static struct checkpoint_signer signer;
static char dir[] = "/tmp/seal-test-XXXXXX";
static const struct statement *statements[32];

static int setup(void **state)
{
	(void) state;
	size_t n = 0;
	pg_start();
	ctx_init(&process);
	assert_int_equal(key_generate(&process, "ed25519", &signer.key), 0);
	assert_int_equal(note_key_of(&process, ORIGIN, signer.key, &signer.name), 0);
	signer.folder = mkdtemp(dir);
	statements[n++] = &subscriber_take_lease_statement;
	for (size_t i = 0; i < sealer_n_statements; i++) {
		statements[n++] = sealer_statements[i];
	}
	db_statements(statements, n);
	db_configure(pg_conninfo("cairn_subscriber"), 8, 10000);
	return 0;
}

static int teardown(void **state)
{
	(void) state;
	db_thread_end();
	pg_stop();
	ctx_done(&process);
	char path[64];
	(void) snprintf(path, sizeof(path), "%s/checkpoint", dir);
	(void) unlink(path);
	return rmdir(dir);
}

/* Each test begins with an empty log and no memory of another one. */
static int empty(void **state)
{
	(void) state;
	char path[64];
	pg_exec("postgres", "TRUNCATE log.event, log.unsealed, log.leaf, log.tile, log.checkpoint, cairn.lease; "
	                    "DELETE FROM log.request; UPDATE log.tree SET size = 0, root = sha256('')");
	(void) snprintf(path, sizeof(path), "%s/checkpoint", dir);
	(void) unlink(path);
	return 0;
}

/* A round by an instance that knows nothing yet. */
static void round_of(const char *holder, int expected, const char *detail)
{
	struct ctx c;
	struct sealer *s = sealer_new(&signer, holder);
	ctx_init(&c);
	ctx_limit_ms(&c, 20000);
	int result = sealer_round(&c, s);
	if (result != expected || (detail != NULL && strstr(c.err.detail, detail) == NULL)) {
		fail_msg("%d %s %s", result, c.err.detail, c.err.cause == NULL ? "" : c.err.cause);
	}
	ctx_done(&c);
	sealer_free(s);
}

/* The newest checkpoint is signed, and of the root that follows from the leaves' own words. */
static void check_tree(uint64_t size)
{
	struct ctx c;
	struct sealed_state state;
	struct merkle_head head;
	struct merkle_hash root;
	ctx_init(&c);
	assert_int_equal(sealer_read_state(&c, &state), 0);
	assert_int_equal(state.size, size);
	assert_int_equal(checkpoint_open(&c, &signer.name, bytes_of_text(state.note), &head), 0);
	assert_int_equal(head.size, size);
	struct tree *tree = arena_alloc(c.arena, sizeof(*tree));
	tree_init(tree);
	for (uint64_t n = 0; tree->size < size; n++) {
		struct bytes entries;
		bool gone = true;
		const struct tile tile = { TILE_ENTRIES, n, tile_width_in(TILE_ENTRIES, n, size) };
		assert_int_equal(sealer_read_entries(&c, &tile, &entries, &gone), 0);
		assert_false(gone);
		while (entries.n > 0) {
			size_t octets = (size_t) entries.p[0] << 8 | entries.p[1];
			struct merkle_hash leaf;
			merkle_leaf((struct bytes) { entries.p + 2, octets }, &leaf);
			tree_add(tree, &leaf, NULL, NULL);
			entries = (struct bytes) { entries.p + 2 + octets, entries.n - 2 - octets };
		}
	}
	tree_root(tree, &root);
	assert_true(merkle_equal(&root, &head.root));
	ctx_done(&c);
}

static void test_statements(void **state)
{
	(void) state;
	pg_check_statements("cairn_subscriber", sealer_statements, sealer_n_statements);
}

/* Whatever a column says must be in the leaf, or a superuser could change it unseen. */
static void test_every_column_is_sealed(void **state)
{
	(void) state;
	static const char *const tables[] = { "request", "validation", "event" };
	static const char *const lines[] = { LEAF_LINE("1", "'0'"), LEAF_LINE("2", "'0'"), LEAF_LINE("3", "'0'") };
	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		char sql[256];
		(void) snprintf(sql, sizeof(sql),
		    "SELECT string_agg(attname, ' ') FROM pg_attribute WHERE attrelid = 'log.%s'::regclass AND attnum > 0 AND "
		    "NOT attisdropped",
		    tables[i]);
		char *columns = pg_value(sql);
		char *rest = NULL;
		for (char *column = strtok_r(columns, " ", &rest); column != NULL; column = strtok_r(NULL, " ", &rest)) {
			char plain[80];
			(void) snprintf(plain, sizeof(plain), "r.%s", column);
			if (strstr(lines[i], plain) == NULL) {
				fail_msg("log.%s.%s is in no leaf: see lib/seal/leaf.h", tables[i], column);
			}
		}
		free(columns);
	}
}

/* The text of a leaf that was sealed before perspectives had records of their own, with `later` in it. */
static void check_validation_leaf(const char *later)
{
	char line[1024];
	(void) snprintf(line, sizeof(line),
	    "{\"leaf\":\"validation\",\"id\":\"0193f000-0000-7000-8000-000000000001\","
	    "\"authorization_id\":\"0193f000-0000-7000-8000-000000000002\",\"challenge_id\":null,"
	    "\"account_id\":\"0193f000-0000-7000-8000-000000000003\",\"request_id\":\"0193f000-0000-7000-8000-"
	    "000000000005\",\"identifier_type\":\"dns\","
	    "\"identifier_value\":\"a.example\",\"wildcard\":false,\"method\":\"caa\",\"rule\":\"RFC 8659\","
	    "\"perspective\":\"local\",\"attempt\":1,\"passed\":true,\"problem\":null,\"detail\":null,\"dnssec\":"
	    "\"insecure\","
	    "\"caa\":{\"checked\": true},\"token_sha256\":\"00\",\"answer_sha256\":null,\"answer_octets\":null,"
	    "\"started_at\":\"2026-11-22T08:09:10.123456Z\",\"ended_at\":\"2026-11-22T08:09:10.123457Z\","
	    "\"commitments\":\"01\",\"proof\":null%s}",
	    later);
	pg_assert_value("SELECT " LEAF_LINE("2", "'0193f000-0000-7000-8000-000000000001'::uuid"), line);
}

/* A row of before still is the leaf that it was; what was added since stands at the end where it says something. */
static void test_leaves_of_before(void **state)
{
	(void) state;
	pg_exec("postgres",
	    "CREATE TABLE log.validation_test PARTITION OF log.validation FOR VALUES FROM "
	    "('0193f000-0000-7000-8000-000000000000') TO ('0193f000-0000-7000-8000-000000000002'); "
	    "ALTER TABLE log.validation DISABLE TRIGGER ALL; "
	    "INSERT INTO log.validation (id, authorization_id, account_id, request_id, identifier_type, identifier_value, "
	    "wildcard, method, "
	    "rule, perspective, attempt, passed, dnssec, caa, token_sha256, started_at, ended_at, commitments) VALUES "
	    "('0193f000-0000-7000-8000-000000000001', '0193f000-0000-7000-8000-000000000002', "
	    "'0193f000-0000-7000-8000-000000000003', '0193f000-0000-7000-8000-000000000005', 'dns', 'a.example', false, "
	    "'caa', 'RFC 8659', 'local', 1, true, 'insecure', "
	    "'{\"checked\":true}', '\\x00', '2026-11-22 08:09:10.123456Z', '2026-11-22 08:09:10.123457Z', '\\x01')");
	check_validation_leaf("");
	pg_exec("postgres", "UPDATE log.validation SET quorum = '1/1', late = false, "
	                    "round = ARRAY['0193f000-0000-7000-8000-000000000004'::uuid]");
	check_validation_leaf(",\"late\":false,\"round\":[\"0193f000-0000-7000-8000-000000000004\"],\"quorum\":\"1/1\"");
	pg_exec("postgres", "DELETE FROM log.validation; ALTER TABLE log.validation ENABLE TRIGGER ALL");
}

static void test_rows_of_all_kinds(void **state)
{
	(void) state;
	round_of("one", 0, NULL); /* an empty log has no checkpoint */
	pg_assert_value("SELECT count(*) FROM log.checkpoint", "0");
	pg_exec("cairn_ra", ADD_EVENT);
	pg_exec("cairn_wfe",
	    "INSERT INTO log.request (id, received_at, frontend, method, route, url, body_sha256, body_octets, commitments)"
	    " SELECT ('0193f000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now(), 'f', 'POST', 'r', '/\"\\u00e9',"
	    " sha256('b'), 1, sha256('c') FROM generate_series(1, 300) n");
	pg_assert_value("SELECT count(*) FROM log.unsealed", "301");
	round_of("one", 0, NULL);
	pg_assert_value("SELECT count(*) FROM log.unsealed", "0");
	pg_assert_value(GAPS, "301 301 0 0");
	pg_assert_value("SELECT string_agg(level || '/' || n || '.' || octet_length(hashes) / 32, ' ' ORDER BY level, n) "
	                "FROM log.tile",
	    "0/0.256 0/1.45 1/0.1");
	check_tree(301);
	round_of("one", 0, NULL); /* nothing new, nothing signed */
	pg_assert_value("SELECT count(*) || ' ' || min(size) FROM log.checkpoint", "1 301");
	pg_assert_value("SELECT key FROM log.checkpoint", note_key_encode(process.arena, &signer.name));
}

/* A transaction that began before others and commits behind them is sealed all the same; one that never commits is not. */
static void test_late_commit(void **state)
{
	(void) state;
	PGconn *late = pg_connect("cairn_ra", "cairn");
	PGconn *never = pg_connect("cairn_ra", "cairn");
	PQclear(PQexec(late, "BEGIN"));
	PQclear(PQexec(late, ADD_EVENT));
	PQclear(PQexec(never, "BEGIN"));
	PQclear(PQexec(never, ADD_EVENT));
	pg_exec("cairn_ra", ADD_EVENT);
	round_of("one", 0, NULL);
	pg_assert_value(GAPS, "1 1 0 0");
	PQclear(PQexec(late, "COMMIT"));
	PQclear(PQexec(never, "ROLLBACK"));
	round_of("one", 0, NULL);
	pg_assert_value(GAPS, "2 2 0 0");
	check_tree(2);
	PQfinish(late);
	PQfinish(never);
}

static void test_lease(void **state)
{
	(void) state;
	pg_exec("cairn_ra", ADD_EVENT);
	round_of("one", 0, NULL);
	pg_exec("cairn_ra", ADD_EVENT);
	round_of("two", 0, NULL); /* it is not its turn */
	pg_assert_value(GAPS, "1 1 0 0");
	pg_exec("postgres", "UPDATE cairn.lease SET until = now()");
	round_of("two", 0, NULL);
	pg_assert_value(GAPS, "2 2 0 0");
	round_of("one", 0, NULL);
	check_tree(2);
}

/* What was gone before it was sealed leaves a leaf that says so. */
static void test_gone_before(void **state)
{
	(void) state;
	pg_exec("cairn_ra", ADD_EVENT);
	pg_exec("cairn_ra", ADD_EVENT);
	pg_exec("postgres", "DELETE FROM log.event WHERE id = (SELECT min(id::text)::uuid FROM log.event)");
	round_of("one", 0, NULL);
	pg_assert_value(GAPS, "2 2 0 0");
	check_tree(2);
	/* a row that is erased later takes its entry with it */
	struct ctx c;
	struct bytes entries;
	bool gone = false;
	const struct tile tile = { TILE_ENTRIES, 0, 2 };
	ctx_init(&c);
	pg_exec("postgres", "DELETE FROM log.event");
	assert_int_equal(sealer_read_entries(&c, &tile, &entries, &gone), 0);
	assert_true(gone);
	assert_int_equal(entries.n, 0);
	ctx_done(&c);
}

/* An end between the steps: signed and remembered, but not published. */
static void test_death_before_publishing(void **state)
{
	(void) state;
	struct ctx c;
	struct sealed_state before;
	struct bytes note;
	ctx_init(&c);
	pg_exec("cairn_ra", ADD_EVENT);
	round_of("one", 0, NULL);
	pg_exec("postgres", "DELETE FROM log.checkpoint");
	assert_int_equal(sealer_read_state(&c, &before), 0);
	struct merkle_head head = { .size = 1 };
	memcpy(head.root.b, before.root.p, sizeof(head.root.b));
	assert_int_equal(checkpoint_sign(&c, &signer, &head, &note), 0);
	pg_exec("cairn_ra", ADD_EVENT);
	round_of("one", 0, NULL);
	check_tree(2);
	ctx_done(&c);
}

static void test_nothing_inconsistent_is_signed(void **state)
{
	(void) state;
	static const struct {
		const char *sql;
		const char *undo;
		const char *detail;
	} changes[] = {
		{ "UPDATE log.tile SET hashes = set_byte(hashes, 70, get_byte(hashes, 70) # 1) WHERE level = 0 AND n = 1",
		    "UPDATE log.tile SET hashes = set_byte(hashes, 70, get_byte(hashes, 70) # 1) WHERE level = 0 AND n = 1",
		    "The tiles of the sealed log are not those that were written" },
		{ "UPDATE log.tree SET root = sha256('x')",
		    "UPDATE log.tree SET root = c.root FROM (SELECT * FROM log.checkpoint ORDER BY size DESC LIMIT 1) c",
		    "The tiles of the sealed log are not" },
		{ "UPDATE log.checkpoint SET note = replace(note, E'\\n301\\n', E'\\n300\\n')",
		    "UPDATE log.checkpoint SET note = replace(note, E'\\n300\\n', E'\\n301\\n')", "signature" },
		{ "UPDATE log.checkpoint SET note = replace(note, E'\\n301\\n', E'\\n300\\n'), key = 'x' || key",
		    "UPDATE log.checkpoint SET note = replace(note, E'\\n300\\n', E'\\n301\\n'), key = substr(key, 2)",
		    "does not fit the checkpoint for 300 leaves" },
		/* a past that is whole in itself, as from a backup */
		{ "CREATE TABLE log.kept AS SELECT * FROM log.checkpoint; DELETE FROM log.checkpoint; UPDATE log.tree SET size "
		  "= 0,"
		  " root = sha256('')",
		    "UPDATE log.tree t SET size = k.size, root = k.root FROM log.kept k; INSERT INTO log.checkpoint SELECT * "
		    "FROM "
		    "log.kept; DROP TABLE log.kept",
		    "the database was set back" },
	};
	pg_exec("cairn_ra", "SELECT " ADD_EVENT_CALL " FROM generate_series(1, 301)");
	round_of("one", 0, NULL);
	check_tree(301);
	pg_exec("cairn_ra", ADD_EVENT);
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		pg_exec("postgres", changes[i].sql);
		round_of("one", -1, changes[i].detail);
		pg_assert_value("SELECT count(*) FROM log.checkpoint WHERE size > 301", "0");
		pg_assert_value("SELECT count(*) FROM log.unsealed", "1");
		pg_exec("postgres", changes[i].undo);
	}
	round_of("one", 0, NULL);
	check_tree(302);
}

/* Another tree of the same size is told from the one that this machine signed. */
static void test_memory_of_another_past(void **state)
{
	(void) state;
	pg_exec("cairn_ra", ADD_EVENT);
	round_of("one", 0, NULL);
	pg_exec("postgres",
	    "TRUNCATE log.event, log.unsealed, log.leaf, log.tile, log.checkpoint; UPDATE log.tree SET size = 0, "
	    "root = sha256('')");
	pg_exec("cairn_ra", ADD_EVENT);
	round_of("one", -1, "the database was set back");
	/* by a machine without that memory it is taken for a tree like any other */
	const char *folder = signer.folder;
	signer.folder = NULL;
	round_of("one", 0, NULL);
	signer.folder = folder;
	round_of("one", -1, "The first 1 leaves of the sealed log are not those that were signed");
}

/* log.sequence looks at what it is given, whoever calls it. */
static void test_refused_sequences(void **state)
{
	(void) state;
	static const struct {
		const char *arguments;
		const char *state;
	} calls[] = {
		{ "'two', 0, ARRAY[(SELECT ctid::text FROM log.unsealed)], '{3}', ARRAY[(SELECT id FROM log.unsealed)], '{0}', "
		  "'{0}', "
		  "ARRAY[sha256('l')], sha256('r')",
		    "CA001" }, /* the lease is another's */
		{ "'one', 1, ARRAY[(SELECT ctid::text FROM log.unsealed)], '{3}', ARRAY[(SELECT id FROM log.unsealed)], '{0}', "
		  "'{0}', "
		  "ARRAY[sha256('l')], sha256('r')",
		    "CA001" }, /* another size */
		{ "'one', 0, ARRAY[(SELECT ctid::text FROM log.unsealed)], '{2}', ARRAY[(SELECT id FROM log.unsealed)], '{0}', "
		  "'{0}', "
		  "ARRAY[sha256('l')], sha256('r')",
		    "CA001" }, /* another row */
		{ "'one', 0, '{\"(0,99)\"}', '{3}', ARRAY[(SELECT id FROM log.unsealed)], '{0}', '{0}', ARRAY[sha256('l')], "
		  "sha256('r')",
		    "CA001" }, /* another place */
		{ "'one', 0, ARRAY[(SELECT ctid::text FROM log.unsealed)], '{3}', ARRAY[(SELECT id FROM log.unsealed)], '{0}', "
		  "'{5}', "
		  "ARRAY[sha256('l')], sha256('r')",
		    "CA001" }, /* a tile that goes on from another one */
		{ "'one', 0, ARRAY[(SELECT ctid::text FROM log.unsealed)], '{3}', ARRAY[(SELECT id FROM log.unsealed)], '{0}', "
		  "'{0}', "
		  "ARRAY[sha256('l')], sha256('r')",
		    "" },
	};
	pg_exec("postgres", "INSERT INTO log.tile VALUES (0, 5, sha256('before'))");
	pg_exec("cairn_ra", ADD_EVENT);
	pg_exec("cairn_subscriber", "SELECT cairn.take_lease('seal', 'one', 60)");
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		char sql[512];
		(void) snprintf(sql, sizeof(sql), "SELECT log.sequence(%s)", calls[i].arguments);
		const char *code = pg_try("cairn_subscriber", sql, NULL);
		if (strcmp(code, calls[i].state) != 0) {
			fail_msg("%s: \"%s\"", calls[i].arguments, code);
		}
	}
	assert_string_equal(
	    pg_try("cairn_subscriber", "SELECT log.publish_checkpoint('two', 1, sha256('r'), '', '')", NULL), "CA001");
	assert_string_equal(
	    pg_try("cairn_subscriber", "SELECT log.publish_checkpoint('one', 1, sha256('x'), '', '')", NULL), "CA001");
	assert_string_equal(
	    pg_try("cairn_subscriber", "SELECT log.publish_checkpoint('one', 1, sha256('r'), '', '')", NULL), "");
	assert_string_equal(
	    pg_try("cairn_subscriber", "SELECT log.publish_checkpoint('one', 1, sha256('r'), '', '')", NULL), "CA001");
}

#define WRITERS 3
#define EVENTS_EACH 400

static void *write_events(void *unused)
{
	(void) unused;
	PGconn *conn = pg_connect("cairn_ra", "cairn");
	for (int i = 0; i < EVENTS_EACH; i++) {
		/* every seventh transaction is undone */
		PQclear(PQexec(conn, "BEGIN"));
		PQclear(PQexec(conn, ADD_EVENT));
		PQclear(PQexec(conn, i % 7 == 6 ? "ROLLBACK" : "COMMIT"));
	}
	PQfinish(conn);
	return NULL;
}

static atomic_bool writing;

/* Rounds of one instance; the lease goes from one to the other again and again. */
static void *seal_rounds(void *holder)
{
	struct sealer *s = sealer_new(&signer, holder);
	while (atomic_load(&writing)) {
		struct ctx c;
		ctx_init(&c);
		ctx_limit_ms(&c, 10000);
		if (sealer_round(&c, s) != 0) {
			ctx_forgive(&c); /* the other one was faster */
		}
		ctx_done(&c);
		pg_exec("postgres", "UPDATE cairn.lease SET until = now() WHERE name = 'seal'");
	}
	sealer_free(s);
	db_thread_end();
	return NULL;
}

static void test_writers_and_two_sealers(void **state)
{
	(void) state;
	static char names[2][4] = { "one", "two" };
	pthread_t writers[WRITERS];
	pthread_t sealers[2];
	const char *folder = signer.folder;
	signer.folder = NULL; /* two instances have two folders */
	atomic_store(&writing, true);
	for (size_t i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_create(&writers[i], NULL, write_events, NULL), 0);
	}
	for (size_t i = 0; i < COUNT_OF(sealers); i++) {
		assert_int_equal(pthread_create(&sealers[i], NULL, seal_rounds, names[i]), 0);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		pthread_join(writers[i], NULL);
	}
	atomic_store(&writing, false);
	for (size_t i = 0; i < COUNT_OF(sealers); i++) {
		pthread_join(sealers[i], NULL);
	}
	pg_exec("postgres", "UPDATE cairn.lease SET until = now()");
	round_of("one", 0, NULL);
	signer.folder = folder;
	pg_assert_value("SELECT count(*) FROM log.unsealed", "0");
	pg_assert_value(GAPS, "1029 1029 0 0"); /* 3 * (400 - 57) */
	pg_assert_value("SELECT count(*) FROM log.event e JOIN log.leaf l ON l.row_id = e.id AND l.kind = 3", "1029");
	check_tree(1029);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_every_column_is_sealed),
		cmocka_unit_test(test_leaves_of_before),
		cmocka_unit_test_setup(test_rows_of_all_kinds, empty),
		cmocka_unit_test_setup(test_late_commit, empty),
		cmocka_unit_test_setup(test_lease, empty),
		cmocka_unit_test_setup(test_gone_before, empty),
		cmocka_unit_test_setup(test_death_before_publishing, empty),
		cmocka_unit_test_setup(test_nothing_inconsistent_is_signed, empty),
		cmocka_unit_test_setup(test_memory_of_another_past, empty),
		cmocka_unit_test_setup(test_refused_sequences, empty),
		cmocka_unit_test_setup(test_writers_and_two_sealers, empty),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
