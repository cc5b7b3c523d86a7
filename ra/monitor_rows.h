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
	const char *fault;         /* what is wrong with it; NULL: nothing */
	int64_t doubts;            /* so often in a row it said what can't be, without its signature */
	struct timestamp doubt_at; /* first */
	/* of a turn */
	bool seen;          /* the log gave a head that it signed, and what was asked of it */
	bool told;          /* there is something new for who watches */
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
/* ret_told: some of it was told to be missing. */
int monitor_merged(struct ctx *c, const struct merged *merged, bool *ret_told) MUST_CHECK;

/* An SCT whose entry was not seen. */
struct sct_due {
	struct id certificate_id;
	struct bytes precertificate;
	struct bytes sct_list;
	struct bytes issuer;
	bool again; /* the log was asked for it before */
};
#define MONITOR_DUE_NEW 192 /* so many at most that it was not asked for before */
int monitor_due(
    struct ctx *c, struct bytes log_id, struct timestamp before, struct sct_due **ret, size_t *ret_n) MUST_CHECK;

/* An SCT that the log did not prove. */
struct unproved {
	struct bytes log_id;
	struct id certificate_id;
	bool refused; /* it says that it has no such entry */
	bool surely;  /* and can't have one */
	struct bytes facts;
	const char *process;
};
/* ret_told: it is missing from now on. */
int monitor_unproved(struct ctx *c, const struct unproved *u, bool *ret_told) MUST_CHECK;

struct foreign {
	struct bytes log_id;
	int64_t index;
	const char *issuer;
	struct bytes serial;
	struct bytes entry;
	bool proved; /* it has a signature by that issuer */
	const char *process;
};
/* ret_told: it was not known before. */
int monitor_foreign(struct ctx *c, const struct foreign *f, bool *ret_told) MUST_CHECK;

struct monitor_state {
	int64_t faults;
	int64_t missing;
	int64_t strangers;
	int64_t unmerged;
	int64_t behind;
	int64_t unproved;
};
int monitor_state(struct ctx *c, struct monitor_state *ret) MUST_CHECK;

#endif
