#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/audit.h"
#include "cli/audit_options.h"
#include "cli/audit_progress.h"
#include "cli/audit_stop.h"
#include "lib/seal/audit_tree.h"
#include "cli/files.h"
#include "lib/base/folder.h"
#include "lib/crypto/key.h"
#include "lib/seal/leaf.h"

static const char usage[] =
    "Usage: cairn audit prove (request|validation|event) ID [--out FILE]\n"
    "       cairn audit prove leaf NUMBER [--out FILE]\n"
    "       cairn audit prove consistency --since FILE [--out FILE]\n"
    "\n"
    "Writes a proof that this row, or leaf, is in the sealed log, or that the log goes on from an earlier checkpoint. "
    "Who\n"
    "has the proof and the log's key needs nothing else: cairn audit verify --proof FILE --key KEY\n"
    "\n"
    "  ID               of the row, as audit.leaf has it, or the 22 characters by which processes name it\n"
    "  --config FILE    configuration with command.auditor_database; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_auditor\n"
    "  --since FILE     the earlier checkpoint\n"
    "  --out FILE       a new file; without it the proof is printed\n"
    "  --json           the proof within one line of JSON\n";

static const struct option options[] = { AUDIT_OPTIONS };
static const struct operator_command command = { "audit prove", usage, options, audit_option };

struct proof_answer {
	const char *proof;
};
static const struct field proof_field[] = { FIELD(struct proof_answer, proof) };
static const struct fields proof_fields = FIELDS(struct proof_answer, proof_field);

struct wanted {
	struct audit_options options;
	const char *what;
	const char *which; /* "": none */
	int64_t kind;      /* of a row; 0: a leaf, or consistency */
	const char *row;   /* its id */
	uint64_t leaf;
};

/* As audit.leaf and as the processes write it; NULL for what is no id. */
static const char *row_id(struct arena *a, const char *typed)
{
	static const char form[] = "00000000-0000-0000-0000-000000000000";
	struct id id;
	if (id_parse(bytes_of_text(typed), &id) == 0) {
		return leaf_id_text(a, id);
	}
	bool good = strlen(typed) == sizeof(form) - 1;
	for (size_t i = 0; good && typed[i] != '\0'; i++) {
		good = form[i] == '-' ? typed[i] == '-' : strchr("0123456789abcdefABCDEF", typed[i]) != NULL;
	}
	return good ? typed : NULL;
}

/* What is wrong with the words, or NULL. */
static const char *read_words(struct arena *a, struct wanted *w)
{
	bool consistency = strcmp(w->what, "consistency") == 0;
	if (consistency) {
		return w->which[0] == '\0' && w->options.since != NULL ? NULL
		                                                       : "consistency wants --since FILE, and no more words";
	}
	w->kind = leaf_kind_of(w->what);
	if (w->kind == 0 && strcmp(w->what, "leaf") != 0) {
		return "say what is to be proved: request, validation, event, leaf or consistency";
	}
	if (w->kind == 0) {
		return size_parse(bytes_of_text(w->which), &w->leaf) == 0 && w->leaf <= INT64_MAX ? NULL
		                                                                                  : "leaf wants its number";
	}
	w->row = row_id(a, w->which);
	return w->row != NULL ? NULL : "the id of a row is a UUID, or its 22 characters";
}

static int find_leaf(struct ctx *c, const struct wanted *w, uint64_t *ret)
{
	int64_t leaf = -1;
	if (w->kind == 0) {
		*ret = w->leaf;
		return 0;
	}
	TRY(audit_find_leaf(c, w->kind, w->row, &leaf));
	if (leaf < 0) {
		return FAIL(c, NOT_FOUND, "%s %s has no seal (yet)", leaf_table(w->kind), w->which);
	}
	*ret = (uint64_t) leaf;
	return 0;
}

static int prove_leaf(struct ctx *c, const struct wanted *w, struct audit_tree *tree, struct proof *ret)
{
	uint64_t index = 0;
	TRY(find_leaf(c, w, &index));
	return audit_tree_prove(c, tree, index, ret, NULL);
}

static int prove_consistency(struct ctx *c, const struct wanted *w, struct audit_tree *tree, struct proof *ret)
{
	struct merkle_head older;
	struct merkle_hash root;
	TRY(file_read(c, w->options.since, &ret->older));
	TRY(checkpoint_parse(c, ret->older, NULL, &older));
	if (older.size > tree->head.size) {
		return FAIL(c, MALFORMED, "The earlier checkpoint has %llu leaves, the newest one %llu",
		    (unsigned long long) older.size, (unsigned long long) tree->head.size);
	}
	TRY(tiles_root(c, &tree->tiles, older.size, &root));
	if (!merkle_equal(&root, &older.root)) {
		return FAIL(c, MALFORMED, "The log does NOT go on from this checkpoint: run cairn audit verify --since");
	}
	ret->consistency = true;
	return tiles_consistency(c, &tree->tiles, older.size, tree->head.size, &ret->path);
}

static int prove(struct ctx *c, const struct wanted *w)
{
	struct audit_tree *tree = ARENA_NEW(c->arena, struct audit_tree);
	struct proof proof = { 0 };
	TRY(audit_open(c, &w->options));
	TRY(audit_tree_read(c, tree));
	if (tree->note.p == NULL) {
		return FAIL(c, NOT_FOUND, "The log has no checkpoint yet");
	}
	proof.checkpoint = tree->note;
	TRY(strcmp(w->what, "consistency") == 0 ? prove_consistency(c, w, tree, &proof) : prove_leaf(c, w, tree, &proof));
	struct bytes text = proof_encode(c->arena, &proof);
	audit_progress_end();
	if (w->options.options.json) {
		const struct proof_answer answer = { arena_text_n(c->arena, text.p, text.n) };
		text = bytes_of_text(
		    arena_printf(c->arena, "%s\n", (const char *) fields_to_json(c->arena, &proof_fields, &answer).p));
	}
	if (w->options.out != NULL) {
		return file_make(c, w->options.out, text, 0644);
	}
	return fwrite(text.p, 1, text.n, stdout) == text.n ? 0 : FAIL(c, SERVER_INTERNAL, "The proof can't be printed");
}

static int run(struct ctx *c, int argc, char **argv)
{
	struct wanted w = { .what = NULL };
	audit_options_init(c, &w.options, argc);
	int code = operator_read(&command, argc, argv, &w.options);
	if (code >= 0) {
		return code;
	}
	w.what = optind < argc ? argv[optind] : "";
	w.which = optind + 1 < argc ? argv[optind + 1] : "";
	const char *why = optind + 2 < argc ? "say one thing" : read_words(c->arena, &w);
	if (why != NULL) {
		return operator_misused(&command, why);
	}
	if (!audit_options_only(&w.options, strcmp(w.what, "consistency") == 0 ? "osj" : "oj")) {
		return operator_misused(&command, AUDIT_OPTION_MEANS_NOTHING);
	}
	audit_stop_catch();
	audit_progress_begin(false);
	int result = prove(c, &w);
	audit_progress_end();
	if (result != 0 && audit_is_stopped()) {
		fprintf(stderr, "cairn %s: It was stopped, and there is no proof\n", command.name);
		return 1;
	}
	if (result != 0) {
		operator_complain(c, command.name);
		return 1;
	}
	return 0;
}

int audit_prove_command(int argc, char **argv)
{
	return operator_run(argc, argv, run);
}

static const char key_usage[] = "Usage: cairn audit key --config FILE [--json]\n"
                                "\n"
                                "Prints name and public key of the sealed log: what others need to check it.\n";

struct key_answer {
	const char *key;
};
static const struct field key_field[] = { FIELD(struct key_answer, key) };
static const struct fields key_fields = FIELDS(struct key_answer, key_field);

static const struct operator_command key_command = { "audit key", key_usage, options, audit_option };

static int print_key(struct ctx *c, const struct audit_options *o)
{
	struct config *config = NULL;
	EVP_PKEY *key = NULL;
	struct note_key name;
	TRY(config_load(c, o->options.files.v, o->options.files.n, &config));
	arena_on_free(c->arena, (void (*)(void *)) config_free, config);
	if (config->subscriber.secret_file == NULL) {
		return FAIL(c, MALFORMED, "The configuration names no key: subscriber.secret_file");
	}
	TRY(key_read_file(c, config->subscriber.secret_file, &key));
	TRY(note_key_of(c, log_origin(c->arena, config), key, &name));
	const struct key_answer answer = { note_key_encode(c->arena, &name) };
	if (o->options.json) {
		operator_print(c->arena, &key_fields, &answer);
	} else {
		printf("%s\n", answer.key);
	}
	return 0;
}

static int run_key(struct ctx *c, int argc, char **argv)
{
	struct audit_options o;
	audit_options_init(c, &o, argc);
	int code = operator_read(&key_command, argc, argv, &o);
	if (code >= 0) {
		return code;
	}
	if (optind != argc || !audit_options_only(&o, "j")) {
		return operator_misused(&key_command, optind != argc ? "options only" : AUDIT_OPTION_MEANS_NOTHING);
	}
	if (print_key(c, &o) != 0) {
		operator_complain(c, key_command.name);
		return 1;
	}
	return 0;
}

int audit_key_command(int argc, char **argv)
{
	return operator_run(argc, argv, run_key);
}
