#include "wfe/notice.h"

#include <string.h>

#include "lib/base/log.h"
#include "policy/notice.h"
#include "wfe/statements.h"

const struct statement notice_rules = {
	.name = "notice_rules",
	.sql = "SELECT class, clear_s, keep_s FROM front.retention",
	.row = &notice_rule_fields,
	.repeatable = true,
};

static const struct {
	const char *path;
	const char *type;
	enum notice_form form;
} notices[] = {
	{ NOTICE_PATH, "text/html; charset=utf-8", NOTICE_HTML },
	{ NOTICE_PATH ".md", "text/markdown; charset=utf-8", NOTICE_MARKDOWN },
};

/* Global Privacy Control 4, Tracking Preference Expression 6.5: nobody is tracked. */
static const struct {
	const char *path;
	const char *type;
	const char *text;
} answers[] = {
	{ "/.well-known/gpc.json", "application/json", "{\"gpc\":true,\"lastUpdate\":\"2026-11-22\"}" },
	{ "/.well-known/dnt/", "application/tracking-status+json", "{\"tracking\":\"N\"}" },
};

bool notice_declined(struct http_request *r)
{
	const char *dnt = http_request_header(r, "DNT");
	const char *gpc = http_request_header(r, "Sec-GPC");
	return (dnt != NULL && dnt[0] == '1') || (gpc != NULL && strcmp(gpc, "1") == 0);
}

/* G-16, G-60, G-62 */
void notice_headers(struct http_request *r)
{
	http_reply_header(r, "Tk", "N");
	http_reply_header(r, "Referrer-Policy", "no-referrer");
	http_reply_header(r, "X-Content-Type-Options", "nosniff");
}

static void reply_notice(struct http_request *r, const struct front *front, size_t i)
{
	struct ctx *c = &r->ctx;
	struct notice_rule_list rules = { NULL, 0 };
	if (db_rows(c, &notice_rules, NULL, (void *) &rules.v, &rules.n) != 0) {
		log_error(c, LOG_ERROR, "the privacy notice is not served");
		http_reply_header(r, "Retry-After", "5");
		http_reply(r, problem_info(c->err.type)->status, "text/plain; charset=utf-8",
		    bytes_of_text("Come again in a moment.\n"));
		return;
	}
	http_reply_header(r, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
	http_reply_header(r, "Cache-Control", "public, max-age=600");
	http_reply(r, 200, notices[i].type, notice_write(c->arena, front->config, &rules, notices[i].form));
}

bool notice_serve(struct http_request *r, const struct front *front)
{
	for (size_t i = 0; i < COUNT_OF(notices); i++) {
		if (strcmp(notices[i].path, r->path) == 0) {
			notice_headers(r);
			reply_notice(r, front, i);
			return true;
		}
	}
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		if (strcmp(answers[i].path, r->path) == 0) {
			notice_headers(r);
			http_reply_header(r, "Cache-Control", "public, max-age=86400");
			http_reply(r, 200, answers[i].type, bytes_of_text(answers[i].text));
			return true;
		}
	}
	return false;
}
