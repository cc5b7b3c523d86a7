#include "va/probe.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/die.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"

struct probe {
	const char *name;
	int64_t every_us;
	int64_t due_us; /* INT64_MAX while a lookup is under way */
	struct arena *arena;
};

struct probe *probe_new(const struct config_va *config)
{
	if (config->dnssec_probe == NULL || config->dnssec_probe[0] == '\0') {
		return NULL;
	}
	struct probe *p = calloc(1, sizeof(*p));
	if (p == NULL) {
		die("out of memory");
	}
	p->name = config->dnssec_probe;
	p->every_us = config->dnssec_probe_s * 1000000;
	p->arena = arena_new();
	return p;
}

void probe_free(struct probe *p)
{
	if (p != NULL) {
		arena_free(p->arena);
		free(p);
	}
}

int64_t probe_due_us(const struct probe *p)
{
	return p == NULL ? INT64_MAX : p->due_us;
}

int probe_judge(const struct resolution *record)
{
	if (strcmp(record->dnssec, "bogus") == 0) {
		return 1;
	}
	return record->error == NULL ? 0 : -1;
}

static void on_answer(void *arg, const struct lookup_answer *answer)
{
	static const char *const said[] = { "the DNSSEC probe got no answer",
		"the DNSSEC probe counts as good: nothing is validated", "the DNSSEC probe was refused, as it must be" };
	struct probe *p = arg;
	int judged = probe_judge(&answer->record);
	metric_set(METRIC_dnssec_probe, NULL, judged == 1 ? 1 : 0);
	log_event(NULL, judged == 1 ? LOG_INFO : LOG_ERROR, said[judged + 1], "name", p->name, "dnssec",
	    answer->record.dnssec, "ede", answer->record.ede, "error", answer->record.error, NULL);
	p->due_us = clock_monotonic_us() + p->every_us;
}

void probe_run(struct probe *p, struct resolver *r, int64_t now_us)
{
	if (p == NULL || now_us < p->due_us) {
		return;
	}
	arena_free(p->arena);
	p->arena = arena_new();
	p->due_us = INT64_MAX;
	const struct lookup_wanted wanted = { p->name, LOOKUP_A, on_answer, p, true, NULL };
	(void) lookup_start(r, p->arena, &wanted);
}
