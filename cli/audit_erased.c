#include "cli/audit_erased.h"

#include <string.h>

static const struct field erasure_field[] = {
	FIELD(struct audit_erasure, name),
	FIELD(struct audit_erasure, from),
	FIELD(struct audit_erasure, until),
};
static const struct fields erasure_fields = FIELDS(struct audit_erasure, erasure_field);

const struct statement audit_erasures_statement = {
	.name = "audit_erasures",
	.sql =
	    "SELECT name, from_id AS from, until_id AS until FROM audit.lawful_erasures() ORDER BY name COLLATE \"C\", 2",
	.row = &erasure_fields,
	.repeatable = true,
};

static int order(const struct id *a, const struct id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

static bool same_table(const struct audit_erasure *e, const char *table)
{
	return e->name == NULL || table == NULL ? e->name == table : strcmp(e->name, table) == 0;
}

int audit_read_erasures(struct ctx *c, struct audit_erasure_list *ret)
{
	struct audit_erasure_list all;
	size_t n = 0;
	TRY(db_rows(c, &audit_erasures_statement, NULL, (void *) &all.v, &all.n));
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
