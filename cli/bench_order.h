/* The way of one order of the load generator, from the account to the checked certificate and its revocation. */
#ifndef CAIRN_CLI_BENCH_ORDER_H
#define CAIRN_CLI_BENCH_ORDER_H

#include "cli/bench_check.h"
#include "cli/bench_client.h"
#include "cli/bench_responder.h"

struct bench_order {
	const struct bench_item *item;
	const char *replaces; /* certid of the certificate that is renewed, or NULL (RFC 9773 5) */
	int64_t due_us;       /* the time of the whole counts from here */
	bool new_account;     /* make the item's own account first */
	bool revoke;
	/* filled in */
	struct bench_certificate certificate;
	int64_t issued_us; /* when the chain was there */
};

/* -1 with a->failure, for which the certificate may have been issued all the same (a failed check or revocation). */
int bench_order_run(struct bench_client *a, struct bench_responder *responder, struct bench_issuers *issuers,
    struct bench_order *order) MUST_CHECK;

/* Makes the account of a->key; its URL lives in `keep`. */
int bench_account_make(struct bench_client *a, struct arena *keep) MUST_CHECK;

/* The wait before the next poll: what the server asked for, else *delay_us, which then grows by half up to a second. */
int64_t bench_poll_wait_us(int64_t retry_after_us, int64_t *delay_us);

#endif
