#include "cli/bench_options.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US ((int64_t) 1000000)
#define PREPARE_MAX 1000000
#define PREPARE_PER_S 400 /* a closed loop without a count: more than two cores of a server have ever issued */

struct reader {
	struct arena *arena;
	struct bench_options *options;
	const char *problem;
};

/* One row an option; `read` takes the value, NULL for an option without one. */
struct option_row {
	const char *name;
	const char *value; /* as shown by --help, or NULL */
	int (*read)(struct reader *r, const char *name, const char *value);
	const char *help;
};

static int refuse(struct reader *r, const char *name, const char *value, const char *expected)
{
	r->problem = arena_printf(r->arena, "%s takes %s, not '%s'", name, expected, value);
	return -1;
}

static int read_real(struct reader *r, const char *name, const char *value, double max, double *ret)
{
	char *end = NULL;
	errno = 0;
	double number = strtod(value, &end);
	if (end == value || *end != '\0' || errno != 0 || !isfinite(number) || number < 0 || number > max) {
		return refuse(r, name, value, arena_printf(r->arena, "a number from 0 to %g", max));
	}
	*ret = number;
	return 0;
}

static int read_whole(struct reader *r, const char *name, const char *value, int64_t min, int64_t max, int64_t *ret)
{
	char *end = NULL;
	errno = 0;
	long long number = strtoll(value, &end, 10);
	if (end == value || *end != '\0' || errno != 0 || number < min || number > max) {
		return refuse(r, name, value,
		    arena_printf(r->arena, "a whole number from %lld to %lld", (long long) min, (long long) max));
	}
	*ret = number;
	return 0;
}

static int read_seconds(struct reader *r, const char *name, const char *value, double max, int64_t *ret_us)
{
	double s = 0;
	if (read_real(r, name, value, max, &s) != 0) {
		return -1;
	}
	*ret_us = (int64_t) llround(s * (double) SECOND_US);
	return 0;
}

/* The index of the value in a list of two words. */
static int read_word(struct reader *r, const char *name, const char *value, const char *const words[2], int *ret)
{
	for (int i = 0; i < 2; i++) {
		if (strcmp(value, words[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	return refuse(r, name, value, arena_printf(r->arena, "'%s' or '%s'", words[0], words[1]));
}

static int read_directory(struct reader *r, const char *name, const char *value)
{
	if (strncmp(value, "https://", 8) != 0 && strncmp(value, "http://", 7) != 0) {
		return refuse(r, name, value, "an http or https URL");
	}
	r->options->directory = value;
	return 0;
}

static int read_ca_file(struct reader *r, const char *name, const char *value)
{
	(void) name;
	r->options->ca_file = value[0] == '\0' ? NULL : value;
	return 0;
}

static int read_suffix(struct reader *r, const char *name, const char *value)
{
	const char *suffix = value[0] == '.' ? value + 1 : value;
	bool good = suffix[0] != '\0' && strlen(suffix) <= 200;
	for (const char *p = suffix; *p != '\0'; p++) {
		good = good && (isalnum((unsigned char) *p) || *p == '-' || *p == '.');
	}
	if (!good) {
		return refuse(r, name, value, "a domain name");
	}
	r->options->suffix = suffix;
	return 0;
}

static int read_profile(struct reader *r, const char *name, const char *value)
{
	(void) name;
	r->options->profile = value;
	return 0;
}

static int read_address(struct reader *r, const char *name, const char *value)
{
	(void) name;
	r->options->http01_address = value;
	return 0;
}

static int read_port(struct reader *r, const char *name, const char *value)
{
	int64_t port = 0;
	if (read_whole(r, name, value, 0, UINT16_MAX, &port) != 0) {
		return -1;
	}
	r->options->http01_port = (uint16_t) port;
	return 0;
}

static int read_workers(struct reader *r, const char *name, const char *value)
{
	return read_whole(r, name, value, 1, BENCH_WORKERS_MAX, &r->options->workers);
}

static int read_rate(struct reader *r, const char *name, const char *value)
{
	return read_real(r, name, value, 100000, &r->options->rate);
}

static int read_count(struct reader *r, const char *name, const char *value)
{
	return read_whole(r, name, value, 1, 1000000000, &r->options->count);
}

static int read_duration(struct reader *r, const char *name, const char *value)
{
	return read_seconds(r, name, value, 86400 * 7, &r->options->duration_us);
}

static int read_warmup(struct reader *r, const char *name, const char *value)
{
	return read_seconds(r, name, value, 3600, &r->options->warmup_us);
}

static int read_timeout(struct reader *r, const char *name, const char *value)
{
	return read_seconds(r, name, value, 3600, &r->options->timeout_us);
}

static int read_poll(struct reader *r, const char *name, const char *value)
{
	int64_t ms = 0;
	if (read_whole(r, name, value, 1, 60000, &ms) != 0) {
		return -1;
	}
	r->options->poll_us = ms * 1000;
	return 0;
}

static int read_names(struct reader *r, const char *name, const char *value)
{
	return read_whole(r, name, value, 1, BENCH_NAMES_MAX, &r->options->names_per_order);
}

static int read_prepare(struct reader *r, const char *name, const char *value)
{
	return read_whole(r, name, value, 0, PREPARE_MAX, &r->options->prepare);
}

static int read_renew(struct reader *r, const char *name, const char *value)
{
	return read_real(r, name, value, 1, &r->options->renew);
}

static int read_revoke(struct reader *r, const char *name, const char *value)
{
	return read_real(r, name, value, 1, &r->options->revoke);
}

static int read_accounts(struct reader *r, const char *name, const char *value)
{
	int which = 0;
	if (read_word(r, name, value, (const char *const[2]) { "kept", "new" }, &which) != 0) {
		return -1;
	}
	r->options->accounts = which == 0 ? BENCH_ACCOUNTS_KEPT : BENCH_ACCOUNTS_NEW;
	return 0;
}

static int read_key_kind(struct reader *r, const char *name, const char *value, enum bench_key_kind *ret)
{
	int which = 0;
	if (read_word(r, name, value, (const char *const[2]) { "p256", "rsa" }, &which) != 0) {
		return -1;
	}
	*ret = which == 0 ? BENCH_P256 : BENCH_RSA2048;
	return 0;
}

static int read_key(struct reader *r, const char *name, const char *value)
{
	return read_key_kind(r, name, value, &r->options->key);
}

static int read_account_key(struct reader *r, const char *name, const char *value)
{
	return read_key_kind(r, name, value, &r->options->account_key);
}

/* Numbers apart by commas or blanks. */
static int read_pids(struct reader *r, const char *name, const char *value)
{
	r->options->n_pids = 0;
	for (const char *p = value; *p != '\0';) {
		size_t n = strcspn(p, ", \n");
		if (n > 0) {
			int64_t pid = 0;
			if (r->options->n_pids == BENCH_PIDS_MAX) {
				return refuse(r, name, value, "at most 256 process ids");
			}
			if (read_whole(r, name, arena_text_n(r->arena, p, n), 1, INT32_MAX, &pid) != 0) {
				return -1;
			}
			r->options->pids[r->options->n_pids++] = (pid_t) pid;
		}
		p += n + (p[n] != '\0');
	}
	return 0;
}

static const struct option_row rows[] = {
	{ "--directory", "URL", read_directory, "the server ($DIRECTORY_URL, else https://localhost:14000/directory)" },
	{ "--ca-file", "FILE", read_ca_file, "PEM certificates to trust ($API_CA_FILE, else the system's)" },
	{ "--workers", "N", read_workers, "clients at the same time (8)" },
	{ "--rate", "R", read_rate, "open loop: R orders a second, latency counted from the scheduled time" },
	{ "--duration", "S", read_duration, "seconds that are measured (10 without --count)" },
	{ "--count", "N", read_count, "end after N orders" },
	{ "--warmup", "S", read_warmup, "seconds before that are not measured (1; 0 with --count)" },
	{ "--accounts", "kept|new", read_accounts, "one account for each worker, or a new one for each order (kept)" },
	{ "--key", "p256|rsa", read_key, "keys of certificates (p256)" },
	{ "--account-key", "p256|rsa", read_account_key, "keys of accounts (p256)" },
	{ "--suffix", "NAME", read_suffix, "ordered names are w3-17.NAME (test)" },
	{ "--names-per-order", "N", read_names, "names in one order (1)" },
	{ "--profile", "NAME", read_profile, "certificate profile to ask for" },
	{ "--http01-address", "A", read_address, "where the http-01 responder listens (127.0.0.1)" },
	{ "--http01-port", "P", read_port, "its port ($HTTP01_PORT, else 5002)" },
	{ "--renew", "SHARE", read_renew, "share of orders that renew the worker's last certificate (0)" },
	{ "--revoke", "SHARE", read_revoke, "share of certificates that are revoked (0)" },
	{ "--timeout", "S", read_timeout, "longest time of one order (60)" },
	{ "--poll-ms", "MS", read_poll, "first wait between polls when there is no Retry-After (10)" },
	{ "--prepare", "N", read_prepare, "orders whose keys and CSRs are made ahead (as many as are likely)" },
	{ "--pids", "A,B,C", read_pids,
	    "the server's processes, for CPU time a certificate, by process; children are included" },
};

static const struct option_row *row_find(const char *name, size_t n)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strlen(rows[i].name) == n && strncmp(rows[i].name, name, n) == 0) {
			return &rows[i];
		}
	}
	return NULL;
}

static int read_environment(struct reader *r)
{
	static const char *const names[][2] = {
		{ "DIRECTORY_URL", "--directory" },
		{ "API_CA_FILE", "--ca-file" },
		{ "HTTP01_PORT", "--http01-port" },
	};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *value = getenv(names[i][0]);
		const struct option_row *row = row_find(names[i][1], strlen(names[i][1]));
		if (value != NULL && value[0] != '\0' && row != NULL && row->read(r, names[i][0], value) != 0) {
			return -1;
		}
	}
	return 0;
}

/* One argument with its value, which may stand behind a '=' or in the next one; moves *i to the last one used. */
static int read_argument(struct reader *r, int argc, char **argv, int *i)
{
	const char *arg = argv[*i];
	if (strcmp(arg, "--json") == 0 || strcmp(arg, "--help") == 0) {
		*(arg[2] == 'j' ? &r->options->json : &r->options->help) = true;
		return 0;
	}
	size_t n = strcspn(arg, "=");
	const struct option_row *row = row_find(arg, n);
	if (row == NULL) {
		r->problem = arena_printf(r->arena, "there is no option '%s'", arg);
		return -1;
	}
	if (arg[n] == '=') {
		return row->read(r, row->name, arg + n + 1);
	}
	if (*i + 1 >= argc) {
		r->problem = arena_printf(r->arena, "%s needs a value (%s)", row->name, row->value);
		return -1;
	}
	(*i)++;
	return row->read(r, row->name, argv[*i]);
}

/* What one option can't judge alone, and the defaults that depend on others. */
static int complete(struct reader *r)
{
	struct bench_options *o = r->options;
	if (o->renew > 0 && o->accounts == BENCH_ACCOUNTS_NEW) {
		r->problem = "--renew needs --accounts kept: who renews has an account";
		return -1;
	}
	if (o->timeout_us <= 0) {
		r->problem = "--timeout must be more than 0";
		return -1;
	}
	if (o->count == 0 && o->duration_us == 0) {
		o->duration_us = 10 * SECOND_US;
	}
	if (o->warmup_us < 0) {
		o->warmup_us = o->count > 0 ? 0 : SECOND_US;
	}
	if (o->prepare < 0) {
		double seconds = (double) (o->duration_us + o->warmup_us) / (double) SECOND_US;
		double likely = o->rate > 0 ? o->rate * seconds + 1 : PREPARE_PER_S * seconds;
		if (o->count > 0 && (o->duration_us == 0 || (double) o->count < likely)) {
			likely = (double) o->count;
		}
		o->prepare = likely < PREPARE_MAX ? (int64_t) likely : PREPARE_MAX;
	}
	return 0;
}

int bench_options_parse(
    struct arena *a, int argc, char **argv, struct bench_options *ret_options, const char **ret_problem)
{
	struct bench_options options = {
		.directory = "https://localhost:14000/directory",
		.suffix = "test",
		.http01_address = "127.0.0.1",
		.http01_port = 5002,
		.workers = 8,
		.warmup_us = -1,
		.timeout_us = 60 * SECOND_US,
		.poll_us = 10000,
		.names_per_order = 1,
		.prepare = -1,
	};
	struct reader r = { .arena = a, .options = &options };
	int bad = read_environment(&r);
	for (int i = 1; i < argc && bad == 0; i++) {
		bad = read_argument(&r, argc, argv, &i);
	}
	if (bad != 0 || complete(&r) != 0) {
		*ret_problem = r.problem;
		return -1;
	}
	*ret_options = options;
	return 0;
}

const char *bench_options_help(struct arena *a)
{
	const char *text = "Usage: cairn bench [OPTION...]\n\n"
	                   "Gets certificates from an ACME server as fast as it can, or at a given rate, and prints\n"
	                   "certificates a second, the time of each step and every error.\n\n";
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *left = arena_printf(a, "%s %s", rows[i].name, rows[i].value);
		text = arena_printf(a, "%s  %-25s  %s\n", text, left, rows[i].help);
	}
	return arena_printf(a, "%s  %-25s  %s\n  %-25s  %s\n", text, "--json", "the report as JSON", "--help", "this text");
}
