/* A sealed log from outside (C2SP tlog-tiles): over HTTP, or in a folder that has the same paths. */
#ifndef CAIRN_CLI_AUDIT_FETCH_H
#define CAIRN_CLI_AUDIT_FETCH_H

#include "lib/seal/tiles.h"

/* The resource below base, "http://..." or a folder. ret_found false: there is none (404, 410, no such file). FAIL: UNAVAILABLE. */
int audit_fetch(struct ctx *c, const char *base, const char *path, struct bytes *ret, bool *ret_found) MUST_CHECK;

/* A tile_source over it; set its size. A tile that is not there is MALFORMED. */
struct tile_source audit_fetch_tiles(const char *base);

#endif
