/* Who may do what: read this file to review the sandbox. */
#include "lib/base/sandbox.h"

#include <errno.h>
#include <linux/prctl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "lib/base/sandbox_table.h"

#define WFE SANDBOX_WFE
#define RA SANDBOX_RA
#define VA SANDBOX_VA
#define CA SANDBOX_CA
#define SIGNER SANDBOX_SIGNER
#define SUBSCRIBER SANDBOX_SUBSCRIBER
#define TOKEN SANDBOX_TOKEN
#define NETWORK SANDBOX_NETWORK
#define SERVICES (WFE | RA | VA | CA | SUBSCRIBER)
#define NETWORKED (SERVICES | NETWORK)
#define MODULE (TOKEN | NETWORK)
#define LOADING (SERVICES | MODULE)
#define ALL (LOADING | SIGNER)
#define ANY_BITS UINT64_MAX

static const struct {
	const char *process;
	unsigned bit;
} processes[] = {
	{ "cairn-wfe", WFE },
	{ "cairn-ra", RA },
	{ "cairn-va", VA },
	{ "cairn-ca", CA },
	{ "cairn-ca-signer", SIGNER },
	{ "cairn-ca-signer-token", TOKEN },
	{ "cairn-ca-signer-network", NETWORK },
	{ "cairn-subscriber", SUBSCRIBER },
};

unsigned sandbox_process_bit(const char *process)
{
	for (size_t i = 0; i < COUNT_OF(processes); i++) {
		if (strcmp(processes[i].process, process) == 0) {
			return processes[i].bit;
		}
	}
	return 0;
}

static const struct sandbox_path paths[] = {
	/* shared libraries, and what they read: name service, OpenSSL, trust anchors of DNS, time zone */
	{ LOADING, SANDBOX_READ, "/usr" },
	{ LOADING, SANDBOX_READ, "/lib" },
	{ LOADING, SANDBOX_READ, "/lib64" },
	{ LOADING, SANDBOX_READ, "/etc/ld.so.cache" },
	{ LOADING, SANDBOX_READ, "/etc/ssl" },
	{ LOADING, SANDBOX_READ, "/etc/nsswitch.conf" },
	{ LOADING, SANDBOX_READ, "/etc/resolv.conf" },
	{ LOADING, SANDBOX_READ, "/etc/hosts" },
	{ LOADING, SANDBOX_READ, "/etc/host.conf" },
	{ LOADING, SANDBOX_READ, "/etc/gai.conf" },
	{ LOADING, SANDBOX_READ, "/etc/services" },
	{ LOADING, SANDBOX_READ, "/etc/localtime" },
	{ LOADING, SANDBOX_READ, "/etc/passwd" },
	/* its own measures, and the number of processors */
	{ LOADING, SANDBOX_READ, "/proc/self" },
	{ LOADING, SANDBOX_READ, "/sys/devices/system/cpu" },
	{ LOADING, SANDBOX_READ, "/dev/urandom" },
	{ LOADING, SANDBOX_DEVICE, "/dev/null" },
};

#define FOLDER_OF(who, member) \
	{ \
		who, SANDBOX_READ, offsetof(struct config, member), true \
	}
#define FILE_AT(who, member) \
	{ \
		who, SANDBOX_READ, offsetof(struct config, member), false \
	}
#define OWN_CERTIFICATE(who, section) \
	FOLDER_OF(who, section.process.rpc_cert_file), FOLDER_OF(who, section.process.rpc_key_file)

static const struct sandbox_config_path config_paths[] = {
	/* these lie beside other files: they alone, and a new one needs a restart */
	FILE_AT(SERVICES, rpc.ca_file),
	FILE_AT(WFE, wfe.root_file),
	FILE_AT(WFE, wfe.root_crl_file),
	FILE_AT(RA, policy.lists_dir), /* a folder */
	FILE_AT(RA, ct.ca_file),
	/* these are renewed: their folders, for a new file under the old name */
	OWN_CERTIFICATE(WFE, wfe),
	OWN_CERTIFICATE(RA, ra),
	OWN_CERTIFICATE(VA, va),
	OWN_CERTIFICATE(CA, ca),
	OWN_CERTIFICATE(SUBSCRIBER, subscriber),
	FOLDER_OF(WFE, wfe.cert_file),
	FOLDER_OF(WFE, wfe.key_file),
	FOLDER_OF(RA, policy.public_suffix_file),
	FOLDER_OF(RA | CA, ct.log_list_file),
	FOLDER_OF(RA | CA, ct.log_list_signature_file),
	FOLDER_OF(RA | CA, ct.log_list_key_file),
	{ WFE, SANDBOX_WRITE, offsetof(struct config, wfe.spool_dir), false },
	{ RA, SANDBOX_WRITE, offsetof(struct config, ra.evidence_dir), false },
	{ SUBSCRIBER, SANDBOX_WRITE, offsetof(struct config, subscriber.seal_dir), false },
	{ SUBSCRIBER, SANDBOX_WRITE, offsetof(struct config, subscriber.journal_dir), false },
};

/* Memory, time, signals to itself, threads' locks, and what it has open already. */
static const int basic[] = { SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(recvfrom),
	SCMP_SYS(sendto), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(close), SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(fstat), SCMP_SYS(lseek), SCMP_SYS(dup), SCMP_SYS(fcntl),
	SCMP_SYS(shutdown), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mlock),
	SCMP_SYS(mlock2), SCMP_SYS(munlock), SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(get_robust_list),
	SCMP_SYS(set_tid_address), SCMP_SYS(rseq), SCMP_SYS(membarrier), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getcpu), SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(getrusage), SCMP_SYS(times), SCMP_SYS(uname),
	SCMP_SYS(sysinfo), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(alarm), SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack), SCMP_SYS(tgkill), SCMP_SYS(exit), SCMP_SYS(exit_group) };

/* Opening files; landlock says which. */
static const int files[] = { SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
	SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(pread64), SCMP_SYS(fadvise64),
	SCMP_SYS(fstatfs), SCMP_SYS(statfs) };

/* Servers and clients; which kinds of sockets stands below. */
static const int network[] = { SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(sendmmsg),
	SCMP_SYS(recvmmsg), SCMP_SYS(socketpair), SCMP_SYS(epoll_create), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(pipe), SCMP_SYS(pipe2),
	SCMP_SYS(eventfd2), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(sendfile) };

/* The spool of request records. */
static const int spool[] = { SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(ftruncate), SCMP_SYS(fallocate),
	SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(flock), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(fchmod) };

/* Evidence that waits for the database. */
static const int evidence[] = { SCMP_SYS(fsync), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
	SCMP_SYS(unlink), SCMP_SYS(unlinkat) };

/* The last checkpoint of the sealed log, beside the database, and those in the files of witnesses; the journal that was taken. */
static const int memory[] = { SCMP_SYS(fsync), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
	SCMP_SYS(ftruncate), SCMP_SYS(unlink), SCMP_SYS(unlinkat) };

/* Modules of tokens keep objects in files (SoftHSM), and lock them. */
static const int objects[] = { SCMP_SYS(ftruncate), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(flock),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(umask), SCMP_SYS(pwrite64) };

/* The signer's end. */
static const int children[] = { SCMP_SYS(wait4), SCMP_SYS(waitid) };

static const struct sandbox_calls calls[] = {
	{ ALL, basic, COUNT_OF(basic) },
	{ LOADING, files, COUNT_OF(files) },
	{ MODULE, objects, COUNT_OF(objects) },
	{ NETWORKED, network, COUNT_OF(network) },
	{ WFE, spool, COUNT_OF(spool) },
	{ RA, evidence, COUNT_OF(evidence) },
	{ SUBSCRIBER, memory, COUNT_OF(memory) },
	{ CA, children, COUNT_OF(children) },
};

#define PAGES(who, call, allowed) \
	{ \
		who, SCMP_SYS(call), 2, 0, PROT_WRITE | PROT_EXEC, allowed \
	}
#define ONLY(who, call, argument, value) \
	{ \
		who, SCMP_SYS(call), argument, 0, ANY_BITS, value \
	}

static const struct sandbox_condition conditions[] = {
	/* no page is writable and executable at once; libraries may be loaded late, but not into a signer without a module */
	PAGES(ALL, mmap, 0), PAGES(ALL, mmap, PROT_WRITE), PAGES(LOADING, mmap, PROT_EXEC), PAGES(ALL, mprotect, 0),
	PAGES(ALL, mprotect, PROT_WRITE), PAGES(LOADING, mprotect, PROT_EXEC),
	/* threads, never processes; clone3, whose flags a filter can't see, is denied below and glibc then uses clone */
	{ LOADING, SCMP_SYS(clone), 0, 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM },
	ONLY(NETWORKED, socket, 0, AF_UNIX), ONLY(NETWORKED, socket, 0, AF_INET), ONLY(NETWORKED, socket, 0, AF_INET6),
	ONLY(NETWORKED, socket, 0, AF_NETLINK), /* getaddrinfo asks for the own addresses */
	ONLY(NETWORKED, ioctl, 1, FIONREAD), ONLY(NETWORKED, ioctl, 1, FIONBIO),
	{ ALL, SCMP_SYS(ioctl), 1, ENOTTY, ANY_BITS, TCGETS }, /* isatty */
	ONLY(ALL, prctl, 0, PR_SET_NAME), ONLY(ALL, prctl, 0, PR_GET_DUMPABLE),
	ONLY(ALL, prctl, 0, 0x53564d41), /* PR_SET_VMA: names of memory areas */
	ONLY(ALL, prlimit64, 0, 0),      /* its own limits; raising a hard one needs a privilege */
};

/* What libraries try and can do without. */
static const struct sandbox_denial denials[] = {
	{ ALL, SCMP_SYS(clone3), ENOSYS },
	{ TOKEN, SCMP_SYS(socket), EACCES }, /* SoftHSM tells syslog what goes wrong */
	{ SIGNER, SCMP_SYS(open), EACCES },
	{ SIGNER, SCMP_SYS(openat), EACCES },
	{ SIGNER, SCMP_SYS(newfstatat), EACCES },
};

const struct sandbox_tables sandbox_tables = {
	.paths = paths,
	.n_paths = COUNT_OF(paths),
	.config_paths = config_paths,
	.n_config_paths = COUNT_OF(config_paths),
	.calls = calls,
	.n_calls = COUNT_OF(calls),
	.conditions = conditions,
	.n_conditions = COUNT_OF(conditions),
	.denials = denials,
	.n_denials = COUNT_OF(denials),
};
