/* Name resolution for validations, by libunbound (dns_lanes.h): it follows CNAMEs and validates DNSSEC itself (C-24).
 * Lookups are started, answered and abandoned in the loop thread. */
#ifndef CAIRN_VA_RESOLVE_H
#define CAIRN_VA_RESOLVE_H

#include "lib/base/config.h"
#include "lib/rpc/messages.h"
#include "policy/dns_answer.h"

#define LOOKUP_PACKET_MAX 16384

struct resolver;

/* All in the arena that lookup_start was given. record.error says why there is nothing to be concluded from it;
 * record.dnssec is "insecure" also where that was not shown, as after an error. */
struct lookup_answer {
	struct resolution record;
	struct bytes_list rdata; /* empty when the name or the type does not exist, and after an error */
	bool fault;              /* the error is ours */
};

typedef void lookup_done(void *arg, const struct lookup_answer *answer);

struct lookup; /* one under way */

/* Reads the configuration; makes no thread yet and needs no file once it returned, so that the sandbox may follow. config must
 * outlive it. FAIL: MALFORMED, SERVER_INTERNAL. */
int resolver_new(struct ctx *c, const struct config_va *config, struct resolver **ret) MUST_CHECK;
void resolver_free(struct resolver *r);
/* Makes its threads. FAIL: SERVER_INTERNAL. */
int resolver_start(struct ctx *c, struct resolver *r) MUST_CHECK;

/* Readable when resolver_deliver has something to do. */
int resolver_fd(const struct resolver *r);
/* When resolver_deliver wants to be called, by clock_monotonic_us; INT64_MAX: not before something happens. */
int64_t resolver_due_us(const struct resolver *r);
/* Calls back for each lookup that was answered; once in each turn of the loop. */
void resolver_deliver(struct resolver *r);

/* done is called once, by resolver_deliver, unless the lookup is abandoned first. */
struct lookup_wanted {
	const char *name;
	enum lookup_type type;
	lookup_done *done;
	void *arg;
	bool again; /* after a lookup that failed, which may still be under way: it is really made again (C-38) */
	const char *
	    whose; /* the name that is validated, whose domain's turn it is; NULL: a look of our own, which takes no turns */
};
struct lookup *lookup_start(struct resolver *r, struct arena *a, const struct lookup_wanted *wanted);

/* Ends it without a call of done; the answer says that time was up. */
void lookup_abandon(struct lookup *l, struct lookup_answer *ret);

#endif
