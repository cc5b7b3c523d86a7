/* Which challenge can validate which kind of identifier: one table, and what is offered follows from it (A-90,
 * B-36, B-47). */
#ifndef CAIRN_POLICY_CHALLENGES_H
#define CAIRN_POLICY_CHALLENGES_H

#include "lib/rpc/messages.h"

/* For how long a proof by a standing challenge may be relied on (BR 3.2.2.4.22; B-32). */
#define CHALLENGE_STANDING_S 864000
/* CAs that a challenge object may name (B-28). */
#define CHALLENGE_ISSUERS_MAX 10

/* For how long a token or nonce of a challenge may be answered under the Baseline Requirements. */
#define CHALLENGE_TOKEN_S 2592000

/* ONION: a name of an onion service, or a wildcard below it (B-35, B-36). */
enum identifier_kind { IDENTIFIER_DNS, IDENTIFIER_WILDCARD, IDENTIFIER_IP, IDENTIFIER_ONION, IDENTIFIER_KINDS };

struct challenge_kind {
	const char *type;
	bool validates[IDENTIFIER_KINDS];
	bool on_request; /* not yet a standard, or of use to few: offered only where the configuration names it (B-47) */
	/* What proves control stands for good and is the same for all orders of an account: there is no token, and as the next order
	 * can be proved by it as well, its authorizations serve the order that they were made for and no other. */
	bool standing;
	/* The token is shown as a nonce, and the client responds with a request that it signed, which is validated as it is. */
	bool signed_request;
	bool in_txt; /* what proves it is a TXT record */
	/* Where the Baseline Requirements have it, for names and for addresses, NULL: they don't; and the document besides them. */
	const char *section;
	const char *address_section;
	const char *document;
	const char *caa_label; /* by which validationmethods may name it besides its own name (BR 4.2.2.1; C-43), or NULL */
};

/* The challenges that this server has, in the order in which clients see them. */
extern const struct challenge_kind challenge_kinds[];
extern const size_t challenge_kinds_n;

/* The kind of an identifier whose type is "dns" or "ip", in lower case. */
enum identifier_kind identifier_kind(const struct identifier *identifier);

/* NULL: there is none of this type. */
const struct challenge_kind *challenge_kind_find(const char *type);

/* By which rule it proves control of such an identifier (C-3): "BR 3.2.2.4.21 (draft-...)"; NULL: by none. */
const char *challenge_rule(struct arena *a, const struct challenge_kind *challenge, enum identifier_kind kind);

/* Whether it is offered for identifiers of this kind; configured: policy.challenges, where an empty list stands for all that
 * need not be named. */
bool challenge_is_offered(
    const struct text_list *configured, const struct challenge_kind *challenge, enum identifier_kind kind);

/* One that is standing, or that needs a signed request, is among those configured. */
bool challenge_standing_configured(const struct text_list *configured);
bool challenge_signed_configured(const struct text_list *configured);

/* Some challenge is. */
bool challenge_offered_for(const struct text_list *configured, enum identifier_kind kind);

/* The types of all that are configured, whatever they are offered for: those by which a proof may be relied on (C-2). */
struct text_list challenge_configured_types(struct arena *a, const struct text_list *configured);

/* The types that need a signed request. */
struct text_list challenge_signed_types(struct arena *a);

/* "http-01, ..." for messages. */
const char *challenge_types(struct arena *a);

#endif
