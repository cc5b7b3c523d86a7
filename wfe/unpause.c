#include "wfe/unpause.h"

#include <string.h>

#include "lib/rpc/client.h"
#include "wfe/page.h"
#include "wfe/routes.h"

#define TICKET_MAX 200

static const char title[] = "Paused names";

/* ticket=... and nothing else: in the query of the link, and as the form sends it. "" when it is not that. */
static const char *ticket_of(struct arena *a, const char *text)
{
	static const char name[] = "ticket=";
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	if (text == NULL || strncmp(text, name, strlen(name)) != 0) {
		return "";
	}
	const char *ticket = arena_text(a, text + strlen(name));
	size_t n = strlen(ticket);
	return n <= TICKET_MAX && strspn(ticket, allowed) == n ? ticket : "";
}

static void add_names(struct buffer *b, const struct text_list *names)
{
	buffer_add_text(b, "<ul>\n");
	for (size_t i = 0; i < names->n; i++) {
		buffer_add_text(b, "<li><code>");
		page_add_escaped(b, names->v[i]);
		buffer_add_text(b, "</code></li>\n");
	}
	buffer_add_text(b, "</ul>\n");
}

static void add_account(struct buffer *b, struct id id)
{
	char text[ID_TEXT_SIZE];
	id_encode(id, text);
	buffer_add_text(b, "<p>Account <code>");
	buffer_add_text(b, text);
	buffer_add_text(b, "</code></p>\n");
}

static void add_form(struct buffer *b, const char *ticket)
{
	buffer_add_text(b,
	    "<p>Validation of these names failed so often in a row that orders for them are refused. Make sure "
	    "that the challenge can be answered, or take the names out of your client. Then:</p>\n"
	    "<form method=\"post\" action=\"" UNPAUSE_PATH "\">\n<input type=\"hidden\" name=\"ticket\" value=\"");
	page_add_escaped(b, ticket);
	buffer_add_text(b, "\">\n<button type=\"submit\">Let these names be ordered again</button>\n</form>\n");
}

int unpause_serve(struct acme *q)
{
	bool act = page_acts(q);
	struct bytes body = q->http->body;
	const char *sent = act ? arena_text_n(q->c->arena, body.p, body.n) : q->http->query;
	struct unpause_request in = { ticket_of(q->c->arena, sent), act };
	struct unpause_response out = { 0 };
	struct buffer b;
	int result = in.ticket[0] == '\0' ? FAIL(q->c, UNAUTHORIZED, "The link is not whole: copy all of it")
	                                  : rpc_ra_unpause(q->c, &in, &out);
	if (result != 0) {
		page_refuse(q, title);
		return 0;
	}
	page_begin(&b, q->c->arena, title);
	add_account(&b, out.account_id);
	if (out.names.n == 0) {
		buffer_add_text(&b, "<p>No name of this account is paused.</p>\n");
	} else {
		add_names(&b, &out.names);
	}
	if (out.names.n > 0 && act) {
		buffer_add_text(&b, "<p>These names can be ordered again.</p>\n");
	} else if (out.names.n > 0) {
		add_form(&b, in.ticket);
	}
	page_end(q, &b, 200);
	return 0;
}
