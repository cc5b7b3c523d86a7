/* What the registration authority calls and what comes back, for its tests. Include it behind cmocka.h. */
#ifndef CAIRN_TESTS_RA_FAKES_H
#define CAIRN_TESTS_RA_FAKES_H

#include "lib/crypto/digest.h"
#include "lib/rpc/client.h"

struct rpc_loop {
	int unused;
};
static struct rpc_loop the_loop;

struct rpc_loop *rpc_loop_new(void)
{
	return &the_loop;
}

void rpc_loop_free(struct rpc_loop *loop)
{
	(void) loop;
}

void rpc_loop_cut(struct rpc_loop *loop)
{
	(void) loop;
}

/* What the validation authority tells of one look; fault: one of ours, which shows nothing. */
static inline struct validation_result fake_result(struct id id, bool passed, bool fault)
{
	struct validation_result r = {
		.validation_id = id,
		.perspective = "test",
		.passed = passed,
		.fault = fault,
		.started_at = clock_now(),
		.ended_at = clock_now(),
	};
	if (!passed && !fault) {
		r.problem = (struct problem_record) { .type = "UNAUTHORIZED", .detail = "wrong answer" };
	}
	return r;
}

/* How control was looked for: a record without it proves nothing. */
static inline void fake_evidence(struct validation_result *r)
{
	static const uint8_t digest[SHA256_SIZE] = { 1 };
	static struct resolution resolved = { .type = "A" };
	static struct connection_attempt answered = {
		.address_used = "127.0.0.1", .body_sha256 = { digest, sizeof(digest) }, .body_octets = 87
	};
	r->resolutions = (struct resolution_list) { &resolved, 1 };
	r->attempts = (struct connection_attempt_list) { &answered, 1 };
}

#endif
