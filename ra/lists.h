/* The policy in force (policy/policy.h): read at the start, and again at SIGHUP. */
#ifndef CAIRN_RA_LISTS_H
#define CAIRN_RA_LISTS_H

#include "policy/policy.h"

/* Before the sandbox, which takes their files away: notes the public keys of this CA's issuers and root, as far as the
 * configuration names them and they lie on this machine. */
int lists_open(struct ctx *c, const struct config *config) MUST_CHECK;

/* Reads the lists, records what was read (event `policy.lists_read`) and puts them in force. MALFORMED with the file, the line
 * and the reason, or what db_run fails with: those of before stay. Needs ra_set and db_configure. */
int lists_load(struct ctx *c, const struct config *config) MUST_CHECK;

/* The policy in force. It stays as it is until lists_release, which has to follow soon, by the same thread: new lists
 * wait for it. */
const struct policy *lists_hold(void);
void lists_release(void);

#endif
