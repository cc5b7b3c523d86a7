/* link: va */
/* TXT records of hostile zones (style 25; ). Input: RDATA, and the same octets as the kept packet of an answer. */
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/txt.h"

static void check_plain(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~') {
			abort();
		}
	}
}

static void check_rdata(struct arena *a, struct bytes rdata)
{
	struct bytes value;
	const char *text = txt_encode(a, rdata);
	bool good = txt_join(a, rdata, &value) == 0;
	check_plain(text);
	if (good != (text[0] == '"') || (good && value.n >= rdata.n)) {
		abort();
	}
}

static void check_verdict(struct arena *a, struct bytes packet)
{
	static const struct validate_request request = { .identifier = { "dns", "a" }, .key_authorization = "t.k" };
	static const char digest[] = "dlB0GFFBjq1DwqiLNYRbUrjZLT6IqLn_wqx7amut1k0";
	struct resolution one = { .name = "_acme-challenge.a", .type = "TXT", .dnssec = "off", .raw = packet };
	const struct validation_result result = { .resolutions = { &one, 1 } };
	const struct decide_input in = { .request = &request };
	struct verdict verdict = decide_dns01(a, &in, &result);
	if (verdict.passed && packet.n < strlen(digest)) {
		abort();
	}
	if (!verdict.passed) {
		check_plain(verdict.detail);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const struct bytes in = { data, size };
	check_rdata(a, in);
	check_verdict(a, in);
	arena_free(a);
	return 0;
}
