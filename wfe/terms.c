#include "wfe/terms.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/rpc/client.h"
#include "wfe/answer.h"
#include "wfe/statements.h"

#define PATH "/terms/"
#define TOKEN_CHARACTERS 43

struct page_lookup {
	const char *token;
};
static const struct field page_lookup_field[] = { FIELD(struct page_lookup, token) };
static const struct fields page_lookup_fields = FIELDS(struct page_lookup, page_lookup_field);

struct page_row {
	struct id account_id;
	const char *terms;
	struct timestamp agreed_at;
};
static const struct field page_row_field[] = {
	FIELD(struct page_row, account_id),
	FIELD(struct page_row, terms),
	FIELD(struct page_row, agreed_at),
};
static const struct fields page_row_fields = FIELDS(struct page_row, page_row_field);

const struct statement terms_find_page = {
	.name = "terms_find_page",
	.sql = "SELECT account_id, terms, agreed_at FROM front.terms_page WHERE token = $1",
	.params = &page_lookup_fields,
	.row = &page_row_fields,
	.repeatable = true,
};

int terms_check(struct acme *q)
{
	struct account_key now;
	bool found = false;
	if (q->account.terms_current) {
		return 0;
	}
	/* What is cached may be older than the agreement. */
	accounts_forget(q->account.id);
	TRY(accounts_find(q->c, q->account.id, &now, &found));
	if (found && now.terms_current) {
		return 0;
	}
	const struct ask_terms_request request = { q->account.id };
	struct terms_token page;
	TRY(rpc_ra_ask_terms(q->c, &request, &page));
	const char *url = front_url(q, arena_printf(q->c->arena, PATH "%s", page.token));
	(void) FAIL(q->c, USER_ACTION_REQUIRED, "The terms of service have changed. Read and agree to them at %s", url);
	q->c->err.instance = url;
	return -1;
}

/* For HTML: the terms' URL is the operator's, and may hold an ampersand. */
static const char *escaped(struct arena *a, const char *text)
{
	static const char special[] = "&<>\"";
	const char *out = "";
	for (size_t n = strcspn(text, special); *text != '\0'; n = strcspn(text, special)) {
		out = arena_printf(a, "%s%.*s", out, (int) n, text);
		text += n;
		if (*text != '\0') {
			out = arena_printf(a, "%s&#%d;", out, *text++);
		}
	}
	return out;
}

/* G-16, G-35, G-62: no script, no cookie, nothing from elsewhere. */
static void answer_page(struct acme *q, const struct page_row *page, bool agreed)
{
	static const char form[] = "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Terms of "
	                           "service</title></head>\n<body>\n"
	                           "<h1>Terms of service</h1>\n<p>ACME account: <code>%s</code></p>\n<p>Terms: <a "
	                           "href=\"%s\">%s</a></p>\n%s</body>\n</html>\n";
	static const char button[] = "<form method=\"get\"><input type=\"hidden\" name=\"agree\" value=\"yes\">"
	                             "<button>I agree to these terms</button></form>\n";
	const char *terms = escaped(q->c->arena, page->terms);
	http_reply_header(q->http, "Content-Security-Policy", "default-src 'none'; form-action 'self'");
	http_reply_header(q->http, "Referrer-Policy", "no-referrer"); /* the URL is a secret of the account's */
	q->status = 200;
	q->content_type = "text/html; charset=utf-8";
	q->reply = bytes_of_text(arena_printf(q->c->arena, form, front_object_url(q, "account", page->account_id), terms,
	    terms, agreed ? "<p>These terms have been agreed to.</p>\n" : button));
}

/* Whoever has the URL had it from who holds the account's key. */
int terms_serve(struct acme *q)
{
	struct page_lookup lookup = { q->http->path + sizeof(PATH) - 1 };
	struct page_row page;
	bool found = false;
	if (strlen(lookup.token) != TOKEN_CHARACTERS) {
		return FAIL(q->c, NOT_FOUND, "There is no such page");
	}
	TRY(db_row(q->c, &terms_find_page, &lookup, &page, &found));
	if (!found) {
		return FAIL(q->c, NOT_FOUND, "There is no such page");
	}
	bool agrees =
	    q->http->query != NULL && strcmp(q->http->query, "agree=yes") == 0 && strcmp(q->http->method, "GET") == 0;
	if (agrees) {
		const struct terms_token token = { lookup.token };
		struct terms_agreed done;
		TRY(rpc_ra_agree_terms(q->c, &token, &done));
		accounts_forget(done.account_id);
	}
	answer_page(q, &page, agrees || page.agreed_at.us != 0);
	return 0;
}
