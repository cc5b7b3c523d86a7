#include "ca/issuers.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/die.h"
#include "lib/crypto/auto_openssl.h"

static bool is_self_signed(struct ctx *c, struct bytes der)
{
	struct cert_info info;
	bool readable = cert_parse(c, der, &info) == 0;
	ctx_forgive(c);
	return readable && bytes_equal(info.subject, info.issuer);
}

/* What a client needs beside the leaf; it has the root, or must not take it from us. */
static const char *chain_pem(struct ctx *c, const struct bytes_list *file)
{
	struct bytes_list kept = { ARENA_ARRAY(c->arena, file->n, struct bytes), 0 };
	for (size_t i = 0; i < file->n; i++) {
		if (!is_self_signed(c, file->v[i])) {
			kept.v[kept.n++] = file->v[i];
		}
	}
	struct bytes pem = cert_chain_to_pem(c->arena, &kept);
	return arena_text_n(c->arena, pem.p, pem.n);
}

/* D-8: neither the issuer's certificate nor one above it, which clients get and relying parties build on, is signed by way of SHA-1 or
 * what is weaker. What OpenSSL has no name for is none of these. */
static int check_digests(struct ctx *c, const char *path, const struct bytes_list *file)
{
	for (size_t i = 0; i < file->n; i++) {
		const uint8_t *at = file->v[i].p;
		AUTO(X509) cert = d2i_X509(NULL, &at, (long) file->v[i].n);
		int digest = NID_undef;
		if (cert != NULL && X509_get_signature_info(cert, &digest, NULL, NULL, NULL) == 1 &&
		    (digest == NID_sha1 || digest == NID_md5 || digest == NID_md5_sha1)) {
			return ctx_fault(c, "%s: certificate %zu of it is signed with %s, which nobody may rely on any more", path,
			    i + 1, OBJ_nid2sn(digest));
		}
	}
	return 0;
}

/* a leaf verifies by another certificate of the same name and key. */
static int load_alternates(struct ctx *c, struct issuer *issuer)
{
	const struct text_list *files = &issuer->config->alternate_chains;
	issuer->alternates.v = ARENA_ARRAY(c->arena, files->n, const char *);
	for (size_t i = 0; i < files->n; i++) {
		struct bytes_list file;
		struct cert_info info;
		TRY(cert_read_file(c, files->v[i], &file));
		TRY(check_digests(c, files->v[i], &file));
		if (cert_parse(c, file.v[0], &info) != 0 || !info.is_ca || !bytes_equal(info.spki, issuer->info.spki) ||
		    !bytes_equal(info.subject, issuer->info.subject) || bytes_equal(info.der, issuer->info.der)) {
			ctx_forgive(c);
			return ctx_fault(c, "%s does not begin with another certificate of the name and key of the issuer %s",
			    files->v[i], issuer->config->name);
		}
		issuer->alternates.v[issuer->alternates.n++] = chain_pem(c, &file);
	}
	return 0;
}

/* F-4, F-8: what a root signs, a person has it sign; so no process has its key, nor that of another certificate of the chain. */
static int check_no_root(struct ctx *c, const struct issuer *issuer, const struct bytes_list *file)
{
	if (bytes_equal(issuer->info.subject, issuer->info.issuer)) {
		return ctx_fault(c, "%s is the certificate of a root, whose key signs in ceremonies only: make an intermediate",
		    issuer->config->cert_file);
	}
	for (size_t i = 1; i < file->n; i++) {
		struct cert_info above;
		bool readable = cert_parse(c, file->v[i], &above) == 0;
		ctx_forgive(c);
		if (readable && bytes_equal(above.spki, issuer->info.spki)) {
			return ctx_fault(c, "%s: a certificate above the issuer %s has its key", issuer->config->cert_file,
			    issuer->config->name);
		}
	}
	return 0;
}

static int load_one(struct ctx *c, const struct config_issuer *config, struct issuer *ret)
{
	struct bytes_list file;
	TRY(cert_read_file(c, config->cert_file, &file));
	TRY(check_digests(c, config->cert_file, &file));
	*ret = (struct issuer) { .config = config };
	if (cert_parse(c, file.v[0], &ret->info) != 0 || !ret->info.is_ca || ret->info.subject_key_id.n == 0) {
		ctx_forgive(c);
		return ctx_fault(c, "%s holds no certificate of an issuer", config->cert_file);
	}
	TRY(check_no_root(c, ret, &file));
	TRY(key_of_spki(c, ret->info.spki, &ret->public_key));
	ret->kind = key_kind_of(ret->public_key);
	ret->chain = chain_pem(c, &file);
	if (name_constraints_read(c, c->arena, &file, &ret->constraints) != 0) {
		const char *why = c->err.detail;
		ctx_forgive(c);
		return ctx_fault(c, "%s: %s", config->cert_file, why);
	}
	return load_alternates(c, ret);
}

static bool serves(const struct config_issuer *issuer, const char *profile)
{
	bool listed = issuer->profiles.n == 0;
	for (size_t i = 0; i < issuer->profiles.n; i++) {
		listed = listed || strcmp(issuer->profiles.v[i], profile) == 0;
	}
	return issuer->active && listed;
}

/* Of withdrawn ones too: their orders come to their end (B-23). */
static int check_profiles(struct ctx *c, const struct config *config)
{
	for (size_t i = 0; i < config->policy.profiles.n; i++) {
		const char *profile = config->policy.profiles.v[i].name;
		size_t active = 0;
		for (size_t k = 0; k < config->ca.issuers.n; k++) {
			active += serves(&config->ca.issuers.v[k], profile) ? 1 : 0;
		}
		if (active == 0) {
			return ctx_fault(c, "ca.issuers: no issuer that is active signs for the profile %s", profile);
		}
	}
	return 0;
}

/* F-8: a certificate that follows another may have its key, under the same name of the CA. */
static int check_keys(struct ctx *c, const struct issuer_list *issuers)
{
	for (size_t i = 0; i < issuers->n; i++) {
		const struct issuer *one = &issuers->v[i];
		for (size_t k = 0; k < i; k++) {
			const struct issuer *other = &issuers->v[k];
			if (bytes_equal(one->info.spki, other->info.spki) && !bytes_equal(one->info.subject, other->info.subject)) {
				return ctx_fault(
				    c, "ca.issuers: %s and %s are two CAs with one key", other->config->name, one->config->name);
			}
		}
	}
	return 0;
}

static int add_own_keys(struct ctx *c, const char *path, struct bytes_list *ret)
{
	struct bytes_list file;
	TRY(cert_read_file(c, path, &file));
	struct bytes_list all = { ARENA_ARRAY(c->arena, ret->n + file.n, struct bytes), ret->n };
	for (size_t i = 0; i < ret->n; i++) {
		all.v[i] = ret->v[i];
	}
	for (size_t i = 0; i < file.n; i++) {
		struct cert_info info;
		if (cert_parse(c, file.v[i], &info) == 0) {
			all.v[all.n++] = info.spki;
		}
		ctx_forgive(c); /* one above that is of another form than ours */
	}
	*ret = all;
	return 0;
}

/* The root's certificate is in no issuer's file, and not on every machine. */
static int find_own_keys(struct ctx *c, const struct config *config, struct bytes_list *ret)
{
	const char *root = config->wfe.root_file;
	for (size_t i = 0; i < config->ca.issuers.n; i++) {
		TRY(add_own_keys(c, config->ca.issuers.v[i].cert_file, ret));
	}
	return root == NULL || access(root, R_OK) != 0 ? 0 : add_own_keys(c, root, ret);
}

bool issuers_own(const struct issuer_list *issuers, struct bytes spki)
{
	for (size_t i = 0; i < issuers->own_keys.n; i++) {
		if (bytes_equal(issuers->own_keys.v[i], spki)) {
			return true;
		}
	}
	return false;
}

int issuers_load(struct ctx *c, const struct config *config, struct issuer_list *ret)
{
	const struct config_issuer_list *list = &config->ca.issuers;
	struct issuer_list issuers = { .v = ARENA_ARRAY(c->arena, list->n, struct issuer), .n = list->n };
	for (size_t i = 0; i < list->n; i++) {
		if (issuer_find(&(struct issuer_list) { .v = issuers.v, .n = i }, list->v[i].name) != NULL) {
			return ctx_fault(c, "ca.issuers: the name %s stands twice", list->v[i].name);
		}
		TRY(load_one(c, &list->v[i], &issuers.v[i]));
	}
	TRY(check_keys(c, &issuers));
	TRY(check_profiles(c, config));
	TRY(find_own_keys(c, config, &issuers.own_keys));
	*ret = issuers;
	return 0;
}

const struct issuer *issuer_find(const struct issuer_list *issuers, const char *name)
{
	for (size_t i = 0; i < issuers->n; i++) {
		if (strcmp(issuers->v[i].config->name, name) == 0) {
			return &issuers->v[i];
		}
	}
	return NULL;
}

struct wanted {
	const char *profile;
	bool rsa;
	bool any_family;
};

static bool fits(const struct issuer *issuer, const struct wanted *wanted)
{
	return serves(issuer->config, wanted->profile) && (wanted->any_family || (issuer->kind == KEY_RSA) == wanted->rsa);
}

static size_t count_fitting(const struct issuer_list *issuers, const struct wanted *wanted)
{
	size_t n = 0;
	for (size_t i = 0; i < issuers->n; i++) {
		n += fits(&issuers->v[i], wanted) ? 1 : 0;
	}
	return n;
}

const struct issuer *issuer_choose(const struct issuer_list *issuers, const char *profile, struct bytes spki)
{
	struct wanted wanted = { profile, key_kind_of_spki(spki) == KEY_RSA, false };
	uint32_t chance = 0;
	random_bytes(&chance, sizeof(chance));
	wanted.any_family = count_fitting(issuers, &wanted) == 0;
	size_t n = count_fitting(issuers, &wanted);
	size_t left = n == 0 ? 0 : chance % n;
	for (size_t i = 0; i < issuers->n; i++) {
		if (fits(&issuers->v[i], &wanted) && left-- == 0) {
			return &issuers->v[i];
		}
	}
	die("no issuer is active for a profile"); /* issuers_load saw one for each */
}

const struct crl_shard *issuer_choose_shard(const struct issuer *issuer)
{
	uint32_t chance = 0;
	random_bytes(&chance, sizeof(chance));
	return &issuer->shards.v[chance % issuer->shards.n];
}
