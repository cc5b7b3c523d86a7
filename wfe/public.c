#include "wfe/public.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/auto_fd.h"
#include "lib/base/log.h"
#include "lib/crypto/cert.h"
#include "wfe/notice.h"
#include "wfe/ocsp.h"
#include "wfe/relying.h"
#include "wfe/sealed.h"

#define ROOT_CRL_MAX ((size_t) 1024 * 1024)
#define ROOT_MAX_AGE_S 3600

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
	    "<p>SHA-256: <code>%s</code></p>\n<p><a href=\"" NOTICE_PATH "\">Privacy notice</a></p>\n</body>\n</html>\n";
	const char *fingerprint =
	    front->root.n == 0 ? "not configured" : cert_fingerprint_colons(r->ctx.arena, front->root);
	http_reply_header(r, "Content-Security-Policy", "default-src 'none'");
	notice_headers(r);
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
		relying_reply(r, "application/x-pem-file", cert_to_pem(r->ctx.arena, front->root),
		    &(struct caching) { .max_age_s = ROOT_MAX_AGE_S });
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(root_files); i++) {
		const struct bytes *octets = (const void *) ((const char *) front + root_files[i].offset);
		if (strcmp(r->path, root_files[i].path) == 0 && octets->n > 0) {
			relying_reply(r, root_files[i].type, *octets, &(struct caching) { .max_age_s = ROOT_MAX_AGE_S });
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
	if (notice_serve(r, front)) {
		return true;
	}
	if (strcmp(r->path, "/") != 0) {
		return serve_root(r, front);
	}
	serve_home(r, front);
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

static int serve_file(struct http_request *r)
{
	bool found = false;
	if (ocsp_is_path(r->path)) {
		return ocsp_serve(r);
	}
	TRY(relying_serve(r, &found));
	return found ? 0 : sealed_serve(r);
}

void public_serve(struct http_request *r, void *arg)
{
	const struct front *front = arg;
	bool posts = strcmp(r->method, "POST") == 0;
	bool asks = posts && strncmp(r->path, "/witness/", 9) == 0;
	if (!is_read(r) && !asks && !(posts && ocsp_is_path(r->path))) {
		http_reply_header(r, "Allow", "GET, HEAD");
		reply_text(r, 405, "Only GET and HEAD are served here.\n");
		return;
	}
	if (asks ? sealed_add_checkpoint(r) == 0 : public_serve_page(r, front) || serve_file(r) == 0) {
		return;
	}
	unsigned status = problem_info(r->ctx.err.type)->status;
	log_error(&r->ctx, status >= 500 ? LOG_ERROR : LOG_DEBUG, "not served");
	reply_text(r, status, arena_printf(r->ctx.arena, "%s.\n", r->ctx.err.detail));
}
