#include "wfe/relying.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/digest.h"
#include "wfe/statements.h"

#define ISSUER_NAME_MAX 64
#define SHARD_DIGITS_MAX 6
#define ISSUER_MAX_AGE_S 86400
#define CRL_MAX_AGE_S 600 /* a revocation has to reach those who ask (E-22, E-28) */
#define LIST_MAX_AGE_S 3600
#define HTTP_DATE_SIZE 40
#define TAG_OCTETS 8

struct lookup {
	const char *issuer; /* "" when the path names none */
	int64_t shard;
	const char *path;
	const char *url;
};
static const struct field lookup_field[] = {
	FIELD(struct lookup, issuer),
	FIELD(struct lookup, shard),
	FIELD(struct lookup, path),
	FIELD(struct lookup, url),
};
static const struct fields lookup_fields = FIELDS(struct lookup, lookup_field);
static const struct fields issuer_fields = {
	.name = "issuer", .size = sizeof(struct lookup), .v = lookup_field, .n = 1
};
static const struct fields shard_fields = { .name = "shard", .size = sizeof(struct lookup), .v = lookup_field, .n = 2 };

struct issuer_row {
	struct bytes certificate;
};
static const struct field issuer_row_field[] = { FIELD(struct issuer_row, certificate) };
static const struct fields issuer_row_fields = FIELDS(struct issuer_row, issuer_row_field);

const struct statement relying_find_issuer = {
	.name = "relying_find_issuer",
	.sql = "SELECT certificate FROM front.issuer WHERE name = $1",
	.params = &issuer_fields,
	.row = &issuer_row_fields,
	.repeatable = true,
};

struct crl_row {
	const char *issuer;
	int64_t shard;
	int64_t number;
	struct timestamp this_update;
	struct timestamp next_update;
	struct bytes der; /* not asked for where it may not be needed */
};
static const struct field crl_row_field[] = {
	FIELD(struct crl_row, issuer),
	FIELD(struct crl_row, shard),
	FIELD(struct crl_row, number),
	FIELD(struct crl_row, this_update),
	FIELD(struct crl_row, next_update),
	FIELD(struct crl_row, der),
};
static const struct fields crl_row_fields = FIELDS(struct crl_row, crl_row_field);

/* By the URL as it was asked for; else by its path, as a proxy may name another host; else by the names of issuer and shard. */
const struct statement relying_find_crl = {
	.name = "relying_find_crl",
	.sql = "SELECT issuer, shard::int8, number, this_update, next_update, NULL::bytea AS der FROM front.crl WHERE path "
	       "= $3 OR (issuer = "
	       "$1 AND shard = $2) ORDER BY url = $4 DESC, path = $3 DESC, shard DESC LIMIT 1",
	.params = &lookup_fields,
	.row = &crl_row_fields,
	.repeatable = true,
};

const struct statement relying_read_crl = {
	.name = "relying_read_crl",
	.sql = "SELECT issuer, shard::int8, number, this_update, next_update, der FROM front.crl WHERE issuer = $1 AND "
	       "shard = $2",
	.params = &shard_fields,
	.row = &crl_row_fields,
	.repeatable = true,
};

struct url_row {
	const char *url;
};
static const struct field url_row_field[] = { FIELD(struct url_row, url) };
static const struct fields url_row_fields = FIELDS(struct url_row, url_row_field);

const struct statement relying_list_crls = {
	.name = "relying_list_crls",
	.sql = "SELECT url FROM front.crl_url WHERE published AND ($1 = '' OR issuer = $1) ORDER BY issuer, shard",
	.params = &issuer_fields,
	.row = &url_row_fields,
	.repeatable = true,
};

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

static const char *tag_of(struct arena *a, struct bytes octets)
{
	uint8_t sha256[SHA256_SIZE];
	sha256_of(octets, sha256);
	return arena_printf(a, "\"%s\"", hex_encode(a, (struct bytes) { sha256, TAG_OCTETS }));
}

/* RFC 9110 13.1.2: a list of tags, compared weakly, or "*". */
static bool names_tag(const char *list, const char *tag)
{
	size_t n = strlen(tag);
	bool named = strcmp(list, "*") == 0;
	for (const char *at = strstr(list, tag); at != NULL && !named; at = strstr(at + 1, tag)) {
		const char *behind = at + n + strspn(at + n, " \t");
		named = *behind == '\0' || *behind == ',';
	}
	return named;
}

static bool client_has(struct http_request *r, const char *tag, const char *modified)
{
	const char *tags = http_request_header_list(r, "If-None-Match");
	if (tags != NULL) {
		return names_tag(tags, tag);
	}
	const char *since = http_request_header(r, "If-Modified-Since");
	return since != NULL && modified != NULL && strcmp(since, modified) == 0;
}

/* The headers; true when that is all of the answer. */
static bool begin_reply(struct http_request *r, const struct caching *caching)
{
	struct arena *a = r->ctx.arena;
	const char *modified = caching->modified.us == 0 ? NULL : http_date(a, caching->modified);
	http_reply_header(r, "Cache-Control", arena_printf(a, "public, max-age=%lld", (long long) caching->max_age_s));
	http_reply_header(r, "ETag", caching->tag);
	if (modified != NULL) {
		http_reply_header(r, "Last-Modified", modified);
	}
	if (!client_has(r, caching->tag, modified)) {
		return false;
	}
	http_reply(r, 304, NULL, (struct bytes) { NULL, 0 });
	return true;
}

void relying_reply(struct http_request *r, const char *type, struct bytes octets, const struct caching *caching)
{
	struct caching own = *caching;
	own.tag = own.tag == NULL ? tag_of(r->ctx.arena, octets) : own.tag;
	if (!begin_reply(r, &own)) {
		http_reply(r, 200, type, octets);
	}
}

static int serve_issuer(struct http_request *r, const struct lookup *lookup)
{
	struct issuer_row row;
	bool found = false;
	TRY(db_row(&r->ctx, &relying_find_issuer, lookup, &row, &found));
	if (!found) {
		return FAIL(&r->ctx, NOT_FOUND, "There is no such issuer");
	}
	/* D-43, RFC 5280 4.2.2.1 */
	relying_reply(r, "application/pkix-cert", row.certificate, &(struct caching) { .max_age_s = ISSUER_MAX_AGE_S });
	return 0;
}

static struct caching crl_caching(struct arena *a, const struct crl_row *row)
{
	int64_t left_s = (row->next_update.us - clock_now().us) / 1000000;
	return (struct caching) {
		.max_age_s = left_s < 0               ? 0
		             : left_s > CRL_MAX_AGE_S ? CRL_MAX_AGE_S
		                                      : left_s,
		.tag = arena_printf(a, "\"%lld-%lld\"", (long long) row->shard, (long long) row->number),
		.modified = row->this_update,
	};
}

/* E-28. Its octets are read when the client does not have them. */
static int serve_crl(struct http_request *r, const struct lookup *lookup)
{
	struct crl_row row;
	struct arena *a = r->ctx.arena;
	bool found = false;
	TRY(db_row(&r->ctx, &relying_find_crl, lookup, &row, &found));
	if (!found) {
		return FAIL(&r->ctx, NOT_FOUND, "There is no such CRL");
	}
	struct caching caching = crl_caching(a, &row);
	if (client_has(r, caching.tag, http_date(a, caching.modified))) {
		relying_reply(r, NULL, (struct bytes) { NULL, 0 }, &caching);
		return 0;
	}
	const struct lookup known = { .issuer = row.issuer, .shard = row.shard };
	TRY(db_row(&r->ctx, &relying_read_crl, &known, &row, &found));
	if (!found) {
		return FAIL(&r->ctx, NOT_FOUND, "There is no such CRL");
	}
	caching = crl_caching(a, &row);
	relying_reply(r, "application/pkix-crl", row.der, &caching);
	return 0;
}

/* E-30: a JSON array of URLs, as the CCADB takes it. */
static int serve_list(struct http_request *r, const struct lookup *lookup)
{
	struct url_row *rows;
	size_t n;
	struct buffer text;
	TRY(db_rows(&r->ctx, &relying_list_crls, lookup, (void *) &rows, &n));
	if (n == 0 && lookup->issuer[0] != '\0') {
		return FAIL(&r->ctx, NOT_FOUND, "There is no such issuer");
	}
	buffer_init(&text, r->ctx.arena, 100 * (n + 1));
	buffer_add_char(&text, '[');
	for (size_t i = 0; i < n; i++) {
		buffer_add_text(&text, i == 0 ? "" : ",\n ");
		buffer_add_json(&text, bytes_of_text(rows[i].url));
	}
	buffer_add_text(&text, n == 0 ? "\"\"]\n" : "]\n"); /* before any issuance */
	relying_reply(r, "application/json", buffer_bytes(&text), &(struct caching) { .max_age_s = LIST_MAX_AGE_S });
	return 0;
}

static const struct {
	const char *before;
	const char *after;
	bool with_shard; /* a number may follow the name */
	int (*serve)(struct http_request *r, const struct lookup *lookup);
} files[] = {
	{ "/aia/", ".der", false, serve_issuer },
	{ "/crl/", ".crl", true, serve_crl },
	{ "/crl/", ".json", false, serve_list },
};

/* "ISSUER" or "ISSUER/SHARD" between both parts of the path. */
static bool read_names(struct arena *a, const char *path, size_t i, struct lookup *lookup)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t n_before = strlen(files[i].before);
	size_t n_after = strlen(files[i].after);
	size_t n = strlen(path);
	if (n <= n_before + n_after || n > n_before + n_after + ISSUER_NAME_MAX + 1 + SHARD_DIGITS_MAX ||
	    strncmp(path, files[i].before, n_before) != 0 || strcmp(path + n - n_after, files[i].after) != 0) {
		return false;
	}
	const char *between = arena_text_n(a, path + n_before, n - n_before - n_after);
	size_t n_name = strspn(between, allowed);
	const char *rest = between + n_name;
	lookup->issuer = arena_text_n(a, between, n_name);
	lookup->shard = 0;
	if (n_name == 0 || *rest == '\0' || !files[i].with_shard) {
		return n_name > 0 && *rest == '\0';
	}
	size_t digits = strspn(rest + 1, "0123456789");
	lookup->shard = strtol(rest + 1, NULL, 10);
	return *rest == '/' && digits > 0 && digits <= SHARD_DIGITS_MAX && rest[1 + digits] == '\0';
}

int relying_serve(struct http_request *r, bool *ret_found)
{
	struct arena *a = r->ctx.arena;
	const char *host = http_request_header(r, "Host");
	const char *path = buffer_utf8(a, r->path);
	struct lookup lookup = { "", 0, path,
		arena_printf(a, "http://%s%s", host == NULL ? "" : buffer_utf8(a, host), path) };
	size_t n = strlen(path);
	*ret_found = true;
	if (strcmp(r->path, "/crls.json") == 0) {
		return serve_list(r, &lookup);
	}
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		if (read_names(a, r->path, i, &lookup)) {
			return files[i].serve(r, &lookup);
		}
	}
	*ret_found = n > 4 && strcmp(path + n - 4, ".crl") == 0;
	lookup.issuer = "";
	return *ret_found ? serve_crl(r, &lookup) : 0;
}
