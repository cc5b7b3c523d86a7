#include "ca/signer_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"

#define PAUSE_US 1000000 /* between two tries to open the token */

static bool is_in_token(const struct signer_keys *k, size_t issuer)
{
	return k->issuers->v[issuer].config->key_file == NULL;
}

/* F-8 */
static int belongs(struct ctx *c, const struct issuer *issuer, const EVP_PKEY *key, const char *where)
{
	struct bytes spki;
	enum key_kind kind = key_kind_of(key);
	TRY(key_spki(c, key, &spki));
	return bytes_equal(spki, issuer->info.spki)
	           ? 0
	           : ctx_fault(c, "the key of the issuer %s in %s (%s) does not belong to its certificate %s (%s)",
	                 issuer->config->name, where, key_kind_name(kind), issuer->config->cert_file,
	                 key_kind_name(issuer->kind));
}

static int read_key(struct ctx *c, const struct config_issuer *config, EVP_PKEY **ret)
{
	const struct secret_source source = {
		arena_printf(c->arena, "the passphrase of the issuer %s", config->name),
		config->passphrase_file,
		config->passphrase_credential,
	};
	struct secret passphrase;
	if (source.file == NULL && source.credential == NULL) {
		return key_read_file(c, config->key_file, ret);
	}
	TRY(secret_read(c, &source, &passphrase));
	int result = key_read_encrypted_file(c, config->key_file, &passphrase, ret);
	secret_done(&passphrase);
	return result;
}

static int read_files(struct ctx *c, struct signer_keys *k)
{
	for (size_t i = 0; i < k->issuers->n; i++) {
		const struct issuer *issuer = &k->issuers->v[i];
		if (is_in_token(k, i)) {
			k->wants_token = true;
			continue;
		}
		TRY(read_key(c, issuer->config, &k->files[i]));
		TRY(belongs(c, issuer, k->files[i], issuer->config->key_file));
	}
	return 0;
}

static int find_keys(struct ctx *c, struct signer_keys *k, struct token *token)
{
	for (size_t i = 0; i < k->issuers->n; i++) {
		const struct issuer *issuer = &k->issuers->v[i];
		if (is_in_token(k, i)) {
			TRY(token_key(c, token, issuer->config->key_label, issuer->config->key_id,
			    config_is_webpki(&k->config->policy), &k->in_token[i]));
			TRY(belongs(c, issuer, k->in_token[i].key, token_where(token)));
		}
	}
	return 0;
}

static void remember(const struct ctx *c, struct signer_keys *k)
{
	(void) snprintf(k->why, sizeof(k->why), "%s", c->err.cause == NULL ? c->err.detail : c->err.cause);
}

static void put_down(struct signer_keys *k)
{
	token_close(k->token);
	k->token = NULL;
}

/* Over restarts, as not every token tells by itself that it was given a wrong one. */
static void keep_refusal(struct ctx *c, const struct signer_keys *k)
{
	const struct err refused = c->err;
	if (token_refusal_note(c, &k->refusal, &k->pin) != 0) {
		log_error(c, LOG_ERROR, "take the PIN out of its file before cairn-ca starts again");
	}
	c->err = refused;
}

/* One try; what went wrong stands in `why` as well. */
static int open_token(struct ctx *c, struct signer_keys *k, bool attended, enum token_trouble *ret_trouble)
{
	int result = token_open(c, &k->config->ca.token, &k->pin, attended, &k->token, ret_trouble);
	if (result != 0 && *ret_trouble == TOKEN_REFUSED) {
		keep_refusal(c, k);
	}
	if (result == 0) {
		*ret_trouble = TOKEN_WRONG;
		result = find_keys(c, k, k->token);
	}
	if (result != 0) {
		remember(c, k);
		put_down(k);
		k->again_us = clock_monotonic_us() + PAUSE_US;
		return -1;
	}
	k->why[0] = '\0';
	const char *approval = k->config->ca.token.approval; /* F-1 */
	log_event(c, LOG_INFO, "the signing keys are at hand", "token", token_where(k->token), "approval",
	    approval == NULL ? "none" : approval, NULL);
	return 0;
}

/* The PIN from a file, a credential or the terminal; none is no fault, it can be given later. */
static int get_pin(struct ctx *c, struct signer_keys *k, bool *ret_attended)
{
	const struct config_token *token = &k->config->ca.token;
	const struct secret_source source = { "the PIN of the token", token->pin_file, token->pin_credential };
	*ret_attended = false;
	if (source.file != NULL || source.credential != NULL) {
		return secret_read(c, &source, &k->pin);
	}
	const char *name = token->label == NULL ? token->serial : token->label;
	*ret_attended = secret_ask(c, arena_printf(c->arena, "the PIN of the token %s", name), &k->pin) == 0;
	ctx_forgive(c);
	return 0;
}

int signer_keys_open(
    struct ctx *c, const struct config *config, const struct issuer_list *issuers, struct signer_keys *ret)
{
	struct signer_keys *k = ret;
	enum token_trouble trouble = TOKEN_WRONG;
	bool attended = false;
	*k = (struct signer_keys) { .config = config, .issuers = issuers, .refusal = { .fd = -1 } };
	k->files = ARENA_ARRAY(c->arena, issuers->n, EVP_PKEY *);
	k->in_token = ARENA_ARRAY(c->arena, issuers->n, struct token_key);
	TRY(read_files(c, k));
	if (!k->wants_token) {
		return 0;
	}
	TRY(get_pin(c, k, &attended));
	TRY(attended ? 0 : token_refusal_open(c, &config->ca.token, true, &k->refusal));
	if (token_refusal_is(&k->refusal, &k->pin)) {
		k->given_up = true;
		(void) ctx_fault(c,
		    "the token \"%s\" refused this PIN before, so it is not given again: set the right one and start cairn-ca "
		    "again. If it is the right one by now, give it once by cairn token login",
		    config->ca.token.label == NULL ? config->ca.token.serial : config->ca.token.label);
		remember(c, k);
		log_error(c, LOG_ERROR, "nothing can be signed yet");
		ctx_forgive(c);
		return 0;
	}
	if (open_token(c, k, attended, &trouble) != 0) {
		if (trouble == TOKEN_WRONG) {
			return -1;
		}
		k->given_up = trouble == TOKEN_PIN || trouble == TOKEN_REFUSED;
		log_error(c, LOG_ERROR, "nothing can be signed yet");
		ctx_forgive(c);
	}
	return 0;
}

/* The sandbox opens the very folders and files that were there when it was entered: not one that came or was put in their place since. */
static bool is_shut_out(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0 || !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)) || access(path, R_OK) != 0) {
		return false;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		close(fd);
	}
	return fd < 0 && errno == EACCES;
}

/* Only a new signer has a new sandbox; where a person gave the PIN, this one stays, and says what is to be done. */
static void look_for_new_paths(struct ctx *c, struct signer_keys *k)
{
	const struct config_token *token = &k->config->ca.token;
	bool attended = token->pin_file == NULL && token->pin_credential == NULL;
	for (size_t i = 0; i < token->paths.n; i++) {
		if (is_shut_out(token->paths.v[i])) {
			k->outdated = !attended;
			(void) snprintf(k->why, sizeof(k->why), "%s of ca.token.paths is new since the signer started%s",
			    token->paths.v[i], attended ? ": start cairn-ca again, and give it the PIN" : "; it starts again");
			log_event(c, LOG_WARN, "the sandbox does not open what the token needs", "error", k->why, NULL);
			return;
		}
	}
}

/* With the same PIN, which it took before or was never asked for; one that it refuses is not tried again. */
static int open_again(struct ctx *c, struct signer_keys *k)
{
	enum token_trouble trouble = TOKEN_AWAY;
	if (k->token != NULL) {
		return 0;
	}
	if (k->given_up || clock_monotonic_us() < k->again_us) {
		return -1;
	}
	if (open_token(c, k, false, &trouble) != 0) {
		k->given_up = trouble == TOKEN_PIN || trouble == TOKEN_REFUSED;
		ctx_forgive(c);
		if (!k->given_up) {
			look_for_new_paths(c, k);
		}
		return -1;
	}
	k->returns += k->lost ? 1 : 0;
	k->lost = false;
	return 0;
}

/* Called when it did not do what it was asked for; the error of c, if there is one, says what it answered. */
static void lose(struct ctx *c, struct signer_keys *k)
{
	const char *cause = c->err.cause;
	(void) snprintf(k->why, sizeof(k->why), "the %s does not %s%s%s. It is tried again", token_where(k->token),
	    cause == NULL ? "answer" : "sign (", cause == NULL ? "" : cause, cause == NULL ? "" : ")");
	ctx_forgive(c);
	put_down(k);
	k->lost = true;
	log_event(c, LOG_WARN, "the token is lost", "error", k->why, NULL);
}

static int away(struct ctx *c, const struct signer_keys *k)
{
	ctx_forgive(c);
	ctx_cause(c, "%s", k->why);
	return FAIL(c, UNAVAILABLE, "The signing keys are out of reach at the moment");
}

int signer_keys_sign(struct ctx *c, struct signer_keys *k, size_t issuer, struct bytes tbs, struct bytes *ret_der)
{
	if (!is_in_token(k, issuer)) {
		return cert_sign(c, k->files[issuer], tbs, ret_der);
	}
	for (int tries = 0; tries < 2; tries++) { /* a session that has died is replaced without anybody noticing */
		if (open_again(c, k) != 0) {
			return away(c, k);
		}
		if (cert_sign(c, k->in_token[issuer].key, tbs, ret_der) == 0) {
			return 0;
		}
		lose(c, k);
	}
	k->again_us = clock_monotonic_us() + PAUSE_US;
	return away(c, k);
}

void signer_keys_look(struct ctx *c, struct signer_keys *k)
{
	for (size_t i = 0; i < k->issuers->n && k->token != NULL; i++) {
		if (is_in_token(k, i) && !token_answers(k->token, &k->in_token[i])) {
			lose(c, k);
		}
	}
	if (k->wants_token) {
		(void) open_again(c, k);
	}
}

uint32_t signer_keys_ready(const struct signer_keys *k)
{
	uint32_t bits = 0;
	for (size_t i = 0; i < k->issuers->n; i++) {
		bits |= !is_in_token(k, i) || k->token != NULL ? (uint32_t) 1 << i : 0;
	}
	return bits;
}
