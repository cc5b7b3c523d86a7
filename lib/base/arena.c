#include "lib/base/arena.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "lib/base/die.h"

#define BLOCK_SIZE ((size_t) 16 * 1024)
#define SMALL_BLOCK_SIZE ((size_t) 2 * 1024 - 64)
#define ALIGNMENT ((size_t) 16)

/* Blocks of the usual size are kept for the next request: given back to malloc, they would be merged and split again each
 * time. Under a sanitizer they are not, so that it sees what is used after it was freed. */
#ifdef CAIRN_KEEP_NOTHING
static const size_t kept_max = 0;
#else
static const size_t kept_max = 64;
#endif

struct block {
	struct block *next;
	size_t size;
	size_t used;
	size_t padding; /* keeps the data aligned */
	uint8_t data[];
};

struct release {
	struct release *next;
	void (*run)(void *);
	void *p;
};

struct arena {
	struct block *blocks;     /* newest first */
	struct release *releases; /* newest first */
	size_t used;
	size_t block_size;
};

static struct {
	pthread_mutex_t lock;
	struct block *blocks; /* all zero but for their head */
	size_t n;
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct block *kept_take(void)
{
	pthread_mutex_lock(&kept.lock);
	struct block *b = kept.blocks;
	if (b != NULL) {
		kept.blocks = b->next;
		kept.n--;
	}
	pthread_mutex_unlock(&kept.lock);
	return b;
}

/* False when there are enough. */
static bool kept_put(struct block *b)
{
	pthread_mutex_lock(&kept.lock);
	bool room = kept.n < kept_max;
	if (room) {
		b->next = kept.blocks;
		kept.blocks = b;
		kept.n++;
	}
	pthread_mutex_unlock(&kept.lock);
	return room;
}

static struct block *block_new(size_t size)
{
	struct block *b = size == BLOCK_SIZE ? kept_take() : NULL;
	if (b != NULL) {
		return b;
	}
	b = calloc(1, sizeof(*b) + size);
	if (b == NULL) {
		die("out of memory: %zu octets", size);
	}
	b->size = size;
	return b;
}

static struct arena *new_of(size_t block_size)
{
	struct arena *a = calloc(1, sizeof(*a));
	if (a == NULL) {
		die("out of memory");
	}
	a->block_size = block_size;
	return a;
}

struct arena *arena_new(void)
{
	return new_of(BLOCK_SIZE);
}

struct arena *arena_new_small(void)
{
	return new_of(SMALL_BLOCK_SIZE);
}

void arena_free(struct arena *a)
{
	if (a == NULL) {
		return;
	}
	for (struct release *r = a->releases; r != NULL; r = r->next) {
		r->run(r->p);
	}
	struct block *next = NULL;
	for (struct block *b = a->blocks; b != NULL; b = next) {
		next = b->next;
		OPENSSL_cleanse(b->data, b->used);
		b->used = 0;
		if (b->size != BLOCK_SIZE || !kept_put(b)) {
			free(b);
		}
	}
	free(a);
}

void *arena_alloc(struct arena *a, size_t n)
{
	if (n > SIZE_MAX / 2) {
		die("an allocation of %zu octets is impossible", n);
	}
	size_t rounded = (n + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	struct block *b = a->blocks;
	if (b == NULL || b->size - b->used < rounded) {
		bool big = rounded > a->block_size / 4;
		struct block *fresh = block_new(big ? rounded : a->block_size);
		if (b != NULL && big) {
			/* A big piece gets a block of its own behind the open one, whose rest stays in use. */
			fresh->next = b->next;
			b->next = fresh;
		} else {
			fresh->next = b;
			a->blocks = fresh;
		}
		b = fresh;
	}
	void *p = b->data + b->used;
	b->used += rounded;
	a->used += rounded;
	return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n = 0;
	if (__builtin_mul_overflow(count, size, &n)) {
		die("an array of %zu times %zu octets is impossible", count, size);
	}
	return arena_alloc(a, n);
}

const char *arena_text(struct arena *a, const char *text)
{
	return text == NULL ? NULL : arena_text_n(a, text, strlen(text));
}

const char *arena_text_n(struct arena *a, const void *p, size_t n)
{
	char *copy = arena_alloc(a, n + 1);
	if (n > 0) {
		memcpy(copy, p, n);
	}
	return copy;
}

struct bytes arena_bytes(struct arena *a, const void *p, size_t n)
{
	return (struct bytes) { (const uint8_t *) arena_text_n(a, p, n), n };
}

char *arena_vprintf(struct arena *a, const char *format, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0) {
		die("a format string is wrong: %s", format);
	}
	char *text = arena_alloc(a, (size_t) n + 1);
	vsnprintf(text, (size_t) n + 1, format, ap);
	return text;
}

const char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	const char *text = arena_vprintf(a, format, ap);
	va_end(ap);
	return text;
}

void arena_on_free(struct arena *a, void (*release)(void *), void *p)
{
	struct release *r = ARENA_NEW(a, struct release);
	*r = (struct release) { a->releases, release, p };
	a->releases = r;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}
