#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cert.h"
#include "cli/cert_rows.h"
#include "cli/operator.h"
#include "cli/revoke_select.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 1000
#define LOOK 20000

#define CONDITIONS \
	"  --name NAME        www.example.com and the wildcard that covers it; \"*.example.com\"; \".example.com\": all " \
	"below it\n" \
	"  --key KEY          SHA-256 of the SubjectPublicKeyInfo in hexadecimal digits, or a file with a key or " \
	"certificate\n" \
	"  --account ACCOUNT  its URL, or the 22 characters at its end\n" \
	"  --serial SERIAL    in hexadecimal digits, with colons or without\n" \
	"  --expiring TIME    that ends before: 2026-12-24T08:00:00Z, or a time from now such as 72h\n" \
	"  --issuer NAME      as the configuration names it\n" \
	"  --profile NAME     of this profile\n" \
	"  --status STATUS    valid, revoked, expired, signing or given-up\n" \
	"  --limit N          so many at most (default 50, up to 1000)\n" \
	"  --after CURSOR     the next page, as the last line of the page before says it\n" \
	"  --config FILE      configuration with command.database; may stand again, each laid over the one before\n" \
	"  --database TEXT    connection string of PostgreSQL for role cairn_operator instead\n" \
	"  --json             one line of JSON\n"

static const char list_usage[] = "Usage: cairn cert list [CONDITION...] [--limit N] [--after CURSOR]\n"
                                 "\n"
                                 "The certificates that fit, the newest first when no name, key, account or end is "
                                 "asked for. A page looks at 20,000 at most.\n"
                                 "\n" CONDITIONS;
static const char search_usage[] =
    "Usage: cairn cert search CONDITION... [--limit N] [--after CURSOR]\n"
    "\n"
    "The certificates that fit all conditions, in an order that stays: by name, or by age. "
    "A page looks at 20,000 at most.\n"
    "\n" CONDITIONS;

struct request {
	struct operator_options options;
	const char *name;
	const char *key;
	const char *account;
	const char *serial;
	const char *expiring;
	const char *limit;
	const char *after;
	struct cert_query query;
};

static const struct field page_field[] = {
	FIELD_STRUCTS(struct cert_page, certificates, &cert_found_fields),
	FIELD(struct cert_page, looked),
	FIELD(struct cert_page, next),
};
static const struct fields page_fields = FIELDS(struct cert_page, page_field);

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "name", required_argument, NULL, 'n' },
	{ "key", required_argument, NULL, 'k' },
	{ "account", required_argument, NULL, 'a' },
	{ "serial", required_argument, NULL, 's' },
	{ "expiring", required_argument, NULL, 'e' },
	{ "issuer", required_argument, NULL, 'i' },
	{ "profile", required_argument, NULL, 'p' },
	{ "status", required_argument, NULL, 't' },
	{ "limit", required_argument, NULL, 'l' },
	{ "after", required_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* False for an option that there is not. */
static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = { ['n'] = &r->name,
		['k'] = &r->key,
		['a'] = &r->account,
		['s'] = &r->serial,
		['e'] = &r->expiring,
		['i'] = &r->query.issuer,
		['p'] = &r->query.profile,
		['t'] = &r->query.status,
		['l'] = &r->limit,
		['f'] = &r->after };
	return operator_text(&r->options, texts, opt);
}

static const struct operator_command list_command = { "cert list", list_usage, options, take_option };
static const struct operator_command search_command = { "cert search", search_usage, options, take_option };

static bool is_status(const char *text)
{
	static const char *const all[] = { "valid", "revoked", "expired", "signing", "given-up" };
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (strcmp(all[i], text) == 0) {
			return true;
		}
	}
	return false;
}

/* What is wrong with the words, or NULL. */
static const char *read_words(struct arena *a, struct request *r)
{
	struct cert_query *q = &r->query;
	char *end = NULL;
	q->look = LOOK;
	q->limit = r->limit == NULL ? LIMIT_DEFAULT : strtol(r->limit, &end, 10);
	if ((end != NULL && *end != '\0') || q->limit < 1 || q->limit > LIMIT_MAX) {
		return "--limit wants a number from 1 to 1000";
	}
	if (q->status != NULL && !is_status(q->status)) {
		return "--status wants valid, revoked, expired, signing or given-up";
	}
	if (r->account != NULL && operator_account(r->account, &q->account_id) != 0) {
		return OPERATOR_NO_ACCOUNT;
	}
	if (r->serial != NULL && operator_serial(a, r->serial, &q->serial) != 0) {
		return OPERATOR_NO_SERIAL;
	}
	if (r->expiring != NULL && operator_moment(r->expiring, true, &q->expiring) != 0) {
		return "--expiring wants a time, or how long from now";
	}
	return r->after == NULL || cert_query_after(a, r->after, q) == 0 ? NULL : "--after wants what the page before says";
}

static void print_page(struct ctx *c, const struct cert_page *page)
{
	for (size_t i = 0; i < page->certificates.n; i++) {
		const struct cert_found *f = &page->certificates.v[i];
		char account[ID_TEXT_SIZE];
		id_encode(f->account_id, account);
		printf("%s  %-8s  until %s  %s  %s  account %s  %s%s\n", f->serial, f->status,
		    operator_time(c->arena, f->not_after, "?"), f->issuer, f->profile, account,
		    f->names.n == 0 ? "" : f->names.v[0], f->names.n > 1 ? " and more" : "");
	}
	printf("%zu certificate(s) of %lld looked at.\n", page->certificates.n, (long long) page->looked);
	if (page->next != NULL) {
		printf("There may be more: --after '%s'\n", page->next);
	}
}

static int search(struct ctx *c, struct request *r)
{
	const struct config *config = NULL;
	struct revoke_meant key = { 0 };
	struct cert_page page;
	if (r->key != NULL) {
		TRY(revoke_select_key(c, r->key, &key));
		r->query.spki_sha256 = key.spki_sha256;
	}
	TRY(operator_open(c, &r->options, cert_statements, cert_statements_n, &config));
	TRY(cert_find(c, &r->query, &page));
	if (r->options.json) {
		operator_print(c->arena, &page_fields, &page);
	} else {
		print_page(c, &page);
	}
	return 0;
}

static bool asks_nothing(const struct request *r)
{
	return r->name == NULL && r->key == NULL && r->account == NULL && r->serial == NULL && r->expiring == NULL &&
	       r->query.issuer == NULL && r->query.profile == NULL && r->query.status == NULL;
}

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	bool lists = strcmp(argv[0], "list") == 0;
	const struct operator_command *command = lists ? &list_command : &search_command;
	int code = operator_read(command, argc, argv, &r);
	if (code >= 0) {
		return code;
	}
	const char *why = optind != argc ? "options only" : read_words(c->arena, &r);
	if (why == NULL && r.name != NULL && cert_query_name(c, r.name, &r.query) != 0) {
		why = c->err.detail;
	}
	if (why == NULL && !lists && asks_nothing(&r)) {
		why = "say what to look for";
	}
	if (why != NULL) {
		return operator_misused(command, why);
	}
	if (search(c, &r) != 0) {
		operator_complain(c, command->name);
		return 1;
	}
	return 0;
}

int cert_list_command(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}

int cert_search_command(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
