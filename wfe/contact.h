/* Contacts of accounts (RFC 8555 7.3): they are of class RECOVERY, checked for their form and then dropped. Nothing here
 * puts one into an error. */
#ifndef CAIRN_WFE_CONTACT_H
#define CAIRN_WFE_CONTACT_H

#include "wfe/routes.h"

#define CONTACTS_MAX 10

/* INVALID_CONTACT, UNSUPPORTED_CONTACT. */
int contacts_check(struct ctx *c, const struct text_list *contacts) MUST_CHECK;

/* Whether a body may be kept: false for one that may hold a contact (G-5), as what can't be read may, and on the account resources whatever has
 * another member than is known there. jws NULL: the body is no JWS; route NULL: what it is for is not known. */
/* The same for a URL, or the part of it behind the host. */
bool contact_free_url(const char *url);
bool contact_free(struct arena *a, const struct route *route, const struct jws *jws, struct bytes body);

#endif
