/* Key ceremonies: a declarative plan of what is to be made, shown first, agreed to by two people, then made, linted and
 * written down with the digests of everything (F-3, F-9, F-12, F-13, F-14). It needs neither database nor network (F-5), and it is the only
 * way in which a root signs (F-4): certificates of authorities and CRLs (D-62, E-31). */
#ifndef CAIRN_CLI_CEREMONY_H
#define CAIRN_CLI_CEREMONY_H

#include "lib/base/config.h"
#include "lib/crypto/token.h"
#include "policy/profiles.h"

/* A certificate that a CRL gets to list. */
struct ceremony_revoked {
	const char *cert_file;
	const char *reason; /* keyCompromise ...; NULL: none */
	const char *at;     /* RFC 3339; NULL: thisUpdate */
};

struct ceremony_revoked_list {
	struct ceremony_revoked *v;
	size_t n;
};

/* One object to be made. Paths start from the folder of the plan. */
struct ceremony_step {
	const char *action; /* one of ceremony_actions */
	const char *name;   /* by which later steps call it */
	const char *issuer; /* name of an earlier step; none for a root */
	const char *key;    /* p256, p384, rsa2048, rsa3072, rsa4096: a new key */
	const char *key_of; /* or that of an earlier step */
	const char *of;     /* of a cross-certificate: the step whose subject and key it certifies */
	const char *country;
	const char *organization;
	const char *common_name;
	int64_t days;           /* 0: 3650 for a certificate, 360 for a CRL */
	const char *not_before; /* RFC 3339, or NULL: when it is made */
	const char *serial;     /* hexadecimal digits, or NULL: random */
	const char *crl_url;    /* of the issuer's CRL, in an intermediate */
	const char *aia_url;    /* of the issuer's certificate, in an intermediate */
	const char *cert_file;
	const char *key_file;
	const char *public_file; /* key: where the public key goes; intermediate: whose key was made elsewhere */
	const char *key_label;   /* instead of key_file, in the plan's token */
	const char *crl_file;
	const char *previous; /* the CRL before */
	int64_t number;       /* 0: the one behind that of the CRL before */
	struct ceremony_revoked_list revoked;
	const char *spki_sha256; /* destroy: of the key that is meant */
	bool made_elsewhere;     /* use: no ceremony of this transcript made it */
	const char *again;       /* digest of what the transcript tells to have been made, and is made anew */
};

struct ceremony_step_list {
	struct ceremony_step *v;
	size_t n;
};

struct ceremony {
	const char *title;
	const char *mode;          /* private or webpki; NULL: private */
	const char *transcript;    /* file that gets a line of JSON for each object made */
	struct text_list people;   /* certificates of those of whom two have to agree */
	struct config_token token; /* for keys that are in one */
	struct token *opened;      /* the same while the plan is carried out */
	const char
	    *passphrase_file;     /* of key files; NULL: plain ones in mode private, and in webpki the terminal is asked */
	struct secret passphrase; /* the same while the plan is carried out */
	struct ceremony_step_list steps;
	const char *path;   /* of the plan; NULL: it was made by this program */
	const char *sha256; /* of the plan's octets, in hexadecimal digits */
};

/* Reads the plan, a YAML file. MALFORMED with file, line and key. */
int ceremony_read(struct ctx *c, const char *path, struct ceremony *ret) MUST_CHECK;

/* What ceremony_read refuses beyond the form of the file, for a plan made by this program. */
int ceremony_check(struct ctx *c, const struct ceremony *plan) MUST_CHECK;

enum policy_mode ceremony_mode(const struct ceremony *plan);
bool ceremony_step_is(const struct ceremony_step *step, const char *action);

/* The root, intermediate, cross-certificate, key or certificate at hand of this name among the first `before` steps, or NULL. */
const struct ceremony_step *ceremony_find(const struct ceremony *plan, const char *name, size_t before);

/* What each step would do, a sentence each; a step whose files exist is kept as it is.
 * -1 as ceremony_run, for what the transcript and the files at hand tell against it before anybody has signed. */
int ceremony_describe(struct ctx *c, const struct ceremony *plan, struct text_list *ret_sentences) MUST_CHECK;

/* What people sign: the title, the digests of the plan and of every file that it takes in (whose signatures count, which key or
 * certificate is certified, what is revoked), and each step, whatever is made already. MALFORMED: such a file can't be read. */
int ceremony_statement(struct ctx *c, const struct ceremony *plan, const char **ret) MUST_CHECK;

/* Makes what is absent, in the order of the plan. Nothing that exists is replaced. approvals: files with signatures under the
 * statement. UNAUTHORIZED: too few of the plan's people agreed. ret_made: sentences of what was done. */
int ceremony_run(struct ctx *c, const struct ceremony *plan, const struct text_list *approvals,
    struct text_list *ret_made) MUST_CHECK;

/* Looks again at all that the transcript tells: its chain, the signatures, each file's digest, each object against its step
 * and the lints. ret_found: a sentence for each thing that is not as it was written down; none when all is. */
int ceremony_verify(
    struct ctx *c, const struct ceremony *plan, struct text_list *ret_seen, struct text_list *ret_found) MUST_CHECK;

/* What is to be done with what was made, a sentence for each certificate that another one of the plan signed. prefix: in front of the names
 * of new files with what is sent to logs; NULL: none are made. */
int ceremony_follow_up(
    struct ctx *c, const struct ceremony *plan, const char *prefix, struct text_list *ret) MUST_CHECK;

/* The subcommand. */
int cli_ceremony(int argc, char **argv);

#endif
