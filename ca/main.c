/* cairn-ca, the signing CA. The issuing keys are in its child only (ca/signer.h). */
#include "ca/activations.h"
#include "ca/ca.h"
#include "ca/duties.h"
#include "ca/linters.h"
#include "ca/signer.h"
#include "ca/steady.h"
#include "ca/urls.h"
#include "lib/ct/log_file.h"
#include "lib/service/rpc.h"
#include "lib/service/service.h"

#define STATEMENT_TIMEOUT_MS 10000
#define OWN_THREADS 5 /* start, duties, URLs and readiness have connections of their own */

#define RPC_SERVE ca
#include "lib/rpc/serve.h"

static int start(struct ctx *c, const struct config *config)
{
	const struct config_process *own = &config->ca.process;
	db_statements(ca_statements, ca_n_statements);
	db_configure(own->database, (unsigned) own->workers + OWN_THREADS, STATEMENT_TIMEOUT_MS);
	TRY(ca_register_issuers(c));
	TRY(activations_record(c));
	TRY(ca_register_ocsp(c));
	TRY(linters_learn(c, &config->ca, ca.process)); /* F-31: no record, no act */
	if (ca_make_crls(c) != 0) {                     /* E-23: before anything is issued */
		if (signer_keys_fault() == NULL) {
			return -1;
		}
		ctx_forgive(c); /* they are made when the token is there; to end here would try its PIN again and again */
	}
	if (config->ct.log_list_file != NULL) {
		TRY(log_file_refresh(c, &config->ct));
	}
	TRY(signer_watch(c));
	TRY(duties_start(c));
	TRY(urls_start(c));
	return service_rpc_start(c, config, &(struct service_rpc) { own, ca_methods, ca_n_methods, NULL });
}

static const char *not_ready(void)
{
	const char *why = db_not_ready();
	if (why == NULL) {
		why = signer_keys_fault();
	}
	if (why == NULL) {
		why = steady_fault();
	}
	if (why == NULL && !ca_crls_stand()) {
		why = "an issuer has no CRL yet";
	}
	if (why == NULL) {
		why = urls_fault();
	}
	return why;
}

static void stop(int64_t deadline_ms)
{
	service_rpc_stop(deadline_ms);
	duties_stop();
	urls_stop();
	signer_stop();
}

int main(int argc, char **argv)
{
	return service_main(argc, argv,
	    &(struct service) { .name = "cairn-ca",
	        .open = ca_open,
	        .start = start,
	        .not_ready = not_ready,
	        .reload = service_rpc_reload,
	        .stop = stop });
}
