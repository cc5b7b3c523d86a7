#include "cli/bench_report.h"

#include <jansson.h>

#include "lib/base/die.h"

double bench_result_rate(const struct bench_result *r)
{
	return r->seconds > 0 ? (double) r->in_window / r->seconds : 0;
}

static double per_certificate(const struct bench_result *r, double value)
{
	return r->in_window > 0 ? value / (double) r->in_window : 0;
}

static void print_steps(FILE *out, const struct bench_stats *s)
{
	fprintf(out, "\n%-20s %9s %9s %9s %9s %9s %9s  (ms)\n", "step", "count", "mean", "p50", "p95", "p99", "max");
	for (unsigned i = 0; i < BENCH_STEP_COUNT; i++) {
		const struct histogram *h = &s->step[i];
		if (h->n == 0) {
			continue;
		}
		fprintf(out, "%-20s %9llu %9.2f %9.2f %9.2f %9.2f %9.2f\n", bench_step_name(i), (unsigned long long) h->n,
		    (double) h->sum_us / (double) h->n / 1e3, (double) histogram_percentile(h, 50) / 1e3,
		    (double) histogram_percentile(h, 95) / 1e3, (double) histogram_percentile(h, 99) / 1e3,
		    (double) h->max_us / 1e3);
	}
}

/* A server's words on a terminal: nothing but printable ASCII. */
static void print_quoted(FILE *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		fputc(*p >= ' ' && *p <= '~' ? *p : '?', out);
	}
}

static void print_errors(FILE *out, const struct bench_stats *s)
{
	fprintf(out, "\nerrors: %llu\n", (unsigned long long) s->errors);
	for (size_t i = 0; i < s->n_errors; i++) {
		const struct bench_error *e = &s->error[i];
		fprintf(out, "%9llu  %s: ", (unsigned long long) e->n, bench_step_name(e->step));
		print_quoted(out, e->type);
		fputs(e->detail[0] == '\0' ? "" : " - ", out);
		print_quoted(out, e->detail);
		fputc('\n', out);
	}
}

static void print_note(FILE *out, uint64_t n, const char *what)
{
	if (n > 0) {
		fprintf(out, "%llu %s\n", (unsigned long long) n, what);
	}
}

static void print_server_cpu(FILE *out, const struct bench_result *r)
{
	const struct bench_cpu *cpu = &r->server_cpu;
	fprintf(out, "\nserver CPU: %.2f s, %.2f ms a certificate\n", cpu->seconds, per_certificate(r, cpu->seconds) * 1e3);
	for (size_t i = 0; i < cpu->n; i++) {
		fprintf(out, "  %-28s %6.2f s, %6.2f ms a certificate\n", cpu->row[i].name, cpu->row[i].seconds,
		    per_certificate(r, cpu->row[i].seconds) * 1e3);
	}
}

void bench_report_text(FILE *out, const struct bench_result *r)
{
	const struct bench_stats *s = &r->stats;
	fprintf(out, "%s, %lld workers, %s loop, %s accounts\n", r->options->directory, (long long) r->options->workers,
	    r->options->rate > 0 ? "open" : "closed", r->options->accounts == BENCH_ACCOUNTS_NEW ? "new" : "kept");
	fprintf(out, "%llu certificates in %.2f s: %.1f a second\n", (unsigned long long) r->in_window, r->seconds,
	    bench_result_rate(r));
	print_note(out, s->renewals, "of all orders renewed a certificate");
	print_note(out, s->revocations, "certificates revoked");
	print_steps(out, s);
	print_errors(out, s);
	print_note(out, s->bad_nonces, "requests repeated with a fresh nonce after badNonce");
	print_note(out, r->missed, "orders were due but found no worker: more --workers, or the server is too slow");
	print_note(out, r->broken_off, "orders given up because the run was ended");
	print_note(out, r->late_keys, "orders had keys made while the clock ran: raise --prepare");
	if (r->options->n_pids > 0) {
		print_server_cpu(out, r);
	}
	fprintf(out, "%sown CPU: %.2f s, %.2f ms a certificate\n", r->options->n_pids > 0 ? "" : "\n", r->own_cpu_s,
	    per_certificate(r, r->own_cpu_s) * 1e3);
}

static json_t *steps_json(const struct bench_stats *s)
{
	json_t *steps = json_object();
	for (unsigned i = 0; i < BENCH_STEP_COUNT; i++) {
		const struct histogram *h = &s->step[i];
		if (h->n == 0) {
			continue;
		}
		json_object_set_new(steps, bench_step_name(i),
		    json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "count", (json_int_t) h->n, "mean_ms",
		        (double) h->sum_us / (double) h->n / 1e3, "p50_ms", (double) histogram_percentile(h, 50) / 1e3,
		        "p95_ms", (double) histogram_percentile(h, 95) / 1e3, "p99_ms",
		        (double) histogram_percentile(h, 99) / 1e3, "max_ms", (double) h->max_us / 1e3));
	}
	return steps;
}

static json_t *errors_json(const struct bench_stats *s)
{
	json_t *errors = json_array();
	for (size_t i = 0; i < s->n_errors; i++) {
		const struct bench_error *e = &s->error[i];
		/* A detail that is not UTF-8, or was cut within a character, gives null. */
		json_t *row =
		    json_pack("{s:s, s:s, s:I}", "step", bench_step_name(e->step), "type", e->type, "count", (json_int_t) e->n);
		json_object_set_new(row, "detail", json_string(e->detail));
		json_array_append_new(errors, row);
	}
	return errors;
}

static json_t *cpu_json(const struct bench_result *r)
{
	json_t *rows = json_object();
	for (size_t i = 0; i < r->server_cpu.n; i++) {
		const struct bench_cpu_row *row = &r->server_cpu.row[i];
		json_object_set_new(rows, row->name, json_real(per_certificate(r, row->seconds) * 1e3));
	}
	return rows;
}

void bench_report_json(FILE *out, const struct bench_result *r)
{
	const struct bench_stats *s = &r->stats;
	json_t *report = json_pack("{s:s, s:I, s:f, s:s, s:I, s:f, s:f, s:I, s:I, s:I, s:o, s:I, s:o, s:I, s:I, s:I, s:I}",
	    "directory", r->options->directory, "workers", (json_int_t) r->options->workers, "rate", r->options->rate,
	    "accounts", r->options->accounts == BENCH_ACCOUNTS_NEW ? "new" : "kept", "certificates",
	    (json_int_t) r->in_window, "seconds", r->seconds, "certificates_per_s", bench_result_rate(r), "renewals",
	    (json_int_t) s->renewals, "revocations", (json_int_t) s->revocations, "requests", (json_int_t) s->requests,
	    "steps", steps_json(s), "errors", (json_int_t) s->errors, "errors_by_kind", errors_json(s), "bad_nonces",
	    (json_int_t) s->bad_nonces, "missed", (json_int_t) r->missed, "broken_off", (json_int_t) r->broken_off,
	    "late_keys", (json_int_t) r->late_keys);
	if (report == NULL) {
		die("the report can't be written as JSON");
	}
	json_object_set_new(report, "own_cpu_s", json_real(r->own_cpu_s));
	json_object_set_new(report, "own_cpu_ms_per_certificate", json_real(per_certificate(r, r->own_cpu_s) * 1e3));
	if (r->options->n_pids > 0) {
		json_object_set_new(report, "server_cpu_s", json_real(r->server_cpu.seconds));
		json_object_set_new(
		    report, "server_cpu_ms_per_certificate", json_real(per_certificate(r, r->server_cpu.seconds) * 1e3));
		json_object_set_new(report, "server_cpu_ms_per_certificate_by_process", cpu_json(r));
	}
	json_dumpf(report, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	fputc('\n', out);
	json_decref(report);
}
