/* Download of a chain (RFC 8555 7.4.2) and revocation (7.6). */
#include <string.h>

#include "lib/crypto/cert.h"
#include "lib/crypto/der.h"
#include "lib/crypto/pkcs7.h"
#include "lib/rpc/client.h"
#include "wfe/accept.h"
#include "wfe/answer.h"
#include "wfe/issued.h"
#include "wfe/request.h"
#include "wfe/statements.h"

struct certificate_lookup {
	struct id id;
};
static const struct field certificate_lookup_field[] = { FIELD(struct certificate_lookup, id) };
static const struct fields certificate_lookup_fields = FIELDS(struct certificate_lookup, certificate_lookup_field);

struct certificate_row {
	struct id account_id;
	struct bytes der;
	const char *chain;
	struct text_list alternates;
};
static const struct field certificate_row_field[] = {
	FIELD(struct certificate_row, account_id),
	FIELD(struct certificate_row, der),
	FIELD(struct certificate_row, chain),
	FIELD(struct certificate_row, alternates),
};
static const struct fields certificate_row_fields = FIELDS(struct certificate_row, certificate_row_field);

const struct statement certificate_find = {
	.name = "certificate_find",
	.sql = "SELECT account_id, der, chain, alternates FROM front.certificate WHERE id = $1",
	.params = &certificate_lookup_fields,
	.row = &certificate_row_fields,
	.repeatable = true,
};

struct revoke {
	struct bytes certificate;
	json_t *reason;
};
static const struct field revoke_field[] = {
	FIELD(struct revoke, certificate, .flags = FIELD_REQUIRED),
	FIELD(struct revoke, reason),
};
static const struct fields revoke_fields = FIELDS(struct revoke, revoke_field);

/* The certificate with its chain number n; 0 is the usual one. */
static int read_certificate(struct acme *q, size_t n, struct issued *ret)
{
	struct certificate_lookup lookup = { q->id };
	struct certificate_row row;
	bool found = false;
	TRY(db_row(q->c, &certificate_find, &lookup, &row, &found));
	TRY(request_check_owner(q, "certificate", found, row.account_id)); /* */
	if (n > row.alternates.n) {
		return FAIL(q->c, NOT_FOUND, "The certificate has no such chain");
	}
	struct bytes leaf = cert_to_pem(q->c->arena, row.der);
	struct bytes chain = bytes_of_text(n == 0 ? row.chain : row.alternates.v[n - 1]);
	const struct bytes pieces[] = { leaf, chain };
	struct cert_info info;
	TRY(cert_parse(q->c, row.der, &info));
	if (info.aia_url != NULL && row.chain != NULL && n == 0) {
		issued_learn_chain(info.aia_url, chain, row.alternates.n);
	}
	*ret = (struct issued) { row.account_id, der_join(q->c->arena, pieces, COUNT_OF(pieces)), info.aia_url,
		row.alternates.n };
	return 0;
}

static struct bytes leaf_only(struct arena *a, const struct bytes_list *chain)
{
	(void) a;
	return chain->v[0];
}

/* What a client may ask for by Accept, best first, which is also for those that ask for nothing we have. */
static const struct {
	const char *accepted;
	const char *type;
	struct bytes (*make)(struct arena *a, const struct bytes_list *chain); /* NULL: as it is kept */
	bool alone;                                                            /* without its chain */
} forms[] = {
	{ "application/pem-certificate-chain", "application/pem-certificate-chain", NULL, false }, /* */
	{ "application/pkcs7-mime", "application/pkcs7-mime; smime-type=certs-only", pkcs7_certs_only, false },
	{ "application/x-pkcs7-certificates", "application/x-pkcs7-certificates", pkcs7_certs_only, false },
	{ "application/pkix-cert", "application/pkix-cert", leaf_only, true },
};

static int answer_form(struct acme *q, const struct issued *issued)
{
	const char *accepted[COUNT_OF(forms)];
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		accepted[i] = forms[i].accepted;
	}
	size_t form = accept_choose(http_request_header_list(q->http, "Accept"), accepted, COUNT_OF(forms));
	q->reply = issued->pem;
	if (forms[form].make != NULL) {
		struct bytes_list chain;
		TRY(cert_chain_of_pem(q->c, issued->pem, &chain));
		q->reply = forms[form].make(q->c->arena, &chain);
	}
	q->status = 200;
	q->content_type = forms[form].type;
	/* RFC 8555 7.4.2. Beside a chain it would mislead: mod_md and Caddy then ask there for more of the chain, by POST. */
	if (forms[form].alone && issued->up != NULL) {
		answer_link(q, issued->up, "up");
	}
	return 0;
}

/* All other chains. */
static void link_alternates(struct acme *q, size_t n, size_t alternates)
{
	const char *url = front_object_url(q, "cert", q->id);
	for (size_t i = 0; i <= alternates; i++) {
		if (i != n) {
			answer_link(q, i == 0 ? url : arena_printf(q->c->arena, "%s/%zu", url, i), "alternate");
		}
	}
}

/* The digit at the end of the path of an alternate chain; 0 for the usual one. */
static size_t chain_number(const struct acme *q)
{
	size_t n = strlen(q->http->path);
	return n > 2 && q->http->path[n - 2] == '/' ? (size_t) (q->http->path[n - 1] - '0') : 0;
}

int certificate_serve(struct acme *q)
{
	struct issued issued;
	size_t n = chain_number(q);
	if (n == 0 && issued_find(q->c, q->id, &issued)) {
		TRY(request_check_owner(q, "certificate", true, issued.account_id)); /* */
	} else {
		TRY(read_certificate(q, n, &issued));
	}
	TRY(answer_form(q, &issued));
	link_alternates(q, n, issued.alternates);
	return 0;
}

/* an integer; which ones are allowed is for the RA to say. */
static int read_reason(struct acme *q, const struct revoke *in, struct revoke_certificate_request *request)
{
	if (in->reason == NULL) {
		return 0;
	}
	if (!json_is_integer(in->reason)) {
		return FAIL(q->c, BAD_REVOCATION_REASON, "The reason must be one of the numbers 0, 1, 3, 4, 5");
	}
	request->has_reason = true;
	request->reason = json_integer_value(in->reason);
	return 0;
}

int revoke_serve(struct acme *q)
{
	struct revoke in;
	TRY(request_payload(q, &revoke_fields, &in));
	struct revoke_certificate_request request = {
		.certificate = in.certificate,
		.account_id = q->account.id,
		.certificate_key = q->jwk.canonical, /* */
		.remote_address = q->remote.address,
	};
	if (!id_is_none(q->account.id)) {
		request.thumbprint = (struct bytes) { q->account.thumbprint, sizeof(q->account.thumbprint) };
	}
	TRY(read_reason(q, &in, &request));
	struct revoke_certificate_response response;
	TRY(rpc_ra_revoke_certificate(q->c, &request, &response));
	answer_empty(q, 200); /* */
	return 0;
}
