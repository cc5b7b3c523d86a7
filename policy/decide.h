/* The verdict on a validation, drawn from its record alone: identifier, key authorization, and the connections and lookups
 * as they were recorded. Used when a validation ends and again when its record is audited; both must agree. Pure. */
#ifndef CAIRN_POLICY_DECIDE_H
#define CAIRN_POLICY_DECIDE_H

#include "lib/rpc/messages.h"
#include "lib/base/ip.h"
#include "policy/redirect.h"

#define ACME_TLS_ALPN "acme-tls/1"
#define HTTP01_BODY_MAX 512 /* octets kept; a longer answer can't be a key authorization */

/* How a fetch can fail, each with a sentence that tells what to mend. Recorded errors begin with that sentence. */
enum failure {
	FAILURE_NONE,
	FAILURE_FAULT, /* ours: nothing is concluded */
	FAILURE_CONNECT_TIMEOUT,
	FAILURE_REFUSED,
	FAILURE_UNREACHABLE,
	FAILURE_NO_IPV6, /* nor was there another address to be tried */
	FAILURE_TLS,
	FAILURE_TLS_TIMEOUT,
	FAILURE_TLS_CLOSED,
	FAILURE_TLS_LARGE,
	FAILURE_TLS_REFUSED, /* sentence goes on with the reason */
	FAILURE_READ_TIMEOUT,
	FAILURE_RESET,
	FAILURE_EMPTY,
	FAILURE_NOT_HTTP,
	FAILURE_HEADERS,
	FAILURE_LARGE,
	FAILURE_MALFORMED,
	FAILURE_LOCATIONS,
	FAILURE_ADDRESS, /* sentence goes on with the address */
	FAILURE_NAME,    /* sentence goes on with the lookup */
	FAILURE_LOOP,
	FAILURE_REDIRECTS,
	FAILURE_COUNT
};

const char *failure_text(enum failure f);
/* CONNECTION for FAILURE_COUNT. */
enum problem failure_problem(enum failure f);
/* FAILURE_NONE for NULL; FAILURE_COUNT for a sentence that is not of this list (a refused redirect has its own). */
enum failure failure_of_text(const char *text);
/* Before any connection stood: another address may be tried. */
bool failure_before_connect(enum failure f);

struct decide_input {
	const struct validate_request *request;
	struct redirect_ports ports;
	const struct ip_reach *reach;
};

struct verdict {
	bool passed;
	bool fault;
	enum problem problem; /* when not passed */
	const char *detail;
	bool silent; /* it rests on nobody having answered, which may be our own resolver's or network's doing (C-38) */
};

/* The attempts stand in the order they were made; the last one decides, and each one before must lead to the next by the
 * rules of redirects, addresses and the fallback, else the record itself is refused. */
struct verdict decide_http01(struct arena *a, const struct decide_input *in, const struct validation_result *result);

/* Of the lookups, the last one of the name that the method asks for decides. */
struct verdict decide_dns01(struct arena *a, const struct decide_input *in, const struct validation_result *result);

/* The same for dns-persist-01 (B-28..B-34). */
struct verdict decide_persist(struct arena *a, const struct decide_input *in, const struct validation_result *result);

/* For onion-csr-01: the request that the client sent stands in place of a connection (B-37). */
struct verdict decide_onion(struct arena *a, const struct decide_input *in, const struct validation_result *result);

/* The name whose TXT records prove control by the method of the request. */
const char *decide_dns_name(struct arena *a, const struct validate_request *request);
/* The same for tls-alpn-01: one connection, or two when the first address could not be reached. */
struct verdict decide_tlsalpn01(struct arena *a, const struct decide_input *in, const struct validation_result *result);

/* Where an attempt had to go: the name, or the address in place of one (else NULL). */
struct decide_place {
	const char *name;
	const struct ip *literal;
};

/* The address that an attempt used is one that the recorded answers give the name, or the literal one, and may be entered. */
bool decide_address_is_right(struct arena *a, const struct decide_input *in, const struct resolution_list *resolutions,
    const struct connection_attempt *t, const struct decide_place *place);

/* The attempt failed because nobody answered, as far as can be seen: the host, or all servers of its name. */
bool decide_is_silence(const struct resolution_list *list, const struct connection_attempt *t);

/* A refusal with its sentence; a fault of ours for SERVER_INTERNAL. */
struct verdict decide_refused(enum problem problem, const char *detail);

/* What a record that can't have come about says: nothing. */
struct verdict decide_contradiction(void);

/* The last lookup of the name; NULL: it was never asked for. */
const struct resolution *decide_lookup_of(const struct resolution_list *list, const char *type, const char *name);

/* At most 64 octets of what a stranger sent, plain printable ASCII. */
const char *decide_excerpt(struct arena *a, struct bytes body);

#endif
