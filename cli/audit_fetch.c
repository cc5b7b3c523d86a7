#include "cli/audit_fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/audit_stop.h"
#include "lib/base/auto.h"
#include "lib/base/buffer.h"
#include "lib/base/folder.h"

#define OCTETS_MAX ((size_t) TILE_WIDTH * 65537)
#define TIMEOUT_S 30L

AUTO_DEFINE(CURL, curl_easy_cleanup)

/* Less than what came ends the transfer. */
static size_t take(const char *p, size_t one, size_t n, void *arg)
{
	struct buffer *b = arg;
	if (b->n + one * n > OCTETS_MAX) {
		return 0;
	}
	buffer_add(b, p, one * n);
	return one * n;
}

/* Asked each second at least: other than 0 ends the transfer. */
static int go_on(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	(void) arg, (void) down_all, (void) down, (void) up_all, (void) up;
	return audit_is_stopped() ? 1 : 0;
}

static int fetch_url(struct ctx *c, const char *url, struct bytes *ret, bool *ret_found)
{
	AUTO(CURL) curl = curl_easy_init();
	struct buffer b;
	long status = 0;
	buffer_init(&b, c->arena, 16384);
	if (curl == NULL || curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &b) != CURLE_OK) {
		return ctx_fault(c, "libcurl does not start");
	}
	CURLcode result = curl_easy_perform(curl);
	if (result != CURLE_OK || curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
	    (status != 200 && status != 404 && status != 410)) {
		return FAIL(c, UNAVAILABLE, "%s: %s (HTTP status %ld)", url, curl_easy_strerror(result), status);
	}
	*ret = buffer_bytes(&b);
	*ret_found = status == 200;
	return 0;
}

static int fetch_file(struct ctx *c, const char *path, struct bytes *ret, bool *ret_found)
{
	*ret_found = access(path, F_OK) == 0;
	*ret = (struct bytes) { NULL, 0 };
	return *ret_found ? file_read(c, path, ret) : 0;
}

int audit_fetch(struct ctx *c, const char *base, const char *path, struct bytes *ret, bool *ret_found)
{
	const char *whole = arena_printf(c->arena, "%s%s%s", base, base[strlen(base) - 1] == '/' ? "" : "/", path);
	return strncmp(base, "http://", 7) == 0 || strncmp(base, "https://", 8) == 0 ? fetch_url(c, whole, ret, ret_found)
	                                                                             : fetch_file(c, whole, ret, ret_found);
}

/* A partial tile may have been replaced by the full one. */
static int read_tile(struct ctx *c, void *arg, const struct tile *tile, struct bytes *ret)
{
	const char *const *base = arg;
	bool found = false;
	TRY(audit_fetch(c, *base, tile_path(c->arena, tile), ret, &found));
	if (!found && tile->width < TILE_WIDTH) {
		const struct tile full = { tile->level, tile->n, TILE_WIDTH };
		TRY(audit_fetch(c, *base, tile_path(c->arena, &full), ret, &found));
	}
	return found ? 0 : FAIL(c, MALFORMED, "%s is not there", tile_path(c->arena, tile));
}

struct tile_source audit_fetch_tiles(const char *base)
{
	static const char *kept; /* one log is looked at by a command */
	kept = base;
	return (struct tile_source) { .read = read_tile, .arg = &kept };
}
