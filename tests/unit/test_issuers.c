/* link: ca */
/* Which issuer signs: of the key's family, active, and by chance; and its other chains. */
#include "tests/unit/crypto_test.h"

#include <stdio.h>
#include <unistd.h>

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
static void draw_for(
    struct ctx *c, const char *profile, const char *kind, struct issuer *issuers, size_t n, size_t *counts)
{
	const struct issuer_list list = { .v = issuers, .n = n };
	struct bytes spki = spki_of(c, kind);
	memset(counts, 0, COUNT_OF(configs) * sizeof(*counts));
	for (size_t i = 0; i < DRAWS; i++) {
		counts[issuer_choose(&list, profile, spki) - issuers]++;
	}
}

static void draw(struct ctx *c, const char *kind, struct issuer *issuers, size_t n, size_t *counts)
{
	draw_for(c, "classic", kind, issuers, n, counts);
}

/* D-32 */
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

/* An issuer that names profiles signs for no other; within them the family counts as ever. */
static void by_profile(void **state)
{
	struct ctx *c = *state;
	const char *short_only[] = { "shortlived" };
	const char *long_ones[] = { "classic", "tlsserver" };
	const struct text_list one = { short_only, 1 };
	const struct text_list two = { long_ones, 2 };
	const struct config_issuer own[] = { { .name = "e1", .active = true, .profiles = two },
		{ .name = "e2", .active = true, .profiles = one }, { .name = "e3", .active = false },
		{ .name = "r1", .active = true }, { .name = "r2", .active = true, .profiles = one } };
	struct issuer issuers[COUNT_OF(own)];
	size_t counts[COUNT_OF(configs)];
	for (size_t i = 0; i < COUNT_OF(own); i++) {
		issuers[i] = (struct issuer) { .config = &own[i], .kind = own[i].name[0] == 'r' ? KEY_RSA : KEY_P256 };
	}
	draw_for(c, "shortlived", "p256", issuers, COUNT_OF(own), counts);
	assert_int_equal(counts[1], DRAWS);
	draw_for(c, "tlsserver", "p256", issuers, COUNT_OF(own), counts);
	assert_int_equal(counts[0], DRAWS);
	draw_for(c, "shortlived", "rsa2048", issuers, COUNT_OF(own), counts);
	assert_int_equal(counts[3] + counts[4], DRAWS);
	assert_in_range(counts[3], 1300, 1700);
	/* an RSA key where none but ECDSA issuers sign for the profile */
	draw_for(c, "classic", "rsa2048", issuers, 3, counts);
	assert_int_equal(counts[0], DRAWS);
}

static void found_by_name(void **state)
{
	(void) state;
	struct issuer issuers[] = { { .config = &configs[0] }, { .config = &configs[4] } };
	const struct issuer_list list = { .v = issuers, .n = 2 };
	assert_ptr_equal(issuer_find(&list, "r1"), &issuers[1]);
	assert_null(issuer_find(&list, "r"));
	assert_null(issuer_find(&list, "e2"));
}

static const char *write_pem(struct ctx *c, const char *name, const struct bytes_list *certificates)
{
	const char *path = arena_printf(c->arena, "/tmp/cairn-issuers-%d-%s.pem", (int) getpid(), name);
	struct bytes pem = cert_chain_to_pem(c->arena, certificates);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(pem.p, 1, pem.n, f), pem.n);
	assert_int_equal(fclose(f), 0);
	return path;
}

/* a chain of this issuer's name and key, without its root; anything else is a mistake in the configuration. */
static void other_chains(void **state)
{
	struct ctx *c = *state;
	struct hierarchy own;
	struct hierarchy elsewhere;
	make_hierarchy(c, "p256", "p256", &own);
	make_hierarchy(c, "p384", "p256", &elsewhere);
	AUTO(X509) crossed = to_x509(own.intermediate.der);
	AUTO(X509) root = to_x509(elsewhere.root.der);
	assert_int_equal(X509_set_issuer_name(crossed, X509_get_subject_name(root)), 1);
	assert_true(X509_sign(crossed, elsewhere.root.key, EVP_sha384()) > 0);
	uint8_t *der = NULL;
	int n = i2d_X509(crossed, &der);
	assert_true(n > 0);
	struct bytes other = arena_bytes(c->arena, der, (size_t) n);
	OPENSSL_free(der);
	struct bytes good[] = { other, elsewhere.root.der };
	const char *files[] = { write_pem(c, "good", &(struct bytes_list) { good, 2 }),
		write_pem(c, "foreign", &(struct bytes_list) { &elsewhere.intermediate.der, 1 }),
		write_pem(c, "same", &(struct bytes_list) { &own.intermediate.der, 1 }),
		write_pem(c, "root", &(struct bytes_list) { &elsewhere.root.der, 1 }) };
	struct config_issuer one = { .name = "e1", .cert_file = files[2], .active = true };
	struct config config = { .ca = { .issuers = { &one, 1 } } };
	struct issuer_list list;
	one.alternate_chains = (struct text_list) { &files[0], 1 };
	assert_good(c, issuers_load(c, &config, &list));
	assert_int_equal(list.v[0].alternates.n, 1);
	struct bytes expected = cert_to_pem(c->arena, other);
	assert_true(bytes_equal(bytes_of_text(list.v[0].alternates.v[0]), expected));
	for (size_t i = 1; i < COUNT_OF(files); i++) {
		one.alternate_chains = (struct text_list) { &files[i], 1 };
		assert_cause(c, "another certificate of the name and key", issuers_load(c, &config, &list));
	}
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		(void) unlink(files[i]);
	}
}

/* Nobody can order what nobody would sign; a withdrawn profile still has orders. */
static void each_profile_has_an_issuer(void **state)
{
	struct ctx *c = *state;
	struct hierarchy own;
	const char *only[] = { "classic" };
	struct config_profile profiles[] = { { .name = "classic" }, { .name = "old", .withdrawn = true } };
	make_hierarchy(c, "p256", "p256", &own);
	const char *file = write_pem(c, "profiles", &(struct bytes_list) { &own.intermediate.der, 1 });
	struct config_issuer both[] = { { .name = "e1", .cert_file = file, .active = true },
		{ .name = "e2", .cert_file = file, .active = false } };
	struct config config = { .ca = { .issuers = { both, 2 } }, .policy = { .profiles = { profiles, 2 } } };
	struct issuer_list list;
	assert_good(c, issuers_load(c, &config, &list));
	both[0].profiles = (struct text_list) { only, 1 };
	assert_cause(c, "no issuer that is active signs for the profile old", issuers_load(c, &config, &list));
	both[1].active = true;
	assert_good(c, issuers_load(c, &config, &list));
	both[0].active = both[1].active = false;
	assert_cause(c, "no issuer that is active signs for the profile classic", issuers_load(c, &config, &list));
	(void) unlink(file);
}

/* The certificate with the key of `of` under another name, by another root. */
static struct bytes for_the_key_of(
    struct ctx *c, const struct authority *of, const char *name, const struct authority *root)
{
	AUTO(X509) cert = to_x509(of->der);
	AUTO(X509) signer = to_x509(root->der);
	uint8_t *der = NULL;
	AUTO(X509_NAME) subject = X509_NAME_new();
	assert_int_equal(
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *) name, -1, -1, 0), 1);
	assert_int_equal(X509_set_subject_name(cert, subject), 1);
	assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(signer)), 1);
	assert_true(X509_sign(cert, root->key, EVP_sha384()) > 0);
	int n = i2d_X509(cert, &der);
	assert_true(n > 0);
	struct bytes made = arena_bytes(c->arena, der, (size_t) n);
	OPENSSL_free(der);
	return made;
}

/* F-4, F-8: no process has the key of a root, and no two CAs have one key. */
static void keys_for_one_use(void **state)
{
	struct ctx *c = *state;
	struct hierarchy own;
	struct hierarchy elsewhere;
	make_hierarchy(c, "p256", "p256", &own);
	make_hierarchy(c, "p384", "p256", &elsewhere);
	struct bytes crossed[] = { for_the_key_of(c, &own.root, "Not a root", &elsewhere.root), own.root.der };
	struct bytes twin = for_the_key_of(c, &own.intermediate, "Twin", &elsewhere.root);
	const char *files[] = { write_pem(c, "own", &(struct bytes_list) { &own.intermediate.der, 1 }),
		write_pem(c, "root", &(struct bytes_list) { &own.root.der, 1 }),
		write_pem(c, "crossed", &(struct bytes_list) { crossed, 2 }),
		write_pem(c, "twin", &(struct bytes_list) { &twin, 1 }) };
	struct config_issuer both[] = { { .name = "e1", .cert_file = files[0], .active = true },
		{ .name = "e2", .cert_file = files[0], .active = true } };
	struct config config = { .ca = { .issuers = { both, 2 } } };
	struct issuer_list list;
	assert_good(c, issuers_load(c, &config, &list)); /* the same CA */
	both[1].cert_file = files[1];
	assert_cause(c, "is the certificate of a root", issuers_load(c, &config, &list));
	both[1].cert_file = files[2];
	assert_cause(c, "a certificate above the issuer e2 has its key", issuers_load(c, &config, &list));
	both[1].cert_file = files[3];
	assert_cause(c, "e1 and e2 are two CAs with one key", issuers_load(c, &config, &list));
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		(void) unlink(files[i]);
	}
}

/* Signed once more by way of this digest, as long ago. */
static struct bytes signed_with(struct ctx *c, struct bytes cert, EVP_PKEY *key, const EVP_MD *digest)
{
	AUTO(X509) x509 = to_x509(cert);
	uint8_t *der = NULL;
	assert_true(X509_sign(x509, key, digest) > 0);
	int n = i2d_X509(x509, &der);
	assert_true(n > 0);
	struct bytes made = arena_bytes(c->arena, der, (size_t) n);
	OPENSSL_free(der);
	return made;
}

/* D-8: the CA doesn't start with SHA-1 under its issuer, under what stands above it, or in another chain. */
static void no_sha1_anywhere(void **state)
{
	struct ctx *c = *state;
	static const char *const kinds[] = { "p256", "rsa2048" };
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct hierarchy own;
		make_hierarchy(c, kinds[i], "p256", &own);
		struct bytes old = signed_with(c, own.intermediate.der, own.root.key, EVP_sha1());
		struct bytes above[] = { own.intermediate.der, signed_with(c, own.root.der, own.root.key, EVP_sha1()) };
		const char *files[] = { write_pem(c, "good", &(struct bytes_list) { &own.intermediate.der, 1 }),
			write_pem(c, "old", &(struct bytes_list) { &old, 1 }),
			write_pem(c, "above", &(struct bytes_list) { above, 2 }) };
		struct config_issuer one = { .name = "e1", .cert_file = files[0], .active = true };
		struct config config = { .ca = { .issuers = { &one, 1 } } };
		struct issuer_list list;
		assert_good(c, issuers_load(c, &config, &list));
		one.alternate_chains = (struct text_list) { &files[1], 1 };
		assert_cause(c, "certificate 1 of it is signed with SHA1", issuers_load(c, &config, &list));
		one.alternate_chains.n = 0;
		one.cert_file = files[1];
		assert_cause(c, "certificate 1 of it is signed with SHA1", issuers_load(c, &config, &list));
		one.cert_file = files[2];
		assert_cause(c, "certificate 2 of it is signed with SHA1", issuers_load(c, &config, &list));
		for (size_t k = 0; k < COUNT_OF(files); k++) {
			(void) unlink(files[k]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(by_chance_within_the_family),
		WITH_CTX(by_profile),
		WITH_CTX(each_profile_has_an_issuer),
		WITH_CTX(found_by_name),
		WITH_CTX(keys_for_one_use),
		WITH_CTX(no_sha1_anywhere),
		WITH_CTX(other_chains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
