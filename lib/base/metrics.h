/* Counters, gauges and histograms in Prometheus' text form; the closed list stands in metrics.def, one row each:
 *   COUNTER(name, "help", "label")   GAUGE(name, "help", "label")   HISTOGRAM(name, "help", "label")
 * label "" means none. Label values come from closed sets only (a method, a problem, a route), never from the network.
 * Safe from all threads; an update is a few instructions. */
#ifndef CAIRN_BASE_METRICS_H
#define CAIRN_BASE_METRICS_H

#include "lib/base/arena.h"

enum metric {
#define COUNTER(name, help, label) METRIC_##name,
#define GAUGE(name, help, label) METRIC_##name,
#define HISTOGRAM(name, help, label) METRIC_##name,
#include "lib/base/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
	METRIC_COUNT
};

/* label_value NULL for a metric without a label. At most 64 label values a metric; more are counted as "other". */
void metric_add(enum metric m, const char *label_value, int64_t n);
void metric_set(enum metric m, const char *label_value, int64_t value);
/* Histograms are of durations: microseconds in, buckets 0.5 ms .. 60 s out in seconds. */
void metric_observe_us(enum metric m, const char *label_value, int64_t us);

/* The whole text of /metrics, in the arena; includes process_* (CPU seconds, resident memory, open files, start time). */
struct bytes metrics_render(struct arena *a);

#endif
