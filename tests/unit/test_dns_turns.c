/* link: va */
/* Whose turn it is when a place becomes free (va/dns_turns.h); what comes of it with resolvers is in test_dns_lanes.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "va/dns_turns.h"

#define MORE 8 /* than a domain has places in a crowd */
#define ALL (DNS_DOMAIN_FEW + MORE)

static struct arena *arena;
static struct dns_turns *turns;
static bool had_turn; /* its address is the arg of those that had theirs */

static struct dns_job *ask(const char *before, int i, const char *after)
{
	struct dns_job *job = ARENA_NEW(arena, struct dns_job);
	if (dns_turns_ask(turns, job, arena_printf(arena, "%s%d%s", before, i, after)) == DNS_TURN_NOW) {
		job->arg = &had_turn;
	}
	return job;
}

static bool waits(const struct dns_job *job)
{
	return job->arg == NULL;
}

/* How many have their turn by it. */
static int end(struct dns_job *job)
{
	int n = 0;
	struct dns_list next;
	dns_turns_end(turns, job, &next);
	for (struct dns_job *one = dns_list_take(&next); one != NULL; one = one->next) {
		assert_true(waits(one));
		one->arg = &had_turn;
		n++;
	}
	return n;
}

static int end_some(struct dns_job **jobs, int n)
{
	int turned = 0;
	for (int i = 0; i < n; i++) {
		turned += end(jobs[i]);
	}
	return turned;
}

/* When a crowd ends, those that it kept waiting have their turns, first those that came first, and domains one after the other; nobody who
 * comes later passes them. */
static void test_the_end_of_a_crowd(void **state)
{
	struct dns_job *crowd[DNS_JOBS_CROWD];
	struct dns_job *one[ALL];
	struct dns_job *two[ALL];
	(void) state;
	for (int i = 0; i < DNS_JOBS_CROWD; i++) {
		crowd[i] = ask("victim", i, ".com");
	}
	for (int i = 0; i < ALL; i++) {
		one[i] = ask("a", i, ".one.example");
		two[i] = ask("a", i, ".x.two.example");
		assert_true(waits(one[i]) == (i >= DNS_DOMAIN_FEW) && waits(two[i]) == (i >= DNS_DOMAIN_FEW));
	}
	int next = 2 * DNS_DOMAIN_FEW; /* what the two have is beyond the crowd */
	assert_int_equal(end_some(crowd, next), 0);
	assert_int_equal(end_some(crowd + next, 3), 3); /* each gives one place away, and the crowd is one again */
	assert_true(!waits(one[4]) && !waits(two[4]) && !waits(one[5]) && waits(two[5]) && waits(one[6]));
	struct dns_job *late = ask("late", 0, ".one.example");
	assert_true(waits(late));
	dns_turns_leave(turns, two[5]); /* who gave up is passed */
	assert_int_equal(end_some(crowd + next + 3, 2), 2);
	assert_true(!waits(two[6]) && !waits(one[6]) && waits(two[7]) && waits(one[7]) && waits(late));
	assert_int_equal(end_some(crowd + next + 5, 20), 2 * ALL - 14 + 1);
	for (int i = 6; i < ALL; i++) {
		assert_true(!waits(one[i]) && !waits(two[i]));
	}
	assert_false(waits(late));
}

/* In a crowd an end is the turn of the domain's own. */
static void test_own_end_of_a_crowd(void **state)
{
	struct dns_job *crowd[DNS_JOBS_CROWD];
	struct dns_job *one[ALL];
	(void) state;
	for (int i = 0; i < DNS_JOBS_CROWD; i++) {
		crowd[i] = ask("victim", i, ".com");
	}
	for (int i = 0; i < ALL; i++) {
		one[i] = ask("a", i, ".one.example");
	}
	for (int i = DNS_DOMAIN_FEW; i < ALL; i++) {
		assert_true(waits(one[i]));
	}
	assert_int_equal(end(one[0]), 1);
	assert_true(!waits(one[DNS_DOMAIN_FEW]) && waits(one[DNS_DOMAIN_FEW + 1]));
	assert_int_equal(end_some(crowd, DNS_DOMAIN_FEW), 0);
	assert_int_equal(end_some(crowd + DNS_DOMAIN_FEW, DNS_JOBS_CROWD - DNS_DOMAIN_FEW), MORE - 1);
}

/* Without a crowd an end is the turn of him who waited longest for a place of that kind. */
static void test_first_come(void **state)
{
	struct dns_job *a[DNS_PARENT_MOST];
	struct dns_job *b[DNS_PARENT_MOST];
	(void) state;
	for (int i = 0; i < DNS_PARENT_MOST; i++) {
		a[i] = ask("a", i, ".x.example");
		b[i] = ask("b", i, ".y.x.example");
		assert_false(waits(a[i]) || waits(b[i]));
	}
	struct dns_job *first = ask("c", 1, ".x.example");
	struct dns_job *second = ask("c", 2, ".x.example");
	struct dns_job *other = ask("c", 3, ".z.x.example");
	assert_true(waits(first) && waits(second) && waits(other));
	assert_int_equal(end(b[0]), 1); /* no place below x itself */
	assert_true(waits(first) && !waits(other));
	assert_int_equal(end(a[0]), 1);
	assert_true(!waits(first) && waits(second));
	struct dns_job *third = ask("c", 4, ".x.example");
	assert_int_equal(end(a[1]), 1);
	assert_true(!waits(second) && waits(third));
	assert_int_equal(end(a[2]), 1);
	assert_false(waits(third));
}

static int set_up(void **state)
{
	(void) state;
	arena = arena_new();
	turns = dns_turns_new();
	return 0;
}

static int tear_down(void **state)
{
	(void) state;
	dns_turns_free(turns);
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_end_of_a_crowd, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_end_of_a_crowd, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_first_come, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
