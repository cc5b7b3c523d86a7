/* The tables of sandbox.c, for sandbox_enter.c and nobody else. */
#ifndef CAIRN_BASE_SANDBOX_TABLE_H
#define CAIRN_BASE_SANDBOX_TABLE_H

#include "lib/base/config.h"

enum sandbox_process {
	SANDBOX_WFE = 1,
	SANDBOX_RA = 2,
	SANDBOX_VA = 4,
	SANDBOX_CA = 8,
	SANDBOX_SIGNER = 16,
	SANDBOX_SUBSCRIBER = 32,
	SANDBOX_TOKEN = 64,    /* a signer with a PKCS#11 module */
	SANDBOX_NETWORK = 128, /* with one that speaks over sockets */
};

enum sandbox_access {
	SANDBOX_READ,
	SANDBOX_DEVICE, /* read and write what is there */
	SANDBOX_WRITE,  /* also make, rename and remove files */
};

/* A path that is the same everywhere. What does not exist is passed over. */
struct sandbox_path {
	unsigned who;
	enum sandbox_access access;
	const char *path;
};

/* A text of the configuration: the path itself, or the folder of the file that it names. */
struct sandbox_config_path {
	unsigned who;
	enum sandbox_access access;
	size_t offset;
	bool folder;
};

/* System calls that are allowed with any arguments. */
struct sandbox_calls {
	unsigned who;
	const int *v;
	size_t n;
};

/* What happens to a system call when (argument & mask) == value: it is allowed, or answered with `error`. The process ends
 * when no condition of the call holds. */
struct sandbox_condition {
	unsigned who;
	int call;
	unsigned argument;
	int error; /* 0: allowed */
	uint64_t mask;
	uint64_t value;
};

/* A system call without conditions that is answered with an error instead of the end of the process. */
struct sandbox_denial {
	unsigned who;
	int call;
	int error;
};

struct sandbox_tables {
	const struct sandbox_path *paths;
	size_t n_paths;
	const struct sandbox_config_path *config_paths;
	size_t n_config_paths;
	const struct sandbox_calls *calls;
	size_t n_calls;
	const struct sandbox_condition *conditions;
	size_t n_conditions;
	const struct sandbox_denial *denials;
	size_t n_denials;
};

extern const struct sandbox_tables sandbox_tables;

/* The bit of the process, or 0 for an unknown name. */
unsigned sandbox_process_bit(const char *process);

#endif
