/* The configuration file that `cairn init` writes: what differs from the defaults, with a word on each. */
#include "cli/init.h"

#include <string.h>

#include "lib/base/buffer.h"

static const char head[] =
    "# Configuration of Cairn, an ACME certificate authority. Every key with its default and meaning: cairn config "
    "help\n"
    "# Paths start from this file's folder. After a change: cairn config check, then restart.\n\n";

static const char shared_part[] =
    "acme:\n"
    "  # The URL that clients use; all others begin with it.\n"
    "  external_url: %s\n"
    "  # terms_of_service: https://ca.example/terms   (new accounts then have to agree)\n"
    "  caa_identities: [localhost]\n\n"
    "policy:\n"
    "  # private: your own rules. webpki: the Baseline Requirements, which can't be switched off; it wants\n"
    "  # ct.log_list_file (docs/transparency.md), or ct.not_logged: true where no certificate is for browsers.\n"
    "  mode: private\n"
    "  # Only names under these: permitted_suffixes: [corp.example, test]\n"
    "  # Zones outside of the public DNS; those of va.resolvers and va.local_zones count already:\n"
    "  # internal_names: [corp.internal]\n"
    "  # Blocked names (*.names) and keys (*.spki, blacklist.*); put files there, then send SIGHUP to cairn-ra.\n"
    "  lists_dir: lists\n\n"
    "rpc:\n"
    "  # The internal authority: whoever holds a certificate of it is one of the processes.\n"
    "  ca_file: pki/internal/ca.pem\n\n";

static const char wfe_part[] = "wfe:\n"
                               "  # The API's TLS certificate; put your own here, with the names of external_url.\n"
                               "  cert_file: pki/site/site.pem\n"
                               "  key_file: pki/site/site.key\n"
                               "  # Records of requests wait here until they are in the database.\n"
                               "  spool_dir: spool\n"
                               "  root_file: pki/root.pem\n"
                               "  root_crl_file: pki/root.crl\n";

static const char process_part[] = "  rpc_cert_file: pki/internal/%s/%s.pem\n"
                                   "  rpc_key_file: pki/internal/%s/%s.key\n";

static const char va_part[] =
    "  # Development: names under test. are this machine, and validation may go there. For real use set http01_port: "
    "80,\n"
    "  # tlsalpn01_port: 443, remove local_zones and name the networks that your hosts are in.\n"
    "  http01_port: 5002\n"
    "  tlsalpn01_port: 5001\n"
    "  local_zones:\n"
    "    - { zone: test, address: 127.0.0.1 }\n"
    "  allow_networks: [127.0.0.0/8, \"::1/128\"]\n"
    "  # resolvers:\n"
    "  #   - { zone: corp.example, forward: \"192.0.2.53@53\", dnssec: \"off\" }\n";

static const char issuers_part[] = "  # EC keys get certificates of the EC issuer, RSA keys of the RSA issuer. The "
                                   "URLs stand in certificates: keep them.\n"
                                   "  issuers:\n"
                                   "    - name: ecdsa-1\n"
                                   "      cert_file: pki/ecdsa-1.pem\n"
                                   "      %s\n"
                                   "      crl_url: %s/crl/ecdsa-1.crl\n"
                                   "      aia_url: %s/aia/ecdsa-1.der\n"
                                   "    - name: rsa-1\n"
                                   "      cert_file: pki/rsa-1.pem\n"
                                   "      %s\n"
                                   "      crl_url: %s/crl/rsa-1.crl\n"
                                   "      aia_url: %s/aia/rsa-1.der\n";

static const char subscriber_part[] =
    "  # The log is sealed: this key signs its checkpoints. Others check them by pki/seal.vkey; hand it on.\n"
    "  secret_file: pki/seal/seal.key\n"
    "  seal_dir: seal\n"
    "  # Starts and ends of services, sessions of the database and refused logins, as deploy/up's supervisor tells "
    "them.\n"
    "  journal_dir: journal\n"
    "  # By this key a recovery contact that somebody claims is matched without opening it. Lost, none can be "
    "matched.\n"
    "  recovery_key_file: pki/recovery/hash.key\n";

static const char recovery_part[] =
    "\nrecovery:\n"
    "  # Contacts for getting an account back are sealed for one custodian of each group (docs/recovery.md). These are "
    "for\n"
    "  # tests: put your custodians' certificates into the folders a and b, whose keys are with them and not here.\n"
    "  custodian_dir: pki/custodians\n"
    "  # account_contacts: keep   (contacts of newAccount become recovery contacts; else they are dropped)\n"
    "# smtp:   (with a mail server, accounts are given back by these contacts)\n"
    "#   url: smtp://localhost:25\n"
    "#   from: ca@example.com\n";

/* A backslash before each quote and each backslash. */
static const char *escaped(struct arena *a, const char *text, char quote)
{
	struct buffer b;
	buffer_init(&b, a, strlen(text) + 8);
	for (size_t i = 0; text[i] != '\0'; i++) {
		if (text[i] == quote || text[i] == '\\') {
			buffer_add_char(&b, '\\');
		}
		buffer_add_char(&b, text[i]);
	}
	return (const char *) buffer_bytes(&b).p;
}

/* A connection string of libpq in a text of YAML: each has its quotes. */
static const char *database_line(struct arena *a, const struct init_options *o, const char *role)
{
	const char *passfile = arena_printf(a, "%s/secrets/%s.pgpass", o->state, role);
	if (strpbrk(passfile, " '\\") != NULL) {
		passfile = arena_printf(a, "'%s'", escaped(a, passfile, '\''));
	}
	const char *conninfo = arena_printf(a, "%s user=%s passfile=%s", o->database, role, passfile);
	return arena_printf(a, "database: \"%s\"\n", escaped(a, conninfo, '"'));
}

static const char ra_part[] = "\nra:\n"
                              "  # Records of validations wait here while the database is away.\n"
                              "  evidence_dir: evidence\n";

static const char *process_lines(struct arena *a, const char *process)
{
	return arena_printf(a, process_part, process, process, process, process);
}

const char *init_http_url(struct arena *a, const struct config *shape)
{
	struct address at = { "localhost", 14001 };
	if (shape->wfe.http_listen.n > 0 && address_parse(a, shape->wfe.http_listen.v[0], &at) != 0) {
		return "http://localhost:14001";
	}
	/* D-15: a name, never an address; on a real CA the operator writes the public one */
	bool local = strpbrk(at.host, "abcdefghijklmnopqrstuvwxyz") == NULL;
	return arena_printf(a, "http://%s:%u", local ? "localhost" : at.host, (unsigned) at.port);
}

/* Issuers' keys are in this token (docs/keys.md). JSON is YAML. */
static const char *token_line(struct arena *a, const struct config *shape)
{
	if (shape->ca.token.module == NULL) {
		return "";
	}
	struct bytes json = fields_to_json(a, &config_token_fields, &shape->ca.token);
	return arena_printf(a, "  token: %.*s\n", (int) json.n, (const char *) json.p);
}

/* Where an issuer's key is. */
static const char *key_line(
    struct arena *a, const struct init_options *o, const struct config *shape, const char *issuer)
{
	if (shape->ca.token.module != NULL) {
		return arena_printf(a, "key_label: %s", issuer);
	}
	const char *line = arena_printf(a, "key_file: pki/%s.key", issuer);
	return o->passphrase_file == NULL
	           ? line
	           : arena_printf(a, "%s\n      passphrase_file: \"%s\"", line, escaped(a, o->passphrase_file, '"'));
}

const char *init_config_text(struct arena *a, const struct init_options *o, const struct config *shape)
{
	const char *url = init_http_url(a, shape);
	const char *parts[] = {
		head,
		arena_printf(a, shared_part, shape->acme.external_url),
		wfe_part,
		process_lines(a, "cairn-wfe"),
		"  ",
		database_line(a, o, "cairn_wfe"),
		ra_part,
		process_lines(a, "cairn-ra"),
		"  ",
		database_line(a, o, "cairn_ra"),
		"\nva:\n",
		va_part,
		process_lines(a, "cairn-va"),
		"\nca:\n",
		process_lines(a, "cairn-ca"),
		"  ",
		database_line(a, o, "cairn_ca"),
		token_line(a, shape),
		arena_printf(
		    a, issuers_part, key_line(a, o, shape, "ecdsa-1"), url, url, key_line(a, o, shape, "rsa-1"), url, url),
		"\nsubscriber:\n",
		subscriber_part,
		process_lines(a, "cairn-subscriber"),
		"  ",
		database_line(a, o, "cairn_subscriber"),
		recovery_part,
		"\ncommand:\n  # For cairn eab and cairn policy, and for cairn doctor.\n",
		process_lines(a, "cairn-command"),
		"  ",
		database_line(a, o, "cairn_operator"),
		"  # For cairn audit.\n  auditor_",
		database_line(a, o, "cairn_auditor"),
		"  # For cairn disclose.\n  officer_",
		database_line(a, o, "cairn_officer"),
	};
	const char *text = "";
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		text = arena_printf(a, "%s%s", text, parts[i]);
	}
	return text;
}
