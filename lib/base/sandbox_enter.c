/* The tables of sandbox.c put into force. */
#include "lib/base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/sandbox_table.h"

#define OPEN_FILES_MAX ((rlim_t) 65536)

/* Rights that the kernel's headers of the build machine may be too old for. */
#define RIGHT_REFER (1ULL << 13)     /* landlock ABI 2 */
#define RIGHT_TRUNCATE (1ULL << 14)  /* 3 */
#define RIGHT_IOCTL_DEV (1ULL << 15) /* 5 */

#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_DEVICE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define RIGHTS_WRITE \
	(RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | RIGHT_TRUNCATE)
/* All that a landlock of ABI 1 knows; newer rights are added by version. */
#define RIGHTS_FIRST ((1ULL << 13) - 1)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

struct landlock {
	int fd;
	uint64_t handled;
};

int sandbox_no_dump(struct ctx *c)
{
	struct rlimit none = { 0, 0 };
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) {
		ctx_cause(c, "%s", strerror(errno));
		return FAIL(c, SERVER_INTERNAL, "Core dumps can't be switched off");
	}
	return 0;
}

static int set_limits(struct ctx *c)
{
	struct rlimit files;
	TRY(sandbox_no_dump(c));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || getrlimit(RLIMIT_NOFILE, &files) != 0) {
		ctx_cause(c, "%s", strerror(errno));
		return FAIL(c, SERVER_INTERNAL, "The limits of the process can't be set");
	}
	files.rlim_cur = files.rlim_max < OPEN_FILES_MAX ? files.rlim_max : OPEN_FILES_MAX;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
		ctx_cause(c, "%s", strerror(errno));
		return FAIL(c, SERVER_INTERNAL, "The limit of open files can't be raised");
	}
	return 0;
}

/* Whoever is started as root keeps of root's powers only the one to listen on a port below 1024, the signer none. */
static int drop_capabilities(struct ctx *c, bool listens)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	if (syscall(SYS_capget, &head, sets) == 0) {
		uint32_t kept = listens ? sets[0].permitted & 1U << CAP_NET_BIND_SERVICE : 0;
		memset(sets, 0, sizeof(sets));
		sets[0].effective = kept;
		sets[0].permitted = kept;
		if (syscall(SYS_capset, &head, sets) == 0) {
			return 0;
		}
	}
	ctx_cause(c, "%s", strerror(errno));
	return FAIL(c, SERVER_INTERNAL, "The powers of root can't be given up");
}

static uint64_t rights_of(enum sandbox_access access)
{
	static const uint64_t rights[] = {
		[SANDBOX_READ] = RIGHTS_READ,
		[SANDBOX_DEVICE] = RIGHTS_DEVICE,
		[SANDBOX_WRITE] = RIGHTS_WRITE,
	};
	return rights[access];
}

/* A file only takes the rights that a file can have. */
static int allow_path(struct ctx *c, const struct landlock *l, enum sandbox_access access, const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0) {
		return 0; /* what is not there needs no right */
	}
	uint64_t rights = rights_of(access) & l->handled;
	if (!S_ISDIR(st.st_mode)) {
		rights &= RIGHTS_DEVICE | RIGHT_TRUNCATE;
	}
	struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };
	long result = syscall(SYS_landlock_add_rule, l->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	int error = errno;
	close(fd);
	if (result != 0) {
		ctx_cause(c, "%s: %s", path, strerror(error));
		return FAIL(c, SERVER_INTERNAL, "A rule of the sandbox is not accepted");
	}
	return 0;
}

static const char *folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL || slash == path ? "/" : arena_text_n(a, path, (size_t) (slash - path));
}

/* Files that libpq opens for the process's connection string at each connect. */
static int allow_database(struct ctx *c, const struct landlock *l, const char *conninfo)
{
	static const char *const keywords[] = { "passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl" };
	PQconninfoOption *options = conninfo == NULL ? NULL : PQconninfoParse(conninfo, NULL);
	int result = 0;
	for (const PQconninfoOption *o = options; o != NULL && o->keyword != NULL && result == 0; o++) {
		for (size_t i = 0; i < COUNT_OF(keywords) && result == 0; i++) {
			if (o->val != NULL && strcmp(o->keyword, keywords[i]) == 0) {
				result = allow_path(c, l, SANDBOX_READ, o->val);
			}
		}
	}
	PQconninfoFree(options);
	return result;
}

static int allow_paths(struct ctx *c, const struct landlock *l, unsigned who, const struct config *config)
{
	const struct sandbox_tables *t = &sandbox_tables;
	for (size_t i = 0; i < t->n_paths; i++) {
		if ((t->paths[i].who & who) != 0) {
			TRY(allow_path(c, l, t->paths[i].access, t->paths[i].path));
		}
	}
	for (size_t i = 0; i < t->n_config_paths; i++) {
		const struct sandbox_config_path *p = &t->config_paths[i];
		const char *const *path = (const void *) ((const char *) config + p->offset);
		if ((p->who & who) != 0 && *path != NULL) {
			TRY(allow_path(c, l, p->access, p->folder ? folder_of(c->arena, *path) : *path));
		}
	}
	return 0;
}

static int landlock_enter(struct ctx *c, unsigned who, const struct config *config, const char *database)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1) {
		log_event(c, LOG_WARN, "the kernel has no landlock: paths are not restricted", "error", strerror(errno), NULL);
		return 0;
	}
	struct landlock l = { .handled = RIGHTS_FIRST | (abi >= 2 ? RIGHT_REFER : 0) | (abi >= 3 ? RIGHT_TRUNCATE : 0) |
		                             (abi >= 5 ? RIGHT_IOCTL_DEV : 0) };
	struct landlock_ruleset_attr attr = { .handled_access_fs = l.handled };
	l.fd = (int) syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
	if (l.fd < 0) {
		ctx_cause(c, "%s", strerror(errno));
		return FAIL(c, SERVER_INTERNAL, "The kernel refuses a landlock");
	}
	int result = allow_paths(c, &l, who, config);
	if (result == 0) {
		result = allow_database(c, &l, database);
	}
	for (size_t i = 0; i < config->ca.token.paths.n && (who & (SANDBOX_TOKEN | SANDBOX_NETWORK)) != 0 && result == 0;
	     i++) {
		result = allow_path(c, &l, SANDBOX_WRITE, config->ca.token.paths.v[i]);
	}
	if (result == 0 && syscall(SYS_landlock_restrict_self, l.fd, 0) != 0) {
		ctx_cause(c, "%s", strerror(errno));
		result = FAIL(c, SERVER_INTERNAL, "The kernel refuses a landlock");
	}
	close(l.fd);
	return result;
}

#ifdef CAIRN_DEBUG
/* Debug builds tell which call was refused before they end. */
static void tell_call(int signal_number, siginfo_t *info, void *context)
{
	(void) signal_number;
	(void) context;
	char text[] = "system call 000000 is not in the sandbox's table\n";
	int number = info->si_syscall;
	for (size_t i = strlen("system call 00000"); number > 0; i--, number /= 10) {
		text[i] = (char) ('0' + number % 10);
	}
	(void) !write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(128 + SIGSYS);
}

static uint32_t refused_action(void)
{
	struct sigaction action = { .sa_sigaction = tell_call, .sa_flags = SA_SIGINFO };
	sigaction(SIGSYS, &action, NULL);
	return SCMP_ACT_TRAP;
}
#else
static uint32_t refused_action(void)
{
	return SCMP_ACT_KILL_PROCESS;
}
#endif

/* Calls that this machine's architecture does not have (negative numbers) are passed over. */
static int add_rules(scmp_filter_ctx filter, unsigned who)
{
	const struct sandbox_tables *t = &sandbox_tables;
	int result = 0;
	for (size_t i = 0; i < t->n_calls; i++) {
		for (size_t k = 0; k < t->calls[i].n && (t->calls[i].who & who) != 0; k++) {
			int call = t->calls[i].v[k];
			result |= call < 0 ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
		}
	}
	for (size_t i = 0; i < t->n_conditions; i++) {
		const struct sandbox_condition *d = &t->conditions[i];
		const struct scmp_arg_cmp compare = { d->argument, SCMP_CMP_MASKED_EQ, d->mask, d->value };
		if ((d->who & who) != 0) {
			uint32_t action = d->error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((uint16_t) d->error);
			result |= seccomp_rule_add_array(filter, action, d->call, 1, &compare);
		}
	}
	return result;
}

static int add_denials(scmp_filter_ctx filter, unsigned who)
{
	const struct sandbox_tables *t = &sandbox_tables;
	int result = 0;
	for (size_t i = 0; i < t->n_denials; i++) {
		if ((t->denials[i].who & who) != 0) {
			uint32_t action = SCMP_ACT_ERRNO((uint16_t) t->denials[i].error);
			result |= t->denials[i].call < 0 ? 0 : seccomp_rule_add(filter, action, t->denials[i].call, 0);
		}
	}
	return result;
}

static int seccomp_enter(struct ctx *c, unsigned who)
{
	scmp_filter_ctx filter = seccomp_init(refused_action());
	int result = filter == NULL ? -ENOMEM : 0;
	if (result == 0) {
		result |= seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
		result |= seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: the hot calls are many */
		result |= add_rules(filter, who);
		result |= add_denials(filter, who);
		result = result != 0 ? result : seccomp_load(filter);
		seccomp_release(filter);
	}
	if (result != 0) {
		ctx_cause(c, "%s", strerror(-result));
		return FAIL(c, SERVER_INTERNAL, "The filter of system calls can't be installed");
	}
	return 0;
}

int sandbox_enter(struct ctx *c, const char *process, const struct config *config)
{
	unsigned who = sandbox_process_bit(process);
	if (who == 0) {
		return FAIL(c, SERVER_INTERNAL, "%s has no sandbox", process);
	}
	const struct config_process *own = config_process(config, process);
	TRY(set_limits(c));
	TRY(drop_capabilities(c, (who & (SANDBOX_SIGNER | SANDBOX_TOKEN | SANDBOX_NETWORK)) == 0));
	TRY(landlock_enter(c, who, config, own == NULL ? NULL : own->database));
	return SANITIZED ? 0 : seccomp_enter(c, who);
}
