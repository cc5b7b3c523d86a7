/* link: va */
/* What onion services send (style 25; B-35, B-37, B-38). Input: a name, a request, and the records of a CAA set, each time the same
 * octets. */
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/onion.h"
#include "policy/caa.h"
#include "policy/onion_caa.h"
#include "policy/onion_csr.h"

static bool is_inside(struct bytes part, struct bytes whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_name(const char *name)
{
	struct onion onion;
	if (onion_parse(name, &onion) == NULL && (strlen(onion.service) != 62 || !onion_is(onion.service))) {
		abort();
	}
}

static void check_request(struct arena *a, struct bytes in)
{
	static const char name[] = "bbcweb3hytmzhn5d532owbu6oqadra5z3ar726vq5kgwwn6aucdccrad.onion";
	struct onion_csr csr;
	if (onion_csr_parse(in, &csr) == NULL &&
	    (csr.key.n != ONION_KEY_SIZE || csr.signature.n != 64 || !is_inside(csr.info, in) || !is_inside(csr.key, in) ||
	        !is_inside(csr.signature, in) || !is_inside(csr.ca_nonce, in) || !is_inside(csr.applicant_nonce, in))) {
		abort();
	}
	const struct validate_request request = {
		.identifier = { "dns", name }, .method = "onion-csr-01", .token = "AAAAAAAAAAA", .response = in
	};
	struct connection_attempt one = { .host = name, .body = in, .body_octets = (int64_t) in.n };
	const struct validation_result result = { .attempts = { &one, 1 } };
	const struct decide_input by = { .request = &request };
	struct verdict verdict = decide_onion(a, &by, &result);
	if (verdict.passed || verdict.fault) { /* nobody here has that key */
		abort();
	}
}

static void check_records(struct arena *a, const char *text)
{
	static const char *names[] = { "ca.example" };
	static const struct text_list ours = { names, 1 };
	struct bytes_list rdata = { NULL, 0 };
	const char *wrong = onion_caa_parse(a, text, &rdata);
	for (const char *p = wrong == NULL ? "" : wrong; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~') {
			abort();
		}
	}
	const struct caa_query query = { false, &ours, "https://ca.example/1", NULL, "onion-csr-01" };
	for (size_t i = 0; wrong == NULL && i < rdata.n; i++) {
		struct caa_record record;
		if (caa_record_parse(rdata.v[i], &record) != 0 || rdata.n > ONION_CAA_RECORDS_MAX) {
			abort();
		}
	}
	if (wrong == NULL && rdata.n > 0) {
		(void) caa_decide(a, &rdata, &query);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *text = arena_text_n(a, data, size);
	check_name(text);
	check_request(a, (struct bytes) { data, size });
	check_records(a, text);
	arena_free(a);
	return 0;
}
