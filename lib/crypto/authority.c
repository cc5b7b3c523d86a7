#include "lib/crypto/authority.h"

#define DAY_S 86400
#define RPC_CA_DAYS 3650
#define RPC_DAYS 365

/* Clocks of machines that talk to each other may differ a little. */
#define RPC_BACKDATE_S 3600

static struct timestamp whole_second(struct timestamp t)
{
	return (struct timestamp) { t.us - t.us % 1000000 };
}

/* Issuer's fields of a template; none for a self-signed certificate. */
static void set_issuer(struct cert_template *t, const struct authority *issuer, const EVP_PKEY *own_key)
{
	t->sigalg = sigalg_of_key(issuer == NULL ? own_key : issuer->key);
	if (issuer != NULL) {
		t->issuer_name = issuer->info.subject;
		t->issuer_key_id = issuer->info.subject_key_id;
	}
}

static int sign_and_check(struct ctx *c, struct bytes tbs, EVP_PKEY *signer, struct authority *made)
{
	TRY(cert_sign(c, signer, tbs, &made->der));
	TRY(cert_parse(c, made->der, &made->info));
	return cert_verify_signature(c, &made->info, signer); /* F-35 */
}

int authority_make(struct ctx *c, enum cert_kind kind, const struct authority_request *request,
    const struct authority *issuer, struct authority *ret)
{
	uint8_t serial[CERT_SERIAL_SIZE];
	cert_serial_new(1, serial);
	struct timestamp from = whole_second(request->not_before);
	struct cert_template t = {
		.kind = kind,
		.serial = { serial, sizeof(serial) },
		.not_before = from,
		.not_after = timestamp_add_s(from, request->days * DAY_S - 1), /* D-9 */
		.subject = request->subject,
		.dns_names = request->dns_names,
		.ip_addresses = request->ip_addresses,
		.crl_url = request->crl_url,
		.aia_url = request->aia_url,
	};
	struct authority made = { 0 };
	struct bytes tbs;
	TRY(key_generate(c, request->key_kind, &made.key));
	TRY(key_spki(c, made.key, &t.spki));
	set_issuer(&t, issuer, made.key);
	if (issuer != NULL && t.not_after.us > issuer->info.not_after.us) {
		t.not_after = issuer->info.not_after; /* nothing outlives its issuer */
	}
	TRY(cert_build_tbs(c, &t, &tbs));
	TRY(sign_and_check(c, tbs, issuer == NULL ? made.key : issuer->key, &made));
	*ret = made;
	return 0;
}

int authority_of_key(struct ctx *c, EVP_PKEY *key, const char *where, const char *cert_path, struct authority *ret)
{
	struct authority read = { .key = key };
	struct bytes_list chain;
	struct bytes spki;
	TRY(cert_read_file(c, cert_path, &chain));
	read.der = chain.v[0];
	if (cert_parse(c, read.der, &read.info) != 0) {
		ctx_forgive(c);
		return ctx_fault(c, "%s holds no certificate of a form that this CA issues", cert_path);
	}
	TRY(key_spki(c, read.key, &spki));
	if (!bytes_equal(spki, read.info.spki)) {
		return ctx_fault(c, "the key %s does not belong to the certificate %s", where, cert_path);
	}
	*ret = read;
	return 0;
}

int authority_read(struct ctx *c, const char *key_path, const char *cert_path, struct authority *ret)
{
	EVP_PKEY *key = NULL;
	TRY(key_read_file(c, key_path, &key));
	return authority_of_key(c, key, key_path, cert_path, ret);
}

int authority_make_rpc_ca(struct ctx *c, struct authority *ret)
{
	const struct authority_request request = {
		.subject = { .organization = "Cairn", .common_name = "Cairn internal RPC CA" },
		.key_kind = "p256",
		.not_before = timestamp_add_s(clock_now(), -RPC_BACKDATE_S),
		.days = RPC_CA_DAYS,
	};
	return authority_make(c, CERT_RPC_CA, &request, NULL, ret);
}

/* The names given, and those by which a machine calls itself. */
static struct text_list with_localhost(struct ctx *c, const struct text_list *names)
{
	const char **v = ARENA_ARRAY(c->arena, names->n + 1, const char *);
	size_t n = 0;
	for (size_t i = 0; i < names->n; i++) {
		if (!bytes_equal_text(bytes_of_text(names->v[i]), "localhost")) {
			v[n++] = names->v[i];
		}
	}
	v[n++] = "localhost";
	return (struct text_list) { v, n };
}

static int make_private(struct ctx *c, enum cert_kind kind, const struct authority *ca, const struct text_list *names,
    const char *common_name, struct authority *ret)
{
	static const char *loopback[] = { "127.0.0.1", "::1" };
	const struct authority_request request = {
		.subject = { .common_name = common_name },
		.key_kind = "p256",
		.not_before = timestamp_add_s(clock_now(), -RPC_BACKDATE_S),
		.days = RPC_DAYS,
		.dns_names = with_localhost(c, names),
		.ip_addresses = { loopback, COUNT_OF(loopback) },
	};
	return authority_make(c, kind, &request, ca, ret);
}

int authority_make_rpc(struct ctx *c, const struct authority *ca, const char *process, struct authority *ret)
{
	const struct text_list names = { &process, 1 };
	return make_private(c, CERT_RPC, ca, &names, process, ret);
}

int authority_make_site(
    struct ctx *c, const struct authority *ca, const struct text_list *dns_names, struct authority *ret)
{
	return make_private(c, CERT_SITE, ca, dns_names, NULL, ret);
}
