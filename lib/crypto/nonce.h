/* Anti-replay nonces without a table: each is sealed (AES-128-SIV) and holds its time and a counter; the instance that
 * made it stands in front in clear, so that another front end can send the question there. A box also remembers which
 * counters were redeemed: one bit each over the last NONCE_WINDOW counters, lock-free. All functions are safe from all
 * threads.
 *
 * The state of a box (key, counter, bits) lies in a file that is mapped, so that nonces survive the end of the process,
 * a kill included; only one process may hold a box. After a boot of the machine the file is started afresh with a new
 * key, since what had not reached the disk is lost: old nonces then fail cleanly as badNonce. */
#ifndef CAIRN_CRYPTO_NONCE_H
#define CAIRN_CRYPTO_NONCE_H

#include "lib/base/ctx.h"

#define NONCE_INSTANCE_SIZE 8
#define NONCE_SIZE 40
#define NONCE_TEXT_SIZE 55              /* 54 characters and a NUL */
#define NONCE_WINDOW (4U * 1024 * 1024) /* counters that are remembered, in 1 MiB */
#define NONCE_LIFE_S 3600

struct nonce_box;

enum nonce_verdict {
	NONCE_GOOD,    /* redeemed now, by this call and no other */
	NONCE_USED,    /* redeemed before */
	NONCE_EXPIRED, /* too old, or too many were made since */
	NONCE_FOREIGN, /* of another instance: ask there */
	NONCE_BAD,     /* never made by this box */
};

/* instance: who this is among the front ends. path: the state file, made when absent (0600); NULL keeps the state in
 * memory. SERVER_INTERNAL when the file can't be used or another process holds it. */
int nonce_box_open(struct ctx *c, const char *path, const uint8_t instance[NONCE_INSTANCE_SIZE],
    struct nonce_box **ret_box) MUST_CHECK;
void nonce_box_free(struct nonce_box *box);

/* A fresh nonce, base64url, NUL-terminated. */
void nonce_make(struct nonce_box *box, char text[NONCE_TEXT_SIZE]);

/* Redeems: of all calls with one nonce, in whatever threads, exactly one is told NONCE_GOOD. */
enum nonce_verdict nonce_redeem(struct nonce_box *box, struct bytes text);

/* The instance that made it; -1 when it has not the form of our nonces. */
int nonce_instance(struct bytes text, uint8_t ret_instance[NONCE_INSTANCE_SIZE]) MUST_CHECK;

#endif
