#include "wfe/terms.h"

#include <string.h>

#include "lib/rpc/client.h"
#include "wfe/page.h"
#include "wfe/routes.h"
#include "wfe/statements.h"

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
	const char *url = front_url(q, arena_printf(q->c->arena, TERMS_PATH "%s", page.token));
	(void) FAIL(q->c, USER_ACTION_REQUIRED, "The terms of service have changed. Read and agree to them at %s", url);
	q->c->err.instance = url;
	return -1;
}

static const char title[] = "Terms of service";

static void add_link(struct buffer *b, const char *url)
{
	buffer_add_text(b, "<p>Terms: <a href=\"");
	page_add_escaped(b, url);
	buffer_add_text(b, "\">");
	page_add_escaped(b, url);
	buffer_add_text(b, "</a></p>\n");
}

/* The form has no target of its own, so the secret does not stand in the page. */
static void answer_page(struct acme *q, const struct page_row *page, bool agreed)
{
	struct buffer b;
	page_begin(&b, q->c->arena, title);
	buffer_add_text(&b, "<p>ACME account: <code>");
	buffer_add_text(&b, front_object_url(q, "account", page->account_id));
	buffer_add_text(&b, "</code></p>\n");
	add_link(&b, page->terms);
	buffer_add_text(&b, agreed ? "<p>These terms have been agreed to.</p>\n"
	                           : "<form method=\"post\">\n<button type=\"submit\">I agree to these terms</button>\n"
	                             "</form>\n");
	page_end(q, &b, 200);
}

/* Whoever has the URL had it from who holds the account's key. */
static int find_page(struct acme *q, const char *token, struct page_row *ret)
{
	const struct page_lookup lookup = { token };
	bool found = false;
	if (strlen(token) == TOKEN_CHARACTERS) {
		TRY(db_row(q->c, &terms_find_page, &lookup, ret, &found));
	}
	return found ? 0 : FAIL(q->c, NOT_FOUND, "There is no such page");
}

static int agree(struct acme *q, const char *secret)
{
	const struct terms_token token = { secret };
	struct terms_agreed done;
	TRY(rpc_ra_agree_terms(q->c, &token, &done));
	accounts_forget(done.account_id);
	return 0;
}

int terms_serve(struct acme *q)
{
	const char *token = q->http->path + sizeof(TERMS_PATH) - 1;
	bool acts = page_acts(q);
	struct page_row page;
	if (find_page(q, token, &page) != 0 || (acts && agree(q, token) != 0)) {
		page_refuse(q, title);
		return 0;
	}
	answer_page(q, &page, acts || page.agreed_at.us != 0);
	return 0;
}
