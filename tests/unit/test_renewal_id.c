/* Names of certificates for renewalInfo and `replaces` (B-13). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/base64.h"
#include "lib/crypto/renewal_id.h"

#define KEY "aYhba4dGQEHhs3uEe6CuLN4ByNQ"

static void the_example_of_the_rfc(void **state)
{
	struct ctx c;
	struct renewal_id id;
	(void) state;
	ctx_init(&c);
	assert_int_equal(renewal_id_parse(&c, bytes_of_text(KEY ".AIdlQyE"), &id), 0);
	assert_string_equal(hex_encode(c.arena, id.key_id), "69885b6b87464041e1b37b847ba0ae2cde01c8d4");
	assert_string_equal(hex_encode(c.arena, id.serial), "0087654321");
	assert_int_equal(renewal_id_parse(&c, bytes_of_text("AA.AQ"), &id), 0); /* the shortest */
	assert_int_equal(id.serial.n, 1);
	ctx_done(&c);
}

static const char *const broken[] = {
	"",
	".",
	KEY,
	KEY ".",
	".AIdlQyE",
	KEY "=.AIdlQyE=", /* padding */
	KEY ".AIdlQyE=",
	KEY "%3D.AIdlQyE",
	KEY ".AIdlQyE.",
	KEY ".AIdlQyE.AQ",
	KEY ".h2VDIQ",   /* without the zero in front it is negative */
	KEY ".AH9lQyE",  /* with one it is no DER */
	KEY ".AAAB",     /* so with two */
	KEY ".AA",       /* zero */
	KEY ".AIdlQyF",  /* unused bits */
	KEY "+.AIdlQyE", /* the other alphabet */
	KEY " .AIdlQyE",
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.AQ", /* 33 octets */
	"AA.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",             /* 24 octets */
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
};

static void what_names_nothing(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		struct ctx c;
		struct renewal_id id;
		ctx_init(&c);
		if (renewal_id_parse(&c, bytes_of_text(broken[i]), &id) == 0 || c.err.type != PROBLEM_MALFORMED) {
			fail_msg("\"%s\" was taken", broken[i]);
		}
		ctx_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc),
		cmocka_unit_test(what_names_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
