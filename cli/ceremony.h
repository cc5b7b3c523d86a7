/* Key ceremonies: a declarative plan of what is to be made, shown first, then made, linted and written down with the
 * hashes of everything (F-12, F-13). It needs neither database nor network. */
#ifndef CAIRN_CLI_CEREMONY_H
#define CAIRN_CLI_CEREMONY_H

#include "lib/base/fields.h"

/* One object to be made. Paths start from the folder of the plan. */
struct ceremony_step {
	const char *action; /* root, intermediate, crl */
	const char *name;   /* by which later steps call it */
	const char *issuer; /* name of an earlier step; none for a root */
	const char *key;    /* p256, p384, rsa2048, rsa3072, rsa4096 */
	const char *country;
	const char *organization;
	const char *common_name;
	int64_t days;
	const char *crl_url; /* of the issuer's CRL, in an intermediate */
	const char *aia_url; /* of the issuer's certificate, in an intermediate */
	const char *cert_file;
	const char *key_file;
	const char *crl_file;
};

struct ceremony_step_list {
	struct ceremony_step *v;
	size_t n;
};

struct ceremony {
	const char *title;
	const char *transcript; /* file that gets a line of JSON for each object made */
	struct ceremony_step_list steps;
};

/* Reads the plan, a YAML file. MALFORMED with file, line and key. */
int ceremony_read(struct ctx *c, const char *path, struct ceremony *ret) MUST_CHECK;

/* What each step would do, a sentence each; a step whose files exist is kept as it is. */
int ceremony_describe(struct ctx *c, const struct ceremony *plan, struct text_list *ret_sentences) MUST_CHECK;

/* Makes what is absent, in the order of the plan. Nothing that exists is replaced. ret_made: sentences of what was done.
 */
int ceremony_run(struct ctx *c, const struct ceremony *plan, struct text_list *ret_made) MUST_CHECK;

/* The subcommand. */
int cli_ceremony(int argc, char **argv);

#endif
