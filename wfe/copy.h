/* The binary stream of PostgreSQL's COPY, field by field. */
#ifndef CAIRN_WFE_COPY_H
#define CAIRN_WFE_COPY_H

#include "lib/base/buffer.h"
#include "lib/base/clock.h"
#include "lib/base/id.h"

void copy_start(struct buffer *b);
void copy_end(struct buffer *b);
/* A row of so many fields follows. */
void copy_row(struct buffer *b, int16_t fields);

void copy_null(struct buffer *b);
void copy_uuid(struct buffer *b, struct id id);     /* none is NULL */
void copy_text(struct buffer *b, const char *text); /* NULL is NULL */
void copy_bytes(struct buffer *b, struct bytes value);
void copy_int4(struct buffer *b, int64_t value);
void copy_int8(struct buffer *b, int64_t value);
void copy_time(struct buffer *b, struct timestamp t);
/* Text that inet_pton does not read becomes "::". */
void copy_inet(struct buffer *b, const char *address);

/* Reads one field from the front of `in`; p NULL: NULL. -1: it is not whole. */
int copy_take(struct bytes *in, struct bytes *ret) MUST_CHECK;

#endif
