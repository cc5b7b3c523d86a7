/* The public export: days that are over, each as JSON Lines and CSV with a manifest of digests (docs/privacy.md). */
#ifndef CAIRN_CLI_EXPORT_PUBLIC_H
#define CAIRN_CLI_EXPORT_PUBLIC_H

#include "lib/db/db.h"

extern const struct statement *const export_statements[];
extern const size_t export_statements_n;

/* "2026-11-21", a day of the calendar. ret: its days since 1970. */
bool export_day_read(const char *text, int64_t *ret);
const char *export_day_text(struct arena *a, int64_t day);

/* One value as a field of CSV (RFC 4180), whatever it holds: lists and objects as JSON. A text that a spreadsheet would take for a formula gets
 * an apostrophe in front. */
const char *export_csv_field(struct arena *a, const json_t *value);

/* Where to, by whom and what for. */
struct export_run {
	const char *folder;
	const char *actor;
	const char *reason;
};

/* Writes the day into the folder, unless its manifest is there already; then it compares all digests. ret_rows: how many rows
 * there are; ret_made: it was written now. MALFORMED: the day is not over; CONFLICT: a file was changed since, a row must
 * not be public, or another export writes into the folder. */
int export_day(struct ctx *c, const struct export_run *run, int64_t day, int64_t *ret_rows, bool *ret_made) MUST_CHECK;

#endif
