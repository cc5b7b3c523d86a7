#include "wfe/stop_recovery.h"

#include <string.h>

#include "lib/rpc/client.h"
#include "wfe/page.h"
#include "wfe/recovery.h"
#include "wfe/routes.h"

#define TICKET_MAX 100

static const char title[] = "Account recovery";

/* ticket=... and nothing else: in the query of the link, and as the form sends it. "" when it is not that. */
static const char *ticket_of(struct arena *a, const char *text)
{
	static const char name[] = "ticket=";
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	if (text == NULL || strncmp(text, name, strlen(name)) != 0) {
		return "";
	}
	const char *ticket = arena_text(a, text + strlen(name));
	size_t n = strlen(ticket);
	return n <= TICKET_MAX && strspn(ticket, allowed) == n ? ticket : "";
}

static const struct {
	const char *status;
	const char *text;
} sentences[] = {
	{ "asked", "A token was sent to this address. Nothing happens until it comes back." },
	{ "waiting", "The token came back. When the delay is over the account gets a new key." },
	{ "done", "The account has its new key. Nothing can be stopped any more: tell the CA." },
	{ "stopped", "It is stopped. The account keeps its key." },
	{ "lapsed", "It has ended. The account keeps its key." },
};

static void add_progress(struct buffer *b, const struct recovery_progress *p)
{
	char id[ID_TEXT_SIZE];
	char asked[RFC3339_SIZE];
	char ends[RFC3339_SIZE];
	id_encode(p->account_id, id);
	timestamp_encode(p->asked_at, false, asked);
	timestamp_encode(p->ends_at, false, ends);
	buffer_printf(b, "<p>Account <code>%s</code>, claimed at %s", id, asked);
	if (strcmp(p->status, "waiting") == 0) {
		buffer_printf(b, "; it ends at %s", ends);
	}
	buffer_add_text(b, ".</p>\n");
	for (size_t i = 0; i < COUNT_OF(sentences); i++) {
		if (strcmp(sentences[i].status, p->status) == 0) {
			buffer_printf(b, "<p>%s</p>\n", sentences[i].text);
		}
	}
}

static void add_form(struct buffer *b, const char *ticket)
{
	buffer_add_text(
	    b, "<form method=\"post\" action=\"" STOP_RECOVERY_PATH "\">\n<input type=\"hidden\" name=\"ticket\" value=\"");
	page_add_escaped(b, ticket);
	buffer_add_text(b, "\">\n<button type=\"submit\">Stop it: the account keeps its key</button>\n</form>\n");
}

int stop_recovery_serve(struct acme *q)
{
	bool act = page_acts(q);
	struct bytes body = q->http->body;
	const char *sent = act ? arena_text_n(q->c->arena, body.p, body.n) : q->http->query;
	const struct stop_recovery_request in = { ticket_of(q->c->arena, sent), act };
	struct recovery_progress out = { 0 };
	struct buffer b;
	int result = !recovery_claims_offered(q->front)
	                 ? FAIL(q->c, NOT_FOUND, "This CA does not give accounts back by itself")
	             : in.ticket[0] == '\0' ? FAIL(q->c, UNAUTHORIZED, "The link is not whole: copy all of it")
	                                    : rpc_subscriber_stop_recovery(q->c, &in, &out);
	if (result != 0) {
		page_refuse(q, title);
		return 0;
	}
	page_begin(&b, q->c->arena, title);
	add_progress(&b, &out);
	if (strcmp(out.status, "asked") == 0 || strcmp(out.status, "waiting") == 0) {
		add_form(&b, in.ticket);
	}
	page_end(q, &b, 200);
	return 0;
}
