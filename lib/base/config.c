/* The closed list of configuration keys: names, defaults, bounds and meanings. */
#include "lib/base/config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/config_check.h"
#include "lib/base/config_read.h"
#include "lib/base/config_tables.h"

static const struct field acme_field[] = {
	FIELD(struct config_acme, external_url, .def = "https://localhost:14000",
	    .help = "URL under which clients reach the API, without a path."),
	FIELD(struct config_acme, terms_of_service, .help = "URL of the terms that a new account has to agree to."),
	FIELD(struct config_acme, terms_again, .def = "false",
	    .help = "Accounts that agreed to other terms than terms_of_service have to agree again before they order."),
	FIELD(struct config_acme, website, .help = "URL of a page about this CA, shown in the directory."),
	FIELD(struct config_acme, privacy_contact,
	    .help = "Where people ask about their data, an address or a URL; shown in the privacy notice."),
	FIELD(struct config_acme, caa_identities, .def = "[localhost]", .min = 0, .max = 32,
	    .help = "Domain names by which CAA records may name this CA."),
	FIELD(struct config_acme, former_external_urls, .def = "[]", .min = 0, .max = 16,
	    .help = "What external_url was before: account URLs below these count in CAA records (accounturi) as well."),
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
	FIELD(struct config_profile, order_life, .def = "7d",
	    .help = "Life of an order, and of the tokens of its challenges; in mode webpki 30d at most."),
	FIELD(struct config_profile, authorization_life, .def = "30d",
	    .help = "How long a valid authorization is reused, and no longer than the default profile says; in mode webpki "
	            "no longer than is allowed on the day of issuance."),
	FIELD(struct config_profile, backdate_s, .def = "-1", .min = -1, .max = CONFIG_BACKDATE_MAX_S,
	    .help = "Seconds by which notBefore lies before the signature, at most half of the life; -1: as ca.backdate_s, "
	            "or half of a shorter life."),
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
const struct fields config_profile_fields = FIELDS(struct config_profile, profile_field);

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
	FIELD_STRUCTS(struct config_policy, profiles, &config_profile_fields, .min = 1, .max = 32,
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
	    .help = "Challenges that are offered, such as [dns-01]; an empty list offers http-01, dns-01 and "
	            "tls-alpn-01. Wildcards need dns-01 or a draft for DNS, onion services onion-csr-01."),
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
	FIELD(struct config_rpc, max_connections, .def = "8000", .min = 1, .max = 100000,
	    .help = "Connections that one RPC server holds open at most; each validation under way has one to cairn-va."),
};
static const struct fields rpc_fields = FIELDS(struct config_rpc, rpc_field);

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
	FIELD(struct config_wfe, visits_per_minute, .def = "-1", .min = -1, .max = 1000000,
	    .help =
	        "Requests without a signature (directory, nonces, renewalInfo, pages) that one IPv4 address, or one IPv6 "
	        "network of 64 bits, may send to the API in a minute; 0: any number; -1: 1200 in mode webpki, else any "
	        "number."),
	FIELD(struct config_wfe, visits_at_once, .def = "2000", .min = 1, .max = 1000000, .help = "The same, at once."),
	FIELD(struct config_wfe, doctor_per_hour, .def = "0", .min = 0, .max = 3600,
	    .help = "Looks at names that an address may have in an hour on the page /doctor; 0: no such page."),
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
	FIELD(struct config_ra, evidence_dir, .flags = FIELD_PATH,
	    .help =
	        "A folder of its own, mode 0700, where records of validations wait while the database is away; it is made. "
	        "Without it they are lost then."),
};
static const struct fields ra_fields = FIELDS(struct config_ra, ra_field);

static const char *const witness_kinds[] = { "witness", "hook", "file", NULL };

static const struct field witness_field[] = {
	FIELD(struct config_witness, name, .flags = FIELD_REQUIRED, .min = 1, .max = 100,
	    .help = "What it is called here and in the database, for ever."),
	FIELD(struct config_witness, kind, .flags = FIELD_REQUIRED, .one_of = witness_kinds,
	    .help = "witness: cosigns (C2SP tlog-witness), such as another Cairn; hook: gets each checkpoint by HTTP POST; "
	            "file: "
	            "each is added to it."),
	FIELD(struct config_witness, to, .flags = FIELD_REQUIRED, .min = 1, .max = 500,
	    .help = "URL (of a witness without add-checkpoint at its end), or an absolute path."),
	FIELD(struct config_witness, key, .help = "Public key of a witness: NAME+HASH+KEY."),
	FIELD(struct config_witness, ca_file, .flags = FIELD_PATH,
	    .help = "Who certifies the server of the URL, PEM; without it, as the system trusts."),
};
static const struct fields witness_fields = FIELDS(struct config_witness, witness_field);

static const struct field subscriber_field[] = {
	PROCESS_KEYS(struct config_subscriber, "14104", "14114", "4"),
	DATABASE_KEY(struct config_subscriber),
	FIELD(struct config_subscriber, secret_file, .flags = FIELD_PATH,
	    .help = "Ed25519 key that signs the checkpoints of the sealed log, PEM; without it the log is not sealed."),
	FIELD(struct config_subscriber, seal_dir, .flags = FIELD_PATH,
	    .help =
	        "Folder that remembers the last checkpoint beside the database, so that a database that was set back is "
	        "noticed."),
	FIELD(struct config_subscriber, journal_dir, .flags = FIELD_PATH,
	    .help =
	        "Folder in which the supervisor tells of starts and ends of services, sessions of the database and refused "
	        "logins, for the sealed log."),
	FIELD(struct config_subscriber, origin, .min = 1, .max = 200,
	    .help =
	        "Name of the sealed log in its checkpoints, for ever; without it acme.external_url without https:// and "
	        "with /log behind it."),
	FIELD(struct config_subscriber, seal_interval_ms, .def = "1000", .min = 10, .max = 60000,
	    .help = "Milliseconds between two checkpoints of a log that grows."),
	FIELD(struct config_subscriber, purge_interval_s, .def = "600", .min = 1, .max = 43200,
	    .help = "Seconds between two looks for data whose time has come (docs/retention.md)."),
	FIELD(struct config_subscriber, compare_interval_s, .def = "3600", .min = 1, .max = 86400,
	    .help =
	        "Seconds after which new certificates are read back and compared with their records (docs/linting.md)."),
	FIELD(struct config_subscriber, verify_interval_s, .def = "60", .min = 1, .max = 86400,
	    .help = "How often what is new in the sealed log is compared with its seal, in seconds."),
	FIELD(struct config_subscriber, verify_every_s, .def = "604800", .min = 60, .max = 2592000,
	    .help = "How often all of the sealed log is compared with its seal, in seconds."),
	FIELD(struct config_subscriber, verify_per_s, .def = "1000", .min = 10, .max = 1000000,
	    .help = "How many leaves of the log are compared in a second at most."),
	FIELD_STRUCTS(struct config_subscriber, witnesses, &witness_fields, .def = "[]",
	    .help =
	        "Who is told of each new checkpoint, beside the sealing, which never waits for them (docs/sealing.md)."),
	FIELD(struct config_subscriber, witness_interval_ms, .def = "10000", .min = 100, .max = 3600000,
	    .help = "Milliseconds between two checkpoints that they are told of."),
	FIELD(struct config_subscriber, witness_key_file, .flags = FIELD_PATH,
	    .help =
	        "Ed25519 key by which this CA cosigns checkpoints of other logs, PEM; without it, it cosigns for nobody."),
	FIELD(struct config_subscriber, witness_name, .min = 1, .max = 200, .help = "Name of that key, for ever."),
	FIELD(struct config_subscriber, witness_logs, .def = "[]",
	    .help = "Logs that it cosigns for, by their keys: NAME+HASH+KEY."),
	FIELD(struct config_subscriber, publish_entries, .def = "false",
	    .help = "Serve what the leaves say under /log/tile/entries to everybody; hashes and checkpoints always are."),
	FIELD(struct config_subscriber, recovery_key_file, .flags = FIELD_PATH,
	    .help =
	        "File with the key of the keyed hashes by which recovery contacts are matched, 43 characters of base64url; "
	        "needed with recovery.custodian_dir. Once it is lost, no contact can be matched."),
};
static const struct fields subscriber_fields = FIELDS(struct config_subscriber, subscriber_field);

static const struct field command_field[] = {
	FIELD(struct config_command, database, .flags = FIELD_SECRET,
	    .help = "Connection string of PostgreSQL (libpq) for role cairn_operator: cairn eab, cairn policy."),
	FIELD(struct config_command, auditor_database, .flags = FIELD_SECRET,
	    .help = "The same for role cairn_auditor: cairn audit."),
	FIELD(struct config_command, officer_database, .flags = FIELD_SECRET,
	    .help = "The same for role cairn_officer: cairn disclose."),
	FIELD(struct config_command, rpc_cert_file, .flags = FIELD_PATH, .help = "Its certificate: cairn doctor."),
	FIELD(struct config_command, rpc_key_file, .flags = FIELD_PATH, .help = "Its key."),
};
static const struct fields command_fields = FIELDS(struct config_command, command_field);

static const struct field ct_log_field[] = {
	FIELD(struct config_ct_log, description, .flags = FIELD_REQUIRED, .help = "Name of the log."),
	FIELD(struct config_ct_log, url, .flags = FIELD_REQUIRED, .help = "Its submission URL."),
	FIELD(struct config_ct_log, key, .flags = FIELD_REQUIRED, .help = "Its public key, base64 of the DER form."),
};
static const struct fields ct_log_fields = FIELDS(struct config_ct_log, ct_log_field);

static const struct field ct_field[] = {
	FIELD(struct config_ct, log_list_file, .flags = FIELD_PATH,
	    .help = "List of Certificate Transparency logs in Chrome's JSON form, version 3: certificates get SCTs "
	            "(docs/transparency.md). Read again when it is replaced."),
	FIELD(struct config_ct, log_list_key_file, .flags = FIELD_PATH,
	    .help = "Public key, in PEM, of who publishes the list: it is taken only with a signature by this key."),
	FIELD(struct config_ct, log_list_signature_file, .flags = FIELD_PATH,
	    .help = "That signature over the file of the list, with SHA-256: RSA (PKCS #1 v1.5) or ECDSA."),
	FIELD(struct config_ct, not_logged, .def = "false",
	    .help = "In mode webpki, without log_list_file: certificates are issued without SCTs, which browsers refuse."),
	FIELD(struct config_ct, ca_file, .flags = FIELD_PATH,
	    .help = "What certifies the HTTPS servers of logs, in PEM; none: what the system trusts."),
	FIELD(struct config_ct, private_names, .def = "false",
	    .help = "In mode private: the names may be shown to these logs, which publish them."),
	FIELD(struct config_ct, timeout_ms, .def = "10000", .min = 500, .max = 15000,
	    .help = "How long a finalize waits for SCTs; later ones complete the order in the background."),
	FIELD(struct config_ct, monitor, .def = "true",
	    .help =
	        "All entries of the logs of the list are read as they come: what was promised has to be there in time, and "
	        "no certificate under a key of this CA that it has not issued."),
	FIELD_STRUCTS(struct config_ct, logs, &ct_log_fields, .def = "[]",
	    .help = "Those of the list that are asked, by their descriptions; none: all. The privacy notice names them."),
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
	FIELD_STRUCT(struct config, va, &config_va_fields, .help = "cairn-va, the validation authority."),
	FIELD_STRUCT(struct config, ca, &config_ca_fields, .help = "cairn-ca, the signing CA."),
	FIELD_STRUCT(struct config, subscriber, &subscriber_fields, .help = "cairn-subscriber, the subscribers' data."),
	FIELD_STRUCT(struct config, recovery, &config_recovery_fields, .help = "Contacts by which accounts are got back."),
	FIELD_STRUCT(struct config, smtp, &config_smtp_fields, .help = "How mail is sent."),
	FIELD_STRUCT(struct config, alarm, &config_alarm_fields, .help = "Who is told when something is wrong."),
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

bool config_is_webpki(const struct config_policy *policy)
{
	return policy->mode != NULL && strcmp(policy->mode, "webpki") == 0;
}

bool config_promises(const struct config *config)
{
	return config->ct.log_list_file != NULL || (config_is_webpki(&config->policy) && !config->ct.not_logged);
}

const struct config_process *config_process(const struct config *config, const char *name)
{
	for (size_t i = 0; i < COUNT_OF(processes); i++) {
		if (strcmp(processes[i].process, name) == 0) {
			return (const struct config_process *) (const void *) ((const char *) config + processes[i].offset);
		}
	}
	return NULL;
}

const char *config_instance(struct arena *a, const struct config *config, const char *name)
{
	char host[HOST_NAME_MAX + 1] = "localhost";
	(void) gethostname(host, sizeof(host) - 1);
	return arena_printf(a, "%s@%s/%s", name, host, config_process(config, name)->rpc_listen.v[0]);
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
			TRY(require_section(c, config, processes[i].section));
			return strcmp(name, "cairn-ca") == 0 ? config_require_ca(c, config) : 0;
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
