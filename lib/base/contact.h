/* Contacts by which an account is got back: mailto: (RFC 6068) and tel: (RFC 3966) URLs, read strictly. They are of class
 * RECOVERY: nothing here puts one, or a part of one, into an error. */
#ifndef CAIRN_BASE_CONTACT_H
#define CAIRN_BASE_CONTACT_H

#include "lib/base/fields.h"

#define CONTACTS_MAX 10        /* of one account */
#define CONTACT_OCTETS_MAX 261 /* "mailto:" and the longest address of RFC 5321 4.5.3.1.3 */

/* The form in which a contact is kept and compared: "mailto:" and one address in lower case without escapes, or "tel:+" and the
 * digits of an E.164 number. `number` names it in errors. INVALID_CONTACT; UNSUPPORTED_CONTACT for another scheme. */
int contact_parse(struct ctx *c, const char *url, size_t number, const char **ret) MUST_CHECK;

/* All of a list, at most CONTACTS_MAX; one that stands there twice is taken once. */
int contacts_parse(struct ctx *c, const struct text_list *urls, struct text_list *ret) MUST_CHECK;

/* What is sealed: one line of JSON, with blanks behind it up to one length, so that the length tells nothing. It names its account,
 * so that contacts of one account can't be put in the place of another's. */
#define CONTACTS_PACKED_OCTETS ((size_t) 4096)
struct packed_contacts {
	struct id account;
	struct text_list contacts; /* as contacts_parse gives them */
	struct timestamp given_at;
};
struct bytes contacts_pack(struct arena *a, const struct packed_contacts *contacts);

/* The reverse. CONFLICT: they are another account's. */
int contacts_unpack(struct ctx *c, struct bytes packed, struct id account, struct packed_contacts *ret) MUST_CHECK;

#endif
