#include "ra/lists.h"

#include <pthread.h>
#include <unistd.h>

#include "lib/base/base64.h"
#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/digest.h"

#define OWN_KEYS_MAX 256

/* A reload must come to its turn although requests hold the policy all the time, one behind the other. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static struct policy *in_force;

static struct arena *own_arena;
static struct bytes_list own_spkis;

/* A file that is not on this machine is passed over: a registration authority may live apart from the issuers. */
static int note_keys(struct ctx *c, const char *path)
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
	}
	return 0;
}

int lists_open(struct ctx *c, const struct config *config)
{
	own_arena = arena_new();
	own_spkis = (struct bytes_list) { ARENA_ARRAY(own_arena, OWN_KEYS_MAX, struct bytes), 0 };
	for (size_t i = 0; i < config->ca.issuers.n; i++) {
		TRY(note_keys(c, config->ca.issuers.v[i].cert_file));
	}
	return note_keys(c, config->wfe.root_file);
}

static const char *number(struct ctx *c, size_t n)
{
	return arena_printf(c->arena, "%zu", n);
}

/* What was read, so that a decision can be explained later by the files of that time. */
static void tell(struct ctx *c, const struct policy_files *files, const struct policy *policy)
{
	for (size_t i = 0; i <= files->lists.n; i++) {
		const struct file *file = i == files->lists.n ? &files->suffixes : &files->lists.v[i];
		uint8_t digest[SHA256_SIZE];
		if (file->path != NULL) {
			sha256_of(file->content, digest);
			log_event(c, LOG_INFO, "a list of the policy is read", "file", file->path, "sha256",
			    hex_encode(c->arena, (struct bytes) { digest, sizeof(digest) }), NULL);
		}
	}
	log_event(c, LOG_INFO, "the policy is in force", "blocked names", number(c, blocklist_count(&policy->blocked)),
	    "blocked keys", number(c, policy->blocked_keys.n), "weak keys of Debian", number(c, policy->debian_keys.n),
	    "own keys", number(c, policy->own_keys.n), NULL);
	if (policy->webpki && policy->debian_keys.n == 0) { /* F-20 */
		log_event(c, LOG_WARN, "mode webpki needs the lists of Debian's weak keys in policy.lists_dir", NULL);
	}
}

int lists_load(struct ctx *c, const struct config *config)
{
	struct policy_sources sources = { .config = config, .spkis = own_spkis };
	struct policy *next = NULL;
	if (policy_files_read(c, &config->policy, &sources.files) != 0 || policy_parse(c, &sources, &next) != 0) {
		metric_add(METRIC_policy_reads_failed, NULL, 1);
		return -1;
	}
	tell(c, &sources.files, next);
	pthread_rwlock_wrlock(&lock);
	struct policy *before = in_force;
	in_force = next;
	pthread_rwlock_unlock(&lock);
	policy_free(before);
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
