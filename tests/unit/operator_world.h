/* The registration authority and an operator's command on one database, one after the other. Include it behind cmocka.h, and
 * define `test_ra` before it. */
#ifndef CAIRN_TESTS_OPERATOR_WORLD_H
#define CAIRN_TESTS_OPERATOR_WORLD_H

#include "ra/lists.h"
#include "ra/ra.h"
#include "tests/unit/pg.h"

#define WORLD_CONNECTIONS 10

static inline void become_ra(void)
{
	db_thread_end();
	db_statements(ra_statements, ra_statements_n);
	db_configure(pg_conninfo("cairn_ra"), WORLD_CONNECTIONS, 5000);
}

/* Who runs these statements. */
static inline void become_operator_of(const struct statement *const *statements, size_t n)
{
	db_thread_end();
	db_statements(statements, n);
	db_configure(pg_conninfo("cairn_operator"), 2, 5000);
}

static inline int group_setup(void **state)
{
	(void) state;
	pg_start();
	ra_set(&test_ra);
	become_ra();
	struct ctx c;
	ctx_init(&c);
	assert_int_equal(lists_load(&c, test_ra.config), 0);
	ctx_done(&c);
	return 0;
}

static inline int group_teardown(void **state)
{
	(void) state;
	db_thread_end();
	pg_stop();
	return 0;
}

#endif
