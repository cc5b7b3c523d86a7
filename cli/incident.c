#include "cli/incident.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/incident_rows.h"
#include "cli/operator.h"

#define WAVES_MAX 1000
#define SERIAL_DIGITS_MAX 40
#define LINE_MAX_OCTETS 256
#define SERIALS_MAX 10000000
#define PAST_FROM_S (-3600) /* without --window it is over: clients renew when they next ask (RFC 9773 4.2) */
#define PAST_TO_S (-1800)

static const char usage[] =
    "Usage: cairn incident create (--serials FILE | --where CONDITION) --url URL [--window FROM/TO] [--waves N] --yes\n"
    "       cairn incident list\n"
    "       cairn incident show ID\n"
    "       cairn incident close ID --yes\n"
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

struct wave {
	int64_t wave;
	struct timestamp opens;
	struct timestamp closes;
	int64_t certificates;
};
static const struct field wave_field[] = {
	FIELD(struct wave, wave),
	FIELD(struct wave, opens),
	FIELD(struct wave, closes),
	FIELD(struct wave, certificates),
};
static const struct fields wave_fields = FIELDS(struct wave, wave_field);

struct wave_list {
	struct wave *v;
	size_t n;
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

/* The serial of a line in lower case, without the colons that some tools put between octets; "" for none. NULL: it is none. */
static const char *serial_of_line(struct arena *a, const char *line)
{
	char text[LINE_MAX_OCTETS + 1];
	size_t n = 0;
	for (const char *p = line; *p != '\0' && *p != '#'; p++) {
		if (isxdigit((unsigned char) *p)) {
			text[n++] = (char) tolower((unsigned char) *p);
		} else if (*p != ':' && !isspace((unsigned char) *p)) {
			return NULL;
		}
	}
	return n % 2 == 0 && n <= SERIAL_DIGITS_MAX ? arena_text_n(a, text, n) : NULL;
}

static int read_lines(struct ctx *c, FILE *file, const char *path, struct text_list *ret)
{
	char line[LINE_MAX_OCTETS];
	size_t room = 1024;
	struct text_list list = { ARENA_ARRAY(c->arena, room, const char *), 0 };
	for (size_t number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
		const char *serial = strlen(line) == sizeof(line) - 1 ? NULL : serial_of_line(c->arena, line);
		if (serial == NULL || list.n == SERIALS_MAX) {
			return FAIL(c, MALFORMED, "%s, line %zu: a serial has up to 20 octets in hexadecimal digits", path, number);
		}
		if (serial[0] != '\0' && list.n == room) {
			const char **more = ARENA_ARRAY(c->arena, room * 2, const char *);
			memcpy(more, list.v, room * sizeof(*more));
			list.v = more;
			room *= 2;
		}
		if (serial[0] != '\0') {
			list.v[list.n++] = serial;
		}
	}
	*ret = list;
	return 0;
}

static int read_serials(struct ctx *c, const char *path, struct text_list *ret)
{
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return FAIL(c, MALFORMED, "%s: can't be opened: %s", path, strerror(errno));
	}
	int result = read_lines(c, file, path, ret);
	bool failed = ferror(file) != 0;
	if (fclose(file) != 0 || failed) {
		return FAIL(c, MALFORMED, "%s: can't be read", path);
	}
	return result;
}

static int find(struct ctx *c, const struct request *r, struct incident_found *ret)
{
	struct text_list serials;
	if (r->where != NULL) {
		return incident_find_where(c, r->where, ret);
	}
	TRY(read_serials(c, r->serials, &serials));
	TRY(incident_find_serials(c, &serials, ret));
	if (ret->missing.n > 0) {
		return FAIL(c, NOT_FOUND, "%s: this CA has issued no certificate with the serial %s, and %zu more like it",
		    r->serials, ret->missing.v[0], ret->missing.n - 1);
	}
	return 0;
}

/* As acme.create_incident spreads them: the first waves have one more. */
static struct wave_list waves_of(struct arena *a, const struct incident_wish *wish, size_t certificates)
{
	size_t n = (size_t) wish->waves;
	int64_t span_us = wish->closes.us - wish->opens.us;
	struct wave_list list = { ARENA_ARRAY(a, n, struct wave), n };
	for (size_t i = 0; i < n; i++) {
		list.v[i] = (struct wave) {
			.wave = (int64_t) i + 1,
			.opens = { wish->opens.us + span_us / wish->waves * (int64_t) i },
			.closes = { wish->opens.us + span_us / wish->waves * ((int64_t) i + 1) },
			.certificates = (int64_t) (certificates / n + (i < certificates % n ? 1 : 0)),
		};
	}
	return list;
}

static void print_created(struct ctx *c, const struct create_answer *answer)
{
	char id[ID_TEXT_SIZE];
	for (size_t i = 0; i < answer->waves.n; i++) {
		const struct wave *w = &answer->waves.v[i];
		printf("wave %lld  %s to %s  %lld certificate(s)\n", (long long) w->wave,
		    operator_time(c->arena, w->opens, "?"), operator_time(c->arena, w->closes, "?"),
		    (long long) w->certificates);
	}
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
		.waves = waves_of(c->arena, &r->wish, found.certificates.n),
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
	const char **texts[128] = {
		['s'] = &r->serials, ['q'] = &r->where, ['u'] = &r->url, ['w'] = &r->window, ['n'] = &r->waves
	};
	if (opt == 'r') {
		r->dry_run = true;
	} else if (opt > 0 && opt < 128 && texts[opt] != NULL) {
		*texts[opt] = optarg;
	} else {
		return operator_option(&r->options, opt);
	}
	return true;
}

/* now, 12h from now, or a time. */
static bool read_moment(struct timestamp now, const char *text, struct timestamp *ret)
{
	int64_t seconds = 0;
	bool relative = strcmp(text, "now") == 0 || duration_parse(text, &seconds) == 0;
	if (relative) {
		*ret = timestamp_add_s(now, seconds);
	}
	return relative || timestamp_parse(bytes_of_text(text), ret) == 0;
}

static bool read_window(struct arena *a, const char *text, struct incident_wish *wish)
{
	struct timestamp now = clock_now();
	now.us -= now.us % 1000000;
	if (text == NULL) {
		wish->opens = timestamp_add_s(now, PAST_FROM_S);
		wish->closes = timestamp_add_s(now, PAST_TO_S);
		return true;
	}
	const char *slash = strchr(text, '/');
	return slash != NULL && read_moment(now, arena_text_n(a, text, (size_t) (slash - text)), &wish->opens) &&
	       read_moment(now, slash + 1, &wish->closes);
}

/* What is wrong with the words of `cairn incident create`, or NULL. */
static const char *read_wish(struct arena *a, struct request *r)
{
	struct incident_wish *wish = &r->wish;
	char *end = NULL;
	wish->url = r->url;
	wish->waves = r->waves == NULL ? 1 : strtol(r->waves, &end, 10);
	wish->source = r->where != NULL ? arena_printf(a, "where %s", r->where) : arena_printf(a, "file %s", r->serials);
	if ((r->serials == NULL) == (r->where == NULL)) {
		return "say which certificates, by --serials or --where";
	}
	if (r->url == NULL || (strncmp(r->url, "https://", 8) != 0 && strncmp(r->url, "http://", 7) != 0)) {
		return "--url wants the URL of a page";
	}
	if ((end != NULL && *end != '\0') || wish->waves < 1 || wish->waves > WAVES_MAX) {
		return "--waves wants a number from 1 to 1000";
	}
	if (!read_window(a, r->window, wish) || wish->closes.us - wish->opens.us < wish->waves * 1000000) {
		return "--window wants two times with a / between them, the second later by a second for each wave at least";
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
	int code = operator_read(&command, argc, argv, &r);
	if (code >= 0) {
		return code;
	}
	size_t i = 0;
	while (i < COUNT_OF(actions) && (optind >= argc || strcmp(actions[i].name, argv[optind]) != 0)) {
		i++;
	}
	if (i == COUNT_OF(actions)) {
		return operator_misused(&command, "say create, list, show or close");
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
	return operator_run(argc, argv, choose);
}
