/* What the five processes have in common: the same few lines in each main.c. This folder stands above lib/rpc and may use
 * all of lib; only the mains and cli use it.
 *
 *     int main(int argc, char **argv)
 *     {
 *             return service_main(argc, argv, &(struct service) {
 *                     .name = "cairn-ra", .open = ra_open, .start = ra_start, .not_ready = ra_not_ready,
 *                     .reload = ra_reload, .stop = ra_stop });
 *     }
 *
 * service_main: reads `--config FILE` (repeatable, each laid over the one before; also --check, --help, --version), starts
 * the log, blocks the signals that it waits for in all threads, calls `open`, enters the sandbox (lib/base/sandbox.h),
 * serves /metrics, /livez and /readyz on `metrics_listen`, calls `start`, tells the supervisor READY=1 (sd_notify
 * protocol) once `not_ready` has nothing more to say, and waits for signals: SIGTERM or SIGINT drains (`stop`, bounded by
 * 10 s) and ends with 0; SIGHUP calls `reload`. The configuration itself is read at the start only. */
#ifndef CAIRN_SERVICE_SERVICE_H
#define CAIRN_SERVICE_SERVICE_H

#include "lib/base/config.h"
#include "lib/base/ctx.h"

struct service {
	const char *name; /* "cairn-ra": also the name of its section and its sandbox */
	/* Opens what the sandbox takes away later, and makes child processes. No threads yet. -1 with FAIL ends the process
	 * with 1. May be NULL. */
	int (*open)(struct ctx *c, const struct config *config);
	/* Inside the sandbox: connects, starts threads and listeners. -1 with FAIL ends the process with 1. */
	int (*start)(struct ctx *c, const struct config *config);
	/* What keeps the process from being ready, as a sentence, or NULL when it is; asked by GET /readyz in a
	 * thread of its own, once `start` is done: it must not block.
	 * May be NULL: ready when started. */
	const char *(*not_ready)(void);
	/* SIGHUP: read certificates (http_server_reload), lists and keys again. May be NULL. */
	void (*reload)(const struct config *config);
	/* SIGTERM: refuse new work, finish what is under way within `deadline_ms`. */
	void (*stop)(int64_t deadline_ms);
};

/* EX_CONFIG of sysexits.h: a person has to do something first; the supervisor is in no hurry to start it again. */
#define SERVICE_UNUSABLE 78

/* The exit code: 0 drained or checked, 1 failed, 2 usage, SERVICE_UNUSABLE: the database lacks a migration. */
int service_main(int argc, char **argv, const struct service *service);

/* SHA-256 of all files of the configuration together, hex. */
const char *service_config_sha256(void);

/* True from SIGTERM on: /readyz says "draining". */
bool service_draining(void);

#endif
