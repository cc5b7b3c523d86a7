/* What went wrong with a lookup, told to people: the extended error (EDE, RFC 8914) and what is to be mended. Pure. */
#ifndef CAIRN_POLICY_DNS_TROUBLE_H
#define CAIRN_POLICY_DNS_TROUBLE_H

#include "lib/rpc/messages.h"

/* The extended error that fits what the resolver said: "7 Signature Expired". bogus: its answer did not verify. */
const char *dns_trouble_ede(bool bogus, const char *reason);

/* That of a lookup that never left the CA, or whose answer may lie unread: nothing follows from it (C-38). */
const char *dns_trouble_not_asked(void);

/* The error of a lookup that was asked for and found no end in time. */
const char *dns_trouble_late(void);

/* No server gave an answer, or none that the resolver could use: our own network may be the reason. */
bool dns_trouble_is_silence(const struct resolution *r);

/* Servers that are not the CA's were asked, by ourselves and not by a resolver that may be at fault, and stayed silent or failed: all else
 * is no failure that may be passed over (C-38). */
bool dns_trouble_is_outside(const struct resolution *r);

/* Of a lookup that has an error: "SERVFAIL looking up TXT for a.example (EDE 22 No Reachable Authority: ...) - check that ...". */
const char *dns_trouble_text(struct arena *a, const struct resolution *r);

#endif
