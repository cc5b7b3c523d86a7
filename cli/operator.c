#include "cli/operator.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buffer.h"

#define STATEMENT_TIMEOUT_MS 60000
#define REASON_MAX 500
#define SERIAL_OCTETS_MAX 20

static int list_subcommands(FILE *to, const char *command, const struct operator_subcommand *rows, size_t n)
{
	size_t width = 0;
	for (size_t i = 0; i < n; i++) {
		width = strlen(rows[i].name) > width ? strlen(rows[i].name) : width;
	}
	fprintf(to, "Usage: cairn %s SUBCOMMAND [OPTIONS]\n\n", command);
	for (size_t i = 0; i < n; i++) {
		fprintf(to, "  %-*s %s\n", (int) width, rows[i].name, rows[i].help);
	}
	fprintf(to, "\n`cairn %s SUBCOMMAND --help` tells more.\n", command);
	return to == stdout ? 0 : 2;
}

int operator_choose(const char *command, const struct operator_subcommand *rows, size_t n, int argc, char **argv)
{
	const char *word = argc < 2 ? "" : argv[1];
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].name, word) == 0) {
			return rows[i].run(argc - 1, argv + 1);
		}
	}
	bool asked = strcmp(word, "--help") == 0 || strcmp(word, "help") == 0;
	return list_subcommands(asked ? stdout : stderr, command, rows, n);
}

int operator_run(int argc, char **argv, int (*command)(struct ctx *c, int argc, char **argv))
{
	struct ctx c;
	ctx_init(&c);
	int code = command(&c, argc, argv);
	db_thread_end();
	ctx_done(&c);
	return code;
}

/* What it is called with, without the explanations: these would push what is wrong out of sight. */
static int show_forms(const struct operator_command *command)
{
	const char *end = strstr(command->usage, "\n\n");
	int n = (int) (end == NULL ? strlen(command->usage) : (size_t) (end - command->usage) + 1);
	fprintf(stderr, "%.*s`cairn %s --help` tells more.\n", n, command->usage, command->name);
	return 2;
}

int operator_read(const struct operator_command *command, int argc, char **argv, void *request)
{
	optind = 0; /* glibc: start anew */
	for (int opt = 0; (opt = getopt_long(argc, argv, "h", command->options, NULL)) != -1;) {
		if (!command->take(request, opt)) {
			if (opt != 'h') {
				return show_forms(command);
			}
			fputs(command->usage, stdout);
			return 0;
		}
	}
	return -1;
}

int operator_misused(const struct operator_command *command, const char *why)
{
	fprintf(stderr, "cairn %s: %s\n", command->name, why);
	return show_forms(command);
}

static const char *action_name(const struct operator_actions *actions, size_t i)
{
	const char *const *name = (const void *) ((const char *) actions->rows + i * actions->size);
	return *name;
}

/* "say list, show or revoke" */
static int wants_action(const struct operator_command *command, const struct operator_actions *actions)
{
	fprintf(stderr, "cairn %s: say ", command->name);
	for (size_t i = 0; i < actions->n; i++) {
		const char *between = i + 1 == actions->n ? " or " : ", ";
		fprintf(stderr, "%s%s", i == 0 ? "" : between, action_name(actions, i));
	}
	fprintf(stderr, "\n");
	return show_forms(command);
}

int operator_begin(const struct operator_command *command, const struct operator_actions *actions, int argc,
    char **argv, void *request, size_t *ret_action)
{
	int code = operator_read(command, argc, argv, request);
	if (code >= 0) {
		return code;
	}
	for (size_t i = 0; optind < argc && i < actions->n; i++) {
		if (strcmp(action_name(actions, i), argv[optind]) == 0) {
			*ret_action = i;
			return -1;
		}
	}
	return wants_action(command, actions);
}

int operator_open(struct ctx *c, const struct operator_options *o, const struct statement *const *statements, size_t n,
    const struct config **ret_config)
{
	struct config *config = NULL;
	TRY(config_load(c, o->files.v, o->files.n, &config));
	arena_on_free(c->arena, (void (*)(void *)) config_free, config);
	const char *configured = config->command.database;
	const char *key = "database";
	if (o->auditor || o->officer) {
		configured = o->auditor ? config->command.auditor_database : config->command.officer_database;
		key = o->auditor ? "auditor_database" : "officer_database";
	}
	const char *database = o->database != NULL ? o->database : configured;
	if (database == NULL) {
		return FAIL(c, MALFORMED, "Say which database: --database CONNINFO, or --config FILE with command.%s", key);
	}
	db_statements(statements, n);
	db_configure(database, 1, STATEMENT_TIMEOUT_MS);
	*ret_config = config;
	return 0;
}

bool operator_option(struct operator_options *o, int letter)
{
	if (letter == 'c') {
		o->files.v[o->files.n++] = optarg;
	} else if (letter == 'd') {
		o->database = optarg;
	} else if (letter == 'y' || letter == 'j') {
		*(letter == 'y' ? &o->yes : &o->json) = true;
	} else {
		return false;
	}
	return true;
}

bool operator_text(struct operator_options *o, const char **const texts[OPERATOR_LETTERS], int letter)
{
	if (letter <= 0 || letter >= OPERATOR_LETTERS || texts[letter] == NULL) {
		return operator_option(o, letter);
	}
	*texts[letter] = optarg;
	return true;
}

void operator_complain(const struct ctx *c, const char *command)
{
	fprintf(stderr, "cairn %s: %s\n", command, c->err.detail);
	if (c->err.cause != NULL && c->err.cause[0] != '\0') {
		fprintf(stderr, "  %s\n", c->err.cause);
	}
}

const char *operator_name(struct arena *a)
{
	/* behind sudo, who typed it */
	const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;
	struct passwd entry;
	struct passwd *found = NULL;
	char text[1024];
	bool known = getpwuid_r(getuid(), &entry, text, sizeof(text), &found) == 0 && found != NULL;
	const char *name = sudo != NULL ? sudo : known ? entry.pw_name : "unknown";
	return arena_printf(a, "operator %.64s", name);
}

struct text_list operator_list(struct arena *a, const char *text)
{
	struct text_list list = { NULL, 0 };
	if (text == NULL || text[0] == '\0') {
		return list;
	}
	size_t n = 1;
	for (const char *p = text; *p != '\0'; p++) {
		n += *p == ',' ? 1 : 0;
	}
	list.v = ARENA_ARRAY(a, n, const char *);
	for (const char *p = text; list.n < n; p += strcspn(p, ",") + 1) {
		list.v[list.n++] = arena_text_n(a, p, strcspn(p, ","));
	}
	return list;
}

const char *operator_joined(struct arena *a, const struct text_list *list, const char *none)
{
	struct buffer b;
	buffer_init(&b, a, 64);
	for (size_t i = 0; i < list->n; i++) {
		buffer_add_text(&b, i == 0 ? "" : ",");
		buffer_add_text(&b, list->v[i]);
	}
	return list->n == 0 ? none : (const char *) buffer_bytes(&b).p;
}

bool operator_reason(const char *typed)
{
	return typed != NULL && typed[0] != '\0' && strlen(typed) <= REASON_MAX;
}

int operator_account(const char *typed, struct id *ret)
{
	const char *slash = strrchr(typed, '/');
	return id_parse(bytes_of_text(slash == NULL ? typed : slash + 1), ret);
}

int operator_moment(const char *typed, bool ahead, struct timestamp *ret)
{
	int64_t seconds = 0;
	if (strcmp(typed, "now") == 0 || duration_parse(typed, &seconds) == 0) {
		*ret = timestamp_add_s(clock_now(), ahead ? seconds : -seconds);
		ret->us -= ret->us % 1000000;
		return 0;
	}
	return timestamp_parse(bytes_of_text(typed), ret);
}

int operator_period(const char *since, const char *until, struct timestamp *ret_since, struct timestamp *ret_until)
{
	bool read = (since == NULL || operator_moment(since, false, ret_since) == 0) &&
	            (until == NULL || operator_moment(until, false, ret_until) == 0);
	return read ? 0 : -1;
}

int operator_octets(struct arena *a, const char *typed, size_t most, struct bytes *ret)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *octets = arena_alloc(a, most);
	size_t n = 0;
	for (; typed[n] != '\0'; n++) {
		const char *at = strchr(digits, typed[n] >= 'A' && typed[n] <= 'F' ? typed[n] + ('a' - 'A') : typed[n]);
		if (at == NULL || n == 2 * most) {
			return -1;
		}
		octets[n / 2] = (uint8_t) (octets[n / 2] << 4 | (at - digits));
	}
	*ret = (struct bytes) { octets, n / 2 };
	return n > 0 && n % 2 == 0 ? 0 : -1;
}

int operator_serial(struct arena *a, const char *typed, struct bytes *ret)
{
	char bare[2 * SERIAL_OCTETS_MAX + 1] = "";
	size_t n = 0;
	bool between = false; /* at the end of an octet, where a colon may stand */
	for (const char *p = typed; *p != '\0'; p++) {
		if (*p == ':' && between) {
			between = false;
		} else if (*p == ':' || n + 1 == sizeof(bare)) {
			return -1;
		} else {
			bare[n++] = *p;
			between = n % 2 == 0;
		}
	}
	return between ? operator_octets(a, bare, SERIAL_OCTETS_MAX, ret) : -1;
}

void operator_print(struct arena *a, const struct fields *f, const void *answer)
{
	printf("%s\n", (const char *) fields_to_json(a, f, answer).p);
}

const char *operator_time(struct arena *a, struct timestamp t, const char *none)
{
	char text[RFC3339_SIZE];
	timestamp_encode(t, false, text);
	return t.us == 0 ? none : arena_text(a, text);
}
