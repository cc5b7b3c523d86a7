#include "lib/base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buffer.h"
#include "lib/base/die.h"
#include "lib/base/process_stat.h"

#define LABELS_MAX 64
#define OTHER LABELS_MAX /* the slot for label values beyond the 64th */

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM };

struct row {
	const char *name;
	const char *help;
	const char *label;
	enum kind kind;
};

static const struct row rows[METRIC_COUNT] = {
#define COUNTER(name, help, label) [METRIC_##name] = { #name, help, label, KIND_COUNTER },
#define GAUGE(name, help, label) [METRIC_##name] = { #name, help, label, KIND_GAUGE },
#define HISTOGRAM(name, help, label) [METRIC_##name] = { #name, help, label, KIND_HISTOGRAM },
#include "lib/base/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

static const int64_t bounds_us[] = { 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000,
	2500000, 5000000, 10000000, 30000000, 60000000 };

#define BOUNDS COUNT_OF(bounds_us)

struct slot {
	const char *label;
	atomic_int_fast64_t value; /* counter, gauge; histogram: the sum in microseconds */
	atomic_int_fast64_t buckets[BOUNDS + 1];
};

/* Slots are only ever added, under the lock; n is raised after the slot's label stands, so readers need no lock. */
static struct series {
	atomic_size_t n;
	struct slot slots[LABELS_MAX + 1];
} all[METRIC_COUNT];
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;

static struct slot *slot_find(struct series *s, const char *label)
{
	size_t n = atomic_load_explicit(&s->n, memory_order_acquire);
	for (size_t i = 0; i < n && i < LABELS_MAX; i++) {
		if (strcmp(s->slots[i].label, label) == 0) {
			return &s->slots[i];
		}
	}
	return n > LABELS_MAX ? &s->slots[OTHER] : NULL;
}

static struct slot *slot_add(struct series *s, const char *label)
{
	pthread_mutex_lock(&adding);
	struct slot *slot = slot_find(s, label);
	if (slot == NULL) {
		size_t n = atomic_load(&s->n);
		slot = &s->slots[n];
		slot->label = strdup(n == OTHER ? "other" : label);
		if (slot->label == NULL) {
			die("out of memory");
		}
		atomic_store_explicit(&s->n, n + 1, memory_order_release);
	}
	pthread_mutex_unlock(&adding);
	return slot;
}

static struct slot *slot_of(enum metric m, const char *label_value)
{
	const char *label = label_value == NULL ? "" : label_value;
	struct slot *slot = slot_find(&all[m], label);
	return slot != NULL ? slot : slot_add(&all[m], label);
}

void metric_add(enum metric m, const char *label_value, int64_t n)
{
	atomic_fetch_add_explicit(&slot_of(m, label_value)->value, n, memory_order_relaxed);
}

void metric_set(enum metric m, const char *label_value, int64_t value)
{
	atomic_store_explicit(&slot_of(m, label_value)->value, value, memory_order_relaxed);
}

void metric_observe_us(enum metric m, const char *label_value, int64_t us)
{
	struct slot *slot = slot_of(m, label_value);
	size_t i = 0;
	while (i < BOUNDS && us > bounds_us[i]) {
		i++;
	}
	atomic_fetch_add_explicit(&slot->buckets[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&slot->value, us, memory_order_relaxed);
}

/* `label="value"` with the escapes of the text format, or nothing. */
static const char *label_pair(struct arena *a, const struct row *row, const struct slot *slot)
{
	if (row->label[0] == '\0') {
		return "";
	}
	struct buffer b;
	buffer_init(&b, a, 100);
	buffer_printf(&b, "%s=\"", row->label);
	for (const char *p = slot->label; *p != '\0'; p++) {
		if (*p == '\\' || *p == '"') {
			buffer_add_char(&b, '\\');
		}
		buffer_add(&b, *p == '\n' ? " " : p, 1);
	}
	buffer_add_char(&b, '"');
	return (const char *) buffer_bytes(&b).p;
}

static void render_histogram(struct buffer *b, const struct row *row, struct slot *slot)
{
	const char *pair = label_pair(b->arena, row, slot);
	const char *comma = pair[0] == '\0' ? "" : ",";
	int64_t count = 0;
	for (size_t i = 0; i < BOUNDS; i++) {
		count += atomic_load_explicit(&slot->buckets[i], memory_order_relaxed);
		buffer_printf(b, "cairn_%s_bucket{%s%sle=\"%g\"} %lld\n", row->name, pair, comma, (double) bounds_us[i] / 1e6,
		    (long long) count);
	}
	count += atomic_load_explicit(&slot->buckets[BOUNDS], memory_order_relaxed);
	double sum_s = (double) atomic_load_explicit(&slot->value, memory_order_relaxed) / 1e6;
	buffer_printf(b, "cairn_%s_bucket{%s%sle=\"+Inf\"} %lld\n", row->name, pair, comma, (long long) count);
	buffer_printf(b, "cairn_%s_sum{%s} %.6f\ncairn_%s_count{%s} %lld\n", row->name, pair, sum_s, row->name, pair,
	    (long long) count);
}

static void render_value(struct buffer *b, const struct row *row, struct slot *slot)
{
	const char *pair = label_pair(b->arena, row, slot);
	bool bare = pair[0] == '\0';
	buffer_printf(b, "cairn_%s%s%s%s%s %lld\n", row->name, row->kind == KIND_COUNTER ? "_total" : "", bare ? "" : "{",
	    pair, bare ? "" : "}", (long long) atomic_load_explicit(&slot->value, memory_order_relaxed));
}

static void render_row(struct buffer *b, enum metric m)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	const struct row *row = &rows[m];
	const char *suffix = row->kind == KIND_COUNTER ? "_total" : "";
	buffer_printf(b, "# HELP cairn_%s%s %s\n# TYPE cairn_%s%s %s\n", row->name, suffix, row->help, row->name, suffix,
	    types[row->kind]);
	if (row->label[0] == '\0') {
		slot_of(m, NULL); /* a metric without a label stands at 0 from the start */
	}
	size_t n = atomic_load_explicit(&all[m].n, memory_order_acquire);
	for (size_t i = 0; i < n; i++) {
		struct slot *slot = &all[m].slots[i];
		if (row->kind == KIND_HISTOGRAM) {
			render_histogram(b, row, slot);
		} else {
			render_value(b, row, slot);
		}
	}
}

static void render_process(struct buffer *b)
{
	struct process_stat s;
	process_stat_read(&s);
	buffer_printf(b,
	    "# HELP process_cpu_seconds_total Processor time used\n"
	    "# TYPE process_cpu_seconds_total counter\n"
	    "process_cpu_seconds_total %.6f\n"
	    "# HELP process_resident_memory_bytes Resident memory\n"
	    "# TYPE process_resident_memory_bytes gauge\n"
	    "process_resident_memory_bytes %lld\n"
	    "# HELP process_open_fds Open file descriptors\n"
	    "# TYPE process_open_fds gauge\n"
	    "process_open_fds %lld\n"
	    "# HELP process_max_fds Most file descriptors that may be open\n"
	    "# TYPE process_max_fds gauge\n"
	    "process_max_fds %lld\n"
	    "# HELP process_start_time_seconds When the process started, in seconds since 1970\n"
	    "# TYPE process_start_time_seconds gauge\n"
	    "process_start_time_seconds %.2f\n",
	    s.cpu_s, (long long) s.resident_octets, (long long) s.open_files, (long long) s.max_files, s.started_s);
}

struct bytes metrics_render(struct arena *a)
{
	struct buffer b;
	buffer_init(&b, a, 16000);
	for (size_t m = 0; m < METRIC_COUNT; m++) {
		render_row(&b, (enum metric) m);
	}
	render_process(&b);
	return buffer_bytes(&b);
}
