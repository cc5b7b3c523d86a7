/* What the monitor of transparency logs keeps in the database (db/functions/ca_monitor.sql). */
#ifndef CAIRN_RA_MONITOR_ROWS_H
#define CAIRN_RA_MONITOR_ROWS_H

#include "lib/ct/log_list.h"
#include "lib/db/db.h"

/* A log as far as it is read. Sizes are of trees; an edge is as edge_encode has it. */
struct monitored {
	struct bytes log_id;
	int64_t size;
	struct bytes edge;
	struct timestamp head_at; /* none: nothing is verified yet */
	int64_t read_size;
	struct bytes read_edge;
	int64_t target_size;
	struct bytes target_root;
	struct timestamp target_at; /* none: there is no target */
	struct timestamp seen_at;
	const char *fault; /* what is wrong with it; NULL: nothing */
	/* of a turn */
	bool seen;          /* the log gave a head that it signed */
	struct bytes proof; /* JSON of what bears that out; or empty */
	int64_t due_s;
	const char *holder;
};

/* The log that is due, of those of the list that may hold entries of ours. */
int monitor_take(struct ctx *c, const struct ct_log_list *logs, const char *holder, struct monitored *ret,
    bool *ret_found) MUST_CHECK;
int monitor_note(struct ctx *c, const struct monitored *m) MUST_CHECK;

struct monitor_issuer {
	const char *name;
	struct bytes certificate;
};
int monitor_issuers(struct ctx *c, struct monitor_issuer **ret, size_t *ret_n) MUST_CHECK;

/* A certificate of this CA. */
struct known_entry {
	struct bytes serial;
	struct id certificate_id;
	struct bytes precertificate; /* or empty */
	struct bytes der;            /* or empty */
	struct bytes sct_list;       /* or empty */
};
int monitor_known(struct ctx *c, const struct bytes_list *serials, struct known_entry **ret, size_t *ret_n) MUST_CHECK;

struct merged {
	struct bytes log_id;
	struct id_list ids;
	struct int_list indexes;
};
int monitor_merged(struct ctx *c, const struct merged *merged) MUST_CHECK;

/* An SCT whose entry was not seen. */
struct sct_due {
	struct id certificate_id;
	struct bytes precertificate;
	struct bytes sct_list;
	struct bytes issuer;
};
int monitor_due(
    struct ctx *c, struct bytes log_id, struct timestamp before, struct sct_due **ret, size_t *ret_n) MUST_CHECK;
int monitor_missing(
    struct ctx *c, struct bytes log_id, struct id certificate_id, struct bytes facts, const char *holder) MUST_CHECK;

struct foreign {
	struct bytes log_id;
	int64_t index;
	const char *issuer;
	struct bytes serial;
	struct bytes entry;
	const char *process;
};
int monitor_foreign(struct ctx *c, const struct foreign *f) MUST_CHECK;

struct monitor_state {
	int64_t faults;
	int64_t missing;
	int64_t strangers;
	int64_t unmerged;
	int64_t behind;
};
int monitor_state(struct ctx *c, struct monitor_state *ret) MUST_CHECK;

#endif
