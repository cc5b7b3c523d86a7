/* What is left to do when people have gone home: certificates that a root signed are shown to transparency logs, as no machine that holds
 * such a key has a network (H-19). */
#include "cli/ceremony.h"
#include "cli/ceremony_make.h"
#include "cli/files.h"
#include "lib/ct/sct.h"

/* What is sent, in a file of its own beside those of the other certificates. */
static int write_body(struct ctx *c, const struct bytes_list *chain, const struct ceremony_step *step,
    const char *prefix, const char **ret)
{
	const char *path = arena_printf(c->arena, "%s%s.json", prefix, step->name);
	TRY(file_make(c, path, sct_question(c->arena, chain), 0644));
	*ret = path;
	return 0;
}

static int follow_step(struct ctx *c, const struct ceremony *plan, size_t i, const char *prefix, const char **ret)
{
	const struct ceremony_step *step = &plan->steps.v[i];
	const struct ceremony_step *above = ceremony_find(plan, step->issuer, i);
	const char *path = "FILE";
	struct cert_info cert;
	struct cert_info issuer;
	if (!file_exists(step->cert_file)) {
		*ret = arena_printf(c->arena, "%s: not made yet", step->name);
		return 0;
	}
	TRY(ceremony_read_cert(c, step, &cert));
	TRY(ceremony_read_cert(c, above, &issuer));
	if (prefix != NULL) {
		struct bytes v[] = { cert.der, issuer.der };
		TRY(write_body(c, &(struct bytes_list) { v, COUNT_OF(v) }, step, prefix, &path));
	}
	*ret = arena_printf(c->arena,
	    "%s, SHA-256 %s: show it to each transparency log that takes certificates of its end and knows its root: curl "
	    "-H "
	    "'Content-Type: application/json' -d @%s LOG/ct/v1/add-chain, and keep the SCTs",
	    step->name, cert_fingerprint(c->arena, cert.der), path);
	return 0;
}

int ceremony_follow_up(struct ctx *c, const struct ceremony *plan, const char *prefix, struct text_list *ret)
{
	*ret = (struct text_list) { ARENA_ARRAY(c->arena, plan->steps.n, const char *), 0 };
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct ceremony_step *step = &plan->steps.v[i];
		if (ceremony_step_is(step, "intermediate") || ceremony_step_is(step, "cross")) {
			TRY(follow_step(c, plan, i, prefix, &ret->v[ret->n]));
			ret->n++;
		}
	}
	return 0;
}
