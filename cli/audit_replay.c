#include "cli/audit.h"

#include <stdio.h>
#include <string.h>

#include "cli/audit_progress.h"
#include "lib/seal/audit_erased.h"
#include "cli/audit_rows.h"
#include "cli/audit_span.h"
#include "cli/audit_stop.h"
#include "cli/audit_text.h"
#include "cli/operator.h"

#define SHOWN_MAX 1000 /* in the JSON answer */

static const char usage[] =
    "Usage: cairn audit replay [--since TIME] [--until TIME] [--order ID | --serial HEX]\n"
    "\n"
    "Decides every validation and every CAA check on record again, from the kept evidence alone, with the code of\n"
    "today, and lists each record that says something else, or whose evidence is not the one that it is committed to.\n"
    "What retention has erased by a sealed record is counted.\n"
    "Exit code 0: all agree; 1: some differ, or it could not be done, or was stopped (Ctrl-C: what was counted is "
    "told).\n"
    "\n"
    "  --config FILE      configuration with command.auditor_database; may stand again, each laid over the one before\n"
    "  --database TEXT    connection string of PostgreSQL for role cairn_auditor instead\n"
    "  --since TIME       only what began then or later: 2026-11-21T08:00:00Z, or how long ago, such as 24h\n"
    "  --until TIME       only what began before\n"
    "  --order ID         only what an order needed, named by the 22 characters at the end of its URL\n"
    "  --serial HEX       the same for the order of a certificate\n"
    "  --quiet            no progress on a terminal\n"
    "  --json             one line of JSON\n";

struct request {
	struct audit_span span;
	const char *order;
	const char *serial;
	struct audit_erasure_list erasures;
};

/* One record that differs. */
struct different {
	struct id id;
	struct id authorization_id;
	const char *identifier;
	const char *method;
	const char *perspective;
	struct timestamp ended_at;
	struct replay_difference_list differences;
};
static const struct field difference_field[] = {
	FIELD(struct replay_difference, what),
	FIELD(struct replay_difference, recorded),
	FIELD(struct replay_difference, now),
};
static const struct fields difference_fields = FIELDS(struct replay_difference, difference_field);
static const struct field different_field[] = {
	FIELD(struct different, id),
	FIELD(struct different, authorization_id),
	FIELD(struct different, identifier),
	FIELD(struct different, method),
	FIELD(struct different, perspective),
	FIELD(struct different, ended_at),
	FIELD_STRUCTS(struct different, differences, &difference_fields),
};
static const struct fields different_fields = FIELDS(struct different, different_field);

struct different_list {
	struct different *v;
	size_t n;
};

struct answer {
	int64_t records;
	int64_t same;
	int64_t different;
	int64_t granted;
	int64_t erased;                  /* by record, so that nothing is left to decide from */
	bool stopped;                    /* by a signal: there are records that were not decided again */
	struct timestamp stopped_at;     /* where these begin; none: all of them */
	struct different_list differing; /* the first of them */
};
static const struct field answer_field[] = {
	FIELD(struct answer, records),
	FIELD(struct answer, same),
	FIELD(struct answer, different),
	FIELD(struct answer, granted),
	FIELD(struct answer, erased),
	FIELD(struct answer, stopped, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct answer, stopped_at),
	FIELD_STRUCTS(struct answer, differing, &different_fields),
};
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

static void print_different(struct arena *a, const struct replay_record *k, const struct replay_difference_list *list)
{
	char id[ID_TEXT_SIZE];
	id_encode(k->id, id);
	printf("%s  %s%s by %s, seen from %s, %s\n", id, k->wildcard ? "*." : "", audit_plain(a, k->identifier_value),
	    audit_plain(a, k->method), audit_plain(a, k->perspective), operator_time(a, k->ended_at, "?"));
	for (size_t i = 0; i < list->n; i++) {
		const struct replay_difference *d = &list->v[i];
		printf("    %-8s  on record: %s\n              now: %s\n", d->what, audit_plain(a, d->recorded),
		    audit_plain(a, d->now));
	}
}

static struct replay_difference_list copied(struct arena *a, const struct replay_difference_list *list)
{
	struct replay_difference_list copy = { ARENA_ARRAY(a, list->n, struct replay_difference), list->n };
	for (size_t i = 0; i < list->n; i++) {
		copy.v[i] = (struct replay_difference) { list->v[i].what, arena_text(a, list->v[i].recorded),
			arena_text(a, list->v[i].now) };
	}
	return copy;
}

static void keep_different(
    struct arena *a, struct answer *answer, const struct replay_record *k, const struct replay_difference_list *list)
{
	if (answer->differing.n == SHOWN_MAX) {
		return;
	}
	answer->differing.v[answer->differing.n++] = (struct different) {
		.id = k->id,
		.authorization_id = k->authorization_id,
		.identifier = arena_printf(a, "%s%s", k->wildcard ? "*." : "", k->identifier_value),
		.method = arena_text(a, k->method),
		.perspective = arena_text(a, k->perspective),
		.ended_at = k->ended_at,
		.differences = copied(a, list),
	};
}

static void replay_one(
    struct ctx *c, const struct request *r, struct ctx *batch, const struct replay_record *k, struct answer *answer)
{
	struct replay_difference_list list;
	bool gone = k->salt.n == 0 && audit_is_erased(&r->erasures, "log.validation_private", k->id);
	answer->records++;
	answer->erased += gone;
	if (gone) {
		return;
	}
	enum replay_outcome outcome = replay_record(batch, k, &list);
	answer->same += outcome == REPLAY_SAME;
	answer->granted += outcome == REPLAY_GRANTED;
	answer->different += outcome == REPLAY_DIFFERENT;
	if (outcome == REPLAY_DIFFERENT && r->span.options.json) {
		keep_different(c->arena, answer, k, &list);
	} else if (outcome == REPLAY_DIFFERENT) {
		audit_progress_clear();
		print_different(batch->arena, k, &list);
		(void) fflush(stdout);
	}
}

/* Each batch has a memory of its own. ret_more: there are records behind it. */
static int replay_batch(
    struct ctx *c, const struct request *r, struct audit_range *range, struct answer *answer, bool *ret_more)
{
	struct ctx batch;
	struct replay_record_list list;
	ctx_init(&batch);
	int result = audit_read(&batch, range, &list);
	if (result != 0) {
		c->err.type = batch.err.type;
		c->err.detail = arena_text(c->arena, batch.err.detail);
		c->err.cause = batch.err.cause == NULL ? NULL : arena_text(c->arena, batch.err.cause);
	} else {
		size_t i = 0;
		for (; i < list.n && !audit_is_stopped(); i++) {
			replay_one(c, r, &batch, &list.v[i], answer);
			range->after = list.v[i].id;
		}
		*ret_more = list.n == AUDIT_BATCH || i < list.n;
	}
	ctx_done(&batch);
	return result;
}

static void print_answer(struct arena *a, const struct answer *answer)
{
	if (answer->stopped) {
		printf("Stopped at %s: no record behind it was looked at.\n",
		    operator_time(a, answer->stopped_at, "the beginning"));
	}
	printf("%lld record(s) decided again: %lld the same, %lld different", (long long) answer->records,
	    (long long) answer->same, (long long) answer->different);
	if (answer->granted > 0) {
		printf(", %lld granted by the policy without a challenge", (long long) answer->granted);
	}
	if (answer->erased > 0) {
		printf(", %lld erased by record: their evidence had come to its end", (long long) answer->erased);
	}
	printf(".\n");
}

static int replay(struct ctx *c, const struct request *r, struct audit_range *range, struct answer *answer)
{
	bool more = true;
	while (more && !audit_is_stopped()) {
		int result = replay_batch(c, r, range, answer, &more);
		if (result != 0 && !audit_is_stopped()) {
			return -1;
		}
		audit_progress("%lld records, %lld differ, at %s", (long long) answer->records, (long long) answer->different,
		    operator_time(c->arena, id_time(range->after), "the beginning"));
	}
	answer->stopped = more;
	answer->stopped_at = more && answer->records > 0 ? id_time(range->after) : (struct timestamp) { 0 };
	return 0;
}

/* The least id of that moment. */
static struct id id_at(struct timestamp t)
{
	struct id id = { { 0 } };
	int64_t ms = t.us / 1000;
	for (size_t i = 0; i < 6; i++) {
		id.b[i] = (uint8_t) (ms >> (40 - 8 * i));
	}
	return id;
}

/* What the options say; an order that is named is looked for later. NULL, or what is wrong. */
static const char *read_range(
    struct arena *a, const struct request *r, struct audit_range *ret, struct id *ret_order, struct bytes *ret_serial)
{
	ret->after.b[sizeof(ret->after.b) - 1] = 1; /* none at all would be NULL */
	memset(ret->before.b, 0xff, sizeof(ret->before.b));
	if (r->span.since.us != 0) {
		ret->after = id_at(r->span.since);
	}
	if (r->span.until.us != 0) {
		ret->before = id_at(r->span.until);
	}
	if (r->order != NULL && r->serial != NULL) {
		return "--order and --serial name the same thing: give one of them";
	}
	if (r->order != NULL && id_parse(bytes_of_text(r->order), ret_order) != 0) {
		return "--order wants the 22 characters at the end of the order's URL";
	}
	if (r->serial != NULL && operator_serial(a, r->serial, ret_serial) != 0) {
		return OPERATOR_NO_SERIAL;
	}
	return NULL;
}

static int act(struct ctx *c, struct request *r, struct audit_range *range, struct id order, struct bytes serial)
{
	const struct config *config = NULL;
	struct answer answer = { .stopped = true, .differing = { ARENA_ARRAY(c->arena, SHOWN_MAX, struct different), 0 } };
	bool of_one = r->order != NULL || r->serial != NULL;
	audit_stop_catch();
	audit_progress_begin(r->span.quiet);
	int result = -1;
	if (operator_open(c, &r->span.options, audit_statements, audit_statements_n, &config) == 0 &&
	    audit_read_erasures(c, false, &r->erasures) == 0 &&
	    (!of_one || audit_find_order(c, order, serial, &range->authorizations) == 0)) {
		result = replay(c, r, range, &answer);
	}
	audit_progress_end();
	if (result != 0 && !audit_is_stopped()) {
		operator_complain(c, "audit replay");
		return 1;
	}
	if (r->span.options.json) {
		operator_print(c->arena, &answer_fields, &answer);
	} else {
		print_answer(c->arena, &answer);
	}
	return answer.different == 0 && !answer.stopped ? 0 : 1;
}

static const struct option options[] = {
	{ "order", required_argument, NULL, 'o' },
	{ "serial", required_argument, NULL, 'n' },
	AUDIT_SPAN_QUIET,
	AUDIT_SPAN_OPTIONS,
};

static bool take_option(void *request, int letter)
{
	struct request *r = request;
	if (letter == 'o' || letter == 'n') {
		*(letter == 'o' ? &r->order : &r->serial) = optarg;
		return true;
	}
	return audit_span_option(&r->span, letter);
}

static const struct operator_command command = { "audit replay", usage, options, take_option };

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .order = NULL };
	struct audit_range range = { .authorizations = { NULL, 0 } };
	struct id order = { { 0 } };
	struct bytes serial = { NULL, 0 };
	int code = audit_span_alone(c, &command, argc, argv, &r.span);
	if (code >= 0) {
		return code;
	}
	const char *why = read_range(c->arena, &r, &range, &order, &serial);
	return why == NULL ? act(c, &r, &range, order, serial) : operator_misused(&command, why);
}

int audit_replay_command(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
