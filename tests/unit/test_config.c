#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/config.h"

static char folder[] = "/tmp/cairn-config-XXXXXX";

static int make_folder(void **state)
{
	(void) state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int drop_folder(void **state)
{
	(void) state;
	return rmdir(folder);
}

/* config_load of files "0.yaml", "1.yaml" with these texts. */
static int load(struct ctx *c, const char *const *texts, size_t n, struct config **ret)
{
	const char *paths[2] = { NULL };
	for (size_t i = 0; i < n; i++) {
		paths[i] = arena_printf(c->arena, "%s/%zu.yaml", folder, i);
		FILE *f = fopen(paths[i], "w");
		assert_non_null(f);
		assert_int_equal(fwrite(texts[i], 1, strlen(texts[i]), f), strlen(texts[i]));
		assert_int_equal(fclose(f), 0);
	}
	int result = config_load(c, paths, n, ret);
	for (size_t i = 0; i < n; i++) {
		unlink(paths[i]);
	}
	return result;
}

static void defaults_are_sensible(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct config *config = NULL;
	const char *text = "# nothing\n";
	assert_int_equal(load(&c, &text, 1, &config), 0);
	assert_string_equal(config->acme.external_url, "https://localhost:14000");
	assert_string_equal(config->policy.mode, "private");
	assert_int_equal(config->policy.profiles.n, 3);
	assert_string_equal(config->policy.profiles.v[0].name, "classic"); /* B-24 */
	assert_int_equal(config->policy.profiles.v[0].life_s, 90 * 86400);
	assert_int_equal(config->policy.profiles.v[0].max_names, 100);
	assert_string_equal(config->policy.profiles.v[1].name, "tlsserver");
	assert_int_equal(config->policy.profiles.v[1].life_s, 45 * 86400);
	assert_int_equal(config->policy.profiles.v[1].max_names, 25);
	assert_int_equal(config->policy.profiles.v[1].authorization_life_s, 7 * 3600);
	assert_false(config->policy.profiles.v[1].common_name);
	assert_string_equal(config->policy.profiles.v[2].name, "shortlived");
	assert_int_equal(config->policy.profiles.v[2].life_s, 160 * 3600);
	assert_string_equal(config->wfe.listen.v[0], "127.0.0.1:14000");
	assert_string_equal(config->ra.process.rpc_listen.v[0], config->rpc.ra.v[0]);
	assert_int_equal(config->va.http01_port, 80);
	assert_string_equal(config->folder, folder);
	assert_ptr_equal(config_process(config, "cairn-ca"), &config->ca.process);
	assert_null(config_process(config, "cairn-xy"));
	/* F-44: with the machine, as others listen on the same address */
	char host[65] = "";
	assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
	assert_string_equal(config_instance(c.arena, config, "cairn-ra"),
	    arena_printf(c.arena, "cairn-ra@%s/%s", host, config->rpc.ra.v[0]));
	config_free(config);
	config_free(NULL);
	ctx_done(&c);
}

static void reads_every_form(void **state)
{
	(void) state;
	static const char text[] =
	    "acme:\n"
	    "  external_url: https://[::1]:14000\n"
	    "  caa_identities: [a.example, 'b.example']\n"
	    "  eab_required: true\n"
	    "wfe: {workers: 3, spool_dir: spool, cert_file: /abs/cert.pem, database: ~}\n"
	    "policy:\n"
	    "  profiles:\n"
	    "  - name: short\n"
	    "    life: 160h\n"
	    "    common_name: false\n"
	    "  - {name: \"long\", life: 1d, order_life: 45s, authorization_life: 30m, backdate_s: 43200}\n"
	    "  - {name: exact, order_life: 30d, backdate_s: 0}\n"
	    "  - {name: brief, life: 90s}\n"
	    "ca: {backdate_s: 60}\n"
	    "va:\n"
	    "  resolvers:\n"
	    "    - {zone: ., forward: 127.0.0.1@5353, dnssec: off}\n"
	    "  allow_networks: [127.0.0.0/8, fd00::/8]\n"
	    "  local_zones: [{zone: test., address: 127.0.0.1}]\n"
	    "retention: [{class: RP-OCSP, keep: 6d}, {class: SUB-REQ, keep: forever}]\n";
	struct ctx c;
	ctx_init(&c);
	struct config *config = NULL;
	const char *one = text;
	int result = load(&c, &one, 1, &config);
	if (result != 0) {
		fail_msg("%s", c.err.detail);
	}
	assert_int_equal(config->acme.caa_identities.n, 2);
	assert_string_equal(config->acme.caa_identities.v[1], "b.example");
	assert_true(config->acme.eab_required);
	assert_int_equal(config->wfe.process.workers, 3);
	assert_string_equal(config->wfe.spool_dir, arena_printf(c.arena, "%s/spool", folder));
	assert_string_equal(config->wfe.cert_file, "/abs/cert.pem");
	assert_null(config->wfe.process.database);
	assert_int_equal(config->policy.profiles.v[0].life_s, 160 * 3600);
	assert_false(config->policy.profiles.v[0].common_name);
	assert_int_equal(config->policy.profiles.v[1].order_life_s, 45);
	assert_int_equal(config->policy.profiles.v[1].authorization_life_s, 1800);
	assert_int_equal(config->policy.profiles.v[0].backdate_s, 60); /* B-24 */
	assert_int_equal(config->policy.profiles.v[1].backdate_s, 43200);
	assert_int_equal(config->policy.profiles.v[2].backdate_s, 0);
	assert_int_equal(config->policy.profiles.v[3].backdate_s, 45);
	assert_int_equal(config->wfe.visits_per_minute, 0); /* B-18: in private mode */
	assert_string_equal(config->va.resolvers.v[0].dnssec, "off");
	assert_int_equal(config->retention.v[0].keep_s, 6 * 86400);
	assert_int_equal(config->retention.v[1].keep_s, INT64_MAX);
	config_free(config);
	ctx_done(&c);
}

static void a_second_file_is_laid_over(void **state)
{
	(void) state;
	static const char *const texts[] = {
		"acme: {website: 'https://a.example', caa_identities: [a, b]}\nwfe: {workers: 3, queue: 9}\n",
		"wfe: {workers: 4}\nacme:\n  caa_identities: [c]\nlog:\n  level: warn\n"
		"policy: {mode: webpki}\nva: {dnssec_probe: broken.example}\nct: {log_list_file: x}\n",
	};
	struct ctx c;
	ctx_init(&c);
	struct config *config = NULL;
	assert_int_equal(load(&c, texts, 2, &config), 0);
	assert_int_equal(config->wfe.process.workers, 4);
	assert_int_equal(config->wfe.process.queue, 9);
	assert_int_equal(config->wfe.visits_per_minute, 1200); /* B-18: in mode webpki */
	assert_string_equal(config->acme.website, "https://a.example");
	assert_int_equal(config->acme.caa_identities.n, 1);
	assert_string_equal(config->acme.caa_identities.v[0], "c");
	assert_string_equal(config->log.level, "warn");
	assert_int_equal(config->files.n, 2);
	config_free(config);
	ctx_done(&c);
}

static const struct {
	const char *text, *why;
} faults[] = {
	{ "policy: {limits: [{name: NoSuch, count: 1, period_s: 1}]}\n", "policy.limits" },
	{ "policy: {limits: [{name: NewOrdersPerAccount, count: -1, period_s: 1}]}\n", "count" },
	{ "policy: {limits: [{name: NewOrdersPerAccount, count: 1, period_s: 1}, {name: NewOrdersPerAccount, count: 2, "
	  "period_s: 1}]}\n",
	    "stands twice" },
	{ "policy: {limits: [{name: CertificatesPerDomainPerAccount, count: 1, period_s: 1}]}\n", "overrides only" },
	{ "acme: {rate_limits_url: ftp://ca.example}\n", "rate_limits_url" },
	{ "acme:\n  exernal_url: x\n", "0.yaml:2: acme.exernal_url: unknown key; did you mean \"external_url\"?" },
	{ "wef: {}\n", "0.yaml:1: wef: unknown key; did you mean \"wfe\"?" },
	{ "completely_different: 1\n", "0.yaml:1: completely_different: unknown key" },
	{ "acme:\n  website: https://a\n  website: https://b\n",
	    "0.yaml:3: website stands twice; it is already in line 2" },
	{ "acme: [1]\n", "0.yaml:1: acme: must be a map" },
	{ "- a\n", "0.yaml:1: must be a map" },
	{ "wfe:\n  workers: many\n", "0.yaml:2: wfe.workers: must be a whole number" },
	{ "wfe: {workers: \"3\"}\n", "wfe.workers: must be a whole number" },
	{ "wfe: {workers: 0x10}\n", "wfe.workers: must be a whole number" },
	{ "wfe: {workers: 99999999999999999999}\n", "wfe.workers: must be a whole number" },
	{ "wfe: {workers: 0}\n", "wfe.workers: must be between 1 and 1024" },
	{ "acme: {eab_required: yes}\n", "acme.eab_required: must be true or false" },
	{ "acme: {caa_identities: a}\n", "acme.caa_identities: must be a list" },
	{ "acme: {caa_identities: [[a]]}\n", "acme.caa_identities[0]: must be a text" },
	{ "acme: {former_external_urls: ['https://a.example', 'b']}\n",
	    "acme.former_external_urls: \"b\" must be https://host" },
	{ "acme: {website: [a]}\n", "acme.website: must be a text" },
	{ "policy: {mode: public}\n", "policy.mode: must be one of: private, webpki" },
	{ "policy: {profiles: []}\n", "policy.profiles: must have between 1 and 32 entries" },
	{ "policy: {profiles: [{life: 1d}]}\n", "policy.profiles[0].name: is missing" },
	{ "policy: {profiles: [{name: a, lief: 1d}]}\n", "policy.profiles[0].lief: unknown key; did you mean \"life\"?" },
	{ "policy: {profiles: [{name: a}, {name: a}]}\n", "policy.profiles.name: \"a\" stands twice" },
	{ "policy: {profiles: [{name: a, life: 90}]}\n", "policy.profiles.life: \"90\" must be a time such as" },
	{ "policy: {profiles: [{name: a, life: 0d}]}\n", "policy.profiles.life: \"0d\" must be a time" },
	{ "policy: {profiles: [{name: a, life: 90days}]}\n", "must be a time" },
	{ "policy: {profiles: [{name: a, identifier_types: [email]}]}\n",
	    "policy.profiles.identifier_types: \"email\" must be dns or ip" },
	{ "policy: {profiles: [{name: a, key_types: [ed25519]}]}\n",
	    "policy.profiles.key_types: \"ed25519\" must be rsa or ecdsa" },
	{ "policy: {profiles: [{name: a, accounts: [ana]}]}\n",
	    "policy.profiles.accounts: \"ana\" must be the 22 characters of an id" },
	{ "policy: {profiles: [{name: a, eab_keys: ['']}]}\n", "policy.profiles.eab_keys: \"\" must be the 22 characters" },
	{ "policy: {profiles: [{name: a, withdrawn: true}]}\n", "policy.profiles: one at least must not be withdrawn" },
	/* */
	{ "policy: {profiles: [{name: a, order_life: 2d, authorization_life: 47h}]}\n",
	    "policy.profiles.authorization_life: \"47h\" must not be less than order_life" },
	/* B-5 */
	{ "policy: {profiles: [{name: a, order_life: 31d, authorization_life: 40d}]}\n",
	    "policy.profiles.order_life: \"31d\" must not be more than 30d" },
	/* B-24, D-35 */
	{ "policy: {profiles: [{name: a, backdate_s: 169201}]}\n",
	    "policy.profiles[0].backdate_s: must be between -1 and 169200" },
	{ "policy: {profiles: [{name: a, life: 4h, backdate_s: 7201}]}\n",
	    "policy.profiles.backdate_s: \"7201\" must not be more than half of the life of the profile a" },
	{ "policy: {profiles: [{name: a, life: 59s, order_life: 1s, authorization_life: 1s, backdate_s: 0}]}\n",
	    "policy.profiles.life: \"59s\" must not be less than a minute" },
	{ "acme: {external_url: 'http://a.example'}\n", "acme.external_url: \"http://a.example\" must be https://host" },
	{ "acme: {external_url: 'https://a.example/'}\n", "without a path" },
	{ "acme: {external_url: 'https://a.example:x'}\n", "without a path" },
	{ "acme: {external_url: 'https://'}\n", "without a path" },
	{ "acme: {website: 'ftp://a'}\n", "acme.website: \"ftp://a\" must be an http or https URL" },
	{ "wfe: {listen: [14000]}\n", "wfe.listen: \"14000\" must be host:port" },
	{ "wfe: {listen: ['a:65536']}\n", "must be host:port" },
	{ "ra: {metrics_listen: 'a:'}\n", "ra.metrics_listen: \"a:\" must be host:port" },
	{ "rpc: {ca: ['::1:80']}\n", "rpc.ca: \"::1:80\" must be host:port" },
	{ "va: {http01_port: 65536}\n", "va.http01_port: must be between 1 and 65535" },
	{ "va: {allow_networks: [10.0.0.0]}\n", "va.allow_networks: \"10.0.0.0\" must be a network" },
	{ "va: {allow_networks: [10.0.0.0/33]}\n", "must be a network" },
	{ "va: {deny_networks: [10.0.0.0]}\n", "va.deny_networks: \"10.0.0.0\" must be a network" },
	{ "va: {allow_networks: [10.2.0.0/16, 10.1.0.0/16], deny_networks: [9.0.0.0/8, 10.0.0.0/15]}\n",
	    "va.allow_networks: \"10.1.0.0/16\" lies in \"10.0.0.0/15\" of va.deny_networks, which comes first" },
	{ "va: {allow_networks: [10.0.0.1/8]}\n", "bits behind the prefix must be zero" },
	{ "va: {resolvers: [{zone: ., forward: '127.0.0.1:53'}]}\n",
	    "va.resolvers.forward: \"127.0.0.1:53\" must be ADDRESS@PORT" },
	{ "va: {resolvers: [{zone: ., forward: '127.0.0.1@0'}]}\n", "must be ADDRESS@PORT" },
	{ "va: {local_zones: [{zone: test, address: localhost}]}\n",
	    "va.local_zones.address: \"localhost\" must be an IP address" },
	{ "va: {perspectives: [{name: a, address: b}]}\n", "va.perspectives.address: \"b\" must be host:port" },
	{ "ca: {issuers: [{name: a, cert_file: b, key_file: c, crl_url: 'http://x', aia_url: 'http://x', profiles: "
	  "[clasic]}]}\n",
	    "ca.issuers: \"a\" is for the profile \"clasic\", which policy.profiles does not have" },
	{ "ca: {urls_required: true, urls_probe_s: 0}\n", "ca.urls_required: needs ca.urls_probe_s" }, /* D-15 */
	{ "ca: {crl_period_s: 7200, crl_life_s: 7200}\n", "ca.crl_life_s: must be more than ca.crl_period_s" },
	{ "ca: {issuers: [{name: a, cert_file: b, key_file: c, crl_url: 'https://x', aia_url: 'http://x'}]}\n",
	    "ca.issuers.crl_url: \"https://x\" must be an http URL" }, /* D-15 */
	{ "retention: [{class: XX, keep: 1d}]\n", "retention[0].class: must be one of: SUB-REQ" },
	{ "retention: [{class: OPS, keep: never}]\n", "retention.keep: \"never\" must be a time" },
	{ "log: {level: loud}\n", "log.level: must be one of: debug, info, warn, error" },
	{ "a: &x {}\nb: *x\n", "0.yaml:1: anchors and tags are not supported" },
	{ "a: *x\n", "0.yaml:1: aliases are not supported" },
	{ "a: !!int 3\n", "anchors and tags are not supported" },
	{ "a: \"b\\0c\"\n", "must not hold a NUL" },
	{ "? [a]\n: b\n", "a key must be a plain text" },
	{ "a: {\n", "this is not YAML" },
	{ "a: 1\n---\nb: 2\n", "only one document" },
	{ "policy: {mode: webpki}\ntest: {busy_percent: 5, rate_limited_percent: 1}\n",
	    "test.busy_percent=5, test.rate_limited_percent=1: only for policy.mode private" }, /* */
	{ "policy: {mode: webpki}\nacme: {nonce_reject_percent: 5}\n", "acme.nonce_reject_percent=5: only for" },
	{ "policy: {mode: webpki}\ntest: {hold_authorizations_s: 5}\n", "test.hold_authorizations_s=5: only for" },
	/* C-20, C-22 */
	{ "policy: {mode: webpki}\nva: {resolvers: [{zone: ., forward: 127.0.0.1@53}, {zone: a.example, forward: "
	  "127.0.0.1@53, "
	  "dnssec: off}]}\n",
	    "va.resolvers.zone: \"a.example\" has dnssec: off, which policy.mode webpki allows for no zone" },
	{ "policy: {mode: webpki}\nva: {resolvers: [{zone: ., forward: 127.0.0.1@53, dnssec: off}]}\n", "has dnssec: off" },
	{ "policy: {mode: webpki}\nva: {resolvers: [{zone: a.example, forward: 127.0.0.1@53, trust_anchors: [x]}]}\n",
	    "has trust_anchors of its own" },
	{ "policy: {mode: webpki}\nva: {local_zones: [{zone: Test., address: 127.0.0.1}, {zone: atest, address: "
	  "127.0.0.1}]}\n",
	    "va.local_zones.zone: \"atest\" is answered without a look into the DNS" },
	{ "test: {busy_percent: 100}\n", "test.busy_percent" },
	{ "ct: {log_list_file: x}\n", "shows all names to logs" },                         /* H-20 */
	{ "ct: {log_list_file: x, private_names: true, log_list_key_file: k}\n", "both" }, /* H-8 */
	{ "ct: {log_list_signature_file: s, log_list_key_file: k}\n", "both, with ct.log_list_file" },
	/* H-12, D-57 */
	{ "policy: {mode: webpki}\nva: {dnssec_probe: broken.example}\n",
	    "ct.log_list_file: policy.mode webpki needs one" },
	{ "policy: {mode: webpki}\nva: {dnssec_probe: broken.example}\nct: {log_list_file: x, not_logged: true}\n",
	    "ct.not_logged: is not for" },
	/* C-20, C-22: no key, root or switch beside IANA's where the public trusts what comes of it */
	{ "policy: {mode: webpki}\nva: {root_servers: [192.0.2.1@53]}\n", "va.root_servers: only for policy.mode private" },
	{ "policy: {mode: webpki}\nva: {root_trust_anchors: [x]}\n", "va.root_trust_anchors: only for" },
	/* A-106, C-11 */
	{ "policy: {mode: webpki}\nva: {allow_networks: ['10.0.0.0/8']}\n",
	    "va.allow_networks: \"10.0.0.0/8\" opens a network that is not public to validation; only for policy.mode "
	    "private" },
	{ "policy: {mode: webpki}\nva: {allow_networks: ['8.8.8.0/24']}\n", "va.allow_networks" },
	{ "policy: {mode: webpki}\nva: {http01_port: 5002}\n",
	    "other ports than 80 and 443 are only for policy.mode private" },
	{ "policy: {mode: webpki}\nva: {tlsalpn01_port: 5001}\n", "other ports than 80 and 443" },
	{ "policy: {mode: webpki}\n", "va.dnssec_probe: policy.mode webpki needs one" }, /* C-25 */
	{ "va: {timeout_s: 53}\n", "va.timeout_s: is more than the 52 s" },
	{ "va: {timeout_s: 27, perspectives: [{name: ams, address: '192.0.2.1:1'}]}\n",
	    "va.timeout_s: is more than the 26 s that ra.validation_lease_s and va.perspectives leave it" },
	{ "va: {timeout_s: 58}\nra: {validation_lease_s: 3600}\n", "va.timeout_s: is more than the 57 s" },
	{ "ra: {validation_lease_s: 17}\n", "va.timeout_s: is more than the 9 s" },
	{ "va: {root_servers: ['192.0.2.1:53']}\n", "va.root_servers: \"192.0.2.1:53\" must be ADDRESS@PORT" },
	{ "ca: {token: {module: /m.so, label: t, pin_credential: pin}}\n", "pin_credential needs refused_file" },
	{ "ca: {token: {module: /m.so, label: t, pin_credential: pin, pin_file: /p}}\n", "not both" },
	/* C-40 */
	{ "va: {caa_exceptions: [precertificate]}\n", "va.caa_exceptions" },
	{ "policy: {caa: off}\n", "policy.caa" },
	{ "va: {caa_lookup_failure: pass}\n", "va.caa_lookup_failure: must be one of: refuse, unsigned-passes" },
	{ "[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", "nested too deeply" },
};

/* B-5, C-9: no token outlives 30 days; C-40: no exception from CAA can be switched on; and all the rest of the table. */
static void faults_are_named(void **state)
{
	(void) state;

	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		struct ctx c;
		ctx_init(&c);
		struct config *config = NULL;
		assert_int_equal(load(&c, &faults[i].text, 1, &config), -1);
		assert_null(config);
		if (strstr(c.err.detail, faults[i].why) == NULL) {
			fail_msg("%s: %s", faults[i].text, c.err.detail);
		}
		ctx_done(&c);
	}
}

static void a_missing_file_is_named(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct config *config = NULL;
	const char *path = "/nonexistent/cairn.yaml";
	assert_int_equal(config_load(&c, &path, 1, &config), -1);
	assert_string_equal(c.err.detail, "/nonexistent/cairn.yaml: there is no such file");
	ctx_done(&c);
}

/* In mode webpki, with its key in a token. */
#define WEBPKI_CA(disclosed, active) \
	"rpc: {ca_file: a}\nct: {not_logged: true}\npolicy: {mode: webpki}\nva: {dnssec_probe: broken.example, " \
	"http01_port: 80, tlsalpn01_port: " \
	"443}\nca: {rpc_cert_file: a, rpc_key_file: b, database: x, " disclosed \
	"token: {module: /m.so, label: t, approval: some}, issuers: [{name: i, cert_file: c, key_label: i, crl_url: " \
	"'http://a.example/c', aia_url: 'http://a.example/i', " active "}]}\n"

/* D-15, D-29: nothing is issued by what was not disclosed; and all the rest of the table. */
static void a_process_needs_its_keys(void **state)
{
	(void) state;
	static const char base[] = "rpc: {ca_file: ca.pem}\n";
	static const char va[] = "rpc: {ca_file: ca.pem}\nva: {rpc_cert_file: a, rpc_key_file: b}\n";
	static const struct {
		const char *text, *process, *why;
	} cases[] = {
		{ "", "cairn-va", "rpc.ca_file: is missing" }, { base, "cairn-va", "va.rpc_cert_file: is missing" },
		{ va, "cairn-va", NULL }, { va, "cairn-wfe", "wfe.rpc_cert_file: is missing" },
		{ "rpc: {ca_file: a}\nca: {rpc_cert_file: a, rpc_key_file: b, database: x}\n", "cairn-ca",
		    "ca.issuers: is missing" },
		{ va, "cairn-x", "there is no such process" },
		{ WEBPKI_CA("", "active: true"), "cairn-ca", "\"i\" is active and does not stand in ca.disclosed" },
		{ WEBPKI_CA("disclosed: [h], ", "active: true"), "cairn-ca", "\"i\" is active" },
		{ WEBPKI_CA("disclosed: [h], ", "active: false"), "cairn-ca", NULL },
		{ WEBPKI_CA("disclosed: [h, i], ", "active: true"), "cairn-ca", NULL },
		{ WEBPKI_CA("urls_probe_s: 0, disclosed: [h, i], ", "active: true"), "cairn-ca",
		    "ca.urls_probe_s: 0 is not for mode webpki" }, /* D-15 */
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct ctx c;
		ctx_init(&c);
		struct config *config = NULL;
		assert_int_equal(load(&c, &cases[i].text, 1, &config), 0);
		assert_int_equal(config_require(&c, config, cases[i].process), cases[i].why == NULL ? 0 : -1);
		if (cases[i].why != NULL && strstr(c.err.detail, cases[i].why) == NULL) {
			fail_msg("%s: %s", cases[i].text, c.err.detail);
		}
		config_free(config);
		ctx_done(&c);
	}
}

static void addresses_have_two_parts(void **state)
{
	(void) state;
	static const struct {
		const char *text, *host;
		int port;
	} cases[] = {
		{ "127.0.0.1:80", "127.0.0.1", 80 },
		{ "[::1]:65535", "::1", 65535 },
		{ "a.example:0", "a.example", 0 },
		{ "", NULL, 0 },
		{ ":80", NULL, 0 },
		{ "a", NULL, 0 },
		{ "a:", NULL, 0 },
		{ "a:+1", NULL, 0 },
		{ "::1:80", NULL, 0 },
		{ "[::1]", NULL, 0 },
		{ "[a]:1", NULL, 0 },
		{ "[]:1", NULL, 0 },
		{ "a/b:1", NULL, 0 },
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct address address = { NULL, 0 };
		assert_int_equal(address_parse(a, cases[i].text, &address), cases[i].host == NULL ? -1 : 0);
		if (cases[i].host != NULL) {
			assert_string_equal(address.host, cases[i].host);
			assert_int_equal(address.port, cases[i].port);
		}
	}
	arena_free(a);
}

/* Every key has a meaning, and every default is acceptable (the first test reads them). */
static void every_key_has_help(void **state)
{
	(void) state;
	for (size_t i = 0; i < config_fields.n; i++) {
		const struct field *section = &config_fields.v[i];
		assert_non_null(section->help);
		for (size_t k = 0; k < section->sub->n; k++) {
			const char *help = section->sub->v[k].help;
			assert_non_null(help);
			assert_int_equal(help[strlen(help) - 1], '.');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_sensible),
		cmocka_unit_test(reads_every_form),
		cmocka_unit_test(a_second_file_is_laid_over),
		cmocka_unit_test(faults_are_named),
		cmocka_unit_test(a_missing_file_is_named),
		cmocka_unit_test(a_process_needs_its_keys),
		cmocka_unit_test(addresses_have_two_parts),
		cmocka_unit_test(every_key_has_help),
	};
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
