/* link: wfe */
/* Contacts from the world (style 25; A-57, G-5). Input: contacts, one a line. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wfe/contact.h"

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

/* What is taken can stand in one line of a mail's header and names one address. */
static void check_taken(const char *contact)
{
	const char *address = contact + strlen("mailto:");
	const char *at = strchr(address, '@');
	if (strncasecmp(contact, "mailto:", 7) != 0 || at == NULL || at == address || at[1] == '\0' ||
	    strchr(at + 1, '@') != NULL || strpbrk(address, "?,<>\"# \r\n\t") != NULL || strlen(address) > 320) {
		abort();
	}
	for (const char *p = address; *p != '\0'; p++) {
		if (!isgraph((unsigned char) *p)) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	ctx_init(&c);
	struct text_list contacts = lines_of(c.arena, data, size);
	if (contacts_check(&c, &contacts) == 0) {
		for (size_t i = 0; i < contacts.n; i++) {
			check_taken(contacts.v[i]);
		}
	} else if ((c.err.type != PROBLEM_INVALID_CONTACT && c.err.type != PROBLEM_UNSUPPORTED_CONTACT) ||
	           strpbrk(c.err.detail, "@%?,<") != NULL || c.err.cause != NULL) {
		abort(); /* G-5: no part of a contact stands in an error */
	}
	ctx_done(&c);
	return 0;
}
