#include "cli/recovery.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cli/acme_client.h"
#include "cli/operator.h"
#include "lib/base/contact.h"
#include "lib/base/folder.h"
#include "lib/base/sandbox.h"

#define INPUT_MAX 8192

static const char usage[] =
    "Usage: cairn recovery set     --server URL --key FILE [--contacts FILE] [--ca-file FILE] [--json]\n"
    "       cairn recovery show    --server URL --key FILE [--ca-file FILE] [--json]\n"
    "       cairn recovery delete  --server URL --key FILE [--ca-file FILE] [--json]\n"
    "       cairn recovery start   --server URL --key FILE --account URL|--certificate FILE [--contacts FILE] "
    "[--json]\n"
    "       cairn recovery confirm --server URL --key FILE [--token FILE] [--json]\n"
    "       cairn recovery open FILE --key FILE --certificate FILE [--out FILE]\n"
    "       cairn recovery add-custodian FILE --folder DIR --group a|b [--yes]\n"
    "       cairn recovery list [--all] [--json]\n"
    "       cairn recovery show ID [--json]\n"
    "       cairn recovery stop ID --reason TEXT [--yes] [--json]\n"
    "       cairn recovery search --contacts FILE [--json] PATH...\n"
    "\n"
    "Contacts by which you get your ACME account back when its key is lost (docs/recovery.md). The CA seals them when "
    "they come in;\n"
    "nobody can read them but two custodians together, and show never tells what they are.\n"
    "start claims an account with a new key, by one of its contacts; a mail with a token comes to the contact. confirm "
    "gives it back.\n"
    "For operators: list, show ID and stop ID are about accounts that are being recovered; search looks whether "
    "contacts "
    "stand in\n"
    "files, folders or standard input (-), where none may be, in clear or as UTF-16, hex or base64.\n"
    "\n"
    "  --server URL        the CA's ACME directory\n"
    "  --key FILE          the account's private key, PEM or JWK (certbot: private_key.json); start and confirm: the "
    "new "
    "one;\n"
    "                      open: the custodian's, PEM\n"
    "  --contacts FILE     one mailto: or tel: URL a line; without it, or as -, they are read from standard input\n"
    "  --account URL       the account whose key is lost\n"
    "  --token FILE        the token; without it, or as -, it is read from standard input\n"
    "  --ca-file FILE      authorities that the CA's TLS certificate is checked by, in the place of the system's\n"
    "  --certificate FILE  start: a certificate that was issued to the account; open: the custodian's\n"
    "  --out FILE          where the opened outer layer goes, for a custodian of group a\n"
    "  --folder DIR        recovery.custodian_dir of the configuration\n"
    "  --group a|b         the group that the certificate in FILE joins; cairn-subscriber has to be restarted\n"
    "  --config FILE       of an operator: configuration with command.database; may stand again\n"
    "  --database TEXT     connection string of PostgreSQL for role cairn_operator instead\n"
    "  --all               also recoveries that have ended within 30 days\n"
    "  --reason TEXT       why it is stopped, for the log and for the contact\n"
    "  --yes               make the change that is else only shown\n"
    "  --json              one line of JSON\n";

/* All that the file has, in a buffer of the caller, who wipes it; stdio would keep a copy. */
static int read_input(struct ctx *c, const char *path, char buffer[INPUT_MAX], size_t *ret_n)
{
	FILE *file = path == NULL || strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (file == NULL) {
		return FAIL(c, MALFORMED, "%s: can't be read", path);
	}
	(void) setvbuf(file, NULL, _IONBF, 0);
	*ret_n = fread(buffer, 1, INPUT_MAX, file);
	bool failed = ferror(file) != 0;
	if (file != stdin) {
		(void) fclose(file);
	}
	return failed || *ret_n == INPUT_MAX ? FAIL(c, MALFORMED, "What is to be sent can't be read, or is too long") : 0;
}

static void split_lines(struct arena *a, const char *text, size_t n, struct text_list *ret)
{
	ret->v = ARENA_ARRAY(a, n + 1, const char *);
	ret->n = 0;
	for (size_t at = 0; at < n;) {
		size_t line = 0;
		while (at + line < n && text[at + line] != '\n' && text[at + line] != '\r') {
			line++;
		}
		if (line > 0) {
			ret->v[ret->n++] = arena_text_n(a, text + at, line);
		}
		at += line + 1;
	}
}

struct payload {
	struct text_list contacts;
};
static const struct field payload_field[] = { FIELD(struct payload, contacts) };
static const struct fields payload_fields = FIELDS(struct payload, payload_field);

int recovery_read_lines(struct ctx *c, const char *path, struct text_list *ret)
{
	char buffer[INPUT_MAX];
	size_t n = 0;
	int result = read_input(c, path, buffer, &n);
	if (result == 0) {
		split_lines(c->arena, buffer, n, ret);
	}
	OPENSSL_cleanse(buffer, sizeof(buffer));
	return result;
}

int recovery_read_contacts(struct ctx *c, const struct recovery_request *r, struct text_list *ret)
{
	struct text_list lines = { NULL, 0 };
	TRY(recovery_read_lines(c, r->contacts, &lines));
	TRY(contacts_parse(c, &lines, ret));
	return ret->n > 0 ? 0
	                  : FAIL(c, MALFORMED, "There is no contact; cairn recovery delete deletes those that are kept");
}

static void print(const struct recovery_request *r, struct arena *a, const json_t *answer)
{
	bool kept = json_is_true(json_object_get(answer, "recoveryContacts"));
	const char *since = json_string_value(json_object_get(answer, "changedAt"));
	const char *recovery = json_string_value(json_object_get(answer, "recovery"));
	const char *claimed = json_string_value(json_object_get(answer, "claimedAt"));
	if (r->operator.json) {
		printf("%s\n", (const char *) json_encode(a, answer).p);
		return;
	}
	if (kept) {
		printf(
		    "The CA keeps recovery contacts of this account, given at %s.\n", since == NULL ? "a time unknown" : since);
	} else {
		printf("The CA keeps no recovery contacts of this account.\n");
	}
	if (recovery != NULL) {
		printf("Somebody claimed the account at %s; that recovery is: %s.\n",
		    claimed == NULL ? "a time unknown" : claimed, recovery);
	}
}

static int ask(struct ctx *c, const struct recovery_request *r, struct acme_client *a, const char *payload)
{
	const char *url = NULL;
	const json_t *answer = NULL;
	TRY(acme_client_open(c, r->server, r->ca_file, a));
	TRY(acme_client_url(c, a, "recoveryContacts", &url));
	TRY(acme_client_find_account(c, a));
	TRY(acme_client_post(c, a, url, payload, &answer));
	print(r, c->arena, answer);
	return 0;
}

static int run_client(struct ctx *c, const struct recovery_request *r, const char *payload)
{
	struct acme_client a = { .http = NULL };
	if (r->server == NULL || r->key == NULL) {
		return FAIL(c, MALFORMED, "Say whose account it is, and where: --key FILE and --server URL");
	}
	TRY(account_key_read(c, r->key, &a.key));
	int result = ask(c, r, &a, payload);
	acme_client_close(&a);
	return result;
}

static int set(struct ctx *c, const struct recovery_request *r)
{
	struct payload payload;
	TRY(recovery_read_contacts(c, r, &payload.contacts));
	return run_client(c, r, (const char *) fields_to_json(c->arena, &payload_fields, &payload).p);
}

/* Of the contacts of an account, or for an operator of a recovery. */
static int show(struct ctx *c, const struct recovery_request *r)
{
	return id_is_none(r->id) ? run_client(c, r, "") : recovery_list_cases(c, r);
}

static int delete (struct ctx *c, const struct recovery_request *r)
{
	return run_client(c, r, "{\"contacts\":[]}");
}

enum word { WORD_NONE, WORD_FILE, WORD_ID, WORD_MAYBE_ID, WORD_PATHS };

static const struct {
	const char *name;
	int (*run)(struct ctx *c, const struct recovery_request *r);
	enum word word;
} actions[] = {
	{ "set", set, WORD_NONE },
	{ "show", show, WORD_MAYBE_ID },
	{ "delete", delete, WORD_NONE },
	{ "start", recovery_start_claim, WORD_NONE },
	{ "confirm", recovery_confirm, WORD_NONE },
	{ "open", recovery_open, WORD_FILE },
	{ "add-custodian", recovery_add_custodian, WORD_FILE },
	{ "list", recovery_list_cases, WORD_NONE },
	{ "stop", recovery_stop_case, WORD_ID },
	{ "search", recovery_search, WORD_PATHS },
};

static const struct option options[] = {
	{ "server", required_argument, NULL, 's' },
	{ "ca-file", required_argument, NULL, 'a' },
	{ "key", required_argument, NULL, 'k' },
	{ "contacts", required_argument, NULL, 'n' },
	{ "certificate", required_argument, NULL, 'e' },
	{ "account", required_argument, NULL, 'A' },
	{ "token", required_argument, NULL, 't' },
	{ "out", required_argument, NULL, 'o' },
	{ "group", required_argument, NULL, 'g' },
	{ "folder", required_argument, NULL, 'f' },
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "reason", required_argument, NULL, 'r' },
	{ "all", no_argument, NULL, 'l' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool take_option(void *request, int letter)
{
	struct recovery_request *r = request;
	const char **const texts[OPERATOR_LETTERS] = {
		['s'] = &r->server,
		['a'] = &r->ca_file,
		['k'] = &r->key,
		['n'] = &r->contacts,
		['e'] = &r->certificate,
		['A'] = &r->account,
		['t'] = &r->token,
		['o'] = &r->out,
		['g'] = &r->group,
		['f'] = &r->folder,
		['r'] = &r->reason,
	};
	r->all = r->all || letter == 'l';
	return letter == 'l' || operator_text(&r->operator, texts, letter);
}

static const struct operator_command command = { "recovery", usage, options, take_option };

/* What is wrong with the word behind the action, or NULL. */
static const char *read_word(struct recovery_request *r, enum word word, int words, char *last)
{
	bool wanted = word == WORD_FILE || word == WORD_ID;
	if (word == WORD_PATHS) {
		return NULL;
	}
	if (words > 1 || (words == 0 && wanted) || (words == 1 && word == WORD_NONE)) {
		return word == WORD_FILE ? "name one file"
		       : word == WORD_ID ? "name one recovery by the 22 characters of its id"
		                         : "contacts are no words of the command line, where others could read them";
	}
	r->file = words == 1 ? last : NULL;
	return words == 1 && word != WORD_FILE && id_parse(bytes_of_text(last), &r->id) != 0
	           ? "a recovery is named by the 22 characters of its id"
	           : NULL;
}

static int choose(struct ctx *c, int argc, char **argv)
{
	struct recovery_request r = {
		.operator= { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	size_t i = 0;
	int code = operator_begin(&command, OPERATOR_ACTIONS(actions), argc, argv, &r, &i);
	if (code >= 0) {
		return code;
	}
	r.paths = (struct text_list) { (const char **) (uintptr_t) (argv + optind + 1), (size_t) (argc - optind - 1) };
	const char *why = read_word(&r, actions[i].word, argc - optind - 1, argv[argc - 1]);
	if (why != NULL) {
		return operator_misused(&command, why);
	}
	if (sandbox_no_dump(c) != 0 || actions[i].run(c, &r) != 0) {
		operator_complain(c, "recovery");
		return 1;
	}
	return 0;
}

int cli_recovery(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
