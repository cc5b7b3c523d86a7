/* Finding a token, logging in, and what is said of it. */
#include "lib/crypto/token.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <p11-kit/p11-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/token_internal.h"

#define NO_CODE ((unsigned long) CKR_OK)

const char *token_code_text(struct arena *a, unsigned long code)
{
	return arena_printf(a, "CKR 0x%lx, %s", code, p11_kit_strerror(code));
}

/* The code of PKCS#11 behind libp11's last failure; NO_CODE when it was something else. */
static unsigned long take_code(void)
{
	unsigned long last = ERR_peek_last_error();
	const char *library = last == 0 ? NULL : ERR_lib_error_string(last);
	bool theirs = library != NULL && strcmp(library, "PKCS#11 module") == 0;
	ERR_clear_error();
	return theirs ? (unsigned long) ERR_GET_REASON(last) : NO_CODE;
}

const char *token_where(const struct token *t)
{
	return t->where;
}

void token_close(struct token *t)
{
	if (t == NULL) {
		return;
	}
	for (size_t i = 0; i < t->n_given; i++) {
		EVP_PKEY_free(t->given[i].key);
	}
	free(t->given);
	if (t->session != 0) {
		(void) t->functions->C_CloseSession(t->session);
	}
	if (t->slots != NULL) {
		PKCS11_release_all_slots(t->p11, t->slots, t->n_slots);
	}
	if (t->p11 != NULL) {
		PKCS11_CTX_unload(t->p11);
		PKCS11_CTX_free(t->p11);
	}
	ERR_clear_error();
	free(t);
}

/* The module stays loaded for as long as the process: inside of the sandbox it could not be loaded again. */
static int find_functions(struct ctx *c, const struct config_token *config, CK_FUNCTION_LIST **ret)
{
	CK_C_GetFunctionList get = NULL;
	void *module = dlopen(config->module, RTLD_NOW | RTLD_LOCAL);
	if (module == NULL) {
		return ctx_fault(c, "the PKCS#11 module %s can't be loaded: %s. Install it, or correct ca.token.module",
		    config->module, dlerror());
	}
	void *symbol = dlsym(module, "C_GetFunctionList");
	memcpy(&get, &symbol, sizeof(get));
	if (get == NULL || get(ret) != CKR_OK) {
		return ctx_fault(c, "%s is no PKCS#11 module. Correct ca.token.module", config->module);
	}
	return 0;
}

static int load(struct ctx *c, const struct config_token *config, struct token *t)
{
	t->p11 = PKCS11_CTX_new();
	if (t->p11 == NULL || PKCS11_CTX_load(t->p11, config->module) != 0) {
		PKCS11_CTX_free(t->p11);
		t->p11 = NULL;
		return ctx_fault(c,
		    "the PKCS#11 module %s does not start (%s). Look at its own configuration and log, and at ca.token.paths",
		    config->module, token_code_text(c->arena, take_code()));
	}
	if (PKCS11_enumerate_slots(t->p11, &t->slots, &t->n_slots) != 0) {
		return ctx_fault(c, "the PKCS#11 module %s does not tell its slots (%s). It is tried again", config->module,
		    token_code_text(c->arena, take_code()));
	}
	return 0;
}

static bool is_named(const struct config_token *config, const PKCS11_TOKEN *token)
{
	return token != NULL && token->initialized && token->label != NULL && token->serialnr != NULL &&
	       (config->label == NULL || strcmp(config->label, token->label) == 0) &&
	       (config->serial == NULL || strcmp(config->serial, token->serialnr) == 0);
}

static const char *name_of(struct arena *a, const struct config_token *config)
{
	const char *label = config->label == NULL ? "" : arena_printf(a, " \"%s\"", config->label);
	const char *serial = config->serial == NULL ? "" : arena_printf(a, " with serial number %s", config->serial);
	return arena_printf(a, "token%s%s", label, serial);
}

static int complain_missing(struct ctx *c, const struct config_token *config, const struct token *t)
{
	const char *others = "";
	for (unsigned i = 0; i < t->n_slots; i++) {
		const PKCS11_TOKEN *one = t->slots[i].token;
		if (one != NULL && one->initialized) {
			others = arena_printf(c->arena, "%s%s\"%s\" (serial %s, slot %lu)", others, *others == '\0' ? "" : ", ",
			    one->label, one->serialnr, PKCS11_get_slotid_from_slot(&t->slots[i]));
		}
	}
	return ctx_fault(c, "no slot of %s has the %s; there is %s. Connect it, or correct ca.token", config->module,
	    name_of(c->arena, config), *others == '\0' ? "none at all" : others);
}

static int find(struct ctx *c, const struct config_token *config, struct token *t, enum token_trouble *ret_trouble)
{
	unsigned found = 0;
	for (unsigned i = 0; i < t->n_slots; i++) {
		if (is_named(config, t->slots[i].token)) {
			t->slot = &t->slots[i];
			found++;
		}
	}
	*ret_trouble = found > 1 ? TOKEN_WRONG : TOKEN_AWAY;
	if (found == 0) {
		return complain_missing(c, config, t);
	}
	if (found > 1) {
		return ctx_fault(c, "%u slots of %s have a %s. Name one of them by ca.token.serial as well", found,
		    config->module, name_of(c->arena, config));
	}
	(void) snprintf(t->where, sizeof(t->where), "token \"%s\" (serial %s, slot %lu) of %s", t->slot->token->label,
	    t->slot->token->serialnr, PKCS11_get_slotid_from_slot(t->slot), config->module);
	return 0;
}

#define REPAIR "set the right one, give it once by cairn token login, and start cairn-ca again"

/* What stands in the way of a login, or NULL. */
static const char *pin_fault(const PKCS11_TOKEN *token, const struct secret *pin, bool attended)
{
	if (token->userPinLocked) {
		return "has locked its user PIN after wrong ones: its security officer has to set a new one";
	}
	if (pin == NULL || pin->text == NULL) {
		return "needs a PIN: set ca.token.pin_file or ca.token.pin_credential, or start cairn-ca from a terminal";
	}
	if (!attended && (token->userPinCountLow || token->userPinFinalTry)) {
		return "was given a wrong PIN since the last good one, so no other is tried unattended: " REPAIR;
	}
	return NULL;
}

/* One try. */
static int log_in(struct ctx *c, struct token *t, const struct secret *pin, bool attended, enum token_trouble *ret)
{
	const char *fault = t->slot->token->loginRequired ? pin_fault(t->slot->token, pin, attended) : NULL;
	*ret = TOKEN_PIN;
	if (fault != NULL) {
		return ctx_fault(c, "%s %s", t->where, fault);
	}
	if (!t->slot->token->loginRequired) {
		return 0;
	}
	/* F-2: not by libp11, which keeps a copy of the PIN; the login counts for all sessions of the process. */
	CK_RV code = t->functions->C_Login(t->session, CKU_USER, (CK_UTF8CHAR *) pin->text, pin->n);
	if (code == CKR_OK || code == CKR_USER_ALREADY_LOGGED_IN) {
		return 0;
	}
	const char *text = token_code_text(c->arena, code);
	switch (code) {
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		*ret = TOKEN_REFUSED;
		return ctx_fault(c, "%s refuses the PIN (%s). It is not tried again, or the token would lock itself: " REPAIR,
		    t->where, text);
	case CKR_PIN_LOCKED:
	case CKR_PIN_EXPIRED:
	case CKR_USER_PIN_NOT_INITIALIZED:
		return ctx_fault(c, "%s takes no PIN (%s): its security officer has to set a new one", t->where, text);
	default:
		*ret = TOKEN_AWAY;
		return ctx_fault(c, "%s does not log in (%s). It is tried again", t->where, text);
	}
}

static int open_session(struct ctx *c, struct token *t)
{
	CK_RV result =
	    t->functions->C_OpenSession(PKCS11_get_slotid_from_slot(t->slot), CKF_SERIAL_SESSION, NULL, NULL, &t->session);
	return result == CKR_OK ? 0
	                        : ctx_fault(c, "%s opens no session (%s). It is tried again", t->where,
	                              token_code_text(c->arena, result));
}

static int open_named(
    struct ctx *c, const struct config_token *config, struct token *t, enum token_trouble *ret_trouble)
{
	*ret_trouble = TOKEN_WRONG;
	TRY(find_functions(c, config, &t->functions));
	*ret_trouble = TOKEN_AWAY;
	TRY(load(c, config, t));
	return find(c, config, t, ret_trouble);
}

int token_open(struct ctx *c, const struct config_token *config, const struct secret *pin, bool attended,
    struct token **ret, enum token_trouble *ret_trouble)
{
	struct token *t = calloc(1, sizeof(*t));
	int result = t == NULL ? ctx_fault(c, "no memory for a token") : open_named(c, config, t, ret_trouble);
	if (result == 0) {
		*ret_trouble = TOKEN_AWAY;
		result = open_session(c, t);
	}
	if (result == 0) {
		result = log_in(c, t, pin, attended, ret_trouble);
	}
	if (result != 0) {
		token_close(t);
		return -1;
	}
	*ret = t;
	return 0;
}

bool token_describe(struct ctx *c, const struct config_token *config, const char **ret_sentence)
{
	static const struct secret some = { (char *) (uintptr_t) "", 0 }; /* a PIN is known, which is not tried here */
	struct token *t = calloc(1, sizeof(*t));
	enum token_trouble trouble = TOKEN_WRONG;
	bool good = t != NULL && open_named(c, config, t, &trouble) == 0;
	if (good) {
		const char *fault = pin_fault(t->slot->token, &some, false);
		good = fault == NULL;
		*ret_sentence = arena_printf(c->arena, "%s %s", t->where, good ? "is there, and its PIN is in order" : fault);
	} else {
		*ret_sentence = c->err.cause == NULL ? "no memory" : c->err.cause;
		ctx_forgive(c);
	}
	token_close(t);
	return good;
}
