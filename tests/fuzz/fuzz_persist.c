/* link: va */
/* Records of dns-persist-01 in hostile zones (style 25; B-29, B-31). Input: the value of one, and the same octets as the kept packet
 * of an answer. */
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/persist.h"

static bool is_inside(struct bytes part, struct bytes whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_record(struct bytes in)
{
	struct persist_record r;
	const char *wrong = persist_record_parse(in, &r);
	if (!is_inside(r.issuer, in) || !is_inside(r.account_uri, in)) {
		abort();
	}
	if (wrong == NULL &&
	    (r.account_uri.n == 0 || r.until_s < 0 || memchr(r.account_uri.p, ' ', r.account_uri.n) != NULL)) {
		abort();
	}
	if (wrong != NULL && wrong[0] == '\0') {
		abort();
	}
}

/* The same octets as the kept packet of an answer. */
static void check_verdict(struct arena *a, struct bytes packet)
{
	static const char *names[] = { "ca.example" };
	static const struct validate_request request = { .identifier = { "dns", "a" },
		.method = "dns-persist-01",
		.account_url = "https://ca.example/1",
		.caa_identities = { names, 1 } };
	struct resolution one = { .name = "_validation-persist.a", .type = "TXT", .dnssec = "off", .raw = packet };
	const struct validation_result result = { .resolutions = { &one, 1 } };
	const struct decide_input in = { .request = &request };
	struct verdict verdict = decide_persist(a, &in, &result);
	if (verdict.passed && packet.n < strlen(names[0]) + strlen(request.account_url)) {
		abort();
	}
	for (const char *p = verdict.passed ? "" : verdict.detail; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~') {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const struct bytes in = { data, size };
	check_record(in);
	check_verdict(a, in);
	arena_free(a);
	return 0;
}
