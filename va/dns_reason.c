#include "va/dns_reason.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_OCTETS 1024
#define REASON_MAX LINE_MAX_OCTETS

/* The line that is being written, and the last that was whole. */
static _Thread_local struct {
	char text[LINE_MAX_OCTETS];
	size_t n;
} line;
static _Thread_local char whole[LINE_MAX_OCTETS];

static FILE *log_file;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static ssize_t on_write(void *cookie, const char *p, size_t n)
{
	(void) cookie;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n') {
			memcpy(whole, line.text, line.n);
			whole[line.n] = '\0';
			line.n = 0;
		} else if (line.n < sizeof(line.text) - 1) {
			line.text[line.n++] = p[i];
		}
	}
	return (ssize_t) n;
}

static void open_log(void)
{
	const cookie_io_functions_t functions = { .write = on_write };
	log_file = fopencookie(NULL, "w", functions);
	if (log_file != NULL) {
		(void) setvbuf(log_file, NULL, _IONBF, 0);
	}
}

FILE *dns_reason_log(void)
{
	(void) pthread_once(&once, open_log);
	return log_file;
}

/* "[time] libunbound[...] error: SERVFAIL <a.example. CAA IN>: reason" */
const char *dns_reason_find(struct arena *a, const char *name, const char *type)
{
	const char *at = strstr(whole, "SERVFAIL <");
	const char *about = arena_printf(a, "SERVFAIL <%s. %s IN>: ", name, type);
	char text[REASON_MAX + 1];
	size_t n = 0;
	if (at == NULL || strncasecmp(at, about, strlen(about)) != 0) {
		return NULL;
	}
	for (at += strlen(about); *at != '\0' && n < REASON_MAX; at++) {
		text[n++] = *at < ' ' || *at > '~' ? '?' : *at;
	}
	return arena_text_n(a, text, n);
}

void dns_reason_forget(void)
{
	whole[0] = '\0';
}
