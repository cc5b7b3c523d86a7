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
	struct text_list caa_identities;
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
	int64_t hold_ms;
};

struct config_ra {
	struct config_process process;
	int64_t hold_ms;
	int64_t validation_attempts;
	int64_t validation_lease_s;
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

struct config_perspective {
	const char *name;
	const char *address; /* "host:port" of its cairn-va */
	const char *region;
};

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
	struct text_list allow_networks;
	struct config_perspective_list perspectives;
	struct config_local_zone_list local_zones;
	int64_t timeout_s;
	const char *user_agent;
	const char *perspective; /* its own name */
};

struct config_issuer {
	const char *name;
	const char *cert_file;
	const char *key_file;
	const char *crl_url;
	const char *aia_url;
	struct text_list alternate_chains;
	bool active; /* signs new certificates; the others sign CRLs only */
};

struct config_issuer_list {
	struct config_issuer *v;
	size_t n;
};

struct config_ca {
	struct config_process process;
	struct config_issuer_list issuers;
	int64_t backdate_s;
	int64_t crl_period_s;
	int64_t crl_life_s;
};

struct config_subscriber {
	struct config_process process;
	const char *secret_file; /* key that signs log checkpoints */
};

struct config_command {
	const char *database; /* NULL: to be named at the terminal */
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

/* The common part of the process's section; name as in "cairn-ra". NULL for an unknown name. */
const struct config_process *config_process(const struct config *config, const char *name);

/* Refuses when a key that this process can't work without is absent (FIELD_REQUIRED in its section and in `rpc`). */
int config_require(struct ctx *c, const struct config *config, const char *name) MUST_CHECK;

/* The switches for tests that are on, as "test.busy_percent=5, acme.nonce_reject_percent=15"; NULL: none is. */
const char *config_test_switches(struct arena *a, const struct config *config);

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
