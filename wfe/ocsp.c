#include "wfe/ocsp.h"

#include <stdatomic.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/metrics.h"
#include "lib/crypto/ocsp.h"
#include "wfe/relying.h"
#include "wfe/statements.h"

#define OCSP_PATH "/ocsp"
#define OCSP_TYPE "application/ocsp-response"
#define OCSP_MAX_AGE_S 600                 /* as of a CRL: a revocation has to reach those who ask (E-22) */
#define ESCAPED_MAX (OCSP_REQUEST_MAX * 4) /* each character of base64 may be escaped, few are */

#define OFF_US INT64_C(5000000) /* so long it is believed that OCSP is off: nobody has the database asked for nothing */

/* Of clock_monotonic_us: OCSP is off until then. */
static _Atomic int64_t off_until_us;

struct lookup {
	struct bytes name_hash;
	struct bytes key_hash;
	struct bytes serial;
};
static const struct field lookup_field[] = {
	FIELD(struct lookup, name_hash),
	FIELD(struct lookup, key_hash),
	FIELD(struct lookup, serial),
};
static const struct fields lookup_fields = FIELDS(struct lookup, lookup_field);

struct answer_row {
	bool on;    /* an issuer has OCSP */
	bool known; /* the certificate is one of its own */
	struct bytes der;
	struct timestamp this_update;
	struct timestamp next_update;
};
static const struct field answer_field[] = {
	FIELD(struct answer_row, on),
	FIELD(struct answer_row, known),
	FIELD(struct answer_row, der),
	FIELD(struct answer_row, this_update),
	FIELD(struct answer_row, next_update),
};
static const struct fields answer_fields = FIELDS(struct answer_row, answer_field);

#define FIND(hash) \
	"SELECT EXISTS (SELECT FROM front.ocsp_issuer) AS on, a.serial IS NOT NULL AS known, a." hash " AS der, " \
	"a.this_update, a.next_update FROM (SELECT 1) one LEFT JOIN (SELECT o.* FROM front.ocsp_issuer i " \
	"JOIN front.ocsp o ON o.issuer = i.issuer WHERE i.name_" hash " = $1 AND i.key_" hash " = $2 AND o.serial = $3 " \
	"ORDER BY o.next_update DESC NULLS LAST LIMIT 1) a ON true"

const struct statement ocsp_find_sha1 = {
	.name = "ocsp_find_sha1",
	.sql = FIND("sha1"),
	.params = &lookup_fields,
	.row = &answer_fields,
	.repeatable = true,
};

const struct statement ocsp_find_sha256 = {
	.name = "ocsp_find_sha256",
	.sql = FIND("sha256"),
	.params = &lookup_fields,
	.row = &answer_fields,
	.repeatable = true,
};

bool ocsp_is_path(const char *path)
{
	size_t n = strlen(OCSP_PATH);
	return strncmp(path, OCSP_PATH, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static int hex_digit(char digit)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *at = digit == '\0' ? NULL : strchr(digits, digit);
	return at == NULL ? -1 : (int) (at - digits) - (at - digits > 15 ? 6 : 0);
}

/* RFC 6960 A.1: base64, escaped where a URL wants it, in the rest of the path. -1 for what is none. */
static int read_path(struct arena *a, const char *text, struct bytes *ret)
{
	size_t n = 0;
	if (strlen(text) > ESCAPED_MAX) {
		return -1;
	}
	char *plain = arena_alloc(a, strlen(text) + 1);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '%') {
			plain[n++] = *p;
			continue;
		}
		int high = hex_digit(p[1]);
		int low = high < 0 ? -1 : hex_digit(p[2]);
		if (low < 0) {
			return -1;
		}
		plain[n++] = (char) (high << 4 | low);
		p += 2;
	}
	return base64_decode(a, (struct bytes) { (const uint8_t *) plain, n }, ret);
}

/* Of a POST the body, of a GET the path. */
static int read_request(struct http_request *r, struct ocsp_cert_id *ret)
{
	struct ctx *c = &r->ctx;
	struct bytes der = r->body;
	const char *rest = r->path + strlen(OCSP_PATH);
	if (strcmp(r->method, "POST") != 0 && (*rest == '\0' || read_path(c->arena, rest + 1, &der) != 0)) {
		return FAIL(c, MALFORMED, "The OCSP request is not in base64");
	}
	return ocsp_request_parse(c, der, ret);
}

static void refuse(struct http_request *r, enum ocsp_refusal why, const char *outcome)
{
	metric_add(METRIC_ocsp_requests, outcome, 1);
	http_reply_header(r, "Cache-Control", "no-cache, max-age=0"); /* it may be answered in a moment */
	http_reply(r, why == OCSP_MALFORMED ? 400 : 200, OCSP_TYPE, ocsp_refusal(r->ctx.arena, why));
}

static void answer(struct http_request *r, const struct answer_row *row)
{
	int64_t left_s = (row->next_update.us - clock_now().us) / 1000000;
	const struct caching caching = {
		.max_age_s = left_s > OCSP_MAX_AGE_S ? OCSP_MAX_AGE_S : left_s,
		.modified = row->this_update,
	};
	metric_add(METRIC_ocsp_requests, "answered", 1);
	relying_reply(r, OCSP_TYPE, row->der, &caching);
}

int ocsp_serve(struct http_request *r)
{
	struct ctx *c = &r->ctx;
	struct ocsp_cert_id id = { 0 };
	struct answer_row row;
	bool found = false;
	if (clock_monotonic_us() < atomic_load(&off_until_us)) {
		return FAIL(c, NOT_FOUND, "There is no such file");
	}
	bool malformed = read_request(r, &id) != 0;
	if (malformed) {
		ctx_forgive(c);
		id = (struct ocsp_cert_id) { 0 };
	}
	const struct lookup lookup = { id.name_hash, id.key_hash, id.serial };
	TRY(db_row(c, id.hash == OCSP_SHA1 ? &ocsp_find_sha1 : &ocsp_find_sha256, &lookup, &row, &found));
	if (!row.on) {
		atomic_store(&off_until_us, clock_monotonic_us() + OFF_US);
		return FAIL(c, NOT_FOUND, "There is no such file");
	}
	if (malformed) {
		refuse(r, OCSP_MALFORMED, "malformed");
	} else if (!row.known) { /* E-36, RFC 5019 2.2.3 */
		refuse(r, OCSP_UNAUTHORIZED, "unauthorized");
	} else if (row.der.n == 0 || row.next_update.us <= clock_now().us) {
		refuse(r, OCSP_LATER, "later");
	} else {
		answer(r, &row);
	}
	return 0;
}
