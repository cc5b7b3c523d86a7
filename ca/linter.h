/* An outside linter beside our own rows, with the interface of pkimetal: POST /linttbscert. It is asked before the octets are fixed. */
#ifndef CAIRN_CA_LINTER_H
#define CAIRN_CA_LINTER_H

#include "lib/base/config.h"

/* SERVER_INTERNAL when it finds an error in the TBSCertificate. UNAVAILABLE when it gives no answer that can be understood within the time, unless
 * the configuration lets that pass. Nothing is asked without ca.linter_url. */
int linter_ask(struct ctx *c, const struct config_ca *config, struct bytes tbs) MUST_CHECK;

/* Why linter_ask had no answer, where it had one before and linter_silence_told was not called since; else NULL. From any thread. */
const char *linter_silence(struct arena *a);
void linter_silence_told(void);

struct linter {
	const char *name;
	const char *version;
};
struct linter_list {
	struct linter *v;
	size_t n;
};

/* Which linters it holds, GET /linters: those that run (F-31). UNAVAILABLE: no answer that can be understood within the time. */
int linter_versions(struct ctx *c, const struct config_ca *config, struct linter_list *ret) MUST_CHECK;

#endif
