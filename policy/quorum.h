/* Whether enough remote perspectives saw what the first one saw (BR 3.2.2.9, C-50..C-52, C-56, C-57). Pure: the same is asked
 * while answers come in, when they are recorded, and when the records are judged again. */
#ifndef CAIRN_POLICY_QUORUM_H
#define CAIRN_POLICY_QUORUM_H

#include "lib/rpc/messages.h"

/* Whether others can bear it out: not what no network is asked about, which is all of onion services (BR 3.2.2.9, B-39). */
bool quorum_applies(const struct identifier *identifier);

struct quorum_rule {
	size_t least;    /* remote perspectives that have to be there */
	size_t may_fail; /* that need not agree */
	size_t regions;  /* of registries, among those that agree */
};

/* For so many remote perspectives at that time. In private mode neither number nor regions are asked for. */
struct quorum_rule quorum_rule(bool webpki, size_t remotes, struct timestamp now);

/* Until when what was validated at that time may be relied on: the day from which more perspectives are asked for (C-73). */
struct timestamp quorum_stands_until(bool webpki, struct timestamp validated_at);

enum quorum_state {
	QUORUM_OPEN,    /* it depends on those that have not answered */
	QUORUM_REACHED, /* whatever the others say */
	QUORUM_REFUSED, /* too many saw something else */
	QUORUM_FAULT,   /* too few answered, or too few are there: nothing may be concluded about the subscriber */
};

/* What one round of answers says, of `asked` perspectives. An answer agrees when it passed, which it did for proof of control
 * and CAA together; a fault is no answer. */
enum quorum_state quorum_decide(
    const struct quorum_rule *rule, size_t asked, const struct validation_result_list *answers);

size_t quorum_agreeing(const struct validation_result_list *answers);

/* Whatever r says proves nothing, by a fault of ours; detail must outlive it. The record says so too (basis). */
void quorum_withdraw(struct validation_result *r, const char *detail);

#endif
