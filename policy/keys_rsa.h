/* What is weak in an RSA key (F-20..F-23). Pure. For policy/keys.c. */
#ifndef CAIRN_POLICY_KEYS_RSA_H
#define CAIRN_POLICY_KEYS_RSA_H

#include "policy/keys.h"

/* The rule that refuses the RSA key, or RULE_NONE. debian: the lists of policy/policy.h; NULL: none. */
enum rule keys_rsa_rule(enum keys_use use, EVP_PKEY *handle, const struct digest_set *debian);

/* The exponent is 65537 and no prime below 752 divides the modulus: what costs next to nothing to see (D-65). */
bool keys_rsa_parts_are_good(const EVP_PKEY *key);

#endif
