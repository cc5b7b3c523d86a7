#include "ra/lists.h"

#include <pthread.h>
#include <unistd.h>

#include "lib/base/base64.h"
#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/digest.h"
#include "ra/ra.h"

#define OWN_KEYS_MAX 256

struct list_read {
	const char *file;
	const char *sha256;
};
static const struct field list_read_field[] = {
	FIELD(struct list_read, file),
	FIELD(struct list_read, sha256),
};
static const struct fields list_read_fields = FIELDS(struct list_read, list_read_field);

struct list_read_list {
	struct list_read *v;
	size_t n;
};

struct lists_params {
	const char *process;
	struct list_read_list files;
};
static const struct field lists_param[] = {
	FIELD(struct lists_params, process),
	FIELD_STRUCTS(struct lists_params, files, &list_read_fields),
};
static const struct fields lists_params_fields = FIELDS(struct lists_params, lists_param);

/* Repeatable: a second event would say the same of the same files. */
const struct statement ra_record_lists_statement = {
	.name = "record_lists",
	.sql = "INSERT INTO log.event (process, actor, kind, facts) "
	       "VALUES ($1, 'process', 'policy.lists_read', jsonb_build_object('files', $2))",
	.params = &lists_params_fields,
	.repeatable = true,
};

/* A reload must come to its turn although requests hold the policy all the time, one behind the other. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static struct policy *in_force;

static struct arena *own_arena;
static struct bytes_list own_spkis;
static struct bytes_list own_issuers;

/* A file that is not on this machine is passed over: a registration authority may live apart from the issuers. */
static int note_keys(struct ctx *c, const char *path, bool issuer)
{
	struct bytes_list chain;
	if (path == NULL || access(path, R_OK) != 0) {
		return 0;
	}
	TRY(cert_read_file(c, path, &chain));
	for (size_t i = 0; i < chain.n && own_spkis.n < OWN_KEYS_MAX; i++) {
		struct cert_info info;
		TRY(cert_parse(c, chain.v[i], &info));
		own_spkis.v[own_spkis.n++] = arena_bytes(own_arena, info.spki.p, info.spki.n);
		if (issuer) {
			own_issuers.v[own_issuers.n++] = arena_bytes(own_arena, info.der.p, info.der.n);
		}
	}
	return 0;
}

int lists_open(struct ctx *c, const struct config *config)
{
	own_arena = arena_new();
	own_spkis = (struct bytes_list) { ARENA_ARRAY(own_arena, OWN_KEYS_MAX, struct bytes), 0 };
	own_issuers = (struct bytes_list) { ARENA_ARRAY(own_arena, OWN_KEYS_MAX, struct bytes), 0 };
	for (size_t i = 0; i < config->ca.issuers.n; i++) {
		TRY(note_keys(c, config->ca.issuers.v[i].cert_file, config->ca.issuers.v[i].active));
	}
	return note_keys(c, config->wfe.root_file, false);
}

static const char *number(struct ctx *c, size_t n)
{
	return arena_printf(c->arena, "%zu", n);
}

/* What was read, so that a decision can be explained later by the files of that time. No record, no act (F-45). */
static int record(struct ctx *c, const struct policy_files *files)
{
	struct lists_params params = { ra_get()->instance,
		{ ARENA_ARRAY(c->arena, files->lists.n + 1, struct list_read), 0 } };
	for (size_t i = 0; i <= files->lists.n; i++) {
		const struct file *file = i == files->lists.n ? &files->suffixes : &files->lists.v[i];
		uint8_t digest[SHA256_SIZE];
		if (file->path != NULL) {
			sha256_of(file->content, digest);
			params.files.v[params.files.n++] =
			    (struct list_read) { file->path, hex_encode(c->arena, (struct bytes) { digest, sizeof(digest) }) };
		}
	}
	TRY(db_run(c, &ra_record_lists_statement, &params));
	for (size_t i = 0; i < params.files.n; i++) {
		log_event(c, LOG_INFO, "a list of the policy is read", "file", params.files.v[i].file, "sha256",
		    params.files.v[i].sha256, NULL);
	}
	return 0;
}

static void tell(struct ctx *c, const struct policy *policy)
{
	log_event(c, LOG_INFO, "the policy is in force", "blocked names", number(c, blocklist_count(&policy->blocked)),
	    "blocked keys", number(c, policy->blocked_keys.n), "weak keys of Debian", number(c, policy->debian_keys.n),
	    "own keys", number(c, policy->own_keys.n), NULL);
	if (policy->webpki && policy->debian_keys.n == 0) { /* F-20 */
		log_event(c, LOG_WARN, "mode webpki needs the lists of Debian's weak keys in policy.lists_dir", NULL);
	}
}

static int load(struct ctx *c, struct policy_sources *sources, struct policy **ret)
{
	struct policy *next = NULL;
	TRY(policy_files_read(c, &sources->config->policy, &sources->files));
	TRY(policy_parse(c, sources, &next));
	if (record(c, &sources->files) != 0) {
		policy_free(next);
		return -1;
	}
	*ret = next;
	return 0;
}

int lists_load(struct ctx *c, const struct config *config)
{
	struct policy_sources sources = {
		.config = config, .now = clock_now(), .spkis = own_spkis, .issuers = own_issuers
	};
	struct policy *next = NULL;
	if (load(c, &sources, &next) != 0) {
		metric_add(METRIC_policy_reads_failed, NULL, 1);
		return -1;
	}
	pthread_rwlock_wrlock(&lock);
	struct policy *before = in_force;
	in_force = next;
	pthread_rwlock_unlock(&lock);
	policy_free(before);
	tell(c, next);
	return 0;
}

const struct policy *lists_hold(void)
{
	pthread_rwlock_rdlock(&lock);
	if (in_force == NULL) {
		die("the policy is asked before it is read");
	}
	return in_force;
}

void lists_release(void)
{
	pthread_rwlock_unlock(&lock);
}
