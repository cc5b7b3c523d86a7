#include "wfe/trial.h"

#include <stdatomic.h>

#include "lib/crypto/digest.h"

enum kind { BUSY, NONCE, LIMITED, KINDS };

struct trial {
	const struct config *config;
	const char *header;
	int64_t seed;
	_Atomic uint64_t drawn[KINDS];
};

struct trial *trial_new(struct arena *a, const struct config *config)
{
	struct trial *trial = ARENA_NEW(a, struct trial);
	*trial = (struct trial) { .config = config, .seed = config->test.seed };
	if (trial->seed == 0) {
		random_bytes(&trial->seed, sizeof(trial->seed));
	}
	trial->header = config_test_switches(a, config);
	return trial;
}

/* A number below 100 that follows from seed, kind and how many were drawn before. */
static unsigned draw(struct trial *trial, enum kind kind)
{
	struct {
		int64_t seed;
		uint64_t kind;
		uint64_t n;
	} const from = { trial->seed, kind, atomic_fetch_add(&trial->drawn[kind], 1) };
	uint8_t digest[SHA256_SIZE];
	sha256_of((struct bytes) { (const uint8_t *) &from, sizeof(from) }, digest);
	return ((unsigned) digest[0] << 8 | digest[1]) % 100;
}

static bool falls(struct trial *trial, enum kind kind, int64_t percent)
{
	return percent > 0 && draw(trial, kind) < percent;
}

int trial_busy(struct ctx *c, struct trial *trial)
{
	if (!falls(trial, BUSY, trial->config->test.busy_percent)) {
		return 0;
	}
	c->err.retry_after_s = trial->config->test.retry_after_s;
	return FAIL(c, UNAVAILABLE, "The server plays a busy one, as it is set up for tests");
}

int trial_nonce(struct ctx *c, struct trial *trial)
{
	if (!falls(trial, NONCE, trial->config->acme.nonce_reject_percent)) {
		return 0;
	}
	return FAIL(c, BAD_NONCE, "The nonce is refused by chance, as this server is set up for tests");
}

int trial_limited(struct ctx *c, struct trial *trial)
{
	if (!falls(trial, LIMITED, trial->config->test.rate_limited_percent)) {
		return 0;
	}
	c->err.retry_after_s = trial->config->test.retry_after_s;
	return FAIL(c, RATE_LIMITED, "A limit is played to be reached, as this server is set up for tests");
}

const char *trial_header(const struct trial *trial)
{
	return trial->header;
}
