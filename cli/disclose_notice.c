/* Notice to those whose data it is (G-52): what they are told is on record before it goes out, and whom it went to is not. */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cli/disclose.h"
#include "lib/base/buffer.h"
#include "lib/base/folder.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/custody.h"
#include "lib/http/smtp.h"

#define INPUT_MAX 8192

/* ---- recovery contacts ---- */

/* One layer, by "KEY,CERT". */
static int open_layer(struct ctx *c, struct bytes sealed, const char *custodian, struct bytes *ret)
{
	struct text_list files = operator_list(c->arena, custodian);
	struct bytes_list chain;
	EVP_PKEY *key = NULL;
	if (files.n != 2) {
		return FAIL(c, MALFORMED, "A custodian is named by two files: KEY,CERT");
	}
	TRY(key_read_file(c, files.v[0], &key));
	TRY(cert_read_file(c, files.v[1], &chain));
	const unsigned char *at = chain.v[0].p;
	AUTO(X509) member = d2i_X509(NULL, &at, (long) chain.v[0].n);
	if (member == NULL) {
		return FAIL(c, MALFORMED, "%s: must hold the custodian's certificate", files.v[1]);
	}
	return custody_open(c, sealed, member, key, ret);
}

int disclose_open_contacts(
    struct ctx *c, const struct disclose_request *r, struct id account, struct packed_contacts *ret)
{
	struct bytes sealed;
	struct bytes inner;
	struct bytes clear;
	if (r->words[WORD_CUSTODIAN_A] == NULL || r->words[WORD_CUSTODIAN_B] == NULL) {
		return FAIL(
		    c, MALFORMED, "Recovery contacts are opened by two: --custodian-a KEY,CERT and --custodian-b KEY,CERT");
	}
	TRY(disclose_take(c, r->case_id, account, &sealed));
	if (sealed.p == NULL) {
		*ret = (struct packed_contacts) { .account = account };
		return 0;
	}
	TRY(open_layer(c, sealed, r->words[WORD_CUSTODIAN_B], &inner));
	TRY(open_layer(c, inner, r->words[WORD_CUSTODIAN_A], &clear));
	return contacts_unpack(c, clear, account, ret);
}

/* ---- to whom ---- */

static int read_lines(struct ctx *c, const char *path, struct text_list *ret)
{
	char buffer[INPUT_MAX];
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (file == NULL) {
		return FAIL(c, MALFORMED, "%s: can't be read", path);
	}
	(void) setvbuf(file, NULL, _IONBF, 0);
	size_t n = fread(buffer, 1, sizeof(buffer) - 1, file);
	if (file != stdin) {
		(void) fclose(file);
	}
	buffer[n] = '\0';
	ret->v = ARENA_ARRAY(c->arena, n + 1, const char *);
	ret->n = 0;
	for (char *p = buffer; *p != '\0';) {
		size_t length = strcspn(p, "\r\n");
		if (length > 0) {
			ret->v[ret->n++] = arena_text_n(c->arena, p, length);
		}
		p += length + (p[length] == '\0' ? 0 : 1);
	}
	OPENSSL_cleanse(buffer, sizeof(buffer));
	return 0;
}

/* The addresses among the contacts, without mailto:. */
static void take_mail(struct arena *a, const struct text_list *contacts, struct text_list *ret)
{
	ret->v = ARENA_ARRAY(a, contacts->n + 1, const char *);
	ret->n = 0;
	for (size_t i = 0; i < contacts->n; i++) {
		if (strncmp(contacts->v[i], "mailto:", 7) == 0) {
			ret->v[ret->n++] = contacts->v[i] + 7;
		}
	}
}

static int read_addresses(struct ctx *c, const struct disclose_request *r, struct id account, struct text_list *ret)
{
	struct packed_contacts contacts;
	if (r->words[WORD_TO] != NULL) {
		TRY(read_lines(c, r->words[WORD_TO], ret));
	} else {
		TRY(disclose_open_contacts(c, r, account, &contacts));
		take_mail(c->arena, &contacts.contacts, ret);
	}
	for (size_t i = 0; i < ret->n; i++) {
		if (!smtp_is_address(ret->v[i])) {
			return FAIL(c, MALFORMED, "Address %zu is none", i + 1);
		}
	}
	return ret->n > 0 ? 0 : FAIL(c, NOT_FOUND, "There is no e-mail address to write to: notice by mail is futile");
}

/* ---- what ---- */

static void add_items(struct buffer *b, const struct disclose_item_list *items)
{
	for (size_t i = 0; i < items->n; i++) {
		buffer_printf(b, "  %s:", items->v[i].view);
		for (size_t k = 0; k < items->v[i].columns.n; k++) {
			buffer_printf(b, " %s", items->v[i].columns.v[k]);
		}
		buffer_add_char(b, '\n');
	}
}

/* How long there is to object, as was decided last. */
static int64_t window_s(const struct disclose_past_list *steps)
{
	int64_t found = 0;
	for (size_t i = 0; i < steps->n; i++) {
		if (strcmp(steps->v[i].act, "notice") == 0) {
			found = json_integer_value(json_object_get(steps->v[i].facts, "window_s"));
		}
	}
	return found;
}

static int make_text(struct ctx *c, const struct disclose_request *r, const struct disclose_case *d, const char **ret)
{
	struct disclose_item_list items;
	struct disclose_past_list steps;
	struct buffer b;
	TRY(disclose_read_items(c, r->case_id, &items));
	TRY(disclose_read_past(c, r->case_id, &steps));
	int64_t seconds = window_s(&steps);
	buffer_init(&b, c->arena, 2048);
	buffer_printf(&b,
	    "To the holder of the ACME account %s/acme/account/%s.\n\nWe have been asked for data about this account: %s, "
	    "reference "
	    "\"%s\", by %s, received %s.\n\nIt is about:\n",
	    r->config->acme.external_url, r->words[WORD_ACCOUNT], d->kind, d->reference, d->requester,
	    operator_time(c->arena, d->received_at, "?"));
	add_items(&b, &items);
	if (d->released_at.us != 0) {
		buffer_printf(&b, "\nIt was handed out at %s. We could not tell you before.\n",
		    operator_time(c->arena, d->released_at, "?"));
	} else {
		buffer_printf(&b,
		    "\nYou may object until %s, by answering this mail or with the help of a lawyer. If you do not, we may "
		    "have to hand it "
		    "out.\n",
		    operator_time(c->arena, timestamp_add_s(clock_now(), seconds), "?"));
	}
	*ret = (const char *) buffer_bytes(&b).p;
	return 0;
}

static int read_text(struct ctx *c, const struct disclose_request *r, const struct disclose_case *d, const char **ret)
{
	struct bytes content;
	if (r->words[WORD_TEXT] == NULL) {
		return make_text(c, r, d, ret);
	}
	TRY(file_read(c, r->words[WORD_TEXT], &content));
	*ret = buffer_utf8(c->arena, arena_text_n(c->arena, content.p, content.n));
	return 0;
}

/* ---- the step ---- */

static int send_all(struct ctx *c, const struct smtp *smtp, const struct text_list *to, const char *subject,
    const char *text, const char **ret_answer)
{
	const char *answer = "";
	for (size_t i = 0; i < to->n; i++) {
		const struct mail mail = { .to = to->v[i], .subject = subject, .text = text };
		struct mail_sent sent;
		TRY(smtp_send(c, smtp, &mail, &sent));
		answer = arena_printf(c->arena, "%s%s%s %s", answer, i == 0 ? "" : "; ", sent.message_id, sent.answer);
	}
	*ret_answer = answer;
	return 0;
}

static int record_and_send(
    struct ctx *c, const struct disclose_request *r, json_t *facts, const struct smtp *smtp, const struct text_list *to)
{
	struct disclose_step step;
	const char *answer = NULL;
	TRY(disclose_add_step(c, r->case_id, "notify", facts, false, &step));
	TRY(send_all(c, smtp, to, json_string_value(json_object_get(facts, "subject")),
	    json_string_value(json_object_get(facts, "text")), &answer));
	json_t *done = arena_json(c->arena, json_pack("{s:s,s:s}", "account", r->words[WORD_ACCOUNT], "answer", answer));
	TRY(disclose_add_step(c, r->case_id, "notified", done, false, &step));
	disclose_tell(c, r, "notified", &step);
	return 0;
}

static const char *via_of(const struct disclose_request *r)
{
	if (r->words[WORD_VIA] != NULL) {
		return r->words[WORD_VIA];
	}
	return r->words[WORD_TO] != NULL ? "mail" : "recovery-contact";
}

int disclose_notify(struct ctx *c, const struct disclose_request *r)
{
	struct disclose_case d;
	struct id account;
	struct smtp smtp;
	struct text_list to;
	const char *text = NULL;
	const char *via = via_of(r);
	bool other = strcmp(via, "other") == 0;
	if (r->words[WORD_ACCOUNT] == NULL || id_parse(bytes_of_text(r->words[WORD_ACCOUNT]), &account) != 0) {
		return FAIL(c, MALFORMED, "Say whose account it is: --account and the 22 characters at the end of its URL");
	}
	if (strcmp(via, "mail") == 0 && r->words[WORD_KNOWN_FROM] == NULL) {
		return FAIL(c, MALFORMED, "Say where the address is known from: --known-from TEXT");
	}
	TRY(disclose_find(c, r, &d));
	TRY(read_text(c, r, &d, &text));
	const char *subject =
	    r->words[WORD_SUBJECT] != NULL ? r->words[WORD_SUBJECT] : "A request for data about your ACME account";
	json_t *facts = arena_json(c->arena, json_pack("{s:s,s:s,s:s,s:s}", "account", r->words[WORD_ACCOUNT], "via", via,
	                                         "subject", buffer_utf8(c->arena, subject), "text", text));
	if (r->words[WORD_KNOWN_FROM] != NULL) {
		(void) json_object_set_new(facts, "known_from", json_string(buffer_utf8(c->arena, r->words[WORD_KNOWN_FROM])));
	}
	if (!r->options.yes && !r->options.json) {
		printf("Subject: %s\n\n%s\n", subject, text);
	}
	if (!r->options.yes || other) {
		return disclose_do(c, r, "notify", facts);
	}
	TRY(smtp_open(c, &r->config->smtp, &smtp));
	TRY(read_addresses(c, r, account, &to));
	(void) json_object_set_new(facts, "recipients", json_integer((json_int_t) to.n));
	return record_and_send(c, r, facts, &smtp, &to);
}
