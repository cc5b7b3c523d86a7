#include <string.h>

#include "lib/seal/audit_erased.h"
#include "cli/audit_progress.h"
#include "cli/audit_stop.h"
#include "cli/audit_why.h"
#include "lib/seal/leaf.h"

struct why_params {
	struct bytes serial;
};
static const struct field why_param[] = { FIELD(struct why_params, serial) };
static const struct fields why_params_fields = FIELDS(struct why_params, why_param);

static const struct field claim_field[] = {
	FIELD(struct why_claim, section),
	FIELD(struct why_claim, title),
	FIELD(struct why_claim, lines),
	FIELD(struct why_claim, at),
	FIELD(struct why_claim, kind),
	FIELD(struct why_claim, record),
	FIELD(struct why_claim, state),
	FIELD(struct why_claim, remark),
	FIELD(struct why_claim, leaf),
	FIELD(struct why_claim, proof),
};
static const struct fields claim_fields = FIELDS(struct why_claim, claim_field);

/* A row of it: with what is gone, which is judged and not told. */
static const struct field row_field[] = {
	FIELD(struct why_claim, section),
	FIELD(struct why_claim, title),
	FIELD(struct why_claim, lines),
	FIELD(struct why_claim, at),
	FIELD(struct why_claim, kind),
	FIELD(struct why_claim, record),
	FIELD(struct why_claim, state),
	FIELD(struct why_claim, gone),
	FIELD(struct why_claim, gone_id),
};
static const struct fields row_fields = FIELDS(struct why_claim, row_field);

static const struct field story_field[] = {
	FIELD(struct why_story, serial),
	FIELD(struct why_story, size),
	FIELD(struct why_story, key),
	FIELD(struct why_story, key_was_given),
	FIELD(struct why_story, proved),
	FIELD(struct why_story, faults),
	FIELD(struct why_story, stopped, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCTS(struct why_story, claims, &claim_fields),
};
const struct fields why_story_fields = FIELDS(struct why_story, story_field);

/* F-56: db/functions/audit_why.sql */
const struct statement why_statement = {
	.name = "audit_why",
	.sql =
	    "SELECT w.section, w.title, w.lines, w.at, w.kind, w.record, w.state, w.gone, w.gone_id FROM audit.why($1) w",
	.params = &why_params_fields,
	.row = &row_fields,
	.repeatable = true,
};

/* Erasures by record: those that are sealed, and also those that wait for it. */
struct erasures {
	struct audit_erasure_list sealed;
	struct audit_erasure_list waiting;
};

/* F-46: whether it was lawful is not what the database says, but what the sealed records do. */
static void judge_gone(struct why_claim *claim, const struct erasures *e)
{
	if (claim->gone != NULL) {
		claim->state = audit_is_erased(&e->sealed, claim->gone, claim->gone_id)    ? "erased"
		               : audit_is_erased(&e->waiting, claim->gone, claim->gone_id) ? "waiting"
		                                                                           : "missing";
	}
}

static void judge(struct why_claim *claim, const char *state, const char *remark)
{
	claim->state = state;
	claim->remark = remark;
}

/* What the database found out without a look at the seal. */
static bool is_judged(struct arena *a, struct why_claim *claim)
{
	const struct {
		const char *state;
		const char *remark;
	} known[] = {
		{ "missing", "It should be on record and is not, and no erasure of it is on record." },
		{ "waiting", "What is gone was erased by the rules of retention, and the record of that is not sealed yet." },
		{ "changed", "It does not agree with the record of it." },
		{ "unproved", "No record of the sealed log tells of it: it stands in a table only." },
	};
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (strcmp(claim->state, known[i].state) == 0) {
			judge(claim, known[i].state, arena_text(a, known[i].remark));
			return true;
		}
	}
	return false;
}

/* The row is what was sealed: so are the personal fields beside it, if they are there. */
static void check_personal(struct arena *a, struct why_claim *claim, const struct audit_leaf *leaf, bool erased)
{
	const char *table = audit_personal_table(leaf->kind);
	if (erased) {
		judge(claim, "erased",
		    arena_printf(a, "What stood in %s was erased, which is on record; the rest is proved.", table));
		return;
	}
	const char *name = table == NULL ? NULL : audit_personal_differs(leaf);
	if (name != NULL) {
		judge(claim, "changed", arena_printf(a, "%s of %s is not what was committed to.", name, table));
	} else {
		judge(claim, "proved", NULL);
	}
}

static void prove_leaf(struct ctx *c, struct audit_tree *tree, struct why_claim *claim)
{
	struct audit_leaf leaf;
	struct proof proof;
	bool erased = strcmp(claim->state, "erased") == 0;
	if (audit_tree_prove(c, tree, (uint64_t) claim->leaf, &proof, &leaf) != 0) {
		bool waits = (uint64_t) claim->leaf >= tree->head.size;
		judge(claim, waits ? "waiting" : "changed", arena_text(c->arena, c->err.detail));
		ctx_forgive(c);
		return;
	}
	claim->proof = (const char *) proof_encode(c->arena, &proof).p;
	check_personal(c->arena, claim, &leaf, erased);
}

static int prove(struct ctx *c, struct audit_tree *tree, struct why_claim *claim)
{
	bool judged = is_judged(c->arena, claim);
	claim->leaf = -1;
	if (claim->kind == 0 || id_is_none(claim->record)) {
		if (!judged && strcmp(claim->state, "erased") != 0) {
			judge(claim, "plain", NULL);
		}
		return 0;
	}
	if (judged && strcmp(claim->state, "missing") != 0) {
		return 0;
	}
	TRY(audit_find_leaf(c, claim->kind, leaf_id_text(c->arena, claim->record), &claim->leaf));
	if (claim->leaf < 0 && !judged) {
		judge(claim, "waiting", "The record is not sealed yet.");
	} else if (claim->leaf >= 0 && !judged) {
		prove_leaf(c, tree, claim);
	}
	return 0;
}

int why_read(struct ctx *c, struct bytes serial, struct audit_tree *tree, struct why_story *ret)
{
	const struct why_params params = { serial };
	struct why_claim_list *claims = &ret->claims;
	struct erasures erasures;
	TRY(audit_read_erasures(c, false, &erasures.sealed));
	TRY(audit_read_erasures(c, true, &erasures.waiting));
	TRY(db_rows(c, &why_statement, &params, (void *) &claims->v, &claims->n));
	for (size_t i = 0; i < claims->n; i++) {
		struct why_claim *claim = &claims->v[i];
		audit_progress("claim %zu of %zu is proved", i + 1, claims->n);
		judge_gone(claim, &erasures);
		if (audit_is_stopped() || prove(c, tree, claim) != 0) {
			claims->n = i;
			return -1;
		}
		ret->proved += claim->proof != NULL;
		ret->faults += strcmp(claim->state, "missing") == 0 || strcmp(claim->state, "changed") == 0;
	}
	ret->size = (int64_t) tree->head.size;
	return 0;
}
