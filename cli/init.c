#include "cli/init.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ceremony.h"
#include "cli/files.h"
#include "cli/init_custodians.h"
#include "lib/base/sandbox.h"
#include "lib/crypto/authority.h"
#include "lib/seal/note.h"
#include "policy/perspectives.h"

#define ROOT_DAYS 3650         /* D-20 */
#define INTERMEDIATE_DAYS 1095 /* D-28 */

/* Who gets an internal certificate: the five processes and the person at the terminal. */
static const char *const processes[] = { "cairn-wfe", "cairn-ra", "cairn-va", "cairn-ca", "cairn-subscriber",
	"cairn-command" };

static void tell(struct init_options *o, const char *sentence)
{
	if (o->made.n < INIT_MADE_MAX) {
		o->made.v[o->made.n++] = sentence;
	}
}

static const char *in_state(struct ctx *c, const struct init_options *o, const char *name)
{
	return arena_printf(c->arena, "%s/%s", o->state, name);
}

/* Key and certificate into their files. */
static int store(struct ctx *c, struct init_options *o, const struct authority *made, const char *base)
{
	struct bytes key_pem;
	TRY(key_to_pem(c, made->key, &key_pem));
	TRY(file_make(c, arena_printf(c->arena, "%s.key", base), key_pem, 0600));
	TRY(file_make(c, arena_printf(c->arena, "%s.pem", base), cert_to_pem(c->arena, made->der), 0644));
	tell(o, arena_printf(c->arena, "key and certificate: %s.pem", base));
	return 0;
}

/* F-4: no process needs it. */
static void tell_of_root(struct ctx *c, struct init_options *o, const char *key_file, bool made)
{
	if (made && file_exists(key_file)) {
		tell(o, arena_printf(c->arena,
		            "the root's key lies %s in %s: nothing that runs needs it, so take it offline (docs/keys.md)",
		            o->passphrase_file == NULL ? "unencrypted" : "encrypted", key_file));
	}
}

/* The hierarchy as a ceremony, whose transcript stays beside the keys. */
static int make_hierarchy(struct ctx *c, struct init_options *o, const struct config *shape)
{
	const char *url = init_http_url(c->arena, shape);
	const char *crl = arena_printf(c->arena, "%s/crl/root.crl", url);
	const char *aia = arena_printf(c->arena, "%s/aia/root.der", url);
	struct ceremony_step steps[] = {
		{ .action = "root",
		    .name = "root",
		    .key = "p384",
		    .common_name = "Cairn TEST Root",
		    .days = ROOT_DAYS,
		    .cert_file = in_state(c, o, "pki/root.pem"),
		    .key_file = in_state(c, o, "pki/root.key") },
		{ .action = "intermediate",
		    .name = "ecdsa-1",
		    .issuer = "root",
		    .key = "p256",
		    .common_name = "Cairn TEST ECDSA 1",
		    .days = INTERMEDIATE_DAYS,
		    .crl_url = crl,
		    .aia_url = aia,
		    .cert_file = in_state(c, o, "pki/ecdsa-1.pem"),
		    .key_file = in_state(c, o, "pki/ecdsa-1.key") },
		{ .action = "intermediate",
		    .name = "rsa-1",
		    .issuer = "root",
		    .key = "rsa2048",
		    .common_name = "Cairn TEST RSA 1",
		    .days = INTERMEDIATE_DAYS,
		    .crl_url = crl,
		    .aia_url = aia,
		    .cert_file = in_state(c, o, "pki/rsa-1.pem"),
		    .key_file = in_state(c, o, "pki/rsa-1.key") },
		{ .action = "crl", .name = "root-crl", .issuer = "root", .crl_file = in_state(c, o, "pki/root.crl") },
	};
	for (size_t i = 0; i < COUNT_OF(steps); i++) { /* D-5, D-22, D-63 */
		steps[i].country = "XX";
		steps[i].organization = "Cairn TEST";
	}
	for (size_t i = 1; i < COUNT_OF(steps) - 1 && shape->ca.token.module != NULL; i++) { /* the issuers' */
		steps[i].key_label = steps[i].name;
		steps[i].key_file = NULL;
	}
	struct ceremony plan = {
		.title = "First keys",
		.token = shape->ca.token,
		.transcript = in_state(c, o, "pki/ceremony.jsonl"),
		.passphrase_file = o->passphrase_file, /* F-2 */
		.steps = { steps, COUNT_OF(steps) },
	};
	struct text_list made;
	TRY(ceremony_run(c, &plan, &(struct text_list) { NULL, 0 }, &made));
	for (size_t i = 0; i < made.n; i++) {
		tell(o, made.v[i]);
	}
	tell_of_root(c, o, steps[0].key_file, made.n > 0);
	return 0;
}

/* A folder for each: a process's sandbox lets it read the folder of its own certificate, and no key beside it. */
static int make_internal_one(struct ctx *c, struct init_options *o, const struct authority *ca, const char *name)
{
	const char *folder = arena_printf(c->arena, "%s/pki/internal/%s", o->state, name);
	const char *own = arena_printf(c->arena, "%s/%s", folder, name);
	struct authority made;
	TRY(folder_make(c, folder, 0700));
	if (file_exists(arena_printf(c->arena, "%s.pem", own))) {
		return 0;
	}
	TRY(authority_make_rpc(c, ca, name, &made));
	return store(c, o, &made, own);
}

static int make_internal(struct ctx *c, struct init_options *o, const struct config *shape)
{
	struct authority ca;
	const char *base = in_state(c, o, "pki/internal/ca");
	const char *key = arena_printf(c->arena, "%s.key", base);
	const char *cert = arena_printf(c->arena, "%s.pem", base);
	if (file_exists(cert)) {
		TRY(authority_read(c, key, cert, &ca));
	} else {
		TRY(authority_make_rpc_ca(c, &ca));
		TRY(store(c, o, &ca, base));
	}
	for (size_t i = 0; i < COUNT_OF(processes); i++) {
		TRY(make_internal_one(c, o, &ca, processes[i]));
	}
	for (size_t i = 0; i < shape->va.perspectives.n; i++) { /* C-55: each its own, which may call nobody */
		TRY(make_internal_one(c, o, &ca, perspective_certificate_name(c->arena, shape->va.perspectives.v[i].name)));
	}
	return 0;
}

/* The host of https://host:port. */
static const char *host_of(struct arena *a, const char *url)
{
	const char *host = strstr(url, "://");
	host = host == NULL ? url : host + 3;
	return arena_text_n(a, host, strcspn(host, ":/"));
}

/* The API's own TLS certificate, by an authority that serves for nothing else. */
static int make_site(struct ctx *c, struct init_options *o, const struct config *shape)
{
	const char *ca_base = in_state(c, o, "pki/api-ca");
	const char *site = in_state(c, o, "pki/site/site");
	struct authority ca;
	struct authority made;
	if (file_exists(arena_printf(c->arena, "%s.pem", ca_base))) {
		TRY(authority_read(
		    c, arena_printf(c->arena, "%s.key", ca_base), arena_printf(c->arena, "%s.pem", ca_base), &ca));
	} else {
		struct authority_request request = {
			.subject = { .organization = "Cairn", .common_name = "Cairn API authority" },
			.key_kind = "p256",
			.not_before = { clock_now().us / 1000000 * 1000000 },
			.days = ROOT_DAYS,
		};
		TRY(authority_make(c, CERT_RPC_CA, &request, NULL, &ca));
		TRY(store(c, o, &ca, ca_base));
	}
	if (file_exists(arena_printf(c->arena, "%s.pem", site))) {
		return 0;
	}
	const char *host = host_of(c->arena, shape->acme.external_url);
	bool named = strcmp(host, "localhost") != 0 && strpbrk(host, "abcdefghijklmnopqrstuvwxyz") != NULL;
	struct text_list names = { &host, named ? 1 : 0 };
	TRY(authority_make_site(c, &ca, &names, &made));
	return store(c, o, &made, site);
}

/* The key that signs checkpoints of the log, and the name and public key by which others check them. */
static int make_seal(struct ctx *c, struct init_options *o, const struct config *shape)
{
	const char *path = in_state(c, o, "pki/seal/seal.key");
	EVP_PKEY *key = NULL;
	struct bytes pem;
	struct note_key name;
	if (file_exists(path)) {
		return 0;
	}
	TRY(key_generate(c, "ed25519", &key));
	TRY(key_to_pem(c, key, &pem));
	TRY(note_key_of(c, log_origin(c->arena, shape), key, &name));
	TRY(file_make(c, path, pem, 0600));
	TRY(file_make(c, in_state(c, o, "pki/seal.vkey"),
	    bytes_of_text(arena_printf(c->arena, "%s\n", note_key_encode(c->arena, &name))), 0644));
	tell(o, arena_printf(c->arena, "key that seals the log: %s", path));
	return 0;
}

/* Only with the configuration that names them: a CA that was made without them stays so. */
static int make_custodians(struct ctx *c, struct init_options *o)
{
	bool made = false;
	if (file_exists(in_state(c, o, "cairn.yaml"))) {
		return 0;
	}
	TRY(init_custodians(c, o->state, &made));
	if (made) {
		tell(o,
		    arena_printf(c->arena, "custodians of recovery contacts, for tests: %s", in_state(c, o, "pki/custodians")));
		tell(o, arena_printf(c->arena, "their keys, to be taken away: %s", in_state(c, o, "custodian-keys")));
	}
	return 0;
}

static int make_config(struct ctx *c, struct init_options *o, const struct config *shape)
{
	const char *path = in_state(c, o, "cairn.yaml");
	if (file_exists(path)) {
		return 0;
	}
	TRY(file_make(c, path, bytes_of_text(init_config_text(c->arena, o, shape)), 0600));
	tell(o, arena_printf(c->arena, "configuration: %s", path));
	return 0;
}

int init_run(struct ctx *c, struct init_options *o)
{
	static const char *const folders[] = { "", "pki", "pki/internal", "pki/site", "pki/seal", "spool", "lists", "seal",
		"journal" };
	struct config *shape = NULL;
	o->made = (struct text_list) { ARENA_ARRAY(c->arena, INIT_MADE_MAX, const char *), 0 };
	TRY(config_load(c, &o->overlay, o->overlay == NULL ? 0 : 1, &shape));
	arena_on_free(c->arena, (void (*)(void *)) config_free, shape);
	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		TRY(folder_make(c, in_state(c, o, folders[i]), i == 0 ? 0711 : 0700));
	}
	TRY(make_hierarchy(c, o, shape));
	TRY(make_internal(c, o, shape));
	TRY(make_site(c, o, shape));
	TRY(make_seal(c, o, shape));
	TRY(make_custodians(c, o));
	return make_config(c, o, shape);
}

static const char usage[] =
    "Usage: cairn init --state DIR --database CONNINFO [--config OVERLAY] [--passphrase-file FILE] [--json]\n"
    "\n"
    "Makes keys, certificates and a commented configuration for a new CA below DIR. What is there already is kept.\n"
    "\n"
    "  --state DIR          the folder; it gets cairn.yaml, pki/ and spool/\n"
    "  --database CONNINFO  how PostgreSQL is reached, without user: \"host=/run/x dbname=cairn\"\n"
    "  --config OVERLAY     configuration that will be laid over cairn.yaml: its ports and URLs are used, each of\n"
    "                       its va.perspectives gets a certificate, and with ca.token the issuers' keys are made\n"
    "                       in that token\n"
    "  --passphrase-file FILE\n"
    "                       encrypts the keys of the root and of issuers: a file with one line, chmod 600. Without it\n"
    "                       they are plain files that only their owner reads\n"
    "  --json               tell what was made as JSON\n";

struct made_answer {
	const char *state;
	struct text_list made;
};
static const struct field made_answer_field[] = {
	FIELD(struct made_answer, state),
	FIELD(struct made_answer, made),
};
static const struct fields made_answer_fields = FIELDS(struct made_answer, made_answer_field);

static int show(struct ctx *c, const struct init_options *o, int result, bool json)
{
	if (result != 0) {
		fprintf(stderr, "cairn init: %s\n", c->err.detail);
		if (c->err.cause != NULL) {
			fprintf(stderr, "  %s\n", c->err.cause);
		}
		return 1;
	}
	if (json) {
		struct made_answer answer = { o->state, o->made };
		struct bytes text = fields_to_json(c->arena, &made_answer_fields, &answer);
		printf("%.*s\n", (int) text.n, (const char *) text.p);
		return 0;
	}
	for (size_t i = 0; i < o->made.n; i++) {
		printf("%s\n", o->made.v[i]);
	}
	printf("%s\n", o->made.n == 0 ? "All is there already; nothing was changed." : "Done.");
	return 0;
}

/* What the options say; -1 when all is well, or the exit code. */
static int read_options(int argc, char **argv, struct init_options *ret, bool *ret_json)
{
	static const struct option options[] = {
		{ "state", required_argument, NULL, 's' },
		{ "database", required_argument, NULL, 'd' },
		{ "config", required_argument, NULL, 'c' },
		{ "passphrase-file", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct init_options o = { 0 };
	bool json = false;
	int opt = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		const char **const texts[] = {
			['s'] = &o.state, ['d'] = &o.database, ['c'] = &o.overlay, ['p'] = &o.passphrase_file, ['z'] = NULL
		};
		const char **to = opt >= 'a' && opt <= 'z' ? texts[opt] : NULL;
		if (to == NULL && opt != 'j') {
			fputs(usage, stderr);
			return 2;
		}
		json = json || opt == 'j';
		if (to != NULL) {
			*to = optarg;
		}
	}
	if (o.state == NULL || o.database == NULL || optind != argc) {
		fputs(usage, stderr);
		return 2;
	}
	*ret = o;
	*ret_json = json;
	return -1;
}

int cli_init(int argc, char **argv)
{
	struct init_options o = { 0 };
	bool json = false;
	int code = read_options(argc, argv, &o, &json);
	if (code >= 0) {
		return code;
	}
	struct ctx c;
	ctx_init(&c);
	char *absolute = folder_make(&c, o.state, 0711) == 0 ? realpath(o.state, NULL) : NULL;
	o.state = arena_text(c.arena, absolute == NULL ? o.state : absolute);
	free(absolute);
	char *passphrase = o.passphrase_file == NULL ? NULL : realpath(o.passphrase_file, NULL);
	o.passphrase_file = passphrase == NULL ? o.passphrase_file : arena_text(c.arena, passphrase);
	free(passphrase);
	int result = sandbox_no_dump(&c); /* keys are made here */
	if (result == 0) {
		result = init_run(&c, &o);
	}
	code = show(&c, &o, result, json);
	ctx_done(&c);
	return code;
}
