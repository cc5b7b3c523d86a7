#include "lib/crypto/nonce.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/crypto/auto_openssl.h"

#define WORDS (NONCE_WINDOW / 32)
#define BLOCK 16
#define BOOT_ID_SIZE 40
#define CLOCK_STEP_S 300 /* how far the clock may be set back without a good nonce being refused */

/* A word holds the redeemed bits of 32 counters (low half) and which lap of the window they belong to (high half). A
 * lap that is behind reads as "none redeemed", so nothing ever has to be cleared. */
struct state {
	char format[16];
	char boot_id[BOOT_ID_SIZE];
	uint8_t key[32];
	_Atomic uint64_t counter;
	_Atomic uint64_t words[WORDS];
};

struct nonce_box {
	struct state *state;
	int fd; /* keeps the lock of the file; -1: in memory only */
	uint8_t instance[NONCE_INSTANCE_SIZE];
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *seal; /* with the key set; copied for each use */
	EVP_CIPHER_CTX *open;
};

static const char format[16] = "cairn-nonces-1";

/* Empty when it can't be read: the file is then never taken over. */
static void read_boot_id(char id[BOOT_ID_SIZE])
{
	memset(id, 0, BOOT_ID_SIZE);
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return;
	}
	if (read(fd, id, BOOT_ID_SIZE - 1) < 36) {
		id[0] = '\0';
	}
	close(fd);
}

static bool is_of_this_boot(const struct state *s, const char *boot_id)
{
	return memcmp(s->format, format, sizeof(format)) == 0 && boot_id[0] != '\0' &&
	       memcmp(s->boot_id, boot_id, BOOT_ID_SIZE) == 0;
}

static void start_afresh(struct state *s, const char *boot_id)
{
	memset(s, 0, sizeof(*s));
	random_bytes(s->key, sizeof(s->key));
	memcpy(s->boot_id, boot_id, BOOT_ID_SIZE);
	memcpy(s->format, format, sizeof(format)); /* last: a half-made file is not taken over */
}

static int file_fail(struct ctx *c, const char *path, const char *what)
{
	return ctx_fault(c, "the nonce file %s: %s: %s", path, what, strerror(errno));
}

/* Opens, locks and sizes the file; a file of another size is emptied first. */
static int open_file(struct ctx *c, const char *path, int *ret_fd)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return file_fail(c, path, "open");
	}
	struct stat s;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &s) != 0) {
		file_fail(c, path, "is it held by another process?");
		close(fd);
		return -1;
	}
	bool sized = s.st_size == (off_t) sizeof(struct state);
	if (!sized && (ftruncate(fd, 0) != 0 || posix_fallocate(fd, 0, (off_t) sizeof(struct state)) != 0)) {
		file_fail(c, path, "room for it");
		close(fd);
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

static int map_state(struct ctx *c, struct nonce_box *box, const char *path)
{
	if (path != NULL) {
		TRY(open_file(c, path, &box->fd));
	}
	int flags = path != NULL ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
	void *p = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, flags, box->fd, 0);
	if (p == MAP_FAILED) {
		return file_fail(c, path == NULL ? "(memory)" : path, "mmap");
	}
	box->state = p;
	char boot_id[BOOT_ID_SIZE];
	read_boot_id(boot_id);
	if (!is_of_this_boot(box->state, boot_id)) {
		start_afresh(box->state, boot_id);
	}
	return 0;
}

static int set_key(struct ctx *c, struct nonce_box *box)
{
	box->cipher = EVP_CIPHER_fetch(NULL, "AES-128-SIV", NULL);
	box->seal = EVP_CIPHER_CTX_new();
	box->open = EVP_CIPHER_CTX_new();
	if (box->cipher == NULL || box->seal == NULL || box->open == NULL ||
	    EVP_EncryptInit_ex2(box->seal, box->cipher, box->state->key, NULL, NULL) != 1 ||
	    EVP_DecryptInit_ex2(box->open, box->cipher, box->state->key, NULL, NULL) != 1) {
		ERR_clear_error();
		return ctx_fault(c, "OpenSSL has no AES-128-SIV");
	}
	return 0;
}

int nonce_box_open(
    struct ctx *c, const char *path, const uint8_t instance[NONCE_INSTANCE_SIZE], struct nonce_box **ret_box)
{
	struct nonce_box *box = calloc(1, sizeof(*box));
	if (box == NULL) {
		die("out of memory");
	}
	box->fd = -1;
	memcpy(box->instance, instance, NONCE_INSTANCE_SIZE);
	if (map_state(c, box, path) != 0 || set_key(c, box) != 0) {
		nonce_box_free(box);
		return -1;
	}
	*ret_box = box;
	return 0;
}

void nonce_box_free(struct nonce_box *box)
{
	if (box == NULL) {
		return;
	}
	EVP_CIPHER_CTX_free(box->seal);
	EVP_CIPHER_CTX_free(box->open);
	EVP_CIPHER_free(box->cipher);
	if (box->state != NULL) {
		munmap(box->state, sizeof(*box->state));
	}
	if (box->fd >= 0) {
		close(box->fd);
	}
	free(box);
}

static void put_u64(uint8_t *to, uint64_t value)
{
	for (size_t i = 0; i < 8; i++) {
		to[i] = (uint8_t) (value >> (56 - 8 * i));
	}
}

static uint64_t get_u64(const uint8_t *from)
{
	uint64_t value = 0;
	for (size_t i = 0; i < 8; i++) {
		value = value << 8 | from[i];
	}
	return value;
}

/* 40 octets as 54 characters of base64url. The library's coder writes 56 with padding, which is cut off. */
static void to_text(const uint8_t octets[NONCE_SIZE], char text[NONCE_TEXT_SIZE])
{
	uint8_t padded[NONCE_SIZE / 3 * 4 + 8];
	EVP_EncodeBlock(padded, octets, NONCE_SIZE);
	for (size_t i = 0; i < NONCE_TEXT_SIZE - 1; i++) {
		char ch = (char) padded[i];
		text[i] = ch == '+' ? '-' : (char) (ch == '/' ? '_' : ch);
	}
	text[NONCE_TEXT_SIZE - 1] = '\0';
}

/* The reverse; writing again what was read refuses every other spelling of the same octets. */
static int of_text(struct bytes in, uint8_t octets[NONCE_SIZE])
{
	if (in.n != NONCE_TEXT_SIZE - 1) {
		return -1;
	}
	uint8_t padded[NONCE_TEXT_SIZE + 2];
	for (size_t i = 0; i < in.n; i++) {
		uint8_t ch = in.p[i];
		padded[i] = ch == '-' ? '+' : (uint8_t) (ch == '_' ? '/' : ch);
	}
	padded[in.n] = '=';
	padded[in.n + 1] = '=';
	uint8_t out[NONCE_SIZE + 8];
	if (EVP_DecodeBlock(out, padded, (int) in.n + 2) != NONCE_SIZE + 2) {
		return -1;
	}
	char again[NONCE_TEXT_SIZE];
	to_text(out, again);
	if (memcmp(again, in.p, in.n) != 0) {
		return -1;
	}
	memcpy(octets, out, NONCE_SIZE);
	return 0;
}

/* instance (8, clear and authenticated) || tag (16) || sealed time in us (8) and counter (8). SIV needs no nonce of its
 * own: each counter is sealed once, so each output is fresh and tells nothing of the order. */
void nonce_make(struct nonce_box *box, char text[NONCE_TEXT_SIZE])
{
	uint8_t plain[BLOCK];
	put_u64(plain, (uint64_t) clock_now().us);
	put_u64(plain + 8, atomic_fetch_add_explicit(&box->state->counter, 1, memory_order_relaxed));
	uint8_t out[NONCE_SIZE];
	memcpy(out, box->instance, NONCE_INSTANCE_SIZE);
	AUTO(EVP_CIPHER_CTX) ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	if (ctx == NULL || EVP_CIPHER_CTX_copy(ctx, box->seal) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, box->instance, NONCE_INSTANCE_SIZE) != 1 ||
	    EVP_EncryptUpdate(ctx, out + NONCE_INSTANCE_SIZE + BLOCK, &n, plain, BLOCK) != 1 || n != BLOCK ||
	    EVP_EncryptFinal_ex(ctx, plain, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, BLOCK, out + NONCE_INSTANCE_SIZE) != 1) {
		die("a nonce can't be sealed");
	}
	to_text(out, text);
}

static bool unseal(struct nonce_box *box, uint8_t octets[NONCE_SIZE], uint8_t plain[BLOCK])
{
	AUTO(EVP_CIPHER_CTX) ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool good = ctx != NULL && EVP_CIPHER_CTX_copy(ctx, box->open) == 1 &&
	            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, BLOCK, octets + NONCE_INSTANCE_SIZE) == 1 &&
	            EVP_DecryptUpdate(ctx, NULL, &n, octets, NONCE_INSTANCE_SIZE) == 1 &&
	            EVP_DecryptUpdate(ctx, plain, &n, octets + NONCE_INSTANCE_SIZE + BLOCK, BLOCK) == 1 && n == BLOCK;
	ERR_clear_error();
	return good;
}

static bool is_fresh(uint64_t made_us)
{
	int64_t age_us = clock_now().us - (int64_t) made_us;
	return age_us <= (int64_t) NONCE_LIFE_S * 1000000 && age_us >= -(int64_t) CLOCK_STEP_S * 1000000;
}

/* Sets the bit of the counter if nobody has. */
static enum nonce_verdict redeem_counter(struct state *s, uint64_t counter)
{
	_Atomic uint64_t *word = &s->words[counter / 32 % WORDS];
	uint64_t lap = (counter / NONCE_WINDOW + 1) & UINT32_MAX; /* 0 is a word that was never used */
	uint64_t bit = UINT64_C(1) << (counter % 32);
	uint64_t seen = atomic_load_explicit(word, memory_order_acquire);
	for (;;) {
		uint64_t seen_lap = seen >> 32;
		if (seen_lap > lap) {
			return NONCE_EXPIRED;
		}
		if (seen_lap == lap && (seen & bit) != 0) {
			return NONCE_USED;
		}
		uint64_t next = seen_lap == lap ? seen | bit : lap << 32 | bit;
		if (atomic_compare_exchange_weak_explicit(word, &seen, next, memory_order_acq_rel, memory_order_acquire)) {
			return NONCE_GOOD;
		}
	}
}

enum nonce_verdict nonce_redeem(struct nonce_box *box, struct bytes text)
{
	uint8_t octets[NONCE_SIZE];
	uint8_t plain[BLOCK];
	if (of_text(text, octets) != 0) {
		return NONCE_BAD;
	}
	if (memcmp(octets, box->instance, NONCE_INSTANCE_SIZE) != 0) {
		return NONCE_FOREIGN;
	}
	if (!unseal(box, octets, plain)) {
		return NONCE_BAD;
	}
	return is_fresh(get_u64(plain)) ? redeem_counter(box->state, get_u64(plain + 8)) : NONCE_EXPIRED;
}

int nonce_instance(struct bytes text, uint8_t ret_instance[NONCE_INSTANCE_SIZE])
{
	uint8_t octets[NONCE_SIZE];
	if (of_text(text, octets) != 0) {
		return -1;
	}
	memcpy(ret_instance, octets, NONCE_INSTANCE_SIZE);
	return 0;
}
