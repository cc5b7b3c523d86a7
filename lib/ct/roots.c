#include "lib/ct/roots.h"

#include "lib/base/base64.h"
#include "lib/base/fields.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/key.h"

struct answer {
	struct text_list certificates;
};
static const struct field answer_field[] = { FIELD(struct answer, certificates, .flags = FIELD_REQUIRED) };
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

static bool is_of_chain(struct bytes root, const struct bytes_list *chain)
{
	for (size_t i = 0; i < chain->n; i++) {
		if (bytes_equal(root, chain->v[i])) {
			return true;
		}
	}
	return false;
}

static bool signed_it(struct ctx *c, struct bytes root, const struct cert_info *last)
{
	struct cert_info by;
	EVP_PKEY *key = NULL;
	bool good = cert_parse(c, root, &by) == 0 && bytes_equal(by.subject, last->issuer) &&
	            key_of_spki(c, by.spki, &key) == 0 && cert_verify_signature(c, last, key) == 0;
	ctx_forgive(c);
	return good;
}

int ct_roots_know(struct ctx *c, struct bytes json, const struct bytes_list *chain, bool *ret_known)
{
	struct answer answer;
	struct cert_info last;
	bool known = false;
	TRY(fields_parse_json(c, &answer_fields, json, &answer));
	TRY(cert_parse(c, chain->v[chain->n - 1], &last));
	for (size_t i = 0; i < answer.certificates.n && !known; i++) {
		struct bytes root;
		known = base64_decode(c->arena, bytes_of_text(answer.certificates.v[i]), &root) == 0 &&
		        (is_of_chain(root, chain) || signed_it(c, root, &last));
	}
	*ret_known = known;
	return 0;
}
