#include "lib/seal/audit_findings.h"

#include <stdarg.h>

void audit_report_init(struct audit_report *r, struct arena *a)
{
	*r = (struct audit_report) { .arena = a, .key = "nobody" };
	r->findings.v = ARENA_ARRAY(a, AUDIT_FINDINGS_MAX, struct audit_finding);
}

void audit_find(struct audit_report *r, const char *what, const struct audit_place *place, const char *format, ...)
{
	va_list ap;
	r->found++;
	if (r->findings.n == AUDIT_FINDINGS_MAX) {
		return;
	}
	va_start(ap, format);
	r->findings.v[r->findings.n++] = (struct audit_finding) { what, place->table, arena_text(r->arena, place->row),
		place->leaf, arena_vprintf(r->arena, format, ap) };
	va_end(ap);
}
