/* What the five processes have in common: the same few lines in each main.c.
 *
 *     int main(int argc, char **argv)
 *     {
 *             return service_main(argc, argv, &(struct service) {
 *                     .name = "cairn-ra", .start = ra_start, .ready = ra_ready, .stop = ra_stop, .done = ra_done });
 *     }
 *
 * service_main: reads `--config FILE` (and --check, --help, --version), starts the log, blocks signals, calls start (which
 * opens sockets, keys and database connections and starts threads), enters the sandbox between `open` and `start`, then
 * waits for signals: SIGTERM or SIGINT drains (stop, bounded by 10 s) and ends with 0; SIGHUP calls reload and then
 * tells the TLS layer to read its certificates again. */
#ifndef CAIRN_BASE_SERVICE_H
#define CAIRN_BASE_SERVICE_H

#include "lib/base/config.h"
#include "lib/base/ctx.h"

struct service {
	const char *name;
	/* Opens what needs rights that the sandbox takes away: listening sockets, key files, children. -1 with FAIL. */
	int (*open)(struct ctx *c, const struct config *config);
	/* Inside the sandbox: connects, starts threads and listeners. -1 with FAIL ends the process with 1. */
	int (*start)(struct ctx *c, const struct config *config);
	/* What keeps the process from being ready, as a sentence, or NULL when it is; asked by GET /readyz. */
	const char *(*not_ready)(void);
	/* SIGHUP: read certificates, lists and keys again. May be NULL. */
	void (*reload)(const struct config *config);
	/* SIGTERM: refuse new work, finish what is under way within `deadline_ms`. */
	void (*stop)(int64_t deadline_ms);
};

int service_main(int argc, char **argv, const struct service *service);

/* True from SIGTERM on: /readyz says "draining". */
bool service_draining(void);

#endif
