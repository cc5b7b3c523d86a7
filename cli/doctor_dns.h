/* Whether the resolvers that validation asks (va.resolvers) answer, asked from this machine; and what cairn-va says of its own. */
#ifndef CAIRN_CLI_DOCTOR_DNS_H
#define CAIRN_CLI_DOCTOR_DNS_H

#include "lib/base/config.h"
#include "policy/diagnose.h"

/* Each is asked for the SOA record of its zone; a finding each. */
void doctor_resolvers(const struct diagnosing *d, const struct config_va *va);

/* What the metrics of cairn-va tell (probed: va.dnssec_probe names something): an uplink that is down, DNSSEC that is not validated, perspectives that resolve elsewhere than declared. */
void doctor_metrics(const struct diagnosing *d, const char *metrics, bool probed);

#endif
