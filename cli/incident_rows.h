/* Incidents in the database: one function an act (db/migrations/0015_renewal.sql). */
#ifndef CAIRN_CLI_INCIDENT_ROWS_H
#define CAIRN_CLI_INCIDENT_ROWS_H

#include "lib/db/db.h"

/* The certificates that are meant. */
struct incident_found {
	struct id_list certificates;
	int64_t accounts;
	int64_t expired;          /* named, but left out as they have ended */
	struct text_list missing; /* serials that no certificate has */
};

extern const struct fields incident_found_fields;

/* What finds them, for the lists of other commands. */
extern const struct statement incident_find_serials_statement;
extern const struct statement incident_find_issued_statement;

struct incident_wish {
	const char *url;
	const char *source; /* where the certificates come from, for the record */
	struct timestamp opens;
	struct timestamp closes;
	int64_t waves;
};

struct incident {
	struct id id;
	const char *url;
	const char *source;
	struct timestamp opens;
	struct timestamp closes;
	int64_t waves;
	struct timestamp created_at;
	const char *created_by;
	struct timestamp closed_at; /* none: it is in force */
	const char *closed_by;
	int64_t certificates;
	int64_t waiting;
	int64_t replaced;
	int64_t revoked;
	int64_t expired;
};
extern const struct fields incident_fields;

struct incident_list {
	struct incident *v;
	size_t n;
};

struct incident_certificate {
	const char *serial;
	struct id account_id;
	struct text_list names;
	struct timestamp not_after;
	int64_t wave;
	const char *state; /* waiting, replaced, revoked, expired */
};
extern const struct fields incident_certificate_fields;

struct incident_certificate_list {
	struct incident_certificate *v;
	size_t n;
};

/* Serials in hexadecimal digits, and a condition over acme.issued; MALFORMED when that can't be run. */
int incident_find_serials(struct ctx *c, const struct text_list *serials, struct incident_found *ret) MUST_CHECK;
int incident_find_where(struct ctx *c, const char *condition, struct incident_found *ret) MUST_CHECK;

/* NOT_FOUND when none of the certificates is there. */
int incident_create(struct ctx *c, const struct incident_wish *wish, const struct id_list *certificates,
    const char *actor, struct id *ret_id) MUST_CHECK;

/* All of them, or the one with the id. */
int incident_list(struct ctx *c, struct id id, struct incident_list *ret) MUST_CHECK;
int incident_show(struct ctx *c, struct id id, struct incident_certificate_list *ret) MUST_CHECK;

/* ret_changed false: it was closed before. FAIL: NOT_FOUND. */
int incident_close(struct ctx *c, struct id id, const char *actor, bool *ret_changed) MUST_CHECK;

#endif
