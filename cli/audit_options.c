#include "cli/audit_options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/seal/audit_seal_rows.h"
#include "lib/base/folder.h"

void audit_options_init(struct ctx *c, struct audit_options *o, int argc)
{
	*o = (struct audit_options) { 0 };
	o->options.auditor = true;
	o->options.files.v = ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *);
}

bool audit_option(void *request, int letter)
{
	struct audit_options *o = request;
	const struct {
		int letter;
		const char **to;
	} texts[] = {
		{ 'k', &o->key },
		{ 's', &o->since },
		{ 't', &o->tiles },
		{ 'p', &o->proof },
		{ 'o', &o->out },
		{ 'f', &o->from },
		{ 'S', &o->save },
		{ 'w', &o->witness },
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (texts[i].letter == letter) {
			*texts[i].to = optarg;
			return true;
		}
	}
	return operator_option(&o->options, letter);
}

bool audit_options_only(const struct audit_options *o, const char *letters)
{
	const struct {
		char letter;
		bool given;
	} all[] = {
		{ 'k', o->key != NULL },
		{ 's', o->since != NULL },
		{ 't', o->tiles != NULL },
		{ 'p', o->proof != NULL },
		{ 'o', o->out != NULL },
		{ 'f', o->from != NULL },
		{ 'S', o->save != NULL },
		{ 'w', o->witness != NULL },
		{ 'j', o->options.json },
	};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (all[i].given && strchr(letters, all[i].letter) == NULL) {
			return false;
		}
	}
	return true;
}

int audit_open(struct ctx *c, const struct audit_options *o)
{
	const struct config *config = NULL;
	return operator_open(c, &o->options, audit_seal_statements, audit_seal_statements_n, &config);
}

int audit_read_key(struct ctx *c, const struct audit_options *o, struct note_key *ret)
{
	struct bytes text;
	if (o->key == NULL) {
		return FAIL(c, MALFORMED, "Say which key signs the log: --key VKEY, or --key FILE");
	}
	if (access(o->key, F_OK) != 0) {
		return note_key_parse(c, o->key, ret);
	}
	TRY(file_read(c, o->key, &text));
	return note_key_parse(c, arena_text_n(c->arena, text.p, text.n), ret);
}

int audit_read_since(struct ctx *c, const char *file, const struct note_key *key, struct merkle_head *ret)
{
	struct bytes note;
	*ret = (struct merkle_head) { .size = 0 };
	if (file == NULL) {
		return 0;
	}
	TRY(file_read(c, file, &note));
	return key != NULL ? checkpoint_open(c, key, note, ret) : checkpoint_parse(c, note, NULL, ret);
}
