/* Whether our own resolver and network work, asked when a host or its name servers did not answer (issue 4.6, C-38): else a cable that is cut
 * would count as the failure of all clients. Asked is what an attacker has no hand in: the SOA record of the zone that the resolver is
 * configured for, the root's where it resolves by itself; and the kernel's routes. All calls come from the loop thread. */
#ifndef CAIRN_VA_UPLINK_H
#define CAIRN_VA_UPLINK_H

#include "lib/base/ip.h"
#include "va/resolve.h"

struct uplink;

/* config must outlive it. */
struct uplink *uplink_new(const struct config_va *config);
/* Once the resolver asks nothing any more. NULL is fine. */
void uplink_free(struct uplink *u);

enum uplink_state { UPLINK_ASKED, UPLINK_WORKS, UPLINK_IS_DOWN };

/* How the resolver stands that answers for this name (NULL: for any), by a look that was begun at since_us or later; if there is none it is
 * begun now, and over in a second and a half. record: of the look, once there is one; it lives until the next call. */
enum uplink_state uplink_look(
    struct uplink *u, struct resolver *r, const char *name, int64_t since_us, const struct resolution **ret_record);

/* There was a route to the world by this family, and there is none now. */
bool uplink_route_lost(struct uplink *u, bool v6);

/* Looks again now and then at what is down, so that logs and metrics tell its end though nobody validates. Returns when it wants to be called again
 * at the latest; INT64_MAX: nothing is down. */
int64_t uplink_serve(struct uplink *u, struct resolver *r);

/* What a look shows that brought no answer. expected: the operator says that there is somebody to be reached; before: somebody was. Without both it is
 * the network that we live in, which may be one without an internet, and then it is no news. */
enum uplink_state uplink_judge(bool answered, bool expected, bool before);

#endif
