#include "policy/keys.h"

#include "lib/crypto/digest.h"
#include "policy/keys_rsa.h"

static bool kind_is_allowed(enum keys_use use, enum key_kind kind)
{
	static const bool allowed[][KEY_ED25519 + 1] = {
		[KEYS_CERTIFICATE] = { [KEY_RSA] = true, [KEY_P256] = true, [KEY_P384] = true },
		[KEYS_ACCOUNT] = { [KEY_RSA] = true,
		    [KEY_P256] = true,
		    [KEY_P384] = true,
		    [KEY_P521] = true,
		    [KEY_ED25519] = true },
	};
	return allowed[use][kind];
}

/* F-24, F-26: one digest for all lists. */
static enum rule list_rule(struct bytes spki, const struct policy *policy)
{
	uint8_t digest[SHA256_SIZE];
	if (policy == NULL || policy->own_keys.n + policy->blocked_keys.n == 0) {
		return RULE_NONE;
	}
	sha256_of(spki, digest);
	if (digest_set_has(&policy->own_keys, digest)) {
		return RULE_KEY_OWN;
	}
	return digest_set_has(&policy->blocked_keys, digest) ? RULE_KEY_BLOCKED : RULE_NONE;
}

struct ruling keys_decide(struct arena *a, enum keys_use use, const struct keys_read *read, const struct policy *policy)
{
	enum key_kind kind = key_kind_of(read->key);
	if (!kind_is_allowed(use, kind)) {
		return ruling_because(a, RULE_KEY_KIND, "%s keys are not taken for %s", key_kind_name(kind),
		    use == KEYS_CERTIFICATE ? "certificates" : "accounts");
	}
	enum rule rule = list_rule(read->spki, policy);
	if (rule == RULE_NONE && kind == KEY_RSA) {
		rule = keys_rsa_rule(use, read->key, policy == NULL ? NULL : &policy->debian_keys);
	}
	return rule == RULE_NONE ? ACCEPTED : ruling_of(rule);
}

int keys_read_spki(struct ctx *c, struct bytes spki, enum problem as, struct keys_read *ret_read)
{
	EVP_PKEY *key = NULL;
	if (key_of_spki(c, spki, &key) != 0) { /* D-6, D-67, and that a point is on its curve (F-23) */
		const char *why = c->err.detail;
		ctx_forgive(c);
		return ruling_fail(c, as, "The key is refused:", ruling_because(c->arena, RULE_KEY_FORM, "%s", why));
	}
	*ret_read = (struct keys_read) { key, spki };
	return 0;
}

int keys_check_read(
    struct ctx *c, enum keys_use use, const struct keys_read *read, const struct policy *policy, enum problem as)
{
	struct ruling ruling = keys_decide(c->arena, use, read, policy);
	return ruling.rule == RULE_NONE ? 0 : ruling_fail(c, as, "The key is refused:", ruling);
}

int keys_check(struct ctx *c, enum keys_use use, struct bytes spki, const struct policy *policy, enum problem as)
{
	struct keys_read read = { .spki = spki };
	TRY(keys_read_spki(c, spki, as, &read));
	return keys_check_read(c, use, &read, policy, as);
}
