#include "policy/ct.h"

#include <string.h>

#define DAY_S INT64_C(86400)
#define MICRO INT64_C(1000000)
#define NO_END INT64_MAX

/* The strictest of the browsers' policies at each time (H-5, H-6, H-7). From 2027-03-15 on no certificate lives longer than 100
 * days, and the row for long ones ends (H-22). */
static const struct {
	int64_t from_s; /* of the signing clock */
	int64_t until_s;
	int64_t life_up_to_s;
	struct ct_need need;
} rows[] = {
	{ 0, 1805068800, 180 * DAY_S, { .scts = 2, .operators = 2, .rfc6962 = 1 } },
	{ 0, 1805068800, NO_END, { .scts = 3, .operators = 2, .rfc6962 = 1 } },
	{ 1805068800, NO_END, NO_END, { .scts = 2, .operators = 2, .rfc6962 = 1 } }, /* 2027-03-15 */
};

struct ct_need ct_need_of(struct timestamp not_before, struct timestamp not_after, struct timestamp now)
{
	int64_t now_s = now.us / MICRO;
	int64_t life_s = (not_after.us - not_before.us) / MICRO + 1; /* D-9 */
	size_t i = 0;
	while (i < COUNT_OF(rows) - 1 &&
	       (now_s < rows[i].from_s || now_s >= rows[i].until_s || life_s > rows[i].life_up_to_s)) {
		i++;
	}
	return rows[i].need;
}

const char *ct_list_refusal(const struct ct_log_list *logs, struct timestamp now)
{
	if (timestamp_add_s(logs->made_at, CT_LIST_STALE_S).us <= now.us) {
		return "the list of logs is over 70 days old";
	}
	if (logs->made_at.us > timestamp_add_s(now, DAY_S).us) {
		return "the list of logs is from the future";
	}
	return NULL;
}

/* H-5: those that count from now on; a read-only one takes nothing. */
static bool takes(const struct ct_log *log, const struct ct_case *o)
{
	return (log->state == CT_QUALIFIED || log->state == CT_USABLE) && log->state_since.us <= o->now.us &&
	       ct_log_covers(log, o->not_after);
}

static bool is_named(const struct text_list *names, const struct ct_log *log)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->v[i], log->description) == 0) {
			return true;
		}
	}
	return names->n == 0;
}

static void shuffle(const struct ct_log **v, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		uint64_t chance = 0;
		random_bytes(&chance, sizeof(chance));
		size_t k = (size_t) (chance % i);
		const struct ct_log *other = v[i - 1];
		v[i - 1] = v[k];
		v[k] = other;
	}
}

/* How often the operator stands among the first n. */
static size_t times(const struct ct_log **v, size_t n, const char *operator)
{
	size_t found = 0;
	for (size_t i = 0; i < n; i++) {
		found += strcmp(v[i]->operator, operator) == 0 ? 1 : 0;
	}
	return found;
}

/* Of those from `at` on, the one to be asked next. */
static size_t best(const struct ct_log **v, size_t n, size_t at)
{
	size_t found = at;
	for (size_t i = at + 1; i < n; i++) {
		bool better =
		    at == 0 ? v[found]->tiled && !v[i]->tiled : times(v, at, v[i]->operator) < times(v, at, v[found]->operator);
		found = better ? i : found;
	}
	return found;
}

size_t ct_candidates(const struct ct_case *o, const struct text_list *names, const struct ct_log **ret)
{
	size_t n = 0;
	for (size_t i = 0; i < o->logs->n; i++) {
		if (takes(&o->logs->v[i], o) && is_named(names, &o->logs->v[i])) {
			ret[n++] = &o->logs->v[i];
		}
	}
	shuffle(ret, n);
	for (size_t at = 0; at < n; at++) {
		size_t next = best(ret, n, at);
		const struct ct_log *log = ret[next];
		ret[next] = ret[at];
		ret[at] = log;
	}
	return n;
}

/* H-5: a retired log's SCT counts when it is older than the retirement. */
static bool counts(const struct ct_log *log, struct timestamp t)
{
	switch (log->state) {
	case CT_QUALIFIED:
	case CT_USABLE:
	case CT_READONLY:
		return true;
	case CT_RETIRED:
		return t.us < log->state_since.us;
	case CT_PENDING:
	case CT_REJECTED:
		break;
	}
	return false;
}

const char *ct_sct_refusal(struct arena *a, const struct ct_case *o, const struct sct *sct)
{
	const struct ct_log *log = ct_log_find(o->logs, sct->log_id);
	struct timestamp t = sct_time(sct);
	if (log == NULL) {
		return "it is of a log that is not in the list";
	}
	if (!counts(log, t)) {
		return "it is of a log whose state does not count";
	}
	if (!ct_log_covers(log, o->not_after)) {
		return "it is of a shard for certificates that end at another time";
	}
	if (t.us > timestamp_add_s(o->now, CT_AHEAD_S).us) {
		return "its time is in the future";
	}
	/* A certificate that the log has had for long gets the SCT of then. */
	if (o->entry.precertificate && t.us < timestamp_add_s(o->now, -CT_BEHIND_S).us) {
		return "its time is long past";
	}
	return sct_verify(a, sct, &o->entry, log->key) ? NULL : "its signature does not verify";
}

bool ct_is_enough(const struct ct_case *o, const struct sct *v, size_t n)
{
	struct ct_need need = ct_need_of(o->not_before, o->not_after, o->now);
	size_t operators = 0;
	size_t rfc6962 = 0;
	size_t current = 0;
	for (size_t i = 0; i < n; i++) {
		const struct ct_log *log = ct_log_find(o->logs, v[i].log_id);
		bool known = false;
		if (log == NULL) {
			return false;
		}
		for (size_t k = 0; k < i; k++) {
			const struct ct_log *other = ct_log_find(o->logs, v[k].log_id);
			if (log == other) {
				return false; /* distinct logs */
			}
			known = known ||
			        strcmp(ct_log_operator_at(log, sct_time(&v[i])), ct_log_operator_at(other, sct_time(&v[k]))) == 0;
		}
		operators += known ? 0 : 1;
		rfc6962 += log->tiled ? 0 : 1;
		current += log->state == CT_RETIRED ? 0 : 1;
	}
	return n >= need.scts && operators >= need.operators && rfc6962 >= need.rfc6962 && current > 0;
}

/* Goes through the subsets of `size` by the order of their last members, so that the first SCTs that came are preferred. */
static bool choose_of(const struct ct_case *o, const struct sct *v, size_t n, size_t size, struct sct_list *chosen)
{
	if (chosen->n == size) {
		return ct_is_enough(o, chosen->v, size);
	}
	for (size_t i = 0; i < n; i++) {
		chosen->v[chosen->n++] = v[i];
		if (choose_of(o, v + i + 1, n - i - 1, size, chosen)) {
			return true;
		}
		chosen->n--;
	}
	return false;
}

int ct_choose(const struct ct_case *o, const struct sct *v, size_t n, struct sct_list *ret)
{
	size_t size = ct_need_of(o->not_before, o->not_after, o->now).scts;
	ret->n = 0;
	return choose_of(o, v, n, size, ret) ? 0 : -1;
}

int ct_check_list(struct ctx *c, const struct ct_case *o, struct bytes sct_list)
{
	struct sct_list list;
	TRY(sct_list_parse(c, sct_list, &list));
	for (size_t i = 0; i < list.n; i++) {
		const char *why = ct_sct_refusal(c->arena, o, &list.v[i]);
		if (why != NULL) {
			return ctx_fault(c, "an SCT is refused: %s (H-3, H-10)", why);
		}
	}
	if (!ct_is_enough(o, list.v, list.n)) {
		return ctx_fault(c, "the SCTs are not enough (H-5..H-7, H-12)");
	}
	return 0;
}
