#include "cli/operator.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATEMENT_TIMEOUT_MS 60000

int operator_run(int argc, char **argv, int (*command)(struct ctx *c, int argc, char **argv))
{
	struct ctx c;
	ctx_init(&c);
	int code = command(&c, argc, argv);
	db_thread_end();
	ctx_done(&c);
	return code;
}

int operator_read(const struct operator_command *command, int argc, char **argv, void *request)
{
	optind = 0; /* glibc: start anew */
	for (int opt = 0; (opt = getopt_long(argc, argv, "h", command->options, NULL)) != -1;) {
		if (!command->take(request, opt)) {
			fputs(command->usage, opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : 2;
		}
	}
	return -1;
}

int operator_misused(const struct operator_command *command, const char *why)
{
	fprintf(stderr, "cairn %s: %s\n%s", command->name, why, command->usage);
	return 2;
}

int operator_open(struct ctx *c, const struct operator_options *o, const struct statement *const *statements, size_t n,
    const struct config **ret_config)
{
	struct config *config = NULL;
	TRY(config_load(c, o->files.v, o->files.n, &config));
	arena_on_free(c->arena, (void (*)(void *)) config_free, config);
	const char *database = o->database != NULL ? o->database : config->command.database;
	if (database == NULL) {
		return FAIL(c, MALFORMED, "Say which database: --database CONNINFO, or --config FILE with command.database");
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

void operator_complain(const struct ctx *c, const char *command)
{
	fprintf(stderr, "cairn %s: %s\n", command, c->err.detail);
	if (c->err.cause != NULL) {
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
