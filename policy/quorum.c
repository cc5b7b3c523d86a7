#include "policy/quorum.h"

#include <string.h>

#include "lib/base/die.h"
#include "lib/crypto/onion.h"

static const struct {
	const char *from;
	size_t remotes;
	size_t regions;
} steps[] = {
#define STEP(from, remotes, regions) { from "T00:00:00Z", (remotes), (regions) },
#define MAY_FAIL(remotes, failing)
#include "policy/perspectives.def"
#undef STEP
#undef MAY_FAIL
};

static const struct {
	size_t remotes;
	size_t failing;
} tolerances[] = {
#define STEP(from, remotes, regions)
#define MAY_FAIL(remotes, failing) { (remotes), (failing) },
#include "policy/perspectives.def"
#undef STEP
#undef MAY_FAIL
};

bool quorum_applies(const struct identifier *identifier)
{
	return !(strcmp(identifier->type, "dns") == 0 && onion_is(identifier->value));
}

static struct timestamp first_day(size_t step)
{
	struct timestamp from;
	if (timestamp_parse(bytes_of_text(steps[step].from), &from) != 0) {
		die("policy/perspectives.def: %s is no date", steps[step].from);
	}
	return from;
}

struct timestamp quorum_stands_until(bool webpki, struct timestamp validated_at)
{
	struct timestamp until = { INT64_MAX };
	for (size_t i = COUNT_OF(steps); i-- > 0 && webpki;) {
		struct timestamp from = first_day(i);
		until = from.us > validated_at.us ? from : until;
	}
	return until;
}

struct quorum_rule quorum_rule(bool webpki, size_t remotes, struct timestamp now)
{
	struct quorum_rule rule = { 0 };
	for (size_t i = 0; i < COUNT_OF(tolerances); i++) { /* C-51 */
		rule.may_fail = remotes >= tolerances[i].remotes ? tolerances[i].failing : rule.may_fail;
	}
	for (size_t i = 0; i < COUNT_OF(steps) && webpki; i++) { /* C-50, C-52 */
		if (now.us >= first_day(i).us) {
			rule.least = steps[i].remotes;
			rule.regions = steps[i].regions;
		}
	}
	return rule;
}

size_t quorum_agreeing(const struct validation_result_list *answers)
{
	size_t n = 0;
	for (size_t i = 0; i < answers->n; i++) {
		n += answers->v[i].passed ? 1 : 0;
	}
	return n;
}

static bool same_region(const struct validation_result *a, const struct validation_result *b)
{
	return a->region != NULL && b->region != NULL && strcmp(a->region, b->region) == 0;
}

/* Different regions among those that agree; one without a region counts for none (C-52). */
static size_t regions_of(const struct validation_result_list *answers)
{
	size_t n = 0;
	for (size_t i = 0; i < answers->n; i++) {
		bool first = answers->v[i].passed && answers->v[i].region != NULL;
		for (size_t k = 0; k < i && first; k++) {
			first = !(answers->v[k].passed && same_region(&answers->v[k], &answers->v[i]));
		}
		n += first ? 1 : 0;
	}
	return n;
}

/* Those that looked and saw something else. */
static size_t refusing(const struct validation_result_list *answers)
{
	size_t n = 0;
	for (size_t i = 0; i < answers->n; i++) {
		n += !answers->v[i].passed && !answers->v[i].fault ? 1 : 0;
	}
	return n;
}

enum quorum_state quorum_decide(
    const struct quorum_rule *rule, size_t asked, const struct validation_result_list *answers)
{
	if (asked < rule->least || answers->n > asked) {
		return QUORUM_FAULT;
	}
	bool enough = quorum_agreeing(answers) + rule->may_fail >= asked;
	if (enough && regions_of(answers) >= rule->regions) {
		return QUORUM_REACHED;
	}
	if (refusing(answers) > rule->may_fail) {
		return QUORUM_REFUSED;
	}
	if (answers->n < asked) {
		return QUORUM_OPEN;
	}
	/* All have answered. Of those within the table that saw something else, one may have been the only one of its region. */
	return enough && refusing(answers) > 0 ? QUORUM_REFUSED : QUORUM_FAULT;
}

void quorum_withdraw(struct validation_result *r, const char *detail)
{
	r->passed = false;
	r->fault = true;
	r->problem = (struct problem_record) { .type = problem_info(PROBLEM_SERVER_INTERNAL)->name, .detail = detail };
	r->basis.control_fault = true;
	r->basis.caa_fault = true;
}
