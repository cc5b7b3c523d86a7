#include "wfe/peers.h"

#include <stdatomic.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/crypto/digest.h"
#include "lib/rpc/client.h"

#define AWAY_US INT64_C(500000)

struct peer {
	const char *address;
	uint8_t name[NONCE_INSTANCE_SIZE];
	_Atomic int64_t away_until_us; /* 0: it answers */
};

struct peers {
	struct peer *v;
	size_t n;
	const struct peer *own;
};

static void name_of(struct bytes salt, const char *address, uint8_t ret[NONCE_INSTANCE_SIZE])
{
	uint8_t mac[SHA256_SIZE];
	const struct bytes pieces[] = { bytes_of_text("cairn-wfe nonces "), bytes_of_text(address) };
	hmac_sha256(salt, pieces, COUNT_OF(pieces), mac);
	memcpy(ret, mac, NONCE_INSTANCE_SIZE);
}

int peers_make(
    struct ctx *c, struct arena *a, const struct text_list *all, const char *own, struct bytes salt, struct peers **ret)
{
	struct peers *peers = ARENA_NEW(a, struct peers);
	*peers = (struct peers) { .v = ARENA_ARRAY(a, all->n, struct peer), .n = all->n };
	for (size_t i = 0; i < all->n; i++) {
		struct peer *one = &peers->v[i];
		one->address = arena_text(a, all->v[i]);
		name_of(salt, one->address, one->name);
		if (strcmp(one->address, own) == 0) {
			peers->own = one;
		}
	}
	if (peers->own == NULL) {
		return FAIL(c, SERVER_INTERNAL,
		    "wfe.rpc_address (or the first of wfe.rpc_listen) is %.300s, which is not in rpc.wfe", own);
	}
	*ret = peers;
	return 0;
}

const uint8_t *peers_own(const struct peers *peers)
{
	return peers->own->name;
}

static struct peer *find(struct peers *peers, const char *nonce)
{
	uint8_t name[NONCE_INSTANCE_SIZE];
	if (nonce_instance(bytes_of_text(nonce), name) != 0) {
		return NULL;
	}
	for (size_t i = 0; i < peers->n; i++) {
		if (memcmp(peers->v[i].name, name, sizeof(name)) == 0) {
			return &peers->v[i];
		}
	}
	return NULL;
}

/* Anybody can send nonces of a front end that is away: they must not hold up all workers. */
static bool may_ask(struct peer *peer)
{
	int64_t until_us = atomic_load(&peer->away_until_us);
	int64_t now_us = clock_monotonic_us();
	return until_us == 0 ||
	       (now_us >= until_us && atomic_compare_exchange_strong(&peer->away_until_us, &until_us, now_us + AWAY_US));
}

const char *peers_redeem(struct ctx *c, struct peers *peers, const char *nonce)
{
	struct peer *peer = find(peers, nonce);
	if (peer == NULL || peer == peers->own) {
		return "unknown";
	}
	if (!may_ask(peer)) {
		return "away";
	}
	struct redeem_nonce_request request = { nonce };
	struct redeem_nonce_response response;
	if (rpc_wfe_redeem_nonce(c, peer->address, &request, &response) != 0) {
		log_event(c, LOG_WARN, "a front end could not be asked about a nonce", "address", peer->address, "problem",
		    problem_info(c->err.type)->name, "cause", c->err.cause, NULL);
		ctx_forgive(c);
		atomic_store(&peer->away_until_us, clock_monotonic_us() + AWAY_US);
		return "away";
	}
	atomic_store(&peer->away_until_us, 0);
	return response.verdict;
}
