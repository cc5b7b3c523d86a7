#include "cli/eab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/eab_keys.h"
#include "cli/operator.h"
#include "lib/base/sandbox.h"

#define DEFAULT_LIFE "30d"
#define LABEL_MAX 100

static const char usage[] =
    "Usage: cairn eab create [--label TEXT] [--uses N | --repeated] [--expires TIME] [--names LIST] [--profiles LIST] "
    "--yes\n"
    "       cairn eab list\n"
    "       cairn eab disable KEY --yes\n"
    "       cairn eab rotate KEY [--expires TIME] [--keep-old TIME] --yes\n"
    "\n"
    "External account keys (RFC 8555 7.3.4): their holder may make an ACME account, and must where acme.eab_required "
    "is true.\n"
    "create and rotate print the key identifier and the MAC key for the client, this once: certbot --eab-kid "
    "--eab-hmac-key.\n"
    "\n"
    "  --config FILE     configuration with command.database; may stand again, each laid over the one before\n"
    "  --database TEXT   connection string of PostgreSQL for role cairn_operator instead\n"
    "  --label TEXT      what you call it\n"
    "  --uses N          accounts that may be made with it (default 1)\n"
    "  --repeated        any number of accounts\n"
    "  --expires TIME    until when: 30d, 12h, or never (default " DEFAULT_LIFE ")\n"
    "  --names LIST      bind its accounts to these names: www.a.test,.below.test,*.a.test,10.0.0.0/8\n"
    "  --profiles LIST   bind its accounts to these profiles\n"
    "  --keep-old TIME   the old key makes accounts for so long still; without it, no more\n"
    "  --yes             make the change; without it, it is only shown\n"
    "  --json            one line of JSON\n";

struct request {
	struct operator_options options;
	const char *label;
	const char *names;
	const char *profiles;
	const char *expires;
	const char *keep_old;
	int64_t uses;
	struct id key; /* of disable and rotate */
	const struct config *config;
};

struct made_answer {
	bool done;
	const char *key_id;
	const char *mac_key;
	const char *algorithm;
	struct timestamp expires_at;
};
static const struct field made_answer_field[] = {
	FIELD(struct made_answer, done),
	FIELD(struct made_answer, key_id),
	FIELD(struct made_answer, mac_key),
	FIELD(struct made_answer, algorithm),
	FIELD(struct made_answer, expires_at),
};
static const struct fields made_answer_fields = FIELDS(struct made_answer, made_answer_field);

struct list_answer {
	struct eab_key_list keys;
};
static const struct field list_answer_field[] = { FIELD_STRUCTS(struct list_answer, keys, &eab_key_fields) };
static const struct fields list_answer_fields = FIELDS(struct list_answer, list_answer_field);

static void print_made(struct ctx *c, const struct request *r, const struct eab_made *made)
{
	if (r->options.json) {
		const struct made_answer answer = { true, made->key_id, made->mac_key, "HS256", made->expires_at };
		operator_print(c->arena, &made_answer_fields, &answer);
		return;
	}
	printf("key identifier  %s\nMAC key         %s\nexpires         %s\n", made->key_id, made->mac_key,
	    operator_time(c->arena, made->expires_at, "never"));
	printf("\nThe MAC key is not shown again. For clients:\n"
	       "  certbot --eab-kid %s --eab-hmac-key %s\n  lego --eab --kid %s --hmac %s\n",
	    made->key_id, made->mac_key, made->key_id, made->mac_key);
}

static int print_not_done(struct ctx *c, const struct request *r)
{
	if (r->options.json) {
		const struct made_answer answer = { .done = false };
		operator_print(c->arena, &made_answer_fields, &answer);
	} else {
		printf("Nothing was changed. Run it again with --yes.\n");
	}
	return 0;
}

/* "30d", "12h" or "never" from now. */
static int read_life(struct ctx *c, const char *option, const char *text, struct timestamp *ret)
{
	int64_t seconds = 0;
	if (strcmp(text, "never") == 0) {
		*ret = (struct timestamp) { 0 };
		return 0;
	}
	if (duration_parse(text, &seconds) != 0) {
		return FAIL(c, MALFORMED, "%s: \"%s\" must be a time such as 90d, 12h, 30m or 45s", option, text);
	}
	*ret = timestamp_add_s(clock_now(), seconds);
	return 0;
}

/* A misspelt profile would bind the accounts to nothing. Known only where a configuration was given. */
static int check_profiles(struct ctx *c, const struct request *r, const struct text_list *profiles)
{
	const struct config_profile_list *known = &r->config->policy.profiles;
	for (size_t i = 0; r->options.files.n > 0 && i < profiles->n; i++) {
		size_t k = 0;
		while (k < known->n && strcmp(known->v[k].name, profiles->v[i]) != 0) {
			k++;
		}
		if (k == known->n) {
			return FAIL(c, INVALID_PROFILE, "There is no profile \"%s\"", profiles->v[i]);
		}
	}
	return 0;
}

static int create(struct ctx *c, const struct request *r)
{
	struct text_list names = operator_list(c->arena, r->names);
	struct eab_wish wish = {
		.label = r->label == NULL ? "" : r->label,
		.max_accounts = r->uses,
		.profiles = operator_list(c->arena, r->profiles),
	};
	struct eab_made made;
	if (strlen(wish.label) > LABEL_MAX) {
		return FAIL(c, MALFORMED, "--label: must have at most %d octets", LABEL_MAX);
	}
	TRY(grants_names_parse(c, &names, &wish.names));
	TRY(check_profiles(c, r, &wish.profiles));
	TRY(read_life(c, "--expires", r->expires == NULL ? DEFAULT_LIFE : r->expires, &wish.expires_at));
	if (!r->options.yes) {
		if (!r->options.json) {
			printf("would make a key \"%s\" for %s, until %s, names %s, profiles %s\n", wish.label,
			    wish.max_accounts == 0 ? "any number of accounts"
			                           : arena_printf(c->arena, "%lld account(s)", (long long) wish.max_accounts),
			    operator_time(c->arena, wish.expires_at, "for ever"), names.n == 0 ? "as the policy says" : r->names,
			    wish.profiles.n == 0 ? "all" : r->profiles);
		}
		return print_not_done(c, r);
	}
	TRY(eab_create(c, &wish, operator_name(c->arena), &made));
	print_made(c, r, &made);
	return 0;
}

static void print_key(struct ctx *c, const struct eab_key *k)
{
	char id[ID_TEXT_SIZE];
	id_encode(k->id, id);
	const char *most = k->max_accounts == 0 ? "any" : arena_printf(c->arena, "%lld", (long long) k->max_accounts);
	printf("%s  %-8s  %lld of %s  until %s  %s", id, k->state, (long long) k->accounts, most,
	    operator_time(c->arena, k->expires_at, "for ever"), k->label);
	if (k->names.n + k->networks.n > 0) {
		printf("  names %s%s%s", operator_joined(c->arena, &k->names, ""),
		    k->names.n > 0 && k->networks.n > 0 ? "," : "", operator_joined(c->arena, &k->networks, ""));
	}
	if (k->profiles.n > 0) {
		printf("  profiles %s", operator_joined(c->arena, &k->profiles, ""));
	}
	printf("\n");
}

static int list(struct ctx *c, const struct request *r)
{
	struct list_answer answer;
	TRY(eab_list(c, &answer.keys));
	if (r->options.json) {
		operator_print(c->arena, &list_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.keys.n; i++) {
		print_key(c, &answer.keys.v[i]);
	}
	if (answer.keys.n == 0) {
		printf("There is no external account key.\n");
	}
	return 0;
}

static int disable(struct ctx *c, const struct request *r)
{
	bool changed = false;
	if (!r->options.yes) {
		return print_not_done(c, r);
	}
	TRY(eab_disable(c, r->key, operator_name(c->arena), &changed));
	if (r->options.json) {
		const struct made_answer answer = { .done = true };
		operator_print(c->arena, &made_answer_fields, &answer);
		return 0;
	}
	printf("%s\n", changed ? "It makes no more accounts; those that it made stay." : "It was disabled before.");
	return 0;
}

static int rotate(struct ctx *c, const struct request *r)
{
	struct eab_rotation rotation = { .old = r->key };
	struct eab_made made;
	TRY(read_life(c, "--expires", r->expires == NULL ? DEFAULT_LIFE : r->expires, &rotation.expires_at));
	if (r->keep_old != NULL) {
		TRY(read_life(c, "--keep-old", r->keep_old, &rotation.old_until));
		if (rotation.old_until.us == 0) {
			return FAIL(c, MALFORMED, "--keep-old: two keys for ever are no rotation; make another one");
		}
	}
	if (!r->options.yes) {
		return print_not_done(c, r);
	}
	TRY(eab_rotate(c, &rotation, operator_name(c->arena), &made));
	print_made(c, r, &made);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct ctx *c, const struct request *r);
	bool takes_key;
} actions[] = {
	{ "create", create, false },
	{ "list", list, false },
	{ "disable", disable, true },
	{ "rotate", rotate, true },
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "label", required_argument, NULL, 'l' },
	{ "uses", required_argument, NULL, 'u' },
	{ "repeated", no_argument, NULL, 'r' },
	{ "expires", required_argument, NULL, 'e' },
	{ "names", required_argument, NULL, 'n' },
	{ "profiles", required_argument, NULL, 'p' },
	{ "keep-old", required_argument, NULL, 'k' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* -1: not a whole number from 1 on. */
static int64_t read_uses(const char *text)
{
	char *end = NULL;
	long value = strtol(text, &end, 10);
	return end != text && *end == '\0' && value > 0 && value <= 1000000 ? value : -1;
}

/* False for an option that there is not. */
static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = {
		['l'] = &r->label, ['e'] = &r->expires, ['n'] = &r->names, ['p'] = &r->profiles, ['k'] = &r->keep_old
	};
	if (opt == 'u') {
		r->uses = read_uses(optarg);
	} else if (opt == 'r') {
		r->uses = 0;
	} else {
		return operator_text(&r->options, texts, opt);
	}
	return true;
}

static int act(struct ctx *c, size_t action, struct request *r)
{
	if (sandbox_no_dump(c) != 0 || operator_open(c, &r->options, eab_statements, eab_statements_n, &r->config) != 0 ||
	    actions[action].run(c, r) != 0) {
		operator_complain(c, "eab");
		return 1;
	}
	return 0;
}

static const struct operator_command command = { "eab", usage, options, take_option };

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } },
		.uses = 1 };
	size_t i = 0;
	int code = operator_begin(&command, OPERATOR_ACTIONS(actions), argc, argv, &r, &i);
	if (code >= 0) {
		return code;
	}
	if (argc - optind != (actions[i].takes_key ? 2 : 1)) {
		return operator_misused(&command, actions[i].takes_key ? "name one key" : "there are words too many");
	}
	if (actions[i].takes_key && id_parse(bytes_of_text(argv[optind + 1]), &r.key) != 0) {
		return operator_misused(&command, "a key is named by its 22 characters, as cairn eab list shows them");
	}
	if (r.uses < 0) {
		return operator_misused(&command, "--uses wants a whole number from 1 on");
	}
	return act(c, i, &r);
}

int cli_eab(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
