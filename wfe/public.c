#include "wfe/public.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "lib/base/auto_fd.h"
#include "lib/base/log.h"
#include "lib/crypto/cert.h"
#include "wfe/statements.h"

#define ISSUER_NAME_MAX 64
#define CRL_MAX_AGE_S 3600 /* a revocation has to reach those who ask (E-22) */
#define HTTP_DATE_SIZE 40
#define ROOT_CRL_MAX ((size_t) 1024 * 1024)

struct issuer_lookup {
	const char *name;
};
static const struct field issuer_lookup_field[] = { FIELD(struct issuer_lookup, name) };
static const struct fields issuer_lookup_fields = FIELDS(struct issuer_lookup, issuer_lookup_field);

struct issuer_row {
	struct bytes certificate;
};
static const struct field issuer_row_field[] = { FIELD(struct issuer_row, certificate) };
static const struct fields issuer_row_fields = FIELDS(struct issuer_row, issuer_row_field);

const struct statement public_find_issuer = {
	.name = "public_find_issuer",
	.sql = "SELECT certificate FROM front.issuer WHERE name = $1",
	.params = &issuer_lookup_fields,
	.row = &issuer_row_fields,
	.repeatable = true,
};

struct crl_row {
	int64_t number;
	struct timestamp this_update;
	struct timestamp next_update;
	struct bytes der;
};
static const struct field crl_row_field[] = {
	FIELD(struct crl_row, number),
	FIELD(struct crl_row, this_update),
	FIELD(struct crl_row, next_update),
	FIELD(struct crl_row, der),
};
static const struct fields crl_row_fields = FIELDS(struct crl_row, crl_row_field);

const struct statement public_find_crl = {
	.name = "public_find_crl",
	.sql = "SELECT number, this_update, next_update, der FROM front.crl WHERE issuer = $1 ORDER BY shard LIMIT 1",
	.params = &issuer_lookup_fields,
	.row = &crl_row_fields,
	.repeatable = true,
};

static void reply_text(struct http_request *r, unsigned status, const char *text)
{
	http_reply(r, status, "text/plain; charset=utf-8", bytes_of_text(text));
}

static bool is_read(const struct http_request *r)
{
	return strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
}

/* G-16, G-35, G-62: no script, no cookie, nothing from elsewhere. */
static void serve_home(struct http_request *r, const struct front *front)
{
	static const char page[] =
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Cairn</title></head>\n<body>\n"
	    "<h1>Cairn</h1>\n<p>This is a certificate authority that speaks ACME (RFC 8555). Give your client this"
	    " directory:</p>\n<p><code>%s/directory</code></p>\n"
	    "<p>Root certificate: <a href=\"/root.pem\">PEM</a>, <a href=\"/root.der\">DER</a></p>\n"
	    "<p>SHA-256: <code>%s</code></p>\n</body>\n</html>\n";
	const char *fingerprint =
	    front->root.n == 0 ? "not configured" : cert_fingerprint_colons(r->ctx.arena, front->root);
	http_reply_header(r, "Content-Security-Policy", "default-src 'none'");
	http_reply(r, 200, "text/html; charset=utf-8",
	    bytes_of_text(arena_printf(r->ctx.arena, page, front->config->acme.external_url, fingerprint)));
}

/* What stands in files and is served from memory. */
static const struct {
	const char *path;
	const char *type;
	size_t offset; /* of its octets in struct front */
} root_files[] = {
	{ "/root.der", "application/pkix-cert", offsetof(struct front, root) },
	{ "/aia/root.der", "application/pkix-cert", offsetof(struct front, root) },
	{ "/crl/root.crl", "application/pkix-crl", offsetof(struct front, root_crl) },
};

static bool serve_root(struct http_request *r, const struct front *front)
{
	if (strcmp(r->path, "/root.pem") == 0 && front->root.n > 0) {
		http_reply(r, 200, "application/x-pem-file", cert_to_pem(r->ctx.arena, front->root));
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(root_files); i++) {
		const struct bytes *octets = (const void *) ((const char *) front + root_files[i].offset);
		if (strcmp(r->path, root_files[i].path) == 0 && octets->n > 0) {
			http_reply(r, 200, root_files[i].type, *octets);
			return true;
		}
	}
	return false;
}

bool public_serve_page(struct http_request *r, const struct front *front)
{
	if (!is_read(r)) {
		return false;
	}
	if (strcmp(r->path, "/") == 0) {
		serve_home(r, front);
	} else if (!serve_root(r, front)) {
		return false;
	}
	http_reply_header(r, "Cache-Control", "public, max-age=3600");
	return true;
}

static int read_crl_file(struct ctx *c, const char *path, struct bytes *ret)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *octets = arena_alloc(c->arena, ROOT_CRL_MAX);
	ssize_t n = fd < 0 ? -1 : read(fd, octets, ROOT_CRL_MAX);
	if (n <= 0) {
		ctx_cause(c, "%s: %s", path, n == 0 ? "empty" : strerror(errno));
		return FAIL(c, SERVER_INTERNAL, "The CRL of the root can't be read");
	}
	*ret = (struct bytes) { octets, (size_t) n };
	return 0;
}

int public_read_root(struct ctx *c, const struct config_wfe *config, struct front *front)
{
	struct bytes_list chain = { 0 };
	if (config->root_file != NULL) {
		TRY(cert_read_file(c, config->root_file, &chain));
		front->root = arena_bytes(front->arena, chain.v[0].p, chain.v[0].n);
	}
	if (config->root_crl_file != NULL) {
		struct bytes crl;
		TRY(read_crl_file(c, config->root_crl_file, &crl));
		front->root_crl = arena_bytes(front->arena, crl.p, crl.n);
	}
	return 0;
}

static const char *http_date(struct arena *a, struct timestamp t)
{
	time_t seconds = (time_t) (t.us / 1000000);
	struct tm tm;
	char text[HTTP_DATE_SIZE];
	if (gmtime_r(&seconds, &tm) == NULL || strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0) {
		return "Thu, 01 Jan 1970 00:00:00 GMT";
	}
	return arena_text(a, text);
}

static int serve_issuer(struct http_request *r, const struct issuer_lookup *lookup)
{
	struct issuer_row row;
	bool found = false;
	TRY(db_row(&r->ctx, &public_find_issuer, lookup, &row, &found));
	if (!found) {
		return FAIL(&r->ctx, NOT_FOUND, "There is no such issuer");
	}
	http_reply_header(r, "Cache-Control", "public, max-age=86400");
	http_reply(r, 200, "application/pkix-cert", row.certificate); /* D-43, RFC 5280 4.2.2.1 */
	return 0;
}

static int serve_crl(struct http_request *r, const struct issuer_lookup *lookup)
{
	struct crl_row row;
	struct arena *a = r->ctx.arena;
	bool found = false;
	TRY(db_row(&r->ctx, &public_find_crl, lookup, &row, &found));
	if (!found) {
		return FAIL(&r->ctx, NOT_FOUND, "There is no such CRL");
	}
	int64_t left_s = (row.next_update.us - clock_now().us) / 1000000;
	int64_t max_age_s = left_s < 0 ? 0 : left_s;
	max_age_s = max_age_s > CRL_MAX_AGE_S ? CRL_MAX_AGE_S : max_age_s;
	const char *tag = arena_printf(a, "\"%lld\"", (long long) row.number);
	http_reply_header(r, "Cache-Control", arena_printf(a, "public, max-age=%lld", (long long) max_age_s));
	http_reply_header(r, "ETag", tag);
	http_reply_header(r, "Last-Modified", http_date(a, row.this_update));
	const char *seen = http_request_header(r, "If-None-Match");
	if (seen != NULL && strcmp(seen, tag) == 0) {
		http_reply(r, 304, NULL, (struct bytes) { NULL, 0 });
	} else {
		http_reply(r, 200, "application/pkix-crl", row.der);
	}
	return 0;
}

static const struct {
	const char *before;
	const char *after;
	int (*serve)(struct http_request *r, const struct issuer_lookup *lookup);
} files[] = {
	{ "/aia/", ".der", serve_issuer },
	{ "/crl/", ".crl", serve_crl },
};

/* The issuer's name between both parts of the path, or NULL. */
static const char *issuer_in(struct arena *a, const char *path, const char *before, const char *after)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t n_before = strlen(before);
	size_t n_after = strlen(after);
	size_t n = strlen(path);
	if (n <= n_before + n_after || n > n_before + n_after + ISSUER_NAME_MAX || strncmp(path, before, n_before) != 0 ||
	    strcmp(path + n - n_after, after) != 0) {
		return NULL;
	}
	const char *name = arena_text_n(a, path + n_before, n - n_before - n_after);
	return strspn(name, allowed) == strlen(name) ? name : NULL;
}

static int serve_file(struct http_request *r)
{
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct issuer_lookup lookup = { issuer_in(r->ctx.arena, r->path, files[i].before, files[i].after) };
		if (lookup.name != NULL) {
			return files[i].serve(r, &lookup);
		}
	}
	return FAIL(&r->ctx, NOT_FOUND, "There is no such resource");
}

void public_serve(struct http_request *r, void *arg)
{
	const struct front *front = arg;
	if (!is_read(r)) {
		http_reply_header(r, "Allow", "GET, HEAD");
		reply_text(r, 405, "Only GET and HEAD are served here.\n");
		return;
	}
	if (public_serve_page(r, front) || serve_file(r) == 0) {
		return;
	}
	unsigned status = problem_info(r->ctx.err.type)->status;
	log_error(&r->ctx, status >= 500 ? LOG_ERROR : LOG_DEBUG, "not served");
	reply_text(r, status, arena_printf(r->ctx.arena, "%s.\n", r->ctx.err.detail));
}
