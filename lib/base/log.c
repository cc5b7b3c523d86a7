#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buffer.h"

#define VALUE_MAX ((size_t) 4000) /* a longer value is cut: a log line must not grow with what a client sends */

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

static const char *process_name = "cairn";
static enum log_level least_level = LOG_INFO;

void log_init(const char *process, enum log_level least)
{
	process_name = process;
	least_level = least;
}

int log_level_parse(const char *text, enum log_level *ret)
{
	for (size_t i = 0; i < COUNT_OF(level_names); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret = (enum log_level) i;
			return 0;
		}
	}
	return -1;
}

static void add_pair(struct buffer *b, const char *key, const char *value)
{
	if (value == NULL) {
		return;
	}
	buffer_add_char(b, ',');
	buffer_add_json(b, bytes_of_text(key));
	buffer_add_char(b, ':');
	buffer_add_json(b, (struct bytes) { (const uint8_t *) value, strnlen(value, VALUE_MAX) });
}

static void line_start(struct buffer *b, struct arena *a, enum log_level level, const char *message)
{
	char now[RFC3339_SIZE];
	timestamp_encode(clock_now(), true, now);
	buffer_init(b, a, 1000);
	buffer_printf(b, "{\"time\":\"%s\"", now);
	add_pair(b, "level", level_names[level]);
	add_pair(b, "process", process_name);
	add_pair(b, "message", message);
}

static void add_request(struct buffer *b, const struct ctx *c)
{
	if (c == NULL) {
		return;
	}
	char id[ID_TEXT_SIZE];
	id_encode(c->request_id, id);
	add_pair(b, "request", id_is_none(c->request_id) ? NULL : id);
	add_pair(b, "caller", c->caller);
	add_pair(b, "account", c->log_account);
}

/* One write for the whole line, so that lines of several threads and processes do not mix. */
static void line_end(struct buffer *b)
{
	buffer_add_text(b, "}\n");
	int kept = errno;
	size_t done = 0;
	while (done < b->n) {
		ssize_t n = write(STDERR_FILENO, b->p + done, b->n - done);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			break; /* nobody is left to tell */
		}
		done += (size_t) n;
	}
	errno = kept;
}

void log_event(const struct ctx *c, enum log_level level, const char *message, ...)
{
	if (level < least_level) {
		return;
	}
	struct arena *a = arena_new();
	struct buffer b;
	line_start(&b, a, level, message);
	add_request(&b, c);
	va_list ap;
	va_start(ap, message);
	for (const char *key = va_arg(ap, const char *); key != NULL; key = va_arg(ap, const char *)) {
		add_pair(&b, key, va_arg(ap, const char *));
	}
	va_end(ap);
	line_end(&b);
	arena_free(a);
}

/* The link that a person has to follow is a secret of the account's, and stands in no log. */
static const char *detail_without_link(const struct ctx *c)
{
	const struct err *e = &c->err;
	const char *link = e->detail == NULL || e->instance == NULL ? NULL : strstr(e->detail, e->instance);
	return link == NULL ? e->detail : arena_printf(c->arena, "%.*s[link]", (int) (link - e->detail), e->detail);
}

void log_error(const struct ctx *c, enum log_level level, const char *message)
{
	const struct err *e = &c->err;
	const char *name = e->type == PROBLEM_NONE ? NULL : problem_info(e->type)->name;
	log_event(
	    c, level, message, "problem", name, "detail", detail_without_link(c), "cause", e->cause, "rule", e->rule, NULL);
}
