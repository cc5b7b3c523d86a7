/* link: ca */
/* The keys inside the signer: a PIN that the token refused is given by no restart, whatever the token remembers by itself. */
#include "tests/unit/crypto_test.h"

#include "tests/unit/soft_token.h"

#include "ca/signer_keys.h"
#include "lib/base/folder.h"

static struct config_token named = { .module = (char *) (uintptr_t) SOFT_MODULE,
	.label = (char *) (uintptr_t) "cairn" };
static const struct config_issuer in_token = { .name = "one", .key_label = "one", .cert_file = "one.pem" };
static struct issuer issuer = { .config = &in_token };
static const struct issuer_list issuers = { .v = &issuer, .n = 1 };
static struct ctx all;

static int set_up(void **state)
{
	struct secret pin = { (char *) (uintptr_t) SOFT_PIN, sizeof(SOFT_PIN) - 1 };
	struct token *t = NULL;
	struct token_key key;
	enum token_trouble trouble;
	(void) state;
	ctx_init(&all);
	soft_start(&all);
	assert_good(&all, token_open(&all, &named, &pin, false, &t, &trouble));
	assert_good(&all, token_make_key(&all, t, "p256", "one", &key));
	assert_good(&all, key_spki(&all, key.key, &issuer.info.spki));
	token_close(t);
	return 0;
}

static int tear_down(void **state)
{
	(void) state;
	soft_end();
	ctx_done(&all);
	return 0;
}

/* A person logs in with the right one: the token reports no wrong PIN any more, as those never do that have no such flag. */
static void token_forgets(struct ctx *c)
{
	struct secret pin = { (char *) (uintptr_t) SOFT_PIN, sizeof(SOFT_PIN) - 1 };
	struct token *t = NULL;
	enum token_trouble trouble;
	const char *sentence = NULL;
	assert_good(c, token_open(c, &named, &pin, true, &t, &trouble));
	token_close(t);
	assert_true(token_describe(c, &named, &sentence));
}

/* One start of the signer; what it says of its keys, "" when they are at hand. */
static const char *start(struct ctx *c)
{
	struct config config = { .ca = { .token = named }, .policy = { .mode = "private" } };
	struct signer_keys k;
	assert_good(c, signer_keys_open(c, &config, &issuers, &k));
	for (int i = 0; i < 3; i++) { /* nor while it runs */
		k.again_us = 0;
		signer_keys_look(c, &k);
	}
	const char *why = arena_text(c->arena, k.why);
	assert_int_equal(signer_keys_ready(&k), why[0] == '\0' ? 1 : 0);
	token_close(k.token);
	token_refusal_close(&k.refusal);
	secret_done(&k.pin);
	return why;
}

/* The token was not asked: it would remember. */
static void assert_untouched(struct ctx *c)
{
	const char *sentence = NULL;
	assert_true(token_describe(c, &named, &sentence));
}

static void no_restart_gives_a_refused_pin(void **state)
{
	struct ctx *c = *state;
	soft_write(c, "unlock", "000000\n", 0600);
	named.pin_file = soft_path(c, "unlock");
	assert_non_null(strstr(start(c), "refuses the PIN (CKR 0xa0"));
	token_forgets(c);
	for (int i = 0; i < 3; i++) {
		assert_non_null(strstr(start(c), "refused this PIN before"));
		assert_untouched(c);
	}
	/* the PIN itself is not in the file */
	struct bytes kept;
	assert_good(c, file_read(c, soft_path(c, "unlock.refused"), &kept));
	assert_int_equal(kept.n, 48);
	assert_null(memmem(kept.p, kept.n, "000000", 6));
	/* another one is tried, once */
	soft_write(c, "unlock", "111111\n", 0600);
	assert_non_null(strstr(start(c), "refuses the PIN (CKR 0xa0"));
	token_forgets(c);
	assert_non_null(strstr(start(c), "refused this PIN before"));
	assert_untouched(c);
	soft_write(c, "unlock", SOFT_PIN "\n", 0600);
	assert_string_equal(start(c), "");
	/* what was refused once and is right by now: a person says so */
	struct token_refusal r;
	struct secret pin = { (char *) (uintptr_t) SOFT_PIN, sizeof(SOFT_PIN) - 1 };
	assert_good(c, token_refusal_open(c, &named, false, &r));
	assert_good(c, token_refusal_note(c, &r, &pin));
	assert_non_null(strstr(start(c), "cairn token login"));
	assert_good(c, token_refusal_forget(c, &r));
	token_refusal_close(&r);
	assert_string_equal(start(c), "");
}

/* Where it can't be kept, the token is not asked at all. */
static void without_its_file_none_is_given(void **state)
{
	struct ctx *c = *state;
	struct config config = { .ca = { .token = named }, .policy = { .mode = "private" } };
	struct signer_keys k;
	soft_write(c, "unlock", "000000\n", 0600);
	config.ca.token.pin_file = soft_path(c, "unlock");
	config.ca.token.refused_file = soft_path(c, "no-such-folder/refused");
	assert_cause(c, "Correct ca.token.refused_file", signer_keys_open(c, &config, &issuers, &k));
	assert_untouched(c);
	secret_done(&k.pin);
}

/* Another token may take what this one refused. */
static void a_refusal_is_of_one_token(void **state)
{
	struct ctx *c = *state;
	struct token_refusal r;
	struct config_token other = { .module = SOFT_MODULE, .label = "other", .refused_file = soft_path(c, "shared") };
	struct config_token this = { .module = SOFT_MODULE, .label = "cairn", .refused_file = soft_path(c, "shared") };
	const struct secret pin = { (char *) (uintptr_t) "000000", 6 };
	const struct secret longer = { (char *) (uintptr_t) "0000000", 7 };
	assert_good(c, token_refusal_open(c, &this, true, &r));
	assert_false(token_refusal_is(&r, &pin));
	assert_good(c, token_refusal_note(c, &r, &pin));
	assert_true(token_refusal_is(&r, &pin));
	assert_false(token_refusal_is(&r, &longer));
	token_refusal_close(&r);
	assert_good(c, token_refusal_open(c, &other, true, &r));
	assert_false(token_refusal_is(&r, &pin));
	token_refusal_close(&r);
	other.refused_file = soft_path(c, "absent");
	assert_good(c, token_refusal_open(c, &other, false, &r));
	assert_int_equal(r.fd, -1);
	assert_false(token_refusal_is(&r, &pin));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(no_restart_gives_a_refused_pin),
		WITH_CTX(without_its_file_none_is_given),
		WITH_CTX(a_refusal_is_of_one_token),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
