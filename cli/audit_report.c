#include "cli/audit_report.h"

#include <stdio.h>

#include "cli/audit_text.h"
#include "cli/operator.h"

static const struct field finding_field[] = {
	FIELD(struct audit_finding, what),
	FIELD(struct audit_finding, table),
	FIELD(struct audit_finding, row),
	FIELD(struct audit_finding, leaf),
	FIELD(struct audit_finding, text),
};
static const struct fields finding_fields = FIELDS(struct audit_finding, finding_field);

static const struct field report_field[] = {
	FIELD(struct audit_report, leaves),
	FIELD(struct audit_report, entries),
	FIELD(struct audit_report, checkpoints),
	FIELD(struct audit_report, witnessed),
	FIELD(struct audit_report, erased),
	FIELD(struct audit_report, waiting),
	FIELD(struct audit_report, key),
	FIELD(struct audit_report, key_was_given),
	FIELD(struct audit_report, stopped, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct audit_report, found),
	FIELD_STRUCTS(struct audit_report, findings, &finding_fields),
};
static const struct fields report_fields = FIELDS(struct audit_report, report_field);

static void print_text(const struct audit_report *r)
{
	for (size_t i = 0; i < r->findings.n; i++) {
		const struct audit_finding *f = &r->findings.v[i];
		printf("%s", f->what);
		if (f->table != NULL) {
			printf(" %s %s", f->table, f->row == NULL ? "" : f->row);
		}
		if (f->leaf >= 0) {
			printf(" leaf %lld", (long long) f->leaf);
		}
		printf(": %s\n", audit_plain(r->arena, f->text));
	}
	if (r->found > (int64_t) r->findings.n) {
		printf("... and %lld more\n", (long long) r->found - (long long) r->findings.n);
	}
	printf("%lld leaves, %lld of them read, %lld checkpoints signed by %s\n", (long long) r->leaves,
	    (long long) r->entries, (long long) r->checkpoints, r->key);
	if (!r->key_was_given) {
		printf("The key is the one that the log itself names: give --key to rely on nothing that is checked.\n");
	}
	if (r->erased > 0) {
		printf("%lld rows or their personal fields are gone by erasures that are on record.\n", (long long) r->erased);
	}
	if (r->waiting > 0) {
		printf(r->waiting == 1 ? "%lld row waits for its seal.\n" : "%lld rows wait for their seal.\n",
		    (long long) r->waiting);
	}
	if (r->stopped) {
		printf("Stopped, with %lld findings so far: nothing is said of the rest.\n", (long long) r->found);
	} else if (r->found == 0) {
		printf("All is as it was sealed.\n");
	} else {
		printf("%lld findings.\n", (long long) r->found);
	}
}

int audit_report_print(const struct audit_report *r, bool json)
{
	if (json) {
		operator_print(r->arena, &report_fields, r);
	} else {
		print_text(r);
	}
	return r->found == 0 && !r->stopped ? 0 : 1;
}
