#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/disclose.h"
#include "cli/disclose_sign.h"
#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/crypto/cert.h"

#define LEAST_DEFAULT 20 /* G-33 */

static const char *id_text(struct arena *a, struct id id)
{
	char text[ID_TEXT_SIZE];
	id_encode(id, text);
	return arena_text(a, text);
}

int disclose_find(struct ctx *c, const struct disclose_request *r, struct disclose_case *ret)
{
	struct disclose_case_list cases;
	TRY(disclose_read_cases(c, r->case_id, true, &cases));
	if (cases.n == 0) {
		return FAIL(c, NOT_FOUND, "There is no such case");
	}
	*ret = cases.v[0];
	return 0;
}

static void print_case(struct ctx *c, const struct disclose_case *d)
{
	printf("%s  %-13s since %s  %s%s of %s, %s, received %s\n", id_text(c->arena, d->id), d->state,
	    operator_time(c->arena, d->since, "?"), d->kind, d->emergency ? " (EMERGENCY)" : "", d->requester, d->reference,
	    operator_time(c->arena, d->received_at, "?"));
}

struct list_answer {
	struct disclose_case_list cases;
};
static const struct field list_answer_field[] = { FIELD_STRUCTS(struct list_answer, cases, &disclose_case_fields) };
static const struct fields list_answer_fields = FIELDS(struct list_answer, list_answer_field);

int disclose_list(struct ctx *c, const struct disclose_request *r)
{
	struct list_answer answer;
	TRY(disclose_read_cases(c, (struct id) { { 0 } }, r->all, &answer.cases));
	if (r->options.json) {
		operator_print(c->arena, &list_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.cases.n; i++) {
		print_case(c, &answer.cases.v[i]);
	}
	if (answer.cases.n == 0) {
		printf("There is no case.\n");
	}
	return 0;
}

struct show_answer {
	struct disclose_case disclosure;
	struct disclose_past_list steps;
	struct disclose_item_list items;
	struct id_list untold;
};
static const struct field show_answer_field[] = {
	FIELD_STRUCT(struct show_answer, disclosure, &disclose_case_fields),
	FIELD_STRUCTS(struct show_answer, steps, &disclose_past_fields),
	FIELD_STRUCTS(struct show_answer, items, &disclose_item_fields),
	FIELD(struct show_answer, untold),
};
static const struct fields show_answer_fields = FIELDS(struct show_answer, show_answer_field);

/* Signatures are for programs. */
static const char *facts_text(struct ctx *c, json_t *facts)
{
	json_t *shown = arena_json(c->arena, json_copy(facts));
	(void) json_object_del(shown, "cms");
	(void) json_object_del(shown, "signature");
	return (const char *) json_encode(c->arena, shown).p;
}

static void print_show(struct ctx *c, const struct show_answer *answer)
{
	print_case(c, &answer->disclosure);
	for (size_t i = 0; i < answer->steps.n; i++) {
		const struct disclose_past *s = &answer->steps.v[i];
		printf("%3lld  %s  %-13s -> %-13s by %s%s\n     %s\n", (long long) s->n, operator_time(c->arena, s->at, "?"),
		    s->act, s->state, s->actor, s->intact ? "" : "  NOT AS IT WAS RECORDED", facts_text(c, s->facts));
	}
	for (size_t i = 0; i < answer->items.n; i++) {
		printf("Item %lld: %s\n", (long long) answer->items.v[i].item, answer->items.v[i].query);
	}
	for (size_t i = 0; i < answer->disclosure.consenting.n; i++) {
		printf("Consents: account %s\n", answer->disclosure.consenting.v[i]);
	}
	for (size_t i = 0; i < answer->untold.n; i++) {
		printf("Not told yet: account %s\n", id_text(c->arena, answer->untold.v[i]));
	}
}

int disclose_show(struct ctx *c, const struct disclose_request *r)
{
	struct show_answer answer;
	TRY(disclose_find(c, r, &answer.disclosure));
	TRY(disclose_read_past(c, r->case_id, &answer.steps));
	TRY(disclose_read_items(c, r->case_id, &answer.items));
	TRY(disclose_read_untold(c, r->case_id, &answer.untold));
	if (r->options.json) {
		operator_print(c->arena, &show_answer_fields, &answer);
	} else {
		print_show(c, &answer);
	}
	return 0;
}

struct due_answer {
	struct disclose_duty_list duties;
};
static const struct field due_answer_field[] = { FIELD_STRUCTS(struct due_answer, duties, &disclose_duty_fields) };
static const struct fields due_answer_fields = FIELDS(struct due_answer, due_answer_field);

/* Fails when something is overdue, for timers that mail what fails. */
int disclose_due(struct ctx *c, const struct disclose_request *r)
{
	struct due_answer answer;
	size_t overdue = 0;
	TRY(disclose_read_duties(c, &answer.duties));
	if (r->options.json) {
		operator_print(c->arena, &due_answer_fields, &answer);
	}
	for (size_t i = 0; i < answer.duties.n; i++) {
		const struct disclose_duty *d = &answer.duties.v[i];
		overdue += d->overdue ? 1 : 0;
		if (!r->options.json) {
			printf("%s  %-9s until %s%s\n", id_text(c->arena, d->id), d->duty, operator_time(c->arena, d->due_at, "?"),
			    d->overdue ? "  OVERDUE" : "");
		}
	}
	if (answer.duties.n == 0 && !r->options.json) {
		printf("Nothing is to be done.\n");
	}
	return overdue == 0 ? 0 : FAIL(c, CONFLICT, "Overdue: %zu", overdue);
}

static int read_number(struct ctx *c, const char *option, const char *text, int64_t none, int64_t *ret)
{
	size_t digits = text == NULL ? 0 : strspn(text, "0123456789");
	if (text != NULL && (digits == 0 || digits > 6 || text[digits] != '\0')) {
		return FAIL(c, MALFORMED, "--%s wants a number", option);
	}
	*ret = text == NULL ? none : strtoll(text, NULL, 10);
	return 0;
}

struct report_answer {
	int64_t year;
	int64_t least;
	struct disclose_count_list kinds;
};
static const struct field report_answer_field[] = {
	FIELD(struct report_answer, year),
	FIELD(struct report_answer, least),
	FIELD_STRUCTS(struct report_answer, kinds, &disclose_count_fields),
};
static const struct fields report_answer_fields = FIELDS(struct report_answer, report_answer_field);

static const char *shown(struct arena *a, int64_t count)
{
	return count < 0 ? "-" : arena_printf(a, "%lld", (long long) count);
}

/* G-57 */
int disclose_report(struct ctx *c, const struct disclose_request *r)
{
	struct report_answer answer;
	if (r->words[WORD_YEAR] == NULL) {
		return FAIL(c, MALFORMED, "Say which year: --year 2026");
	}
	TRY(read_number(c, "year", r->words[WORD_YEAR], 0, &answer.year));
	TRY(read_number(c, "least", r->words[WORD_LEAST], LEAST_DEFAULT, &answer.least));
	TRY(disclose_read_report(c, answer.year, answer.least, &answer.kinds));
	if (r->options.json) {
		operator_print(c->arena, &report_answer_fields, &answer);
		return 0;
	}
	printf("Requests for personal data in %lld\n%-12s %9s %9s %9s %9s %9s %9s\n", (long long) answer.year, "",
	    "received", "disclosed", "refused", "withdrawn", "open", "told");
	for (size_t i = 0; i < answer.kinds.n; i++) {
		const struct disclose_count *k = &answer.kinds.v[i];
		printf("%-12s %9s %9s %9s %9s %9s %9s\n", k->kind, shown(c->arena, k->received), shown(c->arena, k->disclosed),
		    shown(c->arena, k->refused), shown(c->arena, k->withdrawn), shown(c->arena, k->open),
		    shown(c->arena, k->told));
	}
	printf(
	    "- stands for a number from 1 to %lld, or one that would tell such a number.\n", (long long) answer.least - 1);
	return 0;
}

/* ---- officers ---- */

struct officers_answer {
	struct disclose_officer_list officers;
};
static const struct field officers_answer_field[] = { FIELD_STRUCTS(
	struct officers_answer, officers, &disclose_officer_fields) };
static const struct fields officers_answer_fields = FIELDS(struct officers_answer, officers_answer_field);

int disclose_officers(struct ctx *c, const struct disclose_request *r)
{
	struct officers_answer answer;
	TRY(disclose_read_officers(c, &answer.officers));
	if (r->options.json) {
		operator_print(c->arena, &officers_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.officers.n; i++) {
		const struct disclose_officer *o = &answer.officers.v[i];
		printf("%s  %s, since %s by %s%s%s\n", o->fingerprint, o->name, operator_time(c->arena, o->added_at, "?"),
		    o->added_by, o->ended_at.us == 0 ? "" : "; ended ",
		    o->ended_at.us == 0 ? "" : operator_time(c->arena, o->ended_at, "?"));
	}
	if (answer.officers.n == 0) {
		printf("There is no officer.\n");
	}
	return 0;
}

static void tell_change(struct ctx *c, const struct disclose_request *r, const char *fingerprint)
{
	if (r->options.json) {
		json_t *answer =
		    arena_json(c->arena, json_pack("{s:b,s:s}", "done", r->options.yes ? 1 : 0, "fingerprint", fingerprint));
		printf("%s\n", (const char *) json_encode(c->arena, answer).p);
	} else {
		printf("%s\n%s\n", fingerprint, r->options.yes ? "Done." : "Nothing was changed. Run it again with --yes.");
	}
}

int disclose_officer_add(struct ctx *c, const struct disclose_request *r)
{
	struct officer_cert cert;
	const char *name = r->words[WORD_NAME];
	TRY(officer_cert_read(c, r->file, &cert));
	if (name == NULL || name[0] == '\0' || strlen(name) > 100) {
		return FAIL(c, MALFORMED, "Say whose it is: --name TEXT");
	}
	if (r->options.yes) {
		TRY(disclose_add_officer(c, buffer_utf8(c->arena, name), cert.der, cert.modulus));
	}
	tell_change(c, r, cert_fingerprint(c->arena, cert.der));
	return 0;
}

/* The hexadecimal digits that `officers` shows. */
static int read_fingerprint(struct ctx *c, const char *text, struct bytes *ret)
{
	uint8_t *octets = arena_alloc(c->arena, 32);
	if (strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64) {
		return FAIL(c, MALFORMED, "A certificate is named by the 64 digits that cairn disclose officers shows");
	}
	for (size_t i = 0; i < 32; i++) {
		octets[i] = (uint8_t) strtoul(arena_text_n(c->arena, text + 2 * i, 2), NULL, 16);
	}
	*ret = (struct bytes) { octets, 32 };
	return 0;
}

int disclose_officer_end(struct ctx *c, const struct disclose_request *r)
{
	struct bytes fingerprint;
	const char *reason = r->words[WORD_REASON];
	TRY(read_fingerprint(c, r->file, &fingerprint));
	if (reason == NULL || reason[0] == '\0') {
		return FAIL(c, MALFORMED, "Say why: --reason TEXT");
	}
	if (r->options.yes) {
		TRY(disclose_end_officer(c, fingerprint, buffer_utf8(c->arena, reason)));
	}
	tell_change(c, r, r->file);
	return 0;
}
