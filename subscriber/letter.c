#include "subscriber/letter.h"

#include <string.h>

#include "lib/base/buffer.h"
#include "lib/base/die.h"
#include "subscriber/recovery.h"

static const char *time_text(struct arena *a, struct timestamp t)
{
	char text[RFC3339_SIZE];
	timestamp_encode(t, false, text);
	return arena_text(a, text);
}

/* "7 days", "1 hour", "90 seconds" */
static const char *duration_text(struct arena *a, int64_t s)
{
	int64_t unit = s % 86400 == 0 ? 86400 : s % 3600 == 0 ? 3600 : 1;
	const char *name = unit == 86400 ? "day" : unit == 3600 ? "hour" : "second";
	return arena_printf(a, "%lld %s%s", (long long) (s / unit), name, s == unit ? "" : "s");
}

/* A token is of use to nobody but who asked for it, with the key that he asked with; so it must not go to strangers who ask
 * for it, and no link in this mail gives the account away. */
static void add_token(struct buffer *b, const struct letter *l)
{
	buffer_printf(b,
	    "Somebody who says that the key of this account is lost wants to get it back\n"
	    "with another key, and named this address as one of its recovery contacts.\n\n"
	    "If that was you, give this token to the program that you asked with, for\n"
	    "example to \"cairn recovery confirm\", before %s:\n\n    %s\n\n"
	    "Then a time of %s begins, at whose end the account has the new key,\n"
	    "unless the old key is used meanwhile, for whatever it be.\n\n"
	    "If that was not you, do nothing, and give the token to nobody, whatever they\n"
	    "say: who gets it from you may take your account. To stop it at once:\n",
	    time_text(b->arena, l->token_until), l->token, duration_text(b->arena, recovery_rules.delay_s));
}

static void add_begun(struct buffer *b, const struct letter *l)
{
	buffer_printf(b,
	    "The token that was sent to this address came back. At\n\n    %s\n\n"
	    "the account gets a new key, and the old one is good for nothing any more.\n"
	    "Whatever the old key signs until then ends this.\n\n"
	    "If you have not asked for it, stop it now:\n",
	    time_text(b->arena, l->ends_at));
}

static void add_done(struct buffer *b, const struct letter *l)
{
	(void) l;
	buffer_add_text(b, "The account has its new key. The old one is good for nothing any more. Names have\n"
	                   "to be validated anew; certificates that were issued before stay as they are.\n\n"
	                   "If you have not asked for it, tell the CA at once.\n");
}

static void add_stopped(struct buffer *b, const struct letter *l)
{
	buffer_printf(b,
	    "The account keeps the key that it had: %s.\n\n"
	    "If the key is in wrong hands, tell the CA, which can shut the account off.\n",
	    l->because == NULL ? "the recovery was stopped" : l->because);
}

static const struct letter_kind {
	const char *kind;
	const char *subject;
	void (*add)(struct buffer *b, const struct letter *l);
	bool link;
} letters[] = {
	{ "token", "A token to get an ACME account back", add_token, true },
	{ "begun", "An ACME account is about to get a new key", add_begun, true },
	{ "done", "An ACME account has a new key", add_done, false },
	{ "stopped", "An ACME account was not given a new key", add_stopped, false },
};

/* vault.mail has no others. */
static const struct letter_kind *kind_of(const char *kind)
{
	for (size_t i = 0; i < COUNT_OF(letters); i++) {
		if (strcmp(letters[i].kind, kind) == 0) {
			return &letters[i];
		}
	}
	die("there is no such letter");
}

void letter_write(struct arena *a, const struct letter *letter, const char **ret_subject, const char **ret_text)
{
	struct buffer b;
	char account[ID_TEXT_SIZE];
	const struct letter_kind *kind = kind_of(letter->kind);
	id_encode(letter->account_id, account);
	buffer_init(&b, a, 2048);
	buffer_printf(&b, "The ACME account\n\n    %s/acme/account/%s\n\n", recovery_rules.site, account);
	kind->add(&b, letter);
	if (kind->link) {
		buffer_printf(
		    &b, "\n    %s/stop-recovery?ticket=%s\n", recovery_rules.site, recovery_ticket(a, letter->recovery_id));
	}
	buffer_printf(&b, "\nIt was asked for at %s.\n", time_text(a, letter->asked_at));
	*ret_subject = kind->subject;
	*ret_text = (const char *) buffer_bytes(&b).p;
}
