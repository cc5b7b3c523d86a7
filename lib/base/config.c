/* The closed list of configuration keys: names, defaults, bounds and meanings. */
#include "lib/base/config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/config_check.h"
#include "lib/base/config_read.h"

static const struct field acme_field[] = {
	FIELD(struct config_acme, external_url, .def = "https://localhost:14000",
	    .help = "URL under which clients reach the API, without a path."),
	FIELD(struct config_acme, terms_of_service, .help = "URL of the terms that a new account has to agree to."),
	FIELD(struct config_acme, terms_again, .def = "false",
	    .help = "Accounts that agreed to other terms than terms_of_service have to agree again before they order."),
	FIELD(struct config_acme, website, .help = "URL of a page about this CA, shown in the directory."),
	FIELD(struct config_acme, caa_identities, .def = "[localhost]", .min = 0, .max = 32,
	    .help = "Domain names by which CAA records may name this CA."),
	FIELD(struct config_acme, rate_limits_url,
	    .help = "URL of a page about this CA's rate limits, to which each refusal by one of them links."),
	FIELD(struct config_acme, eab_required, .def = "false", .help = "New accounts need an external account key."),
	FIELD(struct config_acme, renewal_info_retry_s, .def = "21600", .min = 60, .max = 43200,
	    .help = "Seconds after which clients ask again when to renew (ARI); some are told up to a fifth less."),
	FIELD(struct config_acme, pre_authorization, .def = "false",
	    .help = "Offer newAuthz: names may be proved before they are ordered."),
	FIELD(struct config_acme, nonce_reject_percent, .def = "0", .min = 0, .max = 99,
	    .help = "Share of good nonces that is refused, in percent; for tests of clients, in private mode only."),
};
static const struct fields acme_fields = FIELDS(struct config_acme, acme_field);

static const struct field profile_field[] = {
	FIELD(struct config_profile, name, .flags = FIELD_REQUIRED, .min = 1, .max = 64, .help = "Name of the profile."),
	FIELD(struct config_profile, description, .def = "\"\"",
	    .help = "One sentence for the directory, or the URL of a page."),
	FIELD(struct config_profile, life, .def = "90d", .help = "Life of a certificate, such as 90d or 160h."),
	FIELD(struct config_profile, order_life, .def = "7d", .help = "Life of an order."),
	FIELD(struct config_profile, authorization_life, .def = "30d",
	    .help = "How long a valid authorization is reused, and no longer than the default profile says."),
	FIELD(struct config_profile, max_names, .def = "100", .min = 1, .max = 100, .help = "Most names in a certificate."),
	FIELD(struct config_profile, common_name, .def = "true", .help = "Put a short enough name into the subject too."),
	FIELD(struct config_profile, subject_key_id, .def = "true", .help = "Write the subject key identifier extension."),
	FIELD(struct config_profile, key_encipherment, .def = "true", .help = "Key usage keyEncipherment for RSA keys."),
	FIELD(struct config_profile, identifier_types, .def = "[]", .min = 0, .max = 2,
	    .help = "Kinds of identifiers that its orders may have: dns, ip; an empty list: all."),
	FIELD(struct config_profile, key_types, .def = "[]", .min = 0, .max = 2,
	    .help = "Kinds of keys that its certificates may have: rsa, ecdsa; an empty list: all."),
	FIELD(struct config_profile, accounts, .def = "[]", .min = 0, .max = 10000,
	    .help = "Accounts that may use it, by the ends of their URLs; with eab_keys empty too: all."),
	FIELD(struct config_profile, eab_keys, .def = "[]", .min = 0, .max = 10000,
	    .help = "External account keys whose accounts, and those of their successors, may use it."),
	FIELD(struct config_profile, withdrawn, .def = "false",
	    .help = "Take no new orders for it; leave it here until the last of its orders has ended."),
};
static const struct fields profile_fields = FIELDS(struct config_profile, profile_field);

static const char *const limit_names[] = {
#define LIMIT(id, name, key, count, period_s, burst, what) name,
#include "lib/base/limits.def"
#undef LIMIT
	NULL
};

static const struct field limit_field[] = {
	FIELD(struct config_limit, name, .flags = FIELD_REQUIRED, .one_of = limit_names, .help = "Name of the limit."),
	FIELD(struct config_limit, count, .flags = FIELD_REQUIRED, .min = 0, .max = 1000000000,
	    .help = "Uses allowed in the period; 0: no limit."),
	FIELD(struct config_limit, burst, .def = "0", .min = 0, .max = 1000000000,
	    .help = "Uses allowed at once; 0: as many as in the period."),
	FIELD(struct config_limit, period_s, .flags = FIELD_REQUIRED, .min = 1, .max = 31536000,
	    .help = "Seconds in which the whole count is available again."),
};
static const struct fields limit_fields = FIELDS(struct config_limit, limit_field);

static const char *const modes[] = { "private", "webpki", NULL };

static const struct field policy_field[] = {
	FIELD(struct config_policy, mode, .def = "private", .one_of = modes,
	    .help = "private, or webpki for the Baseline Requirements with no way around them."),
	FIELD_STRUCTS(struct config_policy, profiles, &profile_fields, .min = 1, .max = 32,
	    .def = "[{name: classic, description: \"Certificates for 90 days and up to 100 names\"},"
	           " {name: tlsserver, description: \"Certificates of TLS servers for 45 days and up to 25 names\","
	           " life: 45d, order_life: 7h, authorization_life: 7h, max_names: 25, common_name: false,"
	           " subject_key_id: false, key_encipherment: false},"
	           " {name: shortlived, description: \"Certificates for 160 hours, addresses included\","
	           " life: 160h, order_life: 7h, authorization_life: 7h, max_names: 25, common_name: false,"
	           " subject_key_id: false, key_encipherment: false}]",
	    .help = "Certificate profiles; the first that is not withdrawn is the default."),
	FIELD_STRUCTS(struct config_policy, limits, &limit_fields, .def = "[]",
	    .help = "Rate limits (see docs/limits.md). Private mode has none but these, mode webpki has defaults."),
	FIELD(struct config_policy, challenges, .def = "[]", .min = 0, .max = 16,
	    .help = "Challenges that are offered, such as [dns-01]; an empty list offers all that are no drafts. Wildcards "
	            "need "
	            "dns-01 or a draft for DNS."),
	FIELD(struct config_policy, permitted_suffixes, .def = "[]",
	    .help = "Names must be or end in one of these; an empty list permits any."),
	FIELD(struct config_policy, internal_names, .def = "[]",
	    .help =
	        "Private mode: zones outside of the public DNS whose names may be ordered, such as corp.internal; . for "
	        "all. Zones of permitted_suffixes, va.resolvers and va.local_zones count too."),
	FIELD(struct config_policy, permitted_networks, .def = "[]", .min = 0, .max = 256,
	    .help =
	        "Addresses must be in one of these (CIDR); an empty list permits public ones unless permitted_suffixes is "
	        "set. Private mode: special addresses, such as 10.0.0.0/8, are only taken from networks named here."),
	FIELD(struct config_policy, blocked_names, .def = "[]", .help = "Names that are refused with all below them."),
	FIELD(struct config_policy, lists_dir, .flags = FIELD_PATH,
	    .help =
	        "Folder of lists (see docs/policy.md): blocked names (*.names), SHA-256 of blocked keys (*.spki), Debian's "
	        "weak keys (blacklist.*). Read again at SIGHUP."),
	FIELD(struct config_policy, public_suffix_file, .flags = FIELD_PATH,
	    .help = "The public suffix list, read again at SIGHUP; without it that of the package publicsuffix."),
};
static const struct fields policy_fields = FIELDS(struct config_policy, policy_field);

static const struct field rpc_field[] = {
	FIELD(struct config_rpc, ca_file, .flags = FIELD_REQUIRED | FIELD_PATH,
	    .help = "Certificate of the internal CA, PEM."),
	FIELD(struct config_rpc, wfe, .def = "[\"127.0.0.1:14100\"]",
	    .help = "Addresses of all front ends, as host:port, the same list for each: they ask each other about nonces."),
	FIELD(struct config_rpc, ra, .def = "[\"127.0.0.1:14101\"]", .help = "Addresses of cairn-ra, as host:port."),
	FIELD(struct config_rpc, va, .def = "[\"127.0.0.1:14102\"]", .help = "Addresses of cairn-va, as host:port."),
	FIELD(struct config_rpc, ca, .def = "[\"127.0.0.1:14103\"]", .help = "Addresses of cairn-ca, as host:port."),
	FIELD(struct config_rpc, subscriber, .def = "[\"127.0.0.1:14104\"]",
	    .help = "Addresses of cairn-subscriber, as host:port."),
	FIELD(struct config_rpc, max_connections, .def = "1000", .min = 1, .max = 100000,
	    .help = "Connections that one RPC server holds open at most."),
};
static const struct fields rpc_fields = FIELDS(struct config_rpc, rpc_field);

/* The keys that the section of each process has. Numbers are texts: they become part of the defaults. */
#define PROCESS_KEYS(T, rpc_port, metrics_port, workers_default) \
	FIELD_AS(T, process.rpc_listen, "rpc_listen", .def = "[\"127.0.0.1:" rpc_port "\"]", .min = 1, .max = 8, \
	    .help = "Addresses on which the other processes reach it, as host:port."), \
	    FIELD_AS(T, process.metrics_listen, "metrics_listen", .def = "127.0.0.1:" metrics_port, \
	        .help = "Address of /metrics, /livez and /readyz, as host:port; plain HTTP."), \
	    FIELD_AS(T, process.rpc_cert_file, "rpc_cert_file", .flags = FIELD_REQUIRED | FIELD_PATH, \
	        .help = "Its internal certificate, PEM."), \
	    FIELD_AS(T, process.rpc_key_file, "rpc_key_file", .flags = FIELD_REQUIRED | FIELD_PATH, \
	        .help = "The key of its internal certificate, PEM."), \
	    FIELD_AS(T, process.workers, "workers", .def = workers_default, .min = 1, .max = 1024, \
	        .help = "Threads that work on requests."), \
	    FIELD_AS(T, process.queue, "queue", .def = "1024", .min = 1, .max = 1000000, \
	        .help = "Requests that may wait for a worker; more are refused with 503.")

#define DATABASE_KEY(T) \
	FIELD_AS(T, process.database, "database", .flags = FIELD_REQUIRED | FIELD_SECRET, \
	    .help = "Connection string of PostgreSQL (libpq) for the role of this process.")

static const struct field wfe_field[] = {
	PROCESS_KEYS(struct config_wfe, "14100", "14110", "24"),
	DATABASE_KEY(struct config_wfe),
	FIELD(struct config_wfe, rpc_address,
	    .help =
	        "Which of rpc.wfe this front end is, as host:port; without it the first of rpc_listen. The others ask it "
	        "there about nonces that it made."),
	FIELD(struct config_wfe, listen, .def = "[\"127.0.0.1:14000\"]", .min = 1, .max = 8,
	    .help = "Addresses of the HTTPS API, as host:port."),
	FIELD(struct config_wfe, http_listen, .def = "[\"127.0.0.1:14001\"]", .min = 0, .max = 8,
	    .help = "Addresses of plain HTTP for issuer certificates, CRLs and OCSP, as host:port."),
	FIELD(struct config_wfe, cert_file, .flags = FIELD_REQUIRED | FIELD_PATH,
	    .help = "Certificate chain of the API's site, PEM."),
	FIELD(struct config_wfe, key_file, .flags = FIELD_REQUIRED | FIELD_PATH, .help = "Key of the API's site, PEM."),
	FIELD(struct config_wfe, spool_dir, .flags = FIELD_REQUIRED | FIELD_PATH,
	    .help = "Folder in which request records wait for the database."),
	FIELD(struct config_wfe, root_file, .flags = FIELD_PATH, .help = "Root certificate to serve, PEM."),
	FIELD(struct config_wfe, root_crl_file, .flags = FIELD_PATH, .help = "The root's CRL to serve, DER."),
	FIELD(struct config_wfe, trusted_proxies, .def = "[]", .min = 0, .max = 64,
	    .help = "Networks (CIDR) of proxies whose X-Forwarded-For is believed."),
	FIELD(struct config_wfe, hold_ms, .def = "2000", .min = 0, .max = 30000,
	    .help =
	        "Longest time for which the answer to a challenge or a finalize waits for the result, in milliseconds."),
};
static const struct fields wfe_fields = FIELDS(struct config_wfe, wfe_field);

static const struct field ra_field[] = {
	PROCESS_KEYS(struct config_ra, "14101", "14111", "32"),
	DATABASE_KEY(struct config_ra),
	FIELD(struct config_ra, hold_ms, .def = "2000", .min = 0, .max = 30000,
	    .help = "Longest time for which an RPC waits for a validation to end, in milliseconds."),
	FIELD(struct config_ra, validation_attempts, .def = "3", .min = 1, .max = 20,
	    .help = "How often a validation is tried before its failure is final; faults of ours don't count."),
	FIELD(struct config_ra, validation_lease_s, .def = "60", .min = 10, .max = 3600,
	    .help = "Seconds after which another instance takes over a validation that did not end."),
};
static const struct fields ra_fields = FIELDS(struct config_ra, ra_field);

static const char *const dnssec_choices[] = { "require", "off", NULL };

static const struct field resolver_field[] = {
	FIELD(struct config_resolver, zone, .flags = FIELD_REQUIRED, .help = "Names below this zone; . for all."),
	FIELD(struct config_resolver, forward, .flags = FIELD_REQUIRED, .help = "The resolver, as ADDRESS@PORT."),
	FIELD(struct config_resolver, dnssec, .def = "require", .one_of = dnssec_choices,
	    .help = "require: validate up to the root's key; off: take the answers as they are."),
	FIELD(struct config_resolver, trust_anchors, .def = "[]", .min = 0, .max = 8,
	    .help =
	        "For a signed zone that the root does not know: its DS records, as \"KEYTAG ALGORITHM TYPE DIGEST\"; then "
	        "answers are validated up to its own keys."),
};
static const struct fields resolver_fields = FIELDS(struct config_resolver, resolver_field);

static const struct field perspective_field[] = {
	FIELD(
	    struct config_perspective, name, .flags = FIELD_REQUIRED, .min = 1, .max = 64, .help = "Name in the records."),
	FIELD(struct config_perspective, address, .flags = FIELD_REQUIRED, .help = "Its cairn-va, as host:port."),
	FIELD(
	    struct config_perspective, region, .def = "\"\"", .help = "Service region of its regional Internet registry."),
};
static const struct fields perspective_fields = FIELDS(struct config_perspective, perspective_field);

static const struct field local_zone_field[] = {
	FIELD(struct config_local_zone, zone, .flags = FIELD_REQUIRED, .help = "This name and all below it."),
	FIELD(struct config_local_zone, address, .flags = FIELD_REQUIRED, .help = "The address that they resolve to."),
};
static const struct fields local_zone_fields = FIELDS(struct config_local_zone, local_zone_field);

static const struct field va_field[] = {
	PROCESS_KEYS(struct config_va, "14102", "14112", "32"),
	FIELD(struct config_va, http01_port, .def = "80", .min = 1, .max = 65535, .help = "Port that http-01 connects to."),
	FIELD(struct config_va, tlsalpn01_port, .def = "443", .min = 1, .max = 65535,
	    .help = "Port that tls-alpn-01 connects to."),
	FIELD_STRUCTS(struct config_va, resolvers, &resolver_fields, .def = "[]",
	    .help = "Resolvers to forward to, by zone; none: resolve from the root."),
	FIELD(struct config_va, allow_networks, .def = "[]", .min = 0, .max = 64,
	    .help = "Private or loopback networks (CIDR) that validation may enter."),
	FIELD_STRUCTS(struct config_va, perspectives, &perspective_fields, .def = "[]", .min = 0, .max = 32,
	    .help = "Remote validation authorities that are asked beside the local one."),
	FIELD_STRUCTS(struct config_va, local_zones, &local_zone_fields, .def = "[]",
	    .help = "Names that resolve to a fixed address inside the validation authority; for development."),
	FIELD(struct config_va, timeout_s, .def = "10", .min = 1, .max = 60, .help = "Longest validation, in seconds."),
	FIELD(struct config_va, user_agent, .def = "\"cairn-va/" CAIRN_VERSION "\"", .min = 1, .max = 200,
	    .help = "User-Agent of its HTTP requests."),
	FIELD(struct config_va, perspective, .def = "local", .min = 1, .max = 64, .help = "Its own name in the records."),
};
static const struct fields va_fields = FIELDS(struct config_va, va_field);

static const struct field issuer_field[] = {
	FIELD(struct config_issuer, name, .flags = FIELD_REQUIRED, .min = 1, .max = 64,
	    .help = "Short name in URLs and records."),
	FIELD(struct config_issuer, cert_file, .flags = FIELD_REQUIRED | FIELD_PATH, .help = "Its certificate, PEM."),
	FIELD(struct config_issuer, key_file, .flags = FIELD_REQUIRED | FIELD_PATH, .help = "Its key, PEM."),
	FIELD(struct config_issuer, crl_url, .flags = FIELD_REQUIRED, .help = "URL of its CRL, written into certificates."),
	FIELD(struct config_issuer, aia_url, .flags = FIELD_REQUIRED,
	    .help = "URL of its certificate (DER), written into certificates."),
	FIELD(struct config_issuer, alternate_chains, .flags = FIELD_PATH, .def = "[]", .min = 0, .max = 9,
	    .help = "PEM files of other chains, each from a certificate of this issuer's key on that another CA signed."),
	FIELD(struct config_issuer, active, .def = "true", .help = "Sign new certificates; false: CRLs only."),
};
static const struct fields issuer_fields = FIELDS(struct config_issuer, issuer_field);

static const struct field ca_field[] = {
	PROCESS_KEYS(struct config_ca, "14103", "14113", "8"), DATABASE_KEY(struct config_ca),
	FIELD_STRUCTS(struct config_ca, issuers, &issuer_fields, .flags = FIELD_REQUIRED, .def = "[]", .min = 0, .max = 16,
	    .help = "Issuing certificates and their keys."),
	FIELD(struct config_ca, backdate_s, .def = "3600", .min = 0, .max = 172800,
	    .help = "Seconds by which notBefore lies before the signature."), /* D-35 */
	FIELD(struct config_ca, crl_period_s, .def = "21600", .min = 60, .max = 345600,
	    .help = "Seconds after which a CRL is made anew."), /* E-22 */
	FIELD(struct config_ca, crl_life_s, .def = "604800", .min = 3600, .max = 864000,
	    .help = "Seconds from a CRL's thisUpdate to its nextUpdate."), /* E-21 */
};
static const struct fields ca_fields = FIELDS(struct config_ca, ca_field);

static const struct field subscriber_field[] = {
	PROCESS_KEYS(struct config_subscriber, "14104", "14114", "4"),
	DATABASE_KEY(struct config_subscriber),
	FIELD(struct config_subscriber, secret_file, .flags = FIELD_PATH,
	    .help = "Key that signs the checkpoints of the sealed log."),
};
static const struct fields subscriber_fields = FIELDS(struct config_subscriber, subscriber_field);

static const struct field command_field[] = {
	FIELD(struct config_command, database, .flags = FIELD_SECRET,
	    .help = "Connection string of PostgreSQL (libpq) for role cairn_operator: cairn eab, cairn policy."),
};
static const struct fields command_fields = FIELDS(struct config_command, command_field);

static const struct field ct_log_field[] = {
	FIELD(struct config_ct_log, description, .flags = FIELD_REQUIRED, .help = "Name of the log."),
	FIELD(struct config_ct_log, url, .flags = FIELD_REQUIRED, .help = "Its submission URL."),
	FIELD(struct config_ct_log, key, .flags = FIELD_REQUIRED, .help = "Its public key, base64 of the DER form."),
};
static const struct fields ct_log_fields = FIELDS(struct config_ct_log, ct_log_field);

static const struct field ct_field[] = {
	FIELD_STRUCTS(struct config_ct, logs, &ct_log_fields, .def = "[]", .help = "Certificate Transparency logs."),
};
static const struct fields ct_fields = FIELDS(struct config_ct, ct_field);

static const char *const classes[] = { "SUB-REQ", "SUB-VAL", "SUB-SW", "SUB-CERT", "RECOVERY", "RP-OCSP", "RP-HOLD",
	"WEB", "OPS", "AGG", NULL };

static const struct field retention_field[] = {
	FIELD(struct config_retention, class, .flags = FIELD_REQUIRED, .one_of = classes, .help = "Class of data."),
	FIELD(struct config_retention, keep, .flags = FIELD_REQUIRED, .help = "Such as 6d, or forever."),
};
static const struct fields retention_fields = FIELDS(struct config_retention, retention_field);

static const char *const levels[] = { "debug", "info", "warn", "error", NULL };

static const struct field log_field[] = {
	FIELD(struct config_log, level, .def = "info", .one_of = levels, .help = "The least that is logged."),
};
static const struct fields log_fields = FIELDS(struct config_log, log_field);

static const struct field test_field[] = {
	FIELD(struct config_test, busy_percent, .def = "0", .min = 0, .max = 99,
	    .help = "Share of POSTs that is answered 503 with Retry-After before anything is done, in percent."),
	FIELD(struct config_test, rate_limited_percent, .def = "0", .min = 0, .max = 99,
	    .help = "Share of good requests that is answered 429 rateLimited with Retry-After, in percent."),
	FIELD(struct config_test, retry_after_s, .def = "1", .min = 1, .max = 86400,
	    .help = "What Retry-After says then, in seconds."),
	FIELD(struct config_test, hold_authorizations_s, .def = "0", .min = 0, .max = 3600,
	    .help =
	        "Seconds for which the response to a challenge stays \"processing\" before it is validated; up to a second "
	        "more."),
	FIELD(struct config_test, seed, .def = "0", .min = 0, .max = INT64_MAX,
	    .help = "Which requests are refused, by their number since the start, is the same for the same seed; 0: by "
	            "chance."),
};
static const struct fields test_fields = FIELDS(struct config_test, test_field);

static const struct field config_field[] = {
	FIELD_STRUCT(struct config, acme, &acme_fields, .help = "What ACME clients see."),
	FIELD_STRUCT(struct config, policy, &policy_fields, .help = "What is issued to whom."),
	FIELD_STRUCT(struct config, rpc, &rpc_fields, .help = "How the processes find and trust each other."),
	FIELD_STRUCT(struct config, wfe, &wfe_fields, .help = "cairn-wfe, the web front end."),
	FIELD_STRUCT(struct config, ra, &ra_fields, .help = "cairn-ra, the registration authority."),
	FIELD_STRUCT(struct config, va, &va_fields, .help = "cairn-va, the validation authority."),
	FIELD_STRUCT(struct config, ca, &ca_fields, .help = "cairn-ca, the signing CA."),
	FIELD_STRUCT(struct config, subscriber, &subscriber_fields, .help = "cairn-subscriber, the subscribers' data."),
	FIELD_STRUCT(struct config, command, &command_fields, .help = "The cairn command."),
	FIELD_STRUCT(struct config, ct, &ct_fields, .help = "Certificate Transparency."),
	FIELD_STRUCTS(struct config, retention, &retention_fields, .def = "[]",
	    .help = "How long data is kept that is not to be kept for its class's default time."),
	FIELD_STRUCT(struct config, log, &log_fields, .help = "Logs on standard error."),
	FIELD_STRUCT(struct config, test, &test_fields,
	    .help = "Trouble for clients under test; private mode only (docs/testing-clients.md)."),
};
const struct fields config_fields = FIELDS(struct config, config_field);

static const struct {
	const char *process;
	const char *section;
	size_t offset;
} processes[] = {
	{ "cairn-wfe", "wfe", offsetof(struct config, wfe.process) },
	{ "cairn-ra", "ra", offsetof(struct config, ra.process) },
	{ "cairn-va", "va", offsetof(struct config, va.process) },
	{ "cairn-ca", "ca", offsetof(struct config, ca.process) },
	{ "cairn-subscriber", "subscriber", offsetof(struct config, subscriber.process) },
};

const struct config_process *config_process(const struct config *config, const char *name)
{
	for (size_t i = 0; i < COUNT_OF(processes); i++) {
		if (strcmp(processes[i].process, name) == 0) {
			return (const struct config_process *) (const void *) ((const char *) config + processes[i].offset);
		}
	}
	return NULL;
}

static int require_section(struct ctx *c, const struct config *config, const char *section)
{
	size_t i = 0;
	while (strcmp(config_field[i].name, section) != 0) {
		i++;
	}
	const struct fields *f = config_field[i].sub;
	for (size_t k = 0; k < f->n; k++) {
		const char *base = FIELD_CPTR(&config_field[i], config, char);
		const void *member = base + f->v[k].offset;
		const char *const *text = member;
		bool absent = f->v[k].kind == FIELD_TEXT ? *text == NULL : list_get(member).n == 0;
		if ((f->v[k].flags & FIELD_REQUIRED) != 0 && absent) {
			return FAIL(c, MALFORMED, "%s.%s: is missing: %s", section, f->v[k].name, f->v[k].help);
		}
	}
	return 0;
}

int config_require(struct ctx *c, const struct config *config, const char *name)
{
	for (size_t i = 0; i < COUNT_OF(processes); i++) {
		if (strcmp(processes[i].process, name) == 0) {
			TRY(require_section(c, config, "rpc"));
			return require_section(c, config, processes[i].section);
		}
	}
	return FAIL(c, MALFORMED, "%s: there is no such process", name);
}

/* The absolute path without links; -1 when the file is not there. */
static int absolute_path(struct ctx *c, struct arena *a, const char *path, const char **ret)
{
	char *resolved = realpath(path, NULL);
	if (resolved == NULL) {
		return FAIL(c, MALFORMED, "%s: there is no such file", path);
	}
	*ret = arena_text(a, resolved);
	free(resolved);
	return 0;
}

static int read_files(struct ctx *c, struct config *config, const char *const *paths, size_t n, struct node **ret)
{
	config->files = (struct text_list) { ARENA_ARRAY(config->arena, n, const char *), n };
	for (size_t i = 0; i < n; i++) {
		struct node *one = NULL;
		TRY(absolute_path(c, config->arena, paths[i], &config->files.v[i]));
		TRY(yaml_read_file(c, config->arena, config->files.v[i], &one));
		if (one->kind != NODE_MAP) {
			return FAIL(c, MALFORMED, "%s:1: must be a map of keys and values", config->files.v[i]);
		}
		if (*ret == NULL) {
			*ret = one;
		} else {
			yaml_merge(*ret, one);
		}
	}
	return 0;
}

static int load(struct ctx *c, const char *const *paths, size_t n, struct config *config)
{
	struct node *root = NULL;
	TRY(read_files(c, config, paths, n, &root));
	config->folder = "/";
	if (n > 0) {
		const char *first = config->files.v[0];
		size_t length = (size_t) (strrchr(first, '/') - first);
		config->folder = arena_text_n(config->arena, first, length == 0 ? 1 : length);
	}
	TRY(config_read(c, config->arena, config->folder, &config_fields, root, config));
	return config_check(c, config);
}

int config_load(struct ctx *c, const char *const *paths, size_t n, struct config **ret)
{
	struct arena *a = arena_new();
	struct config *config = ARENA_NEW(a, struct config);
	config->arena = a;
	if (load(c, paths, n, config) != 0) {
		config_free(config);
		return -1;
	}
	*ret = config;
	return 0;
}

void config_free(struct config *config)
{
	if (config != NULL) {
		arena_free(config->arena);
	}
}
