#include "cli/incident.h"

#include <stdio.h>
#include <string.h>

#include "cli/incident_distrust.h"
#include "cli/incident_waves.h"
#include "cli/operator.h"
#include "cli/serials.h"

static const char usage[] =
    "Usage: cairn incident create (--serials FILE | --where CONDITION) --url URL [--window FROM/TO] [--waves N] --yes\n"
    "       cairn incident list\n"
    "       cairn incident show ID\n"
    "       cairn incident close ID --yes\n"
    "       cairn incident distrust CONDITION... --reason TEXT --yes   (see cairn incident distrust --help)\n"
    "\n"
    "Tells the clients of some certificates to renew them before their time (RFC 9773), and why.\n"
    "\n"
    "  --config FILE      configuration with command.database; may stand again, each laid over the one before\n"
    "  --database TEXT    connection string of PostgreSQL for role cairn_operator instead\n"
    "  --serials FILE     serials in hexadecimal digits, one a line; # begins a comment\n"
    "  --where CONDITION  SQL over the columns of acme.issued, such as \"'tls-alpn-01' = ANY (methods)\"\n"
    "  --url URL          the page that explains it to subscribers\n"
    "  --window FROM/TO   when to renew: each now, a time from now such as 12h, or 2026-11-21T08:00:00Z\n"
    "                     (default: over already, so that clients renew when they next ask)\n"
    "  --waves N          spread the certificates over N parts of the window, one after another (default 1)\n"
    "  --dry-run          only show what would be done, as without --yes\n"
    "  --yes              make the change; without it, it is only shown\n"
    "  --json             one line of JSON\n";

struct request {
	struct operator_options options;
	const char *serials;
	const char *where;
	const char *url;
	const char *window;
	const char *waves;
	bool dry_run;
	struct incident_wish wish;
	struct id id; /* of show and close */
	const struct config *config;
};

struct create_answer {
	bool done;
	struct id id;
	int64_t certificates;
	int64_t accounts;
	int64_t expired;
	struct wave_list waves;
};
static const struct field create_answer_field[] = {
	FIELD(struct create_answer, done),
	FIELD(struct create_answer, id),
	FIELD(struct create_answer, certificates),
	FIELD(struct create_answer, accounts),
	FIELD(struct create_answer, expired),
	FIELD_STRUCTS(struct create_answer, waves, &wave_fields),
};
static const struct fields create_answer_fields = FIELDS(struct create_answer, create_answer_field);

struct list_answer {
	struct incident_list incidents;
};
static const struct field list_answer_field[] = { FIELD_STRUCTS(struct list_answer, incidents, &incident_fields) };
static const struct fields list_answer_fields = FIELDS(struct list_answer, list_answer_field);

struct show_answer {
	struct incident_list incident; /* one */
	struct incident_certificate_list certificates;
};
static const struct field show_answer_field[] = {
	FIELD_STRUCTS(struct show_answer, incident, &incident_fields),
	FIELD_STRUCTS(struct show_answer, certificates, &incident_certificate_fields),
};
static const struct fields show_answer_fields = FIELDS(struct show_answer, show_answer_field);

struct done_answer {
	bool done;
};
static const struct field done_answer_field[] = { FIELD(struct done_answer, done) };
static const struct fields done_answer_fields = FIELDS(struct done_answer, done_answer_field);

static int find(struct ctx *c, const struct request *r, struct incident_found *ret)
{
	struct text_list serials;
	if (r->where != NULL) {
		return incident_find_where(c, r->where, ret);
	}
	TRY(serials_read(c, r->serials, &serials));
	TRY(incident_find_serials(c, &serials, ret));
	if (ret->missing.n > 0) {
		size_t more = ret->missing.n - 1;
		return FAIL(c, NOT_FOUND, "%s: this CA has issued no certificate with the serial %s%s", r->serials,
		    ret->missing.v[0], more == 0 ? "" : arena_printf(c->arena, ", and %zu more like it", more));
	}
	return 0;
}

static void print_created(struct ctx *c, const struct create_answer *answer)
{
	char id[ID_TEXT_SIZE];
	waves_print(c->arena, &answer->waves);
	printf("%lld certificate(s) of %lld account(s); %lld more have ended.\n", (long long) answer->certificates,
	    (long long) answer->accounts, (long long) answer->expired);
	id_encode(answer->id, id);
	printf(answer->done ? "It is incident %s from now on.\n" : "Nothing was changed. Run it again with --yes.\n", id);
}

static int create(struct ctx *c, const struct request *r)
{
	struct incident_found found;
	TRY(find(c, r, &found));
	struct create_answer answer = {
		.certificates = (int64_t) found.certificates.n,
		.accounts = found.accounts,
		.expired = found.expired,
		.waves = waves_spread(c->arena, &r->wish, found.certificates.n),
	};
	if (r->options.yes) {
		TRY(incident_create(c, &r->wish, &found.certificates, operator_name(c->arena), &answer.id));
		answer.done = true;
	}
	if (r->options.json) {
		operator_print(c->arena, &create_answer_fields, &answer);
	} else {
		print_created(c, &answer);
	}
	return 0;
}

static void print_incident(struct ctx *c, const struct incident *f)
{
	char id[ID_TEXT_SIZE];
	id_encode(f->id, id);
	printf("%s  %-6s  %lld certificate(s): %lld waiting, %lld replaced, %lld revoked, %lld expired  %s\n", id,
	    f->closed_at.us == 0 ? "open" : "closed", (long long) f->certificates, (long long) f->waiting,
	    (long long) f->replaced, (long long) f->revoked, (long long) f->expired, f->url);
	printf("    %s to %s in %lld wave(s), by %s on %s, of %s\n", operator_time(c->arena, f->opens, "?"),
	    operator_time(c->arena, f->closes, "?"), (long long) f->waves, f->created_by,
	    operator_time(c->arena, f->created_at, "?"), f->source);
}

static int list(struct ctx *c, const struct request *r)
{
	struct list_answer answer;
	TRY(incident_list(c, r->id, &answer.incidents));
	if (r->options.json) {
		operator_print(c->arena, &list_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.incidents.n; i++) {
		print_incident(c, &answer.incidents.v[i]);
	}
	if (answer.incidents.n == 0) {
		printf("There was no incident.\n");
	}
	return 0;
}

static int show(struct ctx *c, const struct request *r)
{
	struct show_answer answer;
	TRY(incident_list(c, r->id, &answer.incident));
	TRY(incident_show(c, r->id, &answer.certificates));
	if (r->options.json) {
		operator_print(c->arena, &show_answer_fields, &answer);
		return 0;
	}
	print_incident(c, &answer.incident.v[0]);
	for (size_t i = 0; i < answer.certificates.n; i++) {
		const struct incident_certificate *one = &answer.certificates.v[i];
		char account[ID_TEXT_SIZE];
		id_encode(one->account_id, account);
		printf("  wave %lld  %-8s  %s  account %s  %s%s\n", (long long) one->wave, one->state, one->serial, account,
		    one->names.n == 0 ? "" : one->names.v[0], one->names.n > 1 ? " and more" : "");
	}
	return 0;
}

static int close_it(struct ctx *c, const struct request *r)
{
	struct done_answer answer = { .done = r->options.yes };
	bool changed = false;
	if (r->options.yes) {
		TRY(incident_close(c, r->id, operator_name(c->arena), &changed));
	}
	if (r->options.json) {
		operator_print(c->arena, &done_answer_fields, &answer);
	} else {
		printf("%s\n", !r->options.yes ? "Nothing was changed. Run it again with --yes."
		               : changed       ? "Its certificates have their own time again."
		                               : "It was closed before.");
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct ctx *c, const struct request *r);
	bool takes_id;
} actions[] = {
	{ "create", create, false },
	{ "list", list, false },
	{ "show", show, true },
	{ "close", close_it, true },
};
#define ACTION_CREATE 0

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "serials", required_argument, NULL, 's' },
	{ "where", required_argument, NULL, 'q' },
	{ "url", required_argument, NULL, 'u' },
	{ "window", required_argument, NULL, 'w' },
	{ "waves", required_argument, NULL, 'n' },
	{ "dry-run", no_argument, NULL, 'r' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* False for an option that there is not. */
static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = {
		['s'] = &r->serials, ['q'] = &r->where, ['u'] = &r->url, ['w'] = &r->window, ['n'] = &r->waves
	};
	if (opt == 'r') {
		r->dry_run = true;
	} else {
		return operator_text(&r->options, texts, opt);
	}
	return true;
}

/* What is wrong with the words of `cairn incident create`, or NULL. */
static const char *read_wish(struct arena *a, struct request *r)
{
	struct incident_wish *wish = &r->wish;
	wish->url = r->url;
	wish->source = r->where != NULL ? arena_printf(a, "where %s", r->where) : arena_printf(a, "file %s", r->serials);
	if ((r->serials == NULL) == (r->where == NULL)) {
		return "say which certificates, by --serials or --where";
	}
	const char *why = waves_read(r->window, r->waves, wish);
	if (why != NULL) {
		return why;
	}
	return r->dry_run && r->options.yes ? "--dry-run and --yes contradict each other" : NULL;
}

static int act(struct ctx *c, size_t action, struct request *r)
{
	if (operator_open(c, &r->options, incident_statements, incident_statements_n, &r->config) != 0 ||
	    actions[action].run(c, r) != 0) {
		operator_complain(c, "incident");
		return 1;
	}
	return 0;
}

static const struct operator_command command = { "incident", usage, options, take_option };

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	size_t i = 0;
	int code = operator_begin(&command, OPERATOR_ACTIONS(actions), argc, argv, &r, &i);
	if (code >= 0) {
		return code;
	}
	if (argc - optind != (actions[i].takes_id ? 2 : 1)) {
		return operator_misused(&command, actions[i].takes_id ? "name one incident" : "there are words too many");
	}
	if (actions[i].takes_id && id_parse(bytes_of_text(argv[optind + 1]), &r.id) != 0) {
		return operator_misused(
		    &command, "an incident is named by its 22 characters, as cairn incident list shows them");
	}
	const char *why = i == ACTION_CREATE ? read_wish(c->arena, &r) : NULL;
	return why == NULL ? act(c, i, &r) : operator_misused(&command, why);
}

int cli_incident(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "distrust") == 0) {
		return cli_incident_distrust(argc - 1, argv + 1);
	}
	return operator_run(argc, argv, choose);
}
