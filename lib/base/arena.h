/* Memory of one request: allocated piece by piece, wiped and freed at once. Not shared between threads. */
#ifndef CAIRN_BASE_ARENA_H
#define CAIRN_BASE_ARENA_H

#include <stdarg.h>

#include "lib/base/bytes.h"

struct arena;

/* A new, empty arena; the caller frees it. Out of memory ends the process. */
struct arena *arena_new(void);
/* The same for what waits long and in great numbers: it grows in small steps. */
struct arena *arena_new_small(void);

/* Wipes and frees everything that was allocated from it. NULL is fine. */
void arena_free(struct arena *a);

/* n zeroed octets, aligned for any type; never NULL, n may be 0. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull, malloc));

/* count * size zeroed octets; a product that overflows ends the process. */
void *arena_array(struct arena *a, size_t count, size_t size) __attribute__((returns_nonnull));

/* Copies; the text form adds a NUL. arena_text(a, NULL) is NULL. */
const char *arena_text(struct arena *a, const char *text);
const char *arena_text_n(struct arena *a, const void *p, size_t n);
struct bytes arena_bytes(struct arena *a, const void *p, size_t n);

/* printf into the arena. */
const char *arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *a, const char *format, va_list ap) PRINTF_LIKE(2, 0);

/* release(p) runs when the arena is freed, last registered first, before its memory is wiped. */
void arena_on_free(struct arena *a, void (*release)(void *), void *p);

/* Octets handed out so far, for limits and metrics. */
size_t arena_used(const struct arena *a);

#define ARENA_NEW(a, type) ((type *) arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *) arena_array((a), (n), sizeof(type)))

#endif
