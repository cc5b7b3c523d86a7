#include "lib/seal/audit_erased.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"

static const struct field erasure_field[] = {
	FIELD(struct audit_erasure, name),
	FIELD(struct audit_erasure, from),
	FIELD(struct audit_erasure, until),
};
static const struct fields erasure_fields = FIELDS(struct audit_erasure, erasure_field);

struct erasures_params {
	bool waiting;
};
static const struct field erasures_param[] = { FIELD(struct erasures_params, waiting) };
static const struct fields erasures_params_fields = FIELDS(struct erasures_params, erasures_param);

/* clang-format off */
/* The smallest id of a moment; before 1970 there is none. */
#define ID_AT(moment) \
	"(lpad(to_hex(greatest(floor(extract(epoch FROM " moment ") * 1000)::int8, 0)), 12, '0') || repeat('0', 20))::uuid"

/* What is none, as somebody wrote it there, is NULL: it is to be named, and must not end the statement. */
#define UUID_OF(text) "CASE WHEN " text " ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN (" text ")::uuid END"
#define SECONDS_OF(text) "CASE WHEN " text " ~ '^[0-9]{1,10}$' THEN (" text ")::int8 END"
#define ARRAY_OF(json) "CASE WHEN jsonb_typeof(" json ") = 'array' THEN " json " ELSE '[]' END"

/* Erasures that are sealed, or also those that wait for it ($1), and that the rules of retention allowed when they were made, as such events
 * tell those (F-46). Else whoever can write into the database would write an erasure himself, and delete. Without a change on record SUB-* is
 * without end and visits of pages have six days; no rule has less than a day. Which class has which term of which table stands here and not in
 * the database, and no function of the database is asked, as who deletes would mend those as well. */
const struct statement audit_erasures_statement = {
	.name = "audit_erasures",
	.sql =
	    "WITH waiting AS MATERIALIZED (SELECT u.id FROM log.unsealed u WHERE $1 AND u.kind = 3),"
	    " told AS MATERIALIZED (SELECT * FROM log.event e WHERE e.kind = 'retention.changed' UNION ALL SELECT * FROM log.event e"
	    " WHERE e.kind = 'log.erased'),"
	    " sealed AS MATERIALIZED (SELECT e.* FROM told e LEFT JOIN log.leaf l ON l.row_id = e.id AND l.kind = 3"
	    " WHERE l.row_id IS NOT NULL OR e.id IN (SELECT w.id FROM waiting w)),"
	    " rules AS MATERIALIZED (SELECT e.facts->>'class' AS class, e.happened_at AS since, lead(e.happened_at) OVER"
	    " (PARTITION BY e.facts->>'class' ORDER BY e.id) AS until, " SECONDS_OF("e.facts->>'keep_s'") " AS keep_s,"
	    " least(" SECONDS_OF("e.facts->>'clear_s'") ", " SECONDS_OF("e.facts->>'keep_s'") ") AS clear_s FROM sealed e WHERE e.kind = 'retention.changed'"
	    " UNION ALL SELECT 'WEB', '-infinity', (SELECT min(e.happened_at) FROM log.event e"
	    " WHERE e.kind = 'retention.changed' AND e.facts->>'class' = 'WEB'), 518400, 518400),"
	    " tables (name, part, term, class) AS (VALUES ('log.request_private', 'web', 'clear', 'WEB'),"
	    " ('log.request_private', 'all', 'clear', 'SUB-REQ'), ('log.request_private', 'all', 'clear', 'SUB-SW'),"
	    " ('log.validation_private', 'all', 'clear', 'SUB-VAL'), ('log.request', 'all', 'keep', 'SUB-REQ'),"
	    " ('log.validation', 'all', 'keep', 'SUB-VAL'), ('log.event', 'all', 'keep', 'SUB-CERT')),"
	    " erased AS MATERIALIZED (SELECT e.facts->>'table' AS name, CASE WHEN e.facts->'classes' = '[\"WEB\"]' THEN 'web' ELSE 'all' END AS part,"
	    " e.happened_at, e.facts FROM sealed e WHERE e.kind = 'log.erased' AND e.happened_at BETWEEN '2000-01-01' AND now()),"
	    " terms AS MATERIALIZED (SELECT x.*, " ID_AT("(x.happened_at - make_interval(secs => greatest(s.term_s, 86400)))") " AS before"
	    " FROM erased x, LATERAL (SELECT min(CASE t.term WHEN 'keep' THEN r.keep_s ELSE r.clear_s END) AS term_s FROM tables t"
	    " JOIN rules r ON r.class = t.class AND r.since <= x.happened_at AND (r.until IS NULL OR r.until > x.happened_at)"
	    " WHERE t.name = x.name AND t.part = x.part) s WHERE s.term_s IS NOT NULL)"
	    " SELECT t.name COLLATE \"C\" AS name, i.id AS from, i.id AS until FROM terms t, LATERAL (SELECT " UUID_OF("x") " AS id"
	    " FROM jsonb_array_elements_text(" ARRAY_OF("t.facts->'ids'") ") x) i WHERE i.id < t.before AND (t.part = 'all' OR NOT EXISTS"
	    " (SELECT FROM log.request r WHERE r.id = i.id AND r.route NOT IN ('terms', 'doctor', 'unpause', 'stop-recovery')))"
	    " UNION ALL SELECT t.name, r.from, r.until FROM terms t, LATERAL (SELECT " UUID_OF("t.facts->>'from'") " AS from, "
	    UUID_OF("t.facts->>'until'") " AS until) r WHERE t.part = 'all' AND r.from IS NOT NULL AND r.until <= t.before ORDER BY 1, 2",
	.params = &erasures_params_fields,
	.row = &erasure_fields,
	.repeatable = true,
};
/* clang-format on */

static int order(const struct id *a, const struct id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

static bool same_table(const struct audit_erasure *e, const char *table)
{
	return e->name == NULL || table == NULL ? e->name == table : strcmp(e->name, table) == 0;
}

int audit_read_erasures(struct ctx *c, bool waiting, struct audit_erasure_list *ret)
{
	const struct erasures_params params = { waiting };
	struct audit_erasure_list all;
	size_t n = 0;
	TRY(db_rows(c, &audit_erasures_statement, &params, (void *) &all.v, &all.n));
	for (size_t i = 0; i < all.n; i++) {
		struct audit_erasure *last = n == 0 ? NULL : &all.v[n - 1];
		if (last == NULL || !same_table(last, all.v[i].name) || order(&all.v[i].from, &last->until) >= 0) {
			all.v[n++] = all.v[i];
		} else if (order(&all.v[i].until, &last->until) > 0) {
			last->until = all.v[i].until;
		}
	}
	*ret = (struct audit_erasure_list) { all.v, n };
	return 0;
}

void audit_gone_init(struct audit_gone *gone)
{
	*gone = (struct audit_gone) { .known = false };
	ctx_init(&gone->kept);
}

void audit_gone_done(struct audit_gone *gone)
{
	ctx_done(&gone->kept);
}

int audit_know_gone(struct ctx *c, struct audit_gone *gone)
{
	if (gone->known) {
		return 0;
	}
	gone->kept.deadline_us = c->deadline_us;
	if (audit_read_erasures(&gone->kept, false, &gone->list) != 0) {
		ctx_cause(c, "%s", gone->kept.err.cause == NULL ? "" : gone->kept.err.cause);
		return ctx_fail(c, gone->kept.err.type, "%s", gone->kept.err.detail);
	}
	gone->known = true;
	return 0;
}

bool audit_is_erased(const struct audit_erasure_list *list, const char *table, struct id id)
{
	size_t low = 0;
	size_t high = list->n;
	while (low < high) { /* the first one behind the id */
		size_t middle = low + (high - low) / 2;
		const struct audit_erasure *e = &list->v[middle];
		int by_name = e->name == NULL ? 1 : strcmp(e->name, table); /* NULLs come last */
		if (by_name < 0 || (by_name == 0 && order(&e->from, &id) <= 0)) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	const struct audit_erasure *e = low == 0 ? NULL : &list->v[low - 1];
	return e != NULL && same_table(e, table) && (order(&id, &e->until) < 0 || order(&id, &e->from) == 0);
}

const char *audit_erased_ranges(struct arena *a, const struct audit_erasure_list *list, const char *table)
{
	struct buffer b;
	buffer_init(&b, a, 256);
	for (size_t i = 0; i < list->n; i++) {
		const struct audit_erasure *e = &list->v[i];
		int way = order(&e->from, &e->until);
		if (same_table(e, table) && way <= 0) {
			buffer_printf(&b, "%s[%s,%s%c", b.n == 0 ? "{" : ",",
			    hex_encode(a, (struct bytes) { e->from.b, sizeof(e->from.b) }),
			    hex_encode(a, (struct bytes) { e->until.b, sizeof(e->until.b) }), way == 0 ? ']' : ')');
		}
	}
	buffer_add_text(&b, b.n == 0 ? "{}" : "}");
	return (const char *) buffer_bytes(&b).p;
}
