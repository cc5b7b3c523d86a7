/* Keys in a token, here one of SoftHSM. F-1, F-2, F-8. */
#include "tests/unit/crypto_test.h"

#include "tests/unit/soft_token.h"

#include "lib/crypto/cert.h"
#include "lib/crypto/token_internal.h"

static struct secret pin = { (char *) (uintptr_t) SOFT_PIN, sizeof(SOFT_PIN) - 1 };
static struct secret wrong = { (char *) (uintptr_t) "000000", 6 };
static const struct config_token named = { .module = SOFT_MODULE, .label = "cairn" };

static int set_up(void **state)
{
	struct ctx c;
	(void) state;
	ctx_init(&c);
	soft_start(&c);
	ctx_done(&c);
	return 0;
}

static int tear_down(void **state)
{
	(void) state;
	soft_end();
	return 0;
}

static struct token *open_good(struct ctx *c)
{
	struct token *t = NULL;
	enum token_trouble trouble;
	assert_good(c, token_open(c, &named, &pin, false, &t, &trouble));
	return t;
}

/* The refusal must say this, and be of this kind. */
static void refuses(struct ctx *c, const struct config_token *config, const struct secret *with, bool attended,
    enum token_trouble expected, const char *words)
{
	struct token *t = NULL;
	enum token_trouble trouble = TOKEN_WRONG;
	assert_cause(c, words, token_open(c, config, with, attended, &t, &trouble));
	assert_int_equal(trouble, expected);
	assert_null(t);
}

/* F-1: made inside, never to leave; what they sign verifies by what the rest of the program knows of keys. */
static void makes_keys(void **state)
{
	struct ctx *c = *state;
	static const char *const kinds[] = { "p256", "p384", "p521", "rsa2048" };
	struct token *t = open_good(c);
	assert_non_null(strstr(token_where(t), "token \"cairn\" (serial "));
	assert_non_null(strstr(token_where(t), ", slot "));
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct token_key made;
		struct token_key found;
		struct bytes spki;
		struct bytes signature;
		EVP_PKEY *public = NULL;
		assert_good(c, token_make_key(c, t, kinds[i], kinds[i], &made));
		assert_cause(c, "is not replaced", token_make_key(c, t, kinds[i], kinds[i], &found));
		assert_good(c, token_key(c, t, kinds[i], NULL, true, &found));
		assert_int_equal(found.handle, made.handle);
		assert_good(c, key_spki(c, found.key, &spki));
		assert_good(c, key_of_spki(c, spki, &public));
		assert_good(c, key_sign(c, found.key, bytes_of_text("a text"), &signature));
		assert_true(key_verify(public, bytes_of_text("a text"), signature));
		assert_false(key_verify(public, bytes_of_text("another"), signature));
	}
	struct text_list list;
	assert_good(c, token_list(c, t, &list));
	assert_int_equal(list.n, COUNT_OF(kinds));
	for (size_t i = 0; i < list.n; i++) {
		assert_non_null(strstr(list.v[i], " with id "));
	}
	struct token_key none;
	assert_cause(c, "there is no kind", token_make_key(c, t, "dsa", "dsa", &none));
	assert_cause(c, "has no private key \"absent\"", token_key(c, t, "absent", NULL, false, &none));
	assert_cause(c, "is not hexadecimal", token_key(c, t, NULL, "xx", false, &none));
	token_close(t);
}

/* A long ceremony asks for the key of a root with each object that it signs. */
static void gives_a_key_often(void **state)
{
	struct ctx *c = *state;
	struct token_key first;
	struct token_key again;
	struct token *t = open_good(c);
	assert_good(c, token_key(c, t, "p256", NULL, true, &first));
	for (size_t i = 0; i < 130; i++) {
		assert_good(c, token_key(c, t, "p256", NULL, true, &again));
		assert_ptr_equal(again.key, first.key);
	}
	assert_int_equal(t->n_given, 1);
	token_close(t);
}

static void import(struct ctx *c, const char *label, const char *id)
{
	const char *path = soft_path(c, "import.pem");
	EVP_PKEY *key = NULL;
	struct bytes pem;
	assert_good(c, key_generate(c, "p256", &key));
	assert_good(c, key_to_pem(c, key, &pem));
	soft_write(c, "import.pem", arena_text_n(c->arena, pem.p, pem.n), 0600);
	const char *const words[] = { "softhsm2-util", "--import", path, "--token", "cairn", "--label", label, "--id", id,
		"--pin", SOFT_PIN, "--force", NULL };
	assert_int_equal(soft_run(words), 0);
}

static void tells_keys_apart(void **state)
{
	struct ctx *c = *state;
	struct token_key key;
	struct token_key other;
	import(c, "twin", "a1");
	import(c, "twin", "a2");
	struct token *t = open_good(c);
	assert_cause(c, "more than one private key \"twin\": 2", token_key(c, t, "twin", NULL, false, &key));
	assert_good(c, token_key(c, t, "twin", "a1", false, &key));
	assert_good(c, token_key(c, t, NULL, "A2", false, &other));
	assert_int_not_equal(key.handle, other.handle);
	assert_int_equal(EVP_PKEY_eq(key.key, other.key), 0);
	/* F-1: it came from outside */
	assert_cause(c, "was not made in the token", token_key(c, t, "twin", "a1", true, &key));
	assert_true(token_answers(t, &key));
	token_close(t);
}

/* F-1: one that could be read out is of no use, wherever it was made. */
static void refuses_loose_keys(void **state)
{
	struct ctx *c = *state;
	static uint8_t curve[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
	CK_BBOOL yes = CK_TRUE;
	char label[] = "loose";
	CK_ATTRIBUTE public[] = { { CKA_TOKEN, &yes, 1 }, { CKA_EC_PARAMS, curve, sizeof(curve) } };
	CK_ATTRIBUTE private[] = { { CKA_TOKEN, &yes, 1 }, { CKA_LABEL, label, 5 }, { CKA_SIGN, &yes, 1 },
		{ CKA_SENSITIVE, &yes, 1 }, { CKA_EXTRACTABLE, &yes, 1 } };
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_OBJECT_HANDLE made[2];
	CK_SESSION_HANDLE session = 0;
	struct token_key key;
	struct token *t = open_good(c);
	assert_int_equal(t->functions->C_OpenSession(PKCS11_get_slotid_from_slot(t->slot),
	                     CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
	    CKR_OK);
	assert_int_equal(t->functions->C_GenerateKeyPair(
	                     session, &mechanism, public, COUNT_OF(public), private, COUNT_OF(private), &made[0], &made[1]),
	    CKR_OK);
	assert_cause(c, "may leave the token", token_key(c, t, "loose", NULL, false, &key));
	token_close(t);
}

/* Slots get other numbers: it is the label that counts, or the serial number. */
static void finds_its_token(void **state)
{
	struct ctx *c = *state;
	struct config_token config = named;
	soft_add("twins");
	soft_add("twins");
	config.label = "twins";
	refuses(c, &config, &pin, false, TOKEN_WRONG, "2 slots");
	config.label = "none such";
	refuses(c, &config, &pin, false, TOKEN_AWAY, "has the token \"none such\"; there is \"");
	config = (struct config_token) { .module = SOFT_MODULE, .serial = "0000000000000000" };
	refuses(c, &config, &pin, false, TOKEN_AWAY, "token with serial number 0000000000000000");
	struct token *t = open_good(c);
	const char *serial = strstr(token_where(t), "(serial ") + strlen("(serial ");
	config.serial = arena_text_n(c->arena, serial, strcspn(serial, ","));
	token_close(t);
	enum token_trouble trouble;
	assert_good(c, token_open(c, &config, &pin, false, &t, &trouble));
	assert_non_null(strstr(token_where(t), "\"cairn\""));
	token_close(t);
}

static void needs_its_module(void **state)
{
	struct ctx *c = *state;
	struct config_token config = { .module = "/usr/lib/none-such.so", .label = "cairn" };
	refuses(c, &config, &pin, false, TOKEN_WRONG, "the PKCS#11 module /usr/lib/none-such.so can't be loaded");
	config.module = "/lib/x86_64-linux-gnu/libz.so.1";
	refuses(c, &config, &pin, false, TOKEN_WRONG, "");
}

/* A wrong PIN is given once, and no restart gives it, or any other, again before a person did. */
static void tries_a_pin_once(void **state)
{
	struct ctx *c = *state;
	const char *sentence = NULL;
	struct token *t = NULL;
	enum token_trouble trouble;
	assert_true(token_describe(c, &named, &sentence));
	assert_non_null(strstr(sentence, "its PIN is in order"));
	refuses(c, &named, NULL, false, TOKEN_PIN, "needs a PIN");
	refuses(c, &named, &wrong, false, TOKEN_REFUSED, "refuses the PIN (CKR 0xa0");
	refuses(c, &named, &wrong, false, TOKEN_PIN, "since the last good one");
	refuses(c, &named, &pin, false, TOKEN_PIN, "since the last good one");
	assert_false(token_describe(c, &named, &sentence));
	assert_non_null(strstr(sentence, "cairn token login"));
	refuses(c, &named, &wrong, true, TOKEN_REFUSED, "refuses the PIN");
	assert_good(c, token_open(c, &named, &pin, true, &t, &trouble));
	token_close(t);
	token_close(open_good(c));
}

/* How often the text stands in this process's heap. */
static size_t count_in_heap(const char *text)
{
	unsigned long from = 0;
	unsigned long to = 0;
	char line[300];
	size_t n = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL &&
	       (strstr(line, "[heap]") == NULL || sscanf(line, "%lx-%lx", &from, &to) != 2)) {
	}
	assert_int_equal(fclose(maps), 0);
	for (const char *p = (const char *) from; p + strlen(text) < (const char *) to; p++) {
		n += memcmp(p, text, strlen(text)) == 0 ? 1 : 0;
	}
	return n;
}

/* F-2: nobody keeps a copy of the PIN outside of the memory that is locked. */
static void keeps_the_pin_alone(void **state)
{
	struct ctx *c = *state;
	struct token_key key;
	struct bytes signature;
	size_t before = count_in_heap(SOFT_PIN);
	struct token *t = open_good(c);
	assert_good(c, token_key(c, t, "p256", NULL, true, &key));
	assert_good(c, key_sign(c, key.key, bytes_of_text("x"), &signature));
	assert_int_equal(count_in_heap(SOFT_PIN), before);
	token_close(t);
}

/* F-15: a copy of the token, brought back elsewhere, signs what the old public key verifies. */
static void is_restored(void **state)
{
	struct ctx *c = *state;
	struct token_key key;
	struct bytes spki;
	struct bytes signature;
	EVP_PKEY *public = NULL;
	struct token *t = open_good(c);
	assert_good(c, token_key(c, t, "p256", NULL, true, &key));
	assert_good(c, key_spki(c, key.key, &spki));
	assert_good(c, key_of_spki(c, spki, &public));
	token_close(t);
	const char *const copy[] = { "cp", "-a", soft_path(c, "tokens"), soft_path(c, "backup"), NULL };
	assert_int_equal(soft_run(copy), 0);
	soft_move(c, "tokens", "burnt");
	soft_write(c, "restored.conf",
	    arena_printf(c->arena, "directories.tokendir = %s/backup\nobjectstore.backend = file\n", soft_folder), 0600);
	assert_int_equal(setenv("SOFTHSM2_CONF", soft_path(c, "restored.conf"), 1), 0);
	t = open_good(c);
	assert_good(c, token_key(c, t, "p256", NULL, true, &key));
	assert_good(c, key_sign(c, key.key, bytes_of_text("after the fire"), &signature));
	assert_true(key_verify(public, bytes_of_text("after the fire"), signature));
	token_close(t);
	assert_int_equal(setenv("SOFTHSM2_CONF", soft_path(c, "softhsm2.conf"), 1), 0);
	soft_move(c, "burnt", "tokens");
}

/* F-9: one ceremony after the other in one session. */
static void makes_and_destroys_many(void **state)
{
	struct ctx *c = *state;
	struct token_key keys[70];
	struct bytes first;
	struct bytes again;
	struct token *t = open_good(c);
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		assert_good(c, token_make_key(c, t, "p256", "passing", &keys[i]));
		assert_good(c, i == 0 ? key_spki(c, keys[i].key, &first) : 0);
		assert_good(c, token_destroy_key(c, t, &keys[i]));
	}
	assert_good(c, key_spki(c, keys[0].key, &again)); /* who held it from before still has it, and no other one */
	assert_true(bytes_equal(first, again));
	token_close(t);
}

/* F-9: the one that is meant, both halves of it, and no other. */
static void destroys_keys(void **state)
{
	struct ctx *c = *state;
	struct token_key key;
	struct text_list before;
	struct text_list list;
	struct token *t = open_good(c);
	assert_good(c, token_list(c, t, &before));
	assert_good(c, token_make_key(c, t, "p256", "short-lived", &key));
	assert_good(c, token_destroy_key(c, t, &key));
	assert_false(token_answers(t, &key));
	struct token_key next; /* of the same name, in the same session: it is not taken for the one that ended */
	assert_good(c, token_make_key(c, t, "p256", "short-lived", &next));
	assert_int_not_equal(EVP_PKEY_eq(key.key, next.key), 1);
	assert_good(c, token_destroy_key(c, t, &next));
	token_close(t);
	t = open_good(c);
	assert_cause(c, "has no private key \"short-lived\"", token_key(c, t, "short-lived", NULL, true, &key));
	assert_good(c, token_list(c, t, &list));
	assert_int_equal(list.n, before.n);
	CK_OBJECT_HANDLE handle = 0;
	CK_ULONG n = 0;
	char label[] = "short-lived";
	CK_ATTRIBUTE wanted = { CKA_LABEL, label, sizeof(label) - 1 };
	assert_int_equal(t->functions->C_FindObjectsInit(t->session, &wanted, 1), CKR_OK);
	assert_int_equal(t->functions->C_FindObjects(t->session, &handle, 1, &n), CKR_OK);
	assert_int_equal(t->functions->C_FindObjectsFinal(t->session), CKR_OK);
	assert_int_equal(n, 0);
	token_close(t);
}

/* Taken away and brought back: the same process opens it again. */
static void comes_back(void **state)
{
	struct ctx *c = *state;
	struct token_key key;
	struct bytes signature;
	struct token *t = open_good(c);
	assert_good(c, token_key(c, t, "p256", NULL, true, &key));
	assert_true(token_answers(t, &key));
	soft_move(c, "tokens", "away");
	assert_false(token_answers(t, &key));
	assert_true(key_sign(c, key.key, bytes_of_text("x"), &signature) != 0);
	ctx_forgive(c);
	token_close(t);
	refuses(c, &named, &pin, false, TOKEN_AWAY, "does not start");
	soft_move(c, "away", "tokens");
	t = open_good(c);
	assert_good(c, token_key(c, t, "p256", NULL, true, &key));
	assert_good(c, key_sign(c, key.key, bytes_of_text("x"), &signature));
	token_close(t);
}

/* F-2 */
static void reads_secrets(void **state)
{
	struct ctx *c = *state;
	struct secret s;
	struct secret_source source = { "the PIN", soft_path(c, "pin"), NULL };
	assert_good(c, secret_read(c, &source, &s));
	assert_string_equal(s.text, SOFT_PIN);
	secret_done(&s);
	assert_null(s.text);
	soft_write(c, "pin2", "two\nlines\n", 0600);
	source.file = soft_path(c, "pin2");
	assert_cause(c, "must have one line", secret_read(c, &source, &s));
	soft_write(c, "pin2", "\n", 0600);
	assert_cause(c, "must have one line", secret_read(c, &source, &s));
	soft_write(c, "pin2", "open\n", 0644);
	assert_cause(c, "closed to others", secret_read(c, &source, &s));
	source = (struct secret_source) { "the PIN", NULL, "pin" };
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_cause(c, "LoadCredential=pin:FILE", secret_read(c, &source, &s));
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", soft_folder, 1), 0);
	assert_good(c, secret_read(c, &source, &s));
	assert_string_equal(s.text, SOFT_PIN);
	pid_t pid = fork(); /* a child has none of it */
	if (pid == 0) {
		_exit(s.text[0] == '\0' ? 0 : 1);
	}
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	secret_done(&s);
	source.credential = "../pin";
	assert_cause(c, "there is no credential", secret_read(c, &source, &s));
}

/* F-2: the file alone is of no use. */
static void encrypted_files(void **state)
{
	struct ctx *c = *state;
	struct secret passphrase = { (char *) (uintptr_t) "a long one", 10 };
	EVP_PKEY *key = NULL;
	EVP_PKEY *read = NULL;
	struct bytes pem;
	assert_good(c, key_generate(c, "p256", &key));
	assert_good(c, key_to_encrypted_pem(c, key, &passphrase, &pem));
	soft_write(c, "sealed.key", arena_text_n(c->arena, pem.p, pem.n), 0600);
	const char *path = soft_path(c, "sealed.key");
	assert_good(c, key_read_encrypted_file(c, path, &passphrase, &read));
	assert_int_equal(EVP_PKEY_eq(key, read), 1);
	assert_cause(c, "does not open", key_read_encrypted_file(c, path, &wrong, &read));
	assert_cause(c, "without pass phrase", key_read_file(c, path, &read));
	assert_good(c, key_to_pem(c, key, &pem));
	soft_write(c, "sealed.key", arena_text_n(c->arena, pem.p, pem.n), 0600);
	assert_cause(c, "holds no encrypted key", key_read_encrypted_file(c, path, &passphrase, &read));
}

/* F-2: by the means of before, or with rounds that cost nothing. */
static void weak_encryption(void **state)
{
	struct ctx *c = *state;
	struct way {
		const char *options[8];
		bool good;
	};
	static const struct way ways[] = {
		{ { "-v2", "aes256", "-v2prf", "hmacWithSHA256", "-iter", "600000" }, true },
		{ { "-v2", "aes128", "-v2prf", "hmacWithSHA512" }, true },
		{ { "-scrypt" }, true },
		{ { "-v2", "aes256", "-v2prf", "hmacWithSHA256", "-iter", "2047" }, false },
		{ { "-v2", "aes256", "-v2prf", "hmacWithSHA1", "-iter", "600000" }, false },
		{ { "-v2", "des3", "-v2prf", "hmacWithSHA256", "-iter", "600000" }, false },
		{ { "-v1", "PBE-SHA1-3DES", "-iter", "600000" }, false },
	};
	const struct secret passphrase = { (char *) (uintptr_t) "a long one", 10 };
	const char *plain = soft_path(c, "plain.key");
	const char *path = soft_path(c, "way.key");
	EVP_PKEY *key = NULL;
	struct bytes pem;
	assert_good(c, key_generate(c, "p256", &key));
	assert_good(c, key_to_pem(c, key, &pem));
	soft_write(c, "plain.key", arena_text_n(c->arena, pem.p, pem.n), 0600);
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		const char *words[20] = { "openssl", "pkcs8", "-topk8", "-in", plain, "-out", path, "-passout",
			"pass:a long one" };
		EVP_PKEY *read = NULL;
		for (size_t k = 0, n = 9; ways[i].options[k] != NULL; k++) {
			words[n++] = ways[i].options[k];
		}
		assert_int_equal(soft_run(words), 0);
		if (ways[i].good) {
			assert_good(c, key_read_encrypted_file(c, path, &passphrase, &read));
			assert_int_equal(EVP_PKEY_eq(key, read), 1);
		} else {
			assert_cause(c, "is encrypted too weakly", key_read_encrypted_file(c, path, &passphrase, &read));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(makes_keys),
		WITH_CTX(gives_a_key_often),
		WITH_CTX(tells_keys_apart),
		WITH_CTX(refuses_loose_keys),
		WITH_CTX(finds_its_token),
		WITH_CTX(needs_its_module),
		WITH_CTX(tries_a_pin_once),
		WITH_CTX(keeps_the_pin_alone),
		WITH_CTX(makes_and_destroys_many),
		WITH_CTX(destroys_keys),
		WITH_CTX(is_restored),
		WITH_CTX(comes_back),
		WITH_CTX(reads_secrets),
		WITH_CTX(encrypted_files),
		WITH_CTX(weak_encryption),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
