/* link: wfe */
/* The choice among media types: RFC 9110 12.5.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wfe/accept.h"

static const char *const offered[] = { "application/pem-certificate-chain", "application/pkcs7-mime",
	"application/pkix-cert" };

static void choices(void **state)
{
	(void) state;
	static const struct {
		const char *header;
		size_t expected;
	} cases[] = {
		{ NULL, 0 },
		{ "", 0 },
		{ " , ,", 0 },
		{ "garbage", 0 },
		{ "application/", 0 },
		{ "*/*", 0 },
		{ "application/*", 0 },
		{ "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", 0 }, /* Java's */
		{ "*", 0 },
		{ "application/pem-certificate-chain", 0 },
		{ "APPLICATION/PKIX-CERT", 2 },
		{ "application/pkix-cert", 2 },
		{ "application/pkix-cert;q=0.5, application/pkcs7-mime", 1 },
		{ "application/pkix-cert;q=0.5, application/pkcs7-mime;q=0.499", 2 },
		{ "application/pkix-cert ; x=\"y\" ; Q=0.3,*/*;q=0.1", 2 },
		{ "application/pkcs7-mime; smime-type=certs-only", 1 },
		{ "application/*;q=0.5, application/pem-certificate-chain;q=0", 1 }, /* the closer one counts */
		{ "*/*, application/*;q=0.1, application/pkix-cert;q=0.2", 2 },
		{ "application/pkix-cert;q=0", 0 }, /* none of them: the first */
		{ "*/*;q=0", 0 },
		{ "text/html", 0 },
		{ "application/json, text/plain", 0 },
		{ "text/*", 0 },
		{ "application/pkix-certificate", 0 },
		{ "application/pkix-cer", 0 },
		{ "garbage, text/html", 0 },
		{ "application/pkix-cert;q=x", 2 },
		{ "application/pkix-cert;q=7", 2 },
		{ "application/pkix-cert;q=", 2 },
		{ "application/pkix-cert;", 2 },
		{ "application/pkix-cert;;", 2 },
		{ "application/pkix-cert;q=0.0001", 0 },
		{ "application/pkix-cert;q=1.999, application/pkcs7-mime", 1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t got = accept_choose(cases[i].header, offered, 3);
		if (got != cases[i].expected) {
			fail_msg("\"%s\": %zu", cases[i].header == NULL ? "" : cases[i].header, got);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(choices) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
