#include "lib/ct/log_list.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/fields.h"
#include "lib/crypto/key.h"

#define MERGE_S 86400 /* of a log whose entry does not say */
#define LOGS_MAX 1000

struct interval {
	const char *start_inclusive;
	const char *end_exclusive;
};
static const struct field interval_field[] = {
	FIELD(struct interval, start_inclusive, .flags = FIELD_REQUIRED),
	FIELD(struct interval, end_exclusive, .flags = FIELD_REQUIRED),
};
static const struct fields interval_fields = FIELDS(struct interval, interval_field);

struct former {
	const char *name;
	struct timestamp end_time;
};
static const struct field former_field[] = {
	FIELD(struct former, name, .flags = FIELD_REQUIRED),
	FIELD(struct former, end_time, .flags = FIELD_REQUIRED),
};
static const struct fields former_fields = FIELDS(struct former, former_field);

struct former_list {
	struct former *v;
	size_t n;
};

struct entry {
	const char *description;
	const char *log_id;
	const char *key;
	const char *url;
	const char *submission_url;
	const char *monitoring_url;
	int64_t mmd;
	json_t *state;
	struct interval temporal_interval;
	struct former_list previous_operators;
};
static const struct field entry_field[] = {
	FIELD(struct entry, description, .max = 200),
	FIELD(struct entry, log_id, .flags = FIELD_REQUIRED),
	FIELD(struct entry, key, .flags = FIELD_REQUIRED),
	FIELD(struct entry, url),
	FIELD(struct entry, submission_url),
	FIELD(struct entry, monitoring_url),
	FIELD(struct entry, mmd, .min = 0, .max = 30 * 86400),
	FIELD(struct entry, state),
	FIELD_STRUCT(struct entry, temporal_interval, &interval_fields),
	FIELD_STRUCTS(struct entry, previous_operators, &former_fields),
};
static const struct fields entry_fields = FIELDS(struct entry, entry_field);

struct entry_list {
	struct entry *v;
	size_t n;
};

struct operator_entry {
	const char *name;
	struct entry_list logs;
	struct entry_list tiled_logs;
};
static const struct field operator_field[] = {
	FIELD(struct operator_entry, name, .flags = FIELD_REQUIRED, .min = 1, .max = 200),
	FIELD_STRUCTS(struct operator_entry, logs, &entry_fields),
	FIELD_STRUCTS(struct operator_entry, tiled_logs, &entry_fields),
};
static const struct fields operator_fields = FIELDS(struct operator_entry, operator_field);

struct operator_list {
	struct operator_entry *v;
	size_t n;
};

struct document {
	struct timestamp log_list_timestamp;
	struct operator_list operators;
};
static const struct field document_field[] = {
	FIELD(struct document, log_list_timestamp, .flags = FIELD_REQUIRED),
	FIELD_STRUCTS(struct document, operators, &operator_fields, .flags = FIELD_REQUIRED),
};
static const struct fields document_fields = FIELDS(struct document, document_field);

static int broken(struct ctx *c, const struct entry *e, const char *what)
{
	return FAIL(c, MALFORMED, "Log \"%s\": %s", e->description, what);
}

static int read_key(struct ctx *c, const struct entry *e, struct ct_log *log)
{
	struct bytes spki;
	struct bytes id;
	uint8_t *own_id = arena_alloc(c->arena, SHA256_SIZE);
	if (base64_decode(c->arena, bytes_of_text(e->key), &spki) != 0 ||
	    base64_decode(c->arena, bytes_of_text(e->log_id), &id) != 0) {
		return broken(c, e, "key or log_id is not base64");
	}
	sha256_of(spki, own_id);
	log->id = (struct bytes) { own_id, SHA256_SIZE };
	if (!bytes_equal(id, log->id)) {
		return broken(c, e, "log_id is not the SHA-256 of key");
	}
	enum key_kind kind = key_kind_of_spki(spki);
	if ((kind != KEY_P256 && kind != KEY_RSA) || key_of_spki(c, spki, &log->key) != 0) {
		ctx_forgive(c);
		return broken(c, e, "key is neither P-256 nor RSA");
	}
	return 0;
}

/* not *ret_known: in none, or none that this reader has a name for */
static int read_state(struct ctx *c, const struct entry *e, struct ct_log *log, bool *ret_known)
{
	static const char *const names[] = {
		[CT_PENDING] = "pending",
		[CT_QUALIFIED] = "qualified",
		[CT_USABLE] = "usable",
		[CT_READONLY] = "readonly",
		[CT_RETIRED] = "retired",
		[CT_REJECTED] = "rejected",
	};
	*ret_known = false;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const json_t *one = json_object_get(e->state, names[i]);
		const char *since = json_string_value(json_object_get(one, "timestamp"));
		if (one == NULL) {
			continue;
		}
		if (json_object_size(e->state) != 1 || since == NULL ||
		    timestamp_parse(bytes_of_text(since), &log->state_since) != 0) {
			return broken(c, e, "state is not one, or has no timestamp");
		}
		log->state = (enum ct_state) i;
		*ret_known = true;
		return 0;
	}
	return 0;
}

static int read_interval(struct ctx *c, const struct entry *e, struct ct_log *log)
{
	const struct interval *i = &e->temporal_interval;
	if (i->start_inclusive == NULL) {
		return 0; /* a log that is no shard */
	}
	if (timestamp_parse(bytes_of_text(i->start_inclusive), &log->from) != 0 ||
	    timestamp_parse(bytes_of_text(i->end_exclusive), &log->until) != 0 || log->from.us >= log->until.us) {
		return broken(c, e, "temporal_interval is none");
	}
	return 0;
}

static int read_url(struct ctx *c, const struct entry *e, const char *url, const char **ret)
{
	if (url == NULL || strlen(url) > 500 || (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)) {
		return broken(c, e, "there is no http(s) URL to ask at");
	}
	for (const char *p = url; *p != '\0'; p++) {
		if (*p <= 0x20 || *p > 0x7e || *p == '?' || *p == '#' || *p == '@') {
			return broken(c, e, "the URL to ask at has a character that it may not have");
		}
	}
	bool slash = url[strlen(url) - 1] == '/';
	*ret = arena_printf(c->arena, "%s%s", url, slash ? "" : "/");
	return 0;
}

/* A tiled log is submitted to at one place and read at another. */
static int read_urls(struct ctx *c, const struct entry *e, struct ct_log *log)
{
	TRY(read_url(c, e, log->tiled ? e->submission_url : e->url, &log->url));
	log->read_url = log->url;
	return log->tiled && e->monitoring_url != NULL ? read_url(c, e, e->monitoring_url, &log->read_url) : 0;
}

static int read_former(struct ctx *c, const struct entry *e, struct ct_log *log)
{
	struct ct_former_operator *v = ARENA_ARRAY(c->arena, e->previous_operators.n, struct ct_former_operator);
	for (size_t i = 0; i < e->previous_operators.n; i++) {
		const struct former *one = &e->previous_operators.v[i];
		v[i] = (struct ct_former_operator) { one->name, one->end_time };
		if (i > 0 && v[i - 1].until.us >= v[i].until.us) {
			return broken(c, e, "previous_operators are not in the order of their ends");
		}
	}
	log->former = v;
	log->n_former = e->previous_operators.n;
	return 0;
}

/* The list's own schema wants key, log_id and mmd, and nothing else: what has no name is called by its id. */
static int read_entry(struct ctx *c, struct entry *e, const char *operator, bool tiled, struct ct_log_list *list)
{
	bool known = false;
	if (e->description == NULL || e->description[0] == '\0') {
		e->description = e->log_id;
	}
	struct ct_log log = { .description = e->description, .operator= operator, .tiled = tiled };
	TRY(read_key(c, e, &log));
	TRY(read_state(c, e, &log, &known));
	if (!known) { /* H-8: lists grow; what it says may count with nobody */
		list->left_out =
		    list->left_out == NULL ? e->description : arena_printf(c->arena, "%s, %s", list->left_out, e->description);
		return 0;
	}
	TRY(read_interval(c, e, &log));
	TRY(read_urls(c, e, &log));
	log.merge_s = e->mmd > 0 ? e->mmd : MERGE_S;
	TRY(read_former(c, e, &log));
	if (ct_log_find(list, log.id) != NULL) {
		return broken(c, e, "stands twice in the list");
	}
	list->v[list->n++] = log;
	return 0;
}

int ct_log_list_parse(struct ctx *c, struct bytes json, struct ct_log_list *ret)
{
	struct document d;
	size_t n = 0;
	TRY(fields_parse_json(c, &document_fields, json, &d));
	for (size_t i = 0; i < d.operators.n; i++) {
		n += d.operators.v[i].logs.n + d.operators.v[i].tiled_logs.n;
	}
	if (n == 0 || n > LOGS_MAX) {
		return FAIL(c, MALFORMED, "A list of %zu logs; it must have 1 to %d", n, LOGS_MAX);
	}
	struct ct_log_list list = { ARENA_ARRAY(c->arena, n, struct ct_log), 0, d.log_list_timestamp, NULL };
	for (size_t i = 0; i < d.operators.n; i++) {
		const struct operator_entry *o = &d.operators.v[i];
		for (size_t k = 0; k < o->logs.n; k++) {
			TRY(read_entry(c, &o->logs.v[k], o->name, false, &list));
		}
		for (size_t k = 0; k < o->tiled_logs.n; k++) {
			TRY(read_entry(c, &o->tiled_logs.v[k], o->name, true, &list));
		}
	}
	if (list.n == 0) {
		return FAIL(c, MALFORMED, "No log of the list is in a state that is known");
	}
	*ret = list;
	return 0;
}

const struct ct_log *ct_log_find(const struct ct_log_list *list, struct bytes id)
{
	for (size_t i = 0; i < list->n; i++) {
		if (bytes_equal(list->v[i].id, id)) {
			return &list->v[i];
		}
	}
	return NULL;
}

const char *ct_log_operator_at(const struct ct_log *log, struct timestamp t)
{
	for (size_t i = 0; i < log->n_former; i++) {
		if (t.us < log->former[i].until.us) {
			return log->former[i].name;
		}
	}
	return log->operator;
}

bool ct_log_covers(const struct ct_log *log, struct timestamp not_after)
{
	return log->until.us == 0 || (not_after.us >= log->from.us && not_after.us < log->until.us);
}
