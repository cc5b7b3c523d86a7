/* The configuration: one YAML file with a section for each process and shared ones, read into these structs by the
 * field tables in config.c. Names, defaults and meanings stand there; `cairn config help` prints them. The struct is
 * immutable once loaded, so that all threads may read it. */
#ifndef CAIRN_BASE_CONFIG_H
#define CAIRN_BASE_CONFIG_H

#include "lib/base/fields.h"

struct config_acme {
	const char *external_url; /* without a slash at the end */
	const char *terms_of_service;
	const char *website;
	const char *privacy_contact;
	struct text_list caa_identities;
	struct text_list former_external_urls; /* whose account URLs count in CAA too */
	const char *rate_limits_url;
	bool terms_again;
	bool eab_required;
	bool pre_authorization;
	int64_t renewal_info_retry_s;
	int64_t nonce_reject_percent;
};

struct config_profile {
	const char *name;
	const char *description;
	const char *life; /* "90d"; the parsed forms stand below */
	const char *order_life;
	const char *authorization_life;
	int64_t backdate_s; /* -1 in the file: as ca.backdate_s, which then stands here */
	int64_t max_names;
	bool common_name;
	bool subject_key_id;
	bool key_encipherment;
	struct text_list identifier_types; /* dns, ip; empty: all */
	struct text_list key_types;        /* rsa, ecdsa; empty: all */
	struct text_list accounts;         /* ids of those that may use it; with eab_keys empty: all */
	struct text_list eab_keys;         /* ids of external account keys, also by their successors */
	bool withdrawn;                    /* only orders that have it already are completed */
	int64_t life_s;                    /* filled in from the texts */
	int64_t order_life_s;
	int64_t authorization_life_s;
};

struct config_profile_list {
	struct config_profile *v;
	size_t n;
};

struct config_limit {
	const char *name;
	int64_t count; /* 0: not limited */
	int64_t period_s;
	int64_t burst; /* 0: as count */
};

struct config_limit_list {
	struct config_limit *v;
	size_t n;
};

struct config_policy {
	const char *mode;                    /* private, webpki */
	struct config_profile_list profiles; /* never empty; the first is the default */
	struct config_limit_list limits;
	struct text_list challenges;         /* empty: all that are no drafts */
	struct text_list permitted_suffixes; /* empty: any name */
	struct text_list internal_names;     /* zones outside of the public DNS; private mode */
	struct text_list permitted_networks; /* empty: any public address, as long as permitted_suffixes is empty too */
	struct text_list blocked_names;
	const char *lists_dir;          /* NULL: no lists */
	const char *public_suffix_file; /* NULL: that of Debian's package, or the one built into libpsl */
};

/* Who listens where, as "host:port". */
struct config_rpc {
	const char *ca_file;
	struct text_list wfe;
	struct text_list ra;
	struct text_list va;
	struct text_list ca;
	struct text_list subscriber;
	int64_t max_connections; /* that one server holds open */
};

/* What each process has; part of its section. */
struct config_process {
	struct text_list rpc_listen;
	const char *metrics_listen;
	const char *rpc_cert_file;
	const char *rpc_key_file;
	const char *database; /* NULL: none (va) */
	int64_t workers;
	int64_t queue;
};

struct config_wfe {
	struct config_process process;
	const char *rpc_address; /* among rpc.wfe; NULL: the first of rpc_listen */
	struct text_list listen;
	struct text_list http_listen;
	const char *cert_file;
	const char *key_file;
	const char *spool_dir;
	const char *root_file;     /* served as /root.pem, /root.der and /aia/root.der; NULL: not served */
	const char *root_crl_file; /* DER, served as /crl/root.crl; NULL: not served */
	struct text_list trusted_proxies;
	int64_t visits_per_minute; /* 0: no bound; -1 in the file: by policy.mode */
	int64_t visits_at_once;
	int64_t doctor_per_hour; /* 0: no such page */
	int64_t hold_ms;
};

struct config_ra {
	struct config_process process;
	int64_t hold_ms;
	int64_t validation_attempts;
	int64_t validation_lease_s;
	const char *evidence_dir; /* or NULL */
};

struct config_resolver {
	const char *zone;               /* "." for all */
	const char *forward;            /* "ADDRESS@PORT" */
	const char *dnssec;             /* require, off */
	struct text_list trust_anchors; /* "KEYTAG ALGORITHM TYPE DIGEST" */
};

struct config_resolver_list {
	struct config_resolver *v;
	size_t n;
};

/* Each is declared to who asks it; deploy/up starts no other (F-62). */
struct config_perspective {
	const char *name;
	const char *address; /* "host:port" of its cairn-va */
	const char *region;
	const char *place; /* policy/perspectives.h reads it */
	const char *resolver;
	const char *resolver_region;
	const char *resolver_place;
};

#define CONFIG_PERSPECTIVES_MAX 16

struct config_perspective_list {
	struct config_perspective *v;
	size_t n;
};

struct config_local_zone {
	const char *zone;
	const char *address;
};

struct config_local_zone_list {
	struct config_local_zone *v;
	size_t n;
};

struct config_va {
	struct config_process process;
	int64_t http01_port;
	int64_t tlsalpn01_port;
	struct config_resolver_list resolvers;
	struct text_list root_servers;       /* "ADDRESS@PORT" of a root of the operator's own; none: the internet's */
	struct text_list root_trust_anchors; /* of that root, as those of a resolver; none: IANA's */
	const char *caa_lookup_failure;      /* refuse, unsigned-passes */
	const char *dnssec_probe;            /* a name that must not verify, or "" */
	int64_t dnssec_probe_s;              /* how often it is asked for */
	struct text_list allow_networks;
	struct text_list deny_networks;
	struct config_perspective_list perspectives;
	struct config_local_zone_list local_zones;
	int64_t timeout_s;
	const char *user_agent;
	const char *perspective; /* its own name */
	bool remote;
	const char *region;
	const char *place;
	const char *resolver_region;
	const char *resolver_place;
};

struct config_issuer {
	const char *name;
	const char *cert_file;
	const char *key_file; /* NULL: in the token, by key_label, key_id or both */
	const char *key_label;
	const char *key_id; /* hex */
	const char *passphrase_file;
	const char *passphrase_credential;
	const char *crl_url;
	int64_t crl_shards;
	const char *aia_url;
	const char *ocsp_url; /* NULL: no OCSP */
	bool ocsp_named;      /* new certificates name it */
	struct text_list alternate_chains;
	struct text_list profiles; /* it signs certificates of these; empty: of all */
	bool active;               /* signs new certificates; the others sign CRLs only */
};

struct config_issuer_list {
	struct config_issuer *v;
	size_t n;
};

/* The token that holds keys of issuers. */
struct config_token {
	const char *module; /* NULL: there is none */
	const char *label;  /* it is known by this, by serial or by both */
	const char *serial;
	const char *pin_file;
	const char *pin_credential; /* without both the terminal is asked */
	const char *refused_file;   /* where a refused PIN is kept over restarts; NULL: beside pin_file */
	const char *approval;
	struct text_list paths;
	bool network;
};

extern const struct fields config_profile_fields; /* as the file has it, without what is filled in */
extern const struct fields config_token_fields;   /* also of a ceremony's plan */

struct config_ca {
	struct config_process process;
	struct config_issuer_list issuers;
	struct text_list disclosed; /* names of issuers */
	struct config_token token;
	int64_t backdate_s;
	int64_t crl_period_s;
	int64_t crl_life_s;
	int64_t ocsp_life_s;
	const char *linter_url; /* of an outside linter; NULL: none */
	int64_t linter_timeout_ms;
	bool linter_required; /* nothing is signed without its answer */
	int64_t urls_probe_s; /* 0: never */
	bool urls_required;   /* nothing is issued before they were right once */
};

/* Who is told of checkpoints of the sealed log. */
struct config_witness {
	const char *name;
	const char *kind; /* witness, hook, file */
	const char *to;   /* URL, or a path */
	const char *key;  /* of a witness, by which it cosigns */
	const char *ca_file;
};

struct config_witness_list {
	struct config_witness *v;
	size_t n;
};

struct config_subscriber {
	struct config_process process;
	const char *secret_file; /* key that signs log checkpoints; NULL: the log is not sealed */
	const char *seal_dir;    /* remembers the last checkpoint; NULL: nothing does but the database */
	const char *journal_dir; /* what the supervisor tells of services and logins; NULL: nobody tells */
	const char *origin;      /* of the log; NULL: from acme.external_url */
	int64_t seal_interval_ms;
	int64_t purge_interval_s;
	int64_t compare_interval_s;
	int64_t verify_interval_s;
	int64_t verify_every_s;
	int64_t verify_per_s; /* leaves */
	struct config_witness_list witnesses;
	int64_t witness_interval_ms;
	const char *witness_key_file; /* NULL: it cosigns for nobody */
	const char *witness_name;
	struct text_list witness_logs; /* keys of the logs that it cosigns for */
	bool publish_entries;
	const char *recovery_key_file; /* of the keyed hashes of recovery contacts; NULL: none */
};

/* Recovery contacts (docs/recovery.md). */
struct config_recovery {
	const char *custodian_dir;    /* NULL: there are none, and nothing of it is offered */
	const char *account_contacts; /* drop, keep */
	const char *ended_accounts;   /* delete, freeze */
	const char *former_contacts;  /* "14d", "off" */
	const char *delay;            /* "7d" */
	const char *token_life;       /* "1d" */
	int64_t former_contacts_s;    /* filled in; 0: off */
	int64_t delay_s;
	int64_t token_life_s;
};

/* How mail is sent (lib/http/smtp.h). */
struct config_smtp {
	const char *url; /* NULL: not at all */
	const char *from;
	const char *tls; /* require, off */
	const char *ca_file;
	const char *user;
	const char *password_file;
};

/* Over which alarms go. */
struct config_alarm_channel {
	const char *name;
	const char *kind; /* mail, hook */
	const char *to;   /* address, or URL */
	const char *ca_file;
};

struct config_alarm_channel_list {
	struct config_alarm_channel *v;
	size_t n;
};

/* Alarms (docs/alarms.md). */
struct config_alarm {
	struct config_alarm_channel_list channels;
	int64_t interval_s;
	int64_t repeat_s;
};

struct config_command {
	const char *database; /* NULL: to be named at the terminal */
	const char *auditor_database;
	const char *officer_database;
	const char *rpc_cert_file; /* NULL: it asks no process */
	const char *rpc_key_file;
};

struct config_ct_log {
	const char *description;
	const char *url;
	const char *key;
};

struct config_ct_log_list {
	struct config_ct_log *v;
	size_t n;
};

struct config_ct {
	const char *log_list_file;           /* NULL: no Certificate Transparency */
	const char *log_list_key_file;       /* its signature has to hold by this key (H-8); NULL: none is looked at */
	const char *log_list_signature_file; /* with the key, never alone */
	bool not_logged;                     /* in mode webpki: that is meant */
	const char *ca_file;                 /* NULL: what the system trusts */
	bool private_names;                  /* names of private mode may be shown to logs (H-20) */
	int64_t timeout_ms;
	bool monitor; /* logs are read, and held to what they promised (H-17) */
	struct config_ct_log_list logs;
};

struct config_retention {
	const char *class; /* data class of design 5 */
	const char *keep;  /* "7d" or "forever" */
	int64_t keep_s;    /* filled in; INT64_MAX: for ever */
};

struct config_retention_list {
	struct config_retention *v;
	size_t n;
};

struct config_log {
	const char *level;
};

/* How a test CA makes life hard for clients; private mode only. acme.nonce_reject_percent is of the same kind. */
struct config_test {
	int64_t busy_percent;
	int64_t rate_limited_percent;
	int64_t retry_after_s;
	int64_t hold_authorizations_s;
	int64_t seed; /* 0: by chance */
};

struct config {
	struct config_acme acme;
	struct config_policy policy;
	struct config_rpc rpc;
	struct config_wfe wfe;
	struct config_ra ra;
	struct config_va va;
	struct config_ca ca;
	struct config_subscriber subscriber;
	struct config_recovery recovery;
	struct config_smtp smtp;
	struct config_alarm alarm;
	struct config_command command;
	struct config_ct ct;
	struct config_retention_list retention;
	struct config_log log;
	struct config_test test;
	const char *folder;     /* of the first file; what relative paths start from */
	struct text_list files; /* absolute paths of all files read */
	struct arena *arena;
};

/* The table of the whole, for `cairn config help|show`. */
extern const struct fields config_fields;

/* Reads the files, each laid over the one before (maps merge key by key, everything else replaces), fills in defaults,
 * makes paths absolute and checks values across keys. The caller frees it. FAIL: MALFORMED with "FILE:LINE: key:
 * reason"; an unknown key gets the nearest known one suggested. */
int config_load(struct ctx *c, const char *const *paths, size_t n, struct config **ret) MUST_CHECK;
void config_free(struct config *config);

/* The URLs of an issuer's CRLs: crl_url, and as many more as crl_shards says, ".../1.crl" beside "....crl". */
struct text_list config_crl_urls(struct arena *a, const struct config_issuer *issuer);

/* The common part of the process's section; name as in "cairn-ra". NULL for an unknown name. */
const struct config_process *config_process(const struct config *config, const char *name);

/* The process among those of its kind on all machines, the same after a restart: "cairn-ra@HOST/127.0.0.1:14101". In records, and as the holder
 * of leases; the address alone is often that of another machine's process as well. Its section has rpc_listen. */
const char *config_instance(struct arena *a, const struct config *config, const char *name);

/* Refuses when a key that this process can't work without is absent (FIELD_REQUIRED in its section and in `rpc`). */
int config_require(struct ctx *c, const struct config *config, const char *name) MUST_CHECK;

/* The switches for tests that are on, as "test.busy_percent=5, acme.nonce_reject_percent=15"; NULL: none is. */
const char *config_test_switches(struct arena *a, const struct config *config);

/* Whether the deployment is to keep the Baseline Requirements; without a mode (a configuration not made by config_load) not. */
bool config_is_webpki(const struct config_policy *policy);

/* Whether no certificate may be signed that no precertificate promised (D-57): there are logs, or nobody said that there are none. */
bool config_promises(const struct config *config);

/* What a validation's time limit (va.timeout_s, twice with perspectives) has to leave of ra.validation_lease_s and of the deadline
 * of va.Validate, in seconds. */
#define VALIDATE_CALL_S 60     /* that deadline */
#define VALIDATION_RESERVE_S 3 /* beyond the validation, for the call itself */
#define LEASE_RESERVE_S 5      /* beyond the call, for recording what came of it */

/* "127.0.0.1:80", "[::1]:443" or "host.example:80" into its parts (host in the arena, without brackets). Port 0 is
 * fine. */
struct address {
	const char *host;
	uint16_t port;
};
int address_parse(struct arena *a, const char *text, struct address *ret) MUST_CHECK;

/* "90d", "12h", "30m", "45s" in seconds; positive, at most 100 years. */
int duration_parse(const char *text, int64_t *ret_s) MUST_CHECK;

#endif
