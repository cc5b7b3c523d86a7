#include "cli/doctor_urls.h"

#include "lib/http/served.h"

#define LIMIT_MS 10000

static void look_at(
    struct ctx *c, const struct diagnosing *d, const struct served_list *all, size_t *right, size_t *wrong)
{
	for (size_t i = 0; i < all->n; i++) {
		struct ctx own; /* with a limit of its own; a CRL may be large */
		ctx_init(&own);
		ctx_limit_ms(&own, LIMIT_MS);
		bool good = served_check(&own, &all->v[i]) == 0;
		if (!good) {
			diagnose_add(d, "urls", FINDING_PROBLEM,
			    arena_printf(
			        c->arena, "Certificates name a URL that does not lead where it should: %s", own.err.detail));
		}
		*right += good ? 1 : 0;
		*wrong += good ? 0 : 1;
		ctx_done(&own);
	}
}

void doctor_urls(struct ctx *c, const struct diagnosing *d, const struct config_ca *config)
{
	size_t right = 0;
	size_t wrong = 0;
	for (size_t i = 0; i < config->issuers.n; i++) {
		struct bytes_list file;
		struct cert_info issuer;
		if (cert_read_file(c, config->issuers.v[i].cert_file, &file) != 0 || cert_parse(c, file.v[0], &issuer) != 0) {
			ctx_forgive(c); /* said with the certificates */
			continue;
		}
		struct served_list all = served_by(c->arena, &config->issuers.v[i], &issuer, NULL);
		look_at(c, d, &all, &right, &wrong);
	}
	if (right > 0 && wrong == 0) {
		diagnose_add(d, "urls", FINDING_OK,
		    arena_printf(c->arena,
		        "The %zu URLs that certificates name lead to issuers, CRLs and responders as they should", right));
	}
}
