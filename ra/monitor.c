#include "ra/monitor.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/log.h"
#include "lib/seal/edge.h"
#include "policy/ct.h"
#include "ra/logs.h"
#include "ra/monitor_entries.h"

#define DUE_S 30        /* a log that is well is looked at again */
#define TRY_AGAIN_S 300 /* one that is not */
#define MORE_S 0        /* one that is not read to the end */
#define ANSWER_MS 25000 /* what one more answer may take, and the end of a turn */
#define SILENT_S 86400  /* so long a log may give nothing: the longest merge delay that there is */
#define DOUBTS 4        /* so often in a row, and over such a time, it may say without its signature what can't be: */
#define DOUBT_S 3600    /* that may be something in between */

/* Of one turn. */
struct turn {
	struct ctx *c;
	const struct log_source *s;
	struct monitored *m;
	struct log_head head;
	struct edge edge;   /* of all that is read */
	struct entries e;   /* what is looked for in them */
	const char *before; /* what was wrong with it */
	bool doubted;
};

static const char *hex(struct arena *a, const struct merkle_hash *hash)
{
	return hex_encode(a, (struct bytes) { hash->b, SHA256_SIZE });
}

/* With what the log signed: it can't take that back. */
static void fault(struct turn *t, const char *why)
{
	struct monitored *m = t->m;
	struct arena *a = t->c->arena;
	m->fault = why;
	m->due_s = TRY_AGAIN_S;
	m->proof = bytes_of_text(
	    arena_printf(a, "{\"head\":\"%s\",\"size\":%llu,\"root\":\"%s\",\"known_size\":%lld,\"known_edge\":\"%s\"}",
	        base64_encode(a, t->head.said), (unsigned long long) t->head.tree.size, hex(a, &t->head.tree.root),
	        (long long) m->size, hex_encode(a, m->edge)));
	log_event(t->c, LOG_ERROR, "a transparency log is at fault", "log", t->s->log->description, "why", why, NULL);
}

/* What it says can't be, but no signature of it is under that. */
static void doubt(struct turn *t, const char *why)
{
	struct monitored *m = t->m;
	t->doubted = true;
	m->doubts++;
	m->doubt_at = m->doubt_at.us == 0 ? clock_now() : m->doubt_at;
	m->due_s = TRY_AGAIN_S;
	m->fault = t->before;
	if (m->doubts >= DOUBTS && timestamp_add_s(m->doubt_at, DOUBT_S).us <= clock_now().us) {
		fault(t, why);
	} else {
		log_event(
		    t->c, LOG_WARN, "a transparency log shows what can't be", "log", t->s->log->description, "why", why, NULL);
	}
}

/* The error in c is about the log: it is told, and forgiven. */
static void told(struct turn *t)
{
	struct monitored *m = t->m;
	bool silent = timestamp_add_s(m->seen_at, SILENT_S).us < clock_now().us;
	const char *why = arena_text(t->c->arena, t->c->err.detail == NULL ? "it is not known why" : t->c->err.detail);
	bool wrong = t->c->err.type == PROBLEM_MALFORMED;
	log_error(t->c, LOG_WARN, "a transparency log can't be read");
	ctx_forgive(t->c);
	m->due_s = logs_ending() ? MORE_S : TRY_AGAIN_S;
	if (wrong && !logs_ending()) {
		doubt(t, why);
	} else {
		m->fault = silent ? "Its entries could not be read for a day" : t->before;
	}
}

/* Whether what is at fault is the log; else it is this process or its database. */
static bool is_of_log(const struct ctx *c)
{
	return c->err.type == PROBLEM_UNAVAILABLE || c->err.type == PROBLEM_MALFORMED || c->err.type == PROBLEM_NOT_FOUND ||
	       c->err.type == PROBLEM_DEADLINE;
}

/* NULL, or why the log may not sign such a head, whatever its entries are. */
static const char *head_refusal(const struct turn *t)
{
	const struct monitored *m = t->m;
	struct timestamp now = clock_now();
	int64_t merge_s = t->s->log->merge_s > SILENT_S ? t->s->log->merge_s : SILENT_S;
	uint64_t verified = m->head_at.us == 0 ? 0 : (uint64_t) m->size;
	uint64_t target = m->target_at.us == 0 ? 0 : (uint64_t) m->target_size;
	struct merkle_hash root;
	struct edge edge;
	if (t->head.at.us > timestamp_add_s(now, CT_AHEAD_S).us) {
		return "The head of its tree is of the future";
	}
	if (t->s->log->state != CT_READONLY && timestamp_add_s(t->head.at, merge_s).us < now.us) {
		return "It has not signed its tree for longer than it may";
	}
	if ((t->head.tree.size < verified && t->head.at.us >= m->head_at.us) ||
	    (t->head.tree.size < target && t->head.at.us >= m->target_at.us)) {
		return "Its tree has become smaller";
	}
	if (target > 0 && t->head.tree.size == target && m->target_root.n == SHA256_SIZE &&
	    memcmp(m->target_root.p, t->head.tree.root.b, SHA256_SIZE) != 0) {
		return "It has signed two trees of one size";
	}
	if (verified > 0 && t->head.tree.size == verified && edge_parse(verified, m->edge, &edge) == 0) {
		edge_root(&edge, &root);
		return merkle_equal(&root, &t->head.tree.root) ? NULL : "It has signed two trees of one size";
	}
	return NULL;
}

static void keep_read(struct turn *t)
{
	t->m->read_size = (int64_t) t->edge.size;
	t->m->read_edge = edge_encode(t->c->arena, &t->edge);
}

static void keep_verified(struct turn *t, struct timestamp at)
{
	struct monitored *m = t->m;
	keep_read(t);
	m->size = m->read_size;
	m->edge = m->read_edge;
	m->head_at = at;
	m->target_at.us = 0;
	m->target_root = (struct bytes) { NULL, 0 };
}

/* A tree that is small is read from its first entry, any other from the end that it has now: a proof says what stands before. */
static int begin(struct turn *t)
{
	struct ct_leaf_list last;
	struct merkle_hash leaf;
	struct merkle_proof proof;
	uint64_t at = t->head.tree.size - 1;
	if (t->head.tree.size <= MONITOR_LEAVES_MAX) {
		t->edge = (struct edge) { .size = 0 };
		keep_verified(t, (struct timestamp) { 1 });
		return 0;
	}
	TRY(log_source_leaves(t->c, t->s, &t->head.tree, at, &last));
	merkle_leaf(last.v[0].octets, &leaf);
	TRY(log_source_prove(t->c, t->s, &t->head.tree, &leaf, &at, &proof));
	if (at != t->head.tree.size - 1 || edge_of_proof(&t->head.tree, &leaf, &proof, &t->edge) != 0) {
		return FAIL(t->c, MALFORMED, "The last entry of its tree is not where it is");
	}
	keep_verified(t, t->head.at);
	return 0;
}

/* Where to read up to: a head once it is begun with, else the newest. */
static void aim(struct turn *t)
{
	struct monitored *m = t->m;
	if (m->target_at.us == 0 && t->head.tree.size > (uint64_t) m->size) {
		m->target_size = (int64_t) t->head.tree.size;
		m->target_root = arena_bytes(t->c->arena, t->head.tree.root.b, SHA256_SIZE);
		m->target_at = t->head.at;
	}
}

/* Some entries more, in memory of their own. */
static int read_some(struct turn *t, struct ctx *own, const struct merkle_head *target)
{
	struct ct_leaf_list leaves;
	struct merkle_hash hash;
	TRY(log_source_leaves(own, t->s, target, t->edge.size, &leaves));
	TRY(entries_look(own, &t->e, t->edge.size, &leaves));
	for (size_t i = 0; i < leaves.n; i++) {
		merkle_leaf(leaves.v[i].octets, &hash);
		edge_add(&t->edge, &hash);
	}
	return 0;
}

static int read_on(struct turn *t, const struct merkle_head *target)
{
	uint64_t from = t->edge.size;
	int result = 0;
	while (result == 0 && t->edge.size < target->size && t->edge.size - from < MONITOR_LEAVES_MAX &&
	       ctx_left_ms(t->c, INT64_MAX / 2000) > ANSWER_MS && !logs_ending()) {
		struct ctx own;
		ctx_init(&own);
		ctx_limit_ms(&own, ctx_left_ms(t->c, INT64_MAX / 2000));
		result = read_some(t, &own, target);
		if (result != 0) {
			(void) ctx_fail(t->c, own.err.type, "%s", own.err.detail == NULL ? "" : own.err.detail);
			(void) ctx_cause(t->c, "%s", own.err.cause == NULL ? "" : own.err.cause);
		}
		ctx_done(&own);
	}
	keep_read(t);
	return result;
}

/* The entries have to be those that the log signed. When they are not, they are read again from the last good head on. */
static int read_entries(struct turn *t)
{
	struct monitored *m = t->m;
	struct merkle_hash root;
	struct merkle_head target;
	aim(t);
	if (m->target_at.us == 0) {
		return 0;
	}
	target.size = (uint64_t) m->target_size;
	if (m->target_root.n != SHA256_SIZE || edge_parse((uint64_t) m->read_size, m->read_edge, &t->edge) != 0) {
		return ctx_fault(t->c, "what is known of a transparency log is broken");
	}
	memcpy(target.root.b, m->target_root.p, SHA256_SIZE);
	TRY(read_on(t, &target));
	if (t->edge.size < target.size) {
		m->due_s = MORE_S;
		return 0;
	}
	edge_root(&t->edge, &root);
	if (merkle_equal(&root, &target.root)) {
		keep_verified(t, m->target_at);
		return 0;
	}
	m->read_size = m->size;
	m->read_edge = m->edge;
	m->target_at.us = 0;
	doubt(t, "The root that it signed is not that of its entries: it has shown different trees");
	return 0;
}

static int tell_unproved(struct turn *t, const struct unproved *u)
{
	bool missing = false;
	TRY(monitor_unproved(t->c, u, &missing));
	if (missing) {
		t->m->told = true;
		log_event(
		    t->c, LOG_ERROR, "a transparency log has not what its SCT promised", "log", t->s->log->description, NULL);
	}
	return 0;
}

/* An SCT that nobody can ask about must not stand in the way of the others. */
static int unprovable(struct turn *t, const struct sct_due *due)
{
	const char *facts = arena_printf(
	    t->c->arena, "{\"log\":\"%s\",\"why\":\"It does not say where its entry is\"}", t->s->log->description);
	log_error(t->c, LOG_ERROR, "an SCT on record can't be held against its log");
	ctx_forgive(t->c);
	const struct unproved u = { t->m->log_id, due->certificate_id, .surely = true, .facts = bytes_of_text(facts),
		.process = t->m->holder };
	return tell_unproved(t, &u);
}

/* The log did not prove it, by the error in c: that it has no such entry, or an answer that is none. Asked again with the others. */
static int not_proved(struct turn *t, const struct sct_due *due, const struct merkle_hash *leaf)
{
	const struct err why = t->c->err;
	const char *facts = arena_printf(t->c->arena, "{\"log\":\"%s\",\"leaf\":\"%s\",\"head\":\"%s\"}",
	    t->s->log->description, hex(t->c->arena, leaf), base64_encode(t->c->arena, t->head.said));
	const struct unproved u = { t->m->log_id, due->certificate_id, .refused = why.type == PROBLEM_NOT_FOUND,
		.facts = bytes_of_text(facts), .process = t->m->holder };
	if (!is_of_log(t->c) || logs_ending()) {
		return -1;
	}
	ctx_forgive(t->c);
	TRY(tell_unproved(t, &u));
	t->c->err = why;
	return u.refused ? 0 : -1;
}

/* One SCT whose entry was not seen though it is due: the log may prove that it is there. */
static int ask_due(struct turn *t, const struct sct_due *due)
{
	struct merkle_hash leaf;
	struct merkle_proof proof;
	uint64_t at = UINT64_MAX;
	struct id ids[1] = { due->certificate_id };
	int64_t index = 0;
	bool was_missing = false;
	if (entries_due_leaf(t->c, due, t->s->log, &leaf, &at) != 0) {
		return unprovable(t, due);
	}
	if (log_source_prove(t->c, t->s, &t->head.tree, &leaf, &at, &proof) != 0) {
		TRY(not_proved(t, due, &leaf));
		ctx_forgive(t->c);
		return 0;
	}
	index = (int64_t) at;
	const struct merged merged = { t->m->log_id, { ids, 1 }, { &index, 1 } };
	TRY(monitor_merged(t->c, &merged, &was_missing));
	t->m->told = t->m->told || was_missing;
	return 0;
}

/* RFC 6962 3: by a head that is signed later than that, the entry is in the tree. An answer that can't be ends the turn: what was asked for
 * is not asked for at once again. */
static int ask_all_due(struct turn *t)
{
	struct sct_due *due = NULL;
	size_t n = 0;
	size_t n_new = 0;
	TRY(monitor_due(t->c, t->m->log_id, timestamp_add_s(t->head.at, -t->s->log->merge_s), &due, &n));
	for (size_t i = 0; i < n && ctx_left_ms(t->c, INT64_MAX / 2000) > ANSWER_MS; i++) {
		TRY(ask_due(t, &due[i]));
		n_new += due[i].again ? 0 : 1;
	}
	if (n_new == MONITOR_DUE_NEW || (n > 0 && ctx_left_ms(t->c, INT64_MAX / 2000) <= ANSWER_MS)) {
		t->m->due_s = MORE_S;
	}
	return 0;
}

static int read_log(struct turn *t)
{
	if (t->m->head_at.us == 0 && t->head.tree.size > 0) {
		TRY(begin(t));
	}
	return t->m->head_at.us == 0 ? 0 : read_entries(t);
}

/* A log whose entries can't be read may prove all the same that it has those that it promised. */
static int ask_though_unread(struct turn *t)
{
	const struct err unread = t->c->err;
	ctx_forgive(t->c);
	if (unread.type != PROBLEM_MALFORMED && ask_all_due(t) != 0) {
		log_error(t->c, LOG_WARN, "a transparency log can't be asked about its promises");
	}
	ctx_forgive(t->c);
	t->c->err = unread;
	return -1;
}

static int go(struct turn *t)
{
	const char *why = NULL;
	TRY(entries_begin(t->c, t->s->log, t->m->holder, &t->e));
	TRY(log_source_head(t->c, t->s, &t->head));
	why = head_refusal(t);
	if (why != NULL) {
		t->m->seen = true;
		fault(t, why);
		return 0;
	}
	if (read_log(t) != 0) {
		return is_of_log(t->c) ? ask_though_unread(t) : -1;
	}
	if (t->m->fault == NULL) {
		TRY(ask_all_due(t));
	}
	t->m->seen = true;
	return 0;
}

int monitor_turn(struct ctx *c, const struct log_source *s, struct monitored *m)
{
	struct turn t = { .c = c, .s = s, .m = m, .before = m->fault };
	m->due_s = DUE_S;
	m->fault = NULL;
	if (go(&t) != 0) {
		if (!is_of_log(c)) {
			return -1;
		}
		told(&t);
	} else if (!t.doubted && m->target_at.us != 0 && m->fault == NULL) {
		m->fault = t.before; /* what was wrong is not right before all is read */
	} else if (!t.doubted) {
		m->doubts = 0;
		m->doubt_at.us = 0;
	}
	m->told = m->told || t.e.told || (m->fault == NULL) != (t.before == NULL);
	return 0;
}
