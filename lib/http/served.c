#include "lib/http/served.h"

#include <curl/curl.h>
#include <string.h>

#include "lib/base/buffer.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/crl.h"
#include "lib/crypto/ocsp.h"

#define REPLY_MAX (128u << 20) /* a CRL of a million entries has a third of that */

AUTO_DEFINE(CURL, curl_easy_cleanup)

static const struct {
	const char *type;
	const char *asked_as; /* NULL: by GET */
} kinds[] = {
	[SERVED_CERTIFICATE] = { "application/pkix-cert", NULL },
	[SERVED_CRL] = { "application/pkix-crl", NULL },
	[SERVED_OCSP] = { "application/ocsp-response", "Content-Type: application/ocsp-request" },
	[SERVED_PARENT] = { "application/pkix-cert", NULL },
	[SERVED_PARENT_CRL] = { "application/pkix-crl", NULL },
};

struct reply {
	struct buffer text;
	const char *type;
	const atomic_bool *stop;
};

/* Less than what came ends the transfer. */
static size_t take(const char *p, size_t one, size_t n, void *arg)
{
	struct reply *reply = arg;
	if (reply->text.n + one * n > REPLY_MAX) {
		return 0;
	}
	buffer_add(&reply->text, p, one * n);
	return one * n;
}

static int is_stopped(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
	const struct reply *reply = arg;
	const atomic_bool *stop = reply->stop;
	(void) dltotal, (void) dlnow, (void) ultotal, (void) ulnow;
	return stop != NULL && atomic_load(stop) ? 1 : 0;
}

static bool set_up(CURL *curl, const struct served *served, int64_t left_ms, struct reply *reply)
{
	return curl_easy_setopt(curl, CURLOPT_URL, served->url) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) left_ms) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_stopped) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_XFERINFODATA, reply) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply) == CURLE_OK;
}

static bool set_body(CURL *curl, struct bytes body, const struct curl_slist *headers)
{
	return curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long) body.n) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK;
}

static int fetch(struct ctx *c, const struct served *served, struct bytes body, struct reply *reply)
{
	int64_t left_ms = ctx_left_ms(c, INT32_MAX);
	const char *asked_as = kinds[served->kind].asked_as;
	long status = 0;
	char *type = NULL;
	if (left_ms < 1) { /* for libcurl 0 is no limit */
		return FAIL(c, UNAVAILABLE, "%s: no time was left to ask", served->url);
	}
	AUTO(CURL) curl = curl_easy_init();
	struct curl_slist *headers = asked_as == NULL ? NULL : curl_slist_append(NULL, asked_as);
	bool set =
	    curl != NULL && set_up(curl, served, left_ms, reply) && (asked_as == NULL || set_body(curl, body, headers));
	CURLcode result = set ? curl_easy_perform(curl) : CURLE_FAILED_INIT;
	curl_slist_free_all(headers);
	if (result != CURLE_OK) {
		return FAIL(c, UNAVAILABLE, "%s: %s", served->url, curl_easy_strerror(result));
	}
	(void) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	(void) curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	if (status != 200) {
		return FAIL(c, UNAVAILABLE, "%s answers with status %ld", served->url, status);
	}
	reply->type = type == NULL ? "" : arena_text(c->arena, type);
	return 0;
}

static int wrong(struct ctx *c, const struct served *served, const char *why)
{
	ctx_forgive(c);
	return FAIL(c, UNAVAILABLE, "%s: %s", served->url, why);
}

/* Who has to have signed a CRL. */
struct crl_maker {
	struct bytes name;
	struct bytes spki; /* empty: whichever key */
	bool ours;         /* it names its URL; others need not (RFC 5280 5.2.5) */
};

static int check_crl(struct ctx *c, const struct served *served, struct bytes der, const struct crl_maker *by)
{
	struct crl_info crl;
	EVP_PKEY *key = NULL;
	if (crl_parse(c, der, &crl) != 0) {
		return wrong(c, served, "what comes is no CRL");
	}
	if (!bytes_equal(crl.issuer, by->name) ||
	    (by->spki.n > 0 && (key_of_spki(c, by->spki, &key) != 0 || crl_verify_signature(c, &crl, key) != 0))) {
		return wrong(c, served, "what comes is not a CRL of its issuer");
	}
	if (crl.url == NULL ? by->ours : strcmp(crl.url, served->url) != 0) {
		return wrong(c, served, "the CRL that comes is that of another URL");
	}
	return crl.next_update.us > clock_now().us ? 0 : wrong(c, served, "the CRL that comes has ended");
}

static int check_parent(struct ctx *c, const struct served *served, struct bytes der, struct bytes *ret_spki)
{
	struct cert_info parent;
	EVP_PKEY *key = NULL;
	if (cert_parse(c, der, &parent) != 0 || !parent.is_ca || !bytes_equal(parent.subject, served->issuer->issuer) ||
	    key_of_spki(c, parent.spki, &key) != 0 || cert_verify_signature(c, served->issuer, key) != 0) {
		return wrong(c, served, "what comes is not the certificate of who signed the issuer's");
	}
	*ret_spki = parent.spki;
	return 0;
}

/* Of a serial that the CA never gives, as its own have more octets. */
static int ask_ocsp(struct ctx *c, const struct served *served, struct bytes *ret)
{
	const uint8_t *at = served->issuer->der.p;
	AUTO(X509) issuer = d2i_X509(NULL, &at, (long) served->issuer->der.n);
	AUTO(ASN1_INTEGER) serial = ASN1_INTEGER_new();
	AUTO(OCSP_REQUEST) request = OCSP_REQUEST_new();
	OCSP_CERTID *id = NULL;
	if (issuer == NULL || serial == NULL || request == NULL || ASN1_INTEGER_set(serial, 1) != 1 ||
	    (id = OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(issuer), X509_get0_pubkey_bitstr(issuer), serial)) ==
	        NULL) {
		return ctx_fault(c, "no request of OCSP can be made");
	}
	if (OCSP_request_add0_id(request, id) == NULL) {
		OCSP_CERTID_free(id);
		return ctx_fault(c, "no request of OCSP can be made");
	}
	int n = i2d_OCSP_REQUEST(request, NULL);
	uint8_t *p = arena_alloc(c->arena, n > 0 ? (size_t) n : 1);
	*ret = (struct bytes) { p, n > 0 ? (size_t) n : 0 };
	return i2d_OCSP_REQUEST(request, &p) == n && n > 0 ? 0 : ctx_fault(c, "no request of OCSP can be made");
}

/* Private hierarchies name directories of other protocols as well. */
static bool is_http(const char *url)
{
	return url != NULL && strncmp(url, "http://", 7) == 0;
}

struct served_list served_by(
    struct arena *a, const struct config_issuer *config, const struct cert_info *issuer, const atomic_bool *stop)
{
	struct text_list crls = config_crl_urls(a, config);
	struct served_list all = { ARENA_ARRAY(a, crls.n + 4, struct served), 0 };
	all.v[all.n++] = (struct served) { SERVED_CERTIFICATE, config->aia_url, issuer, stop };
	for (size_t i = 0; i < crls.n; i++) {
		all.v[all.n++] = (struct served) { SERVED_CRL, crls.v[i], issuer, stop };
	}
	if (config->ocsp_url != NULL) {
		all.v[all.n++] = (struct served) { SERVED_OCSP, config->ocsp_url, issuer, stop };
	}
	if (is_http(issuer->aia_url)) {
		all.v[all.n++] = (struct served) { SERVED_PARENT, issuer->aia_url, issuer, stop };
	}
	if (is_http(issuer->crl_url)) {
		all.v[all.n++] = (struct served) { SERVED_PARENT_CRL, issuer->crl_url, issuer, stop };
	}
	return all;
}

static int get(struct ctx *c, const struct served *served, struct bytes *ret)
{
	struct reply reply = { .type = NULL, .stop = served->stop };
	struct bytes request = { NULL, 0 };
	buffer_init(&reply.text, c->arena, 4096);
	if (served->kind == SERVED_OCSP) {
		TRY(ask_ocsp(c, served, &request));
	}
	TRY(fetch(c, served, request, &reply));
	*ret = buffer_bytes(&reply.text);
	if (strcmp(reply.type, kinds[served->kind].type) != 0) {
		return FAIL(c, UNAVAILABLE, "%s answers with the content type \"%.80s\" instead of %s", served->url, reply.type,
		    kinds[served->kind].type);
	}
	return 0;
}

/* What signed the CRL is fetched as a relying party does that has only the issuer's certificate. */
static int check_parents_crl(struct ctx *c, const struct served *served, struct bytes came)
{
	struct crl_maker by = { served->issuer->issuer, { NULL, 0 }, false };
	if (is_http(served->issuer->aia_url)) {
		const struct served parent = { SERVED_PARENT, served->issuer->aia_url, served->issuer, served->stop };
		struct bytes der;
		TRY(get(c, &parent, &der));
		TRY(check_parent(c, &parent, der, &by.spki));
	}
	return check_crl(c, served, came, &by);
}

int served_check(struct ctx *c, const struct served *served)
{
	struct bytes came;
	struct bytes spki;
	TRY(get(c, served, &came));
	switch (served->kind) {
	case SERVED_CERTIFICATE:
		return bytes_equal(came, served->issuer->der) ? 0
		                                              : wrong(c, served, "what comes is not the issuer's certificate");
	case SERVED_CRL:
		return check_crl(c, served, came, &(struct crl_maker) { served->issuer->subject, served->issuer->spki, true });
	case SERVED_OCSP:
		return bytes_equal(came, ocsp_refusal(c->arena, OCSP_UNAUTHORIZED)) /* RFC 6960 2.3; E-36 */
		           ? 0
		           : wrong(c, served, "what comes is not an OCSP responder's answer about an unknown certificate");
	case SERVED_PARENT:
		return check_parent(c, served, came, &spki);
	case SERVED_PARENT_CRL:
		return check_parents_crl(c, served, came);
	}
	return ctx_fault(c, "a URL of no kind");
}
