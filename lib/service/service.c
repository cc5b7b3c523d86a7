#include "lib/service/service.h"

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/base64.h"
#include "lib/base/folder.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/base/sandbox.h"
#include "lib/crypto/digest.h"
#include "lib/db/db.h"
#include "lib/db/run_record.h"
#include "lib/db/schema.h"
#include "lib/http/health.h"
#include "lib/service/notify.h"
#include "lib/service/options.h"

#define DRAIN_MS 10000
#define READY_POLL_MS 50
#define IDLE_POLL_MS 1000

static atomic_bool started; /* before, the service can't say what it lacks */
static atomic_bool draining;
static bool unusable; /* what a start needs is not there, and a second start does not help */
static const struct service *running;
static const char *config_sha256; /* of all files together; in the arena of `loaded` */
static struct config *loaded;     /* for as long as the process lives: threads read it to the end */

bool service_draining(void)
{
	return atomic_load(&draining);
}

const char *service_config_sha256(void)
{
	return config_sha256;
}

static const char *not_ready(void)
{
	if (service_draining()) {
		return "draining";
	}
	if (!atomic_load(&started)) {
		return "starting";
	}
	return running->not_ready == NULL ? NULL : running->not_ready();
}

/* While the files can be read; what can't be has been refused before. */
static const char *digest_of_files(struct ctx *c, const struct config *config)
{
	uint8_t digest[SHA256_SIZE];
	struct bytes *pieces = ARENA_ARRAY(c->arena, config->files.n, struct bytes);
	for (size_t i = 0; i < config->files.n; i++) {
		if (file_read(c, config->files.v[i], &pieces[i]) != 0) {
			ctx_forgive(c);
		}
	}
	sha256(pieces, config->files.n, digest);
	return hex_encode(config->arena, (struct bytes) { digest, sizeof(digest) });
}

/* F-44: the process, by what it is and where. Of one without a database (cairn-va) others tell by
 * its answers (ra/validators.h). Whether it was recorded. */
static bool record(const struct config *config, const char *what)
{
	const struct config_process *own = config_process(config, running->name);
	struct ctx c;
	ctx_init(&c);
	bool done = own->database == NULL;
	if (!done) {
		const struct run_record entry = { config_instance(c.arena, config, running->name), what, config_sha256 };
		done = run_record(&c, own->database, &entry) == 0;
	}
	if (!done) {
		log_error(&c, LOG_WARN, "not recorded yet");
	}
	ctx_done(&c);
	return done;
}

/* The configuration; a fault goes to the person who started the process, as one line. */
static int configure(struct ctx *c, const struct service *service, const struct service_options *options)
{
	struct config *config = NULL;
	if (config_load(c, options->files.v, options->files.n, &config) != 0 ||
	    config_require(c, config, service->name) != 0) {
		fprintf(stderr, "%s: %s\n", service->name, c->err.detail);
		config_free(config);
		return -1;
	}
	enum log_level level = LOG_INFO;
	if (log_level_parse(config->log.level, &level) != 0) {
		level = LOG_INFO;
	}
	log_init(service->name, level);
	loaded = config;
	config_sha256 = digest_of_files(c, config);
	return 0;
}

/* What libraries do at their first use, while they may still open files and before there are threads. */
static int warm_up(struct ctx *c)
{
	tzset();
	json_object_seed(0);
	if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		return FAIL(c, SERVER_INTERNAL, "A library does not start");
	}
	return 0;
}

/* Blocks, in all threads to come, the signals that wait_signals takes. */
static void block_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGHUP);
	pthread_sigmask(SIG_BLOCK, ret, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* One signal of the set, or 0 when none came in that time. */
static int next_signal(const sigset_t *signals, int64_t wait_ms)
{
	struct timespec wait = { wait_ms / 1000, wait_ms % 1000 * 1000000 };
	int signal_number = sigtimedwait(signals, NULL, &wait);
	return signal_number < 0 ? 0 : signal_number;
}

static void reload(const struct config *config)
{
	log_event(NULL, LOG_INFO, "reload", NULL);
	(void) record(config, "reloaded");
	if (running->reload != NULL) {
		running->reload(config);
	}
}

/* Until a signal tells the process to end. */
static void wait_signals(const struct config *config, const sigset_t *signals)
{
	bool told = false;
	bool recorded = false;
	for (;;) {
		bool ready = not_ready() == NULL;
		metric_set(METRIC_ready, NULL, ready ? 1 : 0);
		if (ready && !told) {
			log_event(NULL, LOG_INFO, "ready", "version", CAIRN_VERSION, NULL);
			notify_send("READY=1");
			told = true;
		}
		recorded = recorded || (ready && record(config, "started"));
		int signal_number = next_signal(signals, told ? IDLE_POLL_MS : READY_POLL_MS);
		if (signal_number == SIGHUP) {
			reload(config);
		} else if (signal_number != 0) {
			return;
		}
	}
}

static void drain(void)
{
	atomic_store(&draining, true);
	metric_set(METRIC_ready, NULL, 0);
	log_event(NULL, LOG_INFO, "draining", NULL);
	notify_send("STOPPING=1");
	alarm(DRAIN_MS / 1000 + 5); /* a drain that hangs ends all the same; what it did is safe to repeat */
	if (running->stop != NULL) {
		running->stop(DRAIN_MS);
	}
}

/* With another schema than its own a process would fail at every turn. One that can't be seen yet may be the right one. */
static int check_schema(struct ctx *c, const char *database)
{
	const char *lacking = NULL;
	if (database == NULL || schema_find(c, database, &lacking) != 0) {
		ctx_forgive(c);
		return 0;
	}
	if (lacking == NULL) {
		return 0;
	}
	unusable = true;
	return FAIL(c, SERVER_INTERNAL, "the database lacks migration %s: run deploy/up, or cairn migrate", lacking);
}

static int run(struct ctx *c, const struct config *config, const sigset_t *signals, struct health **ret_health)
{
	const struct config_process *own = config_process(config, running->name);
	const char *switches = config_test_switches(c->arena, config);
	if (switches != NULL) {
		log_event(c, LOG_WARN, "SET UP FOR TESTS OF CLIENTS: good requests are refused or delayed", "switches",
		    switches, NULL);
	}
	TRY(warm_up(c));
	if (running->open != NULL) {
		TRY(running->open(c, config));
	}
	notify_open();
	TRY(sandbox_enter(c, running->name, config));
	TRY(check_schema(c, own->database));
	TRY(health_start(c, own->metrics_listen, not_ready, ret_health));
	TRY(running->start(c, config));
	atomic_store(&started, true);
	db_thread_end(); /* this thread only waits from now on */
	wait_signals(config, signals);
	drain();
	(void) record(config, "stopped");
	return 0;
}

static int serve(struct ctx *c, const struct config *config)
{
	sigset_t signals;
	block_signals(&signals);
	struct health *health = NULL;
	int result = run(c, config, &signals, &health);
	if (result != 0) {
		log_error(c, LOG_ERROR, "the process can't run");
	}
	health_stop(health);
	log_event(NULL, LOG_INFO, "ended", NULL);
	return result == 0 ? 0 : unusable ? SERVICE_UNUSABLE : 1;
}

int service_main(int argc, char **argv, const struct service *service)
{
	running = service;
	json_wipe();
	atomic_store(&started, false);
	atomic_store(&draining, false);
	struct ctx c;
	ctx_init(&c);
	struct service_options options;
	int code = service_options_parse(c.arena, argc, argv, service->name, &options);
	if (code == SERVICE_DONE) {
		code = 0;
	} else if (code == 0 && configure(&c, service, &options) != 0) {
		code = 1;
	} else if (code == 0 && !options.check) {
		code = serve(&c, loaded);
	}
	ctx_done(&c);
	return code;
}
