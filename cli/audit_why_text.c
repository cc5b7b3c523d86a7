#include <string.h>

#include "cli/audit_text.h"
#include "cli/audit_why.h"
#include "cli/operator.h"
#include "lib/base/buffer.h"

static const struct {
	const char *section;
	const char *heading;
} headings[] = {
	{ "certificate", "The certificate" },
	{ "account", "The account" },
	{ "order", "The order" },
	{ "policy", "The policy as it stood" },
	{ "request", "Requests" },
	{ "validation", "Validations, each with its evidence" },
	{ "issuance", "Issuance" },
	{ "renewal", "Renewal" },
	{ "revocation", "Revocation" },
};

static const char *heading_of(const char *section)
{
	for (size_t i = 0; i < COUNT_OF(headings); i++) {
		if (strcmp(headings[i].section, section) == 0) {
			return headings[i].heading;
		}
	}
	return section;
}

static bool is_fault(const struct why_claim *claim)
{
	return strcmp(claim->state, "missing") == 0 || strcmp(claim->state, "changed") == 0;
}

static const char *standing(struct arena *a, const struct why_claim *claim)
{
	if (claim->proof != NULL && claim->remark == NULL) {
		return arena_printf(a, "proved by leaf %lld", (long long) claim->leaf);
	}
	return claim->remark == NULL ? NULL : arena_printf(a, "%s: %s", claim->state, claim->remark);
}

static const char *summary(struct arena *a, const struct why_story *story)
{
	if (story->stopped) {
		return arena_printf(a,
		    "Stopped: %zu claims were looked at, %lld of them missing or changed; nothing is said of the rest.",
		    story->claims.n, (long long) story->faults);
	}
	if (story->key == NULL) {
		return arena_printf(a,
		    "%zu claims; the log has no checkpoint yet, for which all proofs wait; %lld missing or changed.",
		    story->claims.n, (long long) story->faults);
	}
	return arena_printf(a,
	    "%zu claims, %lld of them proved by the checkpoint of %lld leaves, which %s signed%s; %lld missing or changed.",
	    story->claims.n, (long long) story->proved, (long long) story->size, story->key,
	    story->key_was_given ? "" : " as the log itself says (--key relies on nothing that is checked)",
	    (long long) story->faults);
}

struct bytes why_text(struct arena *a, const struct why_story *story)
{
	struct buffer b;
	const char *section = "";
	buffer_init(&b, a, 16384);
	for (size_t i = 0; i < story->claims.n; i++) {
		const struct why_claim *claim = &story->claims.v[i];
		if (strcmp(section, claim->section) != 0) {
			section = claim->section;
			buffer_printf(&b, "%s%s\n\n", i == 0 ? "" : "\n", heading_of(section));
		}
		buffer_printf(&b, "  %-20s  ", operator_time(a, claim->at, ""));
		buffer_add_text(&b, audit_plain(a, claim->title));
		buffer_add_char(&b, '\n');
		for (size_t k = 0; k < claim->lines.n; k++) {
			buffer_add_text(&b, "                          ");
			buffer_add_text(&b, audit_plain(a, claim->lines.v[k]));
			buffer_add_char(&b, '\n');
		}
		const char *how = standing(a, claim);
		if (how != NULL) {
			buffer_printf(&b, "                        %s %s\n", is_fault(claim) ? "!" : "=", how);
		}
	}
	buffer_printf(&b, "\n%s\n", summary(a, story));
	return buffer_bytes(&b);
}

static void add_html(struct buffer *b, const char *text)
{
	static const char *const escaped[256] = {
		['&'] = "&amp;",
		['<'] = "&lt;",
		['>'] = "&gt;",
		['"'] = "&quot;",
		['\''] = "&#39;",
		['\t'] = " ",
		['\n'] = "\n",
	};
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char one = (unsigned char) *p;
		if (escaped[one] != NULL) {
			buffer_add_text(b, escaped[one]);
		} else {
			buffer_add_char(b, one < 0x20 || one == 0x7f ? '?' : *p);
		}
	}
}

static void add_claim(struct buffer *b, struct arena *a, const struct why_claim *claim)
{
	const char *how = standing(a, claim);
	buffer_printf(b, "<article class=\"%s\"><h3>", is_fault(claim) ? "fault" : "claim");
	add_html(b, claim->title);
	buffer_printf(b, "</h3>\n<p class=\"at\">%s</p>\n<ul>\n", operator_time(a, claim->at, ""));
	for (size_t i = 0; i < claim->lines.n; i++) {
		buffer_add_text(b, "<li>");
		add_html(b, claim->lines.v[i]);
		buffer_add_text(b, "</li>\n");
	}
	buffer_add_text(b, "</ul>\n");
	if (how != NULL) {
		buffer_printf(b, "<p class=\"state\">");
		add_html(b, how);
		buffer_add_text(b, "</p>\n");
	}
	if (claim->proof != NULL) {
		buffer_add_text(b, "<details><summary>The proof, for cairn audit verify --proof FILE --key KEY</summary><pre>");
		add_html(b, claim->proof);
		buffer_add_text(b, "</pre></details>\n");
	}
	buffer_add_text(b, "</article>\n");
}

/* Stands alone: no script, nothing from elsewhere, and the page itself forbids both. */
static const char page_head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"referrer\" content=\"no-referrer\">\n"
    "<title>Why this certificate was issued</title>\n<style>\n"
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\n"
    "article{border-left:4px solid #2a7;padding:0 1em;margin:1em 0}article.fault{border-color:#c22}\n"
    "h3{margin:0;font-size:1em;overflow-wrap:anywhere}li,pre{overflow-wrap:anywhere;white-space:pre-wrap}\n"
    ".at,.state{color:#555;margin:.2em 0}.fault .state{color:#c22;font-weight:bold}\n"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#eee}.at,.state{color:#aaa}}\n"
    "</style></head><body>\n<h1>Why this certificate was issued</h1>\n<p>";

struct bytes why_html(struct arena *a, const struct why_story *story)
{
	struct buffer b;
	const char *section = "";
	buffer_init(&b, a, 65536);
	buffer_add_text(&b, page_head);
	add_html(&b, summary(a, story));
	buffer_add_text(&b, "</p>\n");
	for (size_t i = 0; i < story->claims.n; i++) {
		const struct why_claim *claim = &story->claims.v[i];
		if (strcmp(section, claim->section) != 0) {
			section = claim->section;
			buffer_add_text(&b, "<h2>");
			add_html(&b, heading_of(section));
			buffer_add_text(&b, "</h2>\n");
		}
		add_claim(&b, a, claim);
	}
	buffer_add_text(&b, "</body></html>\n");
	return buffer_bytes(&b);
}
