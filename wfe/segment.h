/* One file of the spool: how records lie in it, and its name. */
#ifndef CAIRN_WFE_SEGMENT_H
#define CAIRN_WFE_SEGMENT_H

#include "wfe/spool.h"

/* Octets in front of the payload: 8 of the SHA-256 of all that follows them, then length (4), kind (4), number (8), all
 * high octet first, and the request's id (16). */
#define SEGMENT_HEADER 40
#define SEGMENT_NAME_SIZE 24

void segment_encode_header(const struct spool_record *record, uint8_t ret[SEGMENT_HEADER]);

/* Reads the record at the start of `in`; its payload points into `in`. ret_used: its octets. -1: there is none, or only a
 * part, or it is damaged. */
int segment_decode(struct bytes in, struct spool_record *ret, size_t *ret_used) MUST_CHECK;

/* "00000000000000a1.seg": the number of the first record that may stand in it. */
void segment_name(uint64_t first, char ret[SEGMENT_NAME_SIZE]);
int segment_name_parse(const char *name, uint64_t *ret_first) MUST_CHECK;

/* n octets of the file from the offset, or fewer at its end, in the arena. */
int segment_load(struct ctx *c, int folder, uint64_t first, size_t offset, size_t n, struct bytes *ret) MUST_CHECK;

#endif
