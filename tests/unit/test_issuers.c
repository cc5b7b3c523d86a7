/* link: ca */
/* Which issuer signs (D-32): of the key's family, active, and by chance. */
#include "tests/unit/crypto_test.h"

#include "ca/issuers.h"

#define DRAWS 3000

static struct bytes spki_of(struct ctx *c, const char *kind)
{
	EVP_PKEY *key = NULL;
	struct bytes spki;
	assert_good(c, key_generate(c, kind, &key));
	assert_good(c, key_spki(c, key, &spki));
	return spki;
}

static const struct config_issuer configs[] = { { .name = "e1", .active = true }, { .name = "e2", .active = true },
	{ .name = "e3", .active = false }, { .name = "e4", .active = true }, { .name = "r1", .active = true },
	{ .name = "r2", .active = true }, { .name = "r3", .active = false } };

/* How often each of the n first was chosen for such a key. */
static void draw(struct ctx *c, const char *kind, struct issuer *issuers, size_t n, size_t *counts)
{
	const struct issuer_list list = { issuers, n };
	struct bytes spki = spki_of(c, kind);
	memset(counts, 0, COUNT_OF(configs) * sizeof(*counts));
	for (size_t i = 0; i < DRAWS; i++) {
		counts[issuer_choose(&list, spki) - issuers]++;
	}
}

static void by_chance_within_the_family(void **state)
{
	struct ctx *c = *state;
	struct issuer issuers[COUNT_OF(configs)];
	size_t counts[COUNT_OF(configs)];
	for (size_t i = 0; i < COUNT_OF(configs); i++) {
		issuers[i] = (struct issuer) { .config = &configs[i], .kind = configs[i].name[0] == 'r' ? KEY_RSA : KEY_P256 };
	}
	draw(c, "p256", issuers, COUNT_OF(configs), counts);
	for (size_t i = 0; i < 4; i++) {
		assert_in_range(counts[i], i == 2 ? 0 : 820, i == 2 ? 0 : 1180); /* a third each, seven standard deviations */
	}
	assert_int_equal(counts[4] + counts[5] + counts[6], 0);
	draw(c, "rsa2048", issuers, COUNT_OF(configs), counts);
	assert_int_equal(counts[4] + counts[5], DRAWS);
	assert_in_range(counts[4], 1300, 1700);
	/* no issuer of the family is active: all that are */
	draw(c, "rsa2048", issuers, 4, counts);
	assert_in_range(counts[0], 820, 1180);
	assert_int_equal(counts[2], 0);
	draw(c, "p384", issuers, 1, counts);
	assert_int_equal(counts[0], DRAWS);
}

static void found_by_name(void **state)
{
	(void) state;
	struct issuer issuers[] = { { .config = &configs[0] }, { .config = &configs[4] } };
	const struct issuer_list list = { issuers, 2 };
	assert_ptr_equal(issuer_find(&list, "r1"), &issuers[1]);
	assert_null(issuer_find(&list, "r"));
	assert_null(issuer_find(&list, "e2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(by_chance_within_the_family),
		WITH_CTX(found_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
