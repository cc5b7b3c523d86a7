/* Recovery contacts from the world (style 25; A-57, G-5): whatever is taken can stand in an envelope of SMTP or is a number, has one
 * form only, and no error holds a part of it. Input: contacts, one a line. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/contact.h"

#define MOST (CONTACTS_MAX + 2)

static struct text_list lines_of(struct arena *a, const uint8_t *data, size_t size)
{
	struct text_list list = { ARENA_ARRAY(a, MOST, const char *), 0 };
	for (size_t at = 0; at <= size && list.n < MOST;) {
		const uint8_t *end = at == size ? NULL : memchr(data + at, '\n', size - at);
		size_t n = end == NULL ? size - at : (size_t) (end - data) - at;
		list.v[list.n++] = arena_text_n(a, data + at, n);
		at += n + 1;
	}
	return list;
}

static void check(bool good)
{
	if (!good) {
		abort();
	}
}

static void check_taken(struct ctx *c, const char *contact)
{
	static const char address[] = "abcdefghijklmnopqrstuvwxyz0123456789!#$&'*+-/=^_`{|}~.@%?";
	bool mail = strncmp(contact, "mailto:", 7) == 0;
	const char *rest = contact + (mail ? 7 : strlen("tel:+"));
	const char *at = strchr(rest, '@');
	check(mail || strncmp(contact, "tel:+", 5) == 0);
	check(strlen(contact) <= CONTACT_OCTETS_MAX);
	check(strspn(rest, mail ? address : "0123456789") == strlen(rest));
	check(!mail || (at != NULL && at != rest && at[1] != '\0' && strchr(at + 1, '@') == NULL));
	check(mail || (strlen(rest) >= 7 && strlen(rest) <= 15));
	/* Another way to write it: percent signs and question marks stand for themselves, so they are escaped again. */
	const char *once = NULL;
	char again[3 * CONTACT_OCTETS_MAX + 1];
	size_t n = 0;
	for (const char *p = contact; *p != '\0'; p++) {
		bool special = *p == '%' || *p == '?';
		memcpy(again + n, special && *p == '%' ? "%25" : special ? "%3F" : p, special ? 3 : 1);
		n += special ? 3 : 1;
	}
	again[n] = '\0';
	check(contact_parse(c, again, 1, &once) == 0 && strcmp(once, contact) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct text_list taken;
	ctx_init(&c);
	struct text_list contacts = lines_of(c.arena, data, size);
	if (contacts_parse(&c, &contacts, &taken) == 0) {
		const struct packed_contacts packed = { .account = c.request_id, .contacts = taken, .given_at = { 1 } };
		struct packed_contacts opened;
		for (size_t i = 0; i < taken.n; i++) {
			check_taken(&c, taken.v[i]);
		}
		struct bytes sealed = contacts_pack(c.arena, &packed);
		check(sealed.n == CONTACTS_PACKED_OCTETS);
		check(
		    taken.n == 0 || (contacts_unpack(&c, sealed, c.request_id, &opened) == 0 && opened.contacts.n == taken.n));
	} else {
		check(c.err.type == PROBLEM_INVALID_CONTACT || c.err.type == PROBLEM_UNSUPPORTED_CONTACT);
		check(strpbrk(c.err.detail, "@%?,<") == NULL && c.err.cause == NULL); /* G-5 */
	}
	ctx_done(&c);
	return 0;
}
