#include "subscriber/alarms.h"

#include <string.h>

#include "lib/base/folder.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/http/smtp.h"
#include "subscriber/keeper.h"
#include "subscriber/post.h"
#include "subscriber/rounds.h"

#define LEASE_S 180
#define ROUND_LIMIT_MS 90000
#define TELL_LIMIT_MS 8000 /* less than a process has to end */
#define AT_ONCE 20
#define AWAY_US 300000000 /* so long the database may be away until that is told as well */

struct channel {
	const struct config_alarm_channel *config;
	struct bytes ca;
	bool mail;
};

static struct {
	struct channel *v;
	size_t n;
	struct text_list names;
	struct smtp server;
	const char *url; /* of the ACME server: whose alarms these are */
	const char *instance;
	int64_t repeat_s;
	int64_t away_since_us; /* 0: the database was there */
	int64_t away_told_us;
	struct rounds *thread;
} own;

/* ---- statements ---- */

struct note_params {
	const char *process;
};
static const struct field note_param[] = { FIELD(struct note_params, process) };
static const struct fields note_params_fields = FIELDS(struct note_params, note_param);

struct note_row {
	int64_t open;
};
static const struct field note_field[] = { FIELD(struct note_row, open) };
static const struct fields note_fields = FIELDS(struct note_row, note_field);

static const struct statement note_statement = {
	.name = "note_alarms",
	.sql = "SELECT log.note_alarms($1) AS open",
	.params = &note_params_fields,
	.row = &note_fields,
	.repeatable = true,
};

struct tell_params {
	struct text_list channels;
	int64_t repeat_s;
	int64_t most;
};
static const struct field tell_param[] = {
	FIELD(struct tell_params, channels),
	FIELD(struct tell_params, repeat_s),
	FIELD(struct tell_params, most),
};
static const struct fields tell_params_fields = FIELDS(struct tell_params, tell_param);

/* An alarm and the channel over which it is to be told; a hook gets it as JSON. */
struct alarm {
	struct id id;
	const char *ca;
	const char *channel;
	const char *kind;
	const char *subject;
	const char *detail;
	struct timestamp raised_at;
	struct timestamp seen_at;
	struct timestamp ended_at; /* none: it goes on */
	int64_t times;
	int64_t told; /* how often over this channel before */
};
static const struct field alarm_field[] = {
	FIELD(struct alarm, id),
	FIELD(struct alarm, ca),
	FIELD(struct alarm, channel),
	FIELD(struct alarm, kind),
	FIELD(struct alarm, subject),
	FIELD(struct alarm, detail),
	FIELD(struct alarm, raised_at),
	FIELD(struct alarm, seen_at),
	FIELD(struct alarm, ended_at),
	FIELD(struct alarm, times),
	FIELD(struct alarm, told),
};
static const struct fields alarm_fields = FIELDS(struct alarm, alarm_field);

static const struct statement to_tell_statement = {
	.name = "alarms_to_tell",
	.sql = "SELECT * FROM log.alarms_to_tell($1, $2, $3)",
	.params = &tell_params_fields,
	.row = &alarm_fields,
	.repeatable = true,
};

struct told_params {
	struct id id;
	const char *channel;
	const char *failure;
	const char *process;
};
static const struct field told_param[] = {
	FIELD(struct told_params, id),
	FIELD(struct told_params, channel),
	FIELD(struct told_params, failure),
	FIELD(struct told_params, process),
};
static const struct fields told_params_fields = FIELDS(struct told_params, told_param);

static const struct statement told_statement = {
	.name = "alarm_was_told",
	.sql = "SELECT log.alarm_was_told($1, $2, $3, $4)",
	.params = &told_params_fields,
};

struct blind_params {
	const char *why;
	const char *process;
};
static const struct field blind_param[] = { FIELD(struct blind_params, why), FIELD(struct blind_params, process) };
static const struct fields blind_params_fields = FIELDS(struct blind_params, blind_param);

static const struct statement blind_statement = {
	.name = "alarms_blind",
	.sql = "SELECT log.raise_alarm('alarms-blind', '', $1, $2, false)",
	.params = &blind_params_fields,
	.repeatable = true,
};

const struct statement *const alarms_statements[] = { &note_statement, &blind_statement, &to_tell_statement,
	&told_statement };
const size_t alarms_n_statements = COUNT_OF(alarms_statements);

/* ---- telling ---- */

static const char *time_text(struct arena *a, struct timestamp t)
{
	char text[RFC3339_SIZE];
	timestamp_encode(t, false, text);
	return arena_text(a, text);
}

static void write_mail(struct arena *a, const struct alarm *alarm, const char *to, struct mail *ret)
{
	char id[ID_TEXT_SIZE];
	id_encode(alarm->id, id);
	const char *what = arena_printf(a, "%s%s%s", alarm->kind, alarm->subject[0] == '\0' ? "" : " ", alarm->subject);
	const char *over = alarm->ended_at.us == 0 ? "It goes on."
	                                           : arena_printf(a, "It is over since %s.", time_text(a, alarm->ended_at));
	const char *answer = id_is_none(alarm->id)
	                         ? "It is on no record, as there is no database.\n"
	                         : arena_printf(a,
	                               "docs/alarms.md tells what to do. When you have looked, say whether it is a\n"
	                               "true alarm and what was done:\n\n"
	                               "    cairn alarm acknowledge %s --true --note TEXT --yes\n\n"
	                               "(--false if it is none). Until somebody does it is told again.\n",
	                               id);
	*ret = (struct mail) {
		.to = to,
		.subject = arena_printf(a, "Alarm%s: %.150s", alarm->told > 0 ? ", told again" : "", what),
		.text = arena_printf(a, "%s\n\n%s: %s.\n\nSeen first at %s,\nlast at %s. %s\n\n%s", alarm->ca, what,
		    alarm->detail, time_text(a, alarm->raised_at), time_text(a, alarm->seen_at), over, answer),
	};
}

static int post_alarm(struct ctx *c, const struct channel *channel, const struct alarm *alarm)
{
	const struct post_to to = { "no answer", channel->config->to, channel->ca, "application/json" };
	long status = 0;
	struct bytes reply;
	TRY(post(c, &to, fields_to_json(c->arena, &alarm_fields, alarm), &status, &reply));
	return status / 100 == 2 ? 0 : FAIL(c, UNAVAILABLE, "HTTP status %ld", status);
}

static int tell(struct ctx *c, const struct channel *channel, const struct alarm *alarm)
{
	struct mail mail;
	struct mail_sent sent;
	if (!channel->mail) {
		return post_alarm(c, channel, alarm);
	}
	write_mail(c->arena, alarm, channel->config->to, &mail);
	return smtp_send(c, &own.server, &mail, &sent);
}

/* ret_failure (the arena's of c): why it was not taken, or NULL. */
static void try_channel(struct ctx *c, const struct channel *channel, struct alarm *alarm, const char **ret_failure)
{
	struct ctx one;
	ctx_init(&one);
	ctx_limit_ms(&one, TELL_LIMIT_MS);
	alarm->ca = own.url;
	*ret_failure = NULL;
	if (tell(&one, channel, alarm) != 0) {
		*ret_failure = arena_text(c->arena, one.err.detail);
		log_event(c, LOG_ERROR, "an alarm could not be told", "channel", channel->config->name, "alarm", alarm->kind,
		    "why", *ret_failure, NULL);
	}
	metric_add(METRIC_alarms_told, *ret_failure == NULL ? "told" : "failed", 1);
	ctx_done(&one);
}

static const struct channel *find_channel(const char *name)
{
	size_t i = 0;
	while (i + 1 < own.n && strcmp(own.v[i].config->name, name) != 0) {
		i++;
	}
	return &own.v[i];
}

static int tell_all(struct ctx *c, const struct rounds *self)
{
	const struct tell_params params = { own.names, own.repeat_s, AT_ONCE };
	struct alarm *list = NULL;
	size_t n = 0;
	TRY(db_rows(c, &to_tell_statement, &params, (void *) &list, &n));
	for (size_t i = 0; i < n && rounds_go_on(self) && ctx_left_ms(c, ROUND_LIMIT_MS) > 2 * TELL_LIMIT_MS; i++) {
		const char *failure = NULL;
		try_channel(c, find_channel(list[i].channel), &list[i], &failure);
		const struct told_params told = { list[i].id, list[i].channel, failure, own.instance };
		TRY(db_run(c, &told_statement, &told));
	}
	return 0;
}

/* What is wrong now. That it can't be found out is an alarm as well, and keeps nobody from being told of what is on record. */
static int note(struct ctx *c)
{
	const struct note_params params = { own.instance };
	struct note_row row;
	bool found = false;
	if (db_row(c, &note_statement, &params, &row, &found) == 0) {
		metric_set(METRIC_alarms_open, "", row.open);
		return 0;
	}
	log_error(c, LOG_ERROR, "what is wrong can't be found out");
	const struct blind_params blind = { arena_printf(c->arena, "What is wrong can't be found out: %s", c->err.detail),
		own.instance };
	ctx_forgive(c);
	return db_run(c, &blind_statement, &blind);
}

static int look_and_tell(struct ctx *c, const struct rounds *self)
{
	const struct lease_params lease = { "alarms", own.instance, LEASE_S };
	struct lease_row taken;
	bool found = false;
	TRY(db_row(c, &subscriber_take_lease_statement, &lease, &taken, &found));
	if (!taken.taken) {
		return 0;
	}
	TRY(note(c));
	return own.n == 0 ? 0 : tell_all(c, self);
}

/* What no record can tell of, over all channels; each instance for itself. */
static void tell_away(struct ctx *c, const struct rounds *self, const char *why)
{
	const struct timestamp now = clock_now();
	struct alarm alarm = {
		.kind = "database-away",
		.subject = own.instance,
		.detail = arena_printf(c->arena, "The alarms can't be read: %s", why),
		.raised_at = { now.us - (clock_monotonic_us() - own.away_since_us) },
		.seen_at = now,
		.times = 1,
	};
	for (size_t i = 0; i < own.n && rounds_go_on(self); i++) {
		const char *failure = NULL;
		alarm.channel = own.v[i].config->name;
		try_channel(c, &own.v[i], &alarm, &failure);
	}
}

static int round_of_thread(struct ctx *c, const struct rounds *self)
{
	int result = look_and_tell(c, self);
	int64_t now_us = clock_monotonic_us();
	if (result == 0) { /* whatever it is that failed: one that hangs, or refuses, is away as well */
		own.away_since_us = 0;
		own.away_told_us = 0;
		return result;
	}
	own.away_since_us = own.away_since_us == 0 ? now_us : own.away_since_us;
	bool told = own.away_told_us != 0 && now_us - own.away_told_us < own.repeat_s * 1000000;
	if (now_us - own.away_since_us >= AWAY_US && !told) {
		own.away_told_us = now_us;
		tell_away(c, self, c->err.detail);
	}
	return result;
}

/* ---- start and end ---- */

int alarms_open(struct ctx *c, const struct config *config)
{
	const struct config_alarm_channel_list *list = &config->alarm.channels;
	own.v = ARENA_ARRAY(c->arena, list->n, struct channel);
	own.names = (struct text_list) { ARENA_ARRAY(c->arena, list->n, const char *), list->n };
	for (size_t i = 0; i < list->n; i++) {
		own.v[i] = (struct channel) { .config = &list->v[i], .mail = strcmp(list->v[i].kind, "mail") == 0 };
		own.names.v[i] = list->v[i].name;
		if (own.v[i].mail && !smtp_is_address(list->v[i].to)) {
			return FAIL(c, MALFORMED, "alarm.channels: %s: this is no address of a mail", list->v[i].name);
		}
		if (list->v[i].ca_file != NULL) {
			TRY(file_read(c, list->v[i].ca_file, &own.v[i].ca));
		}
	}
	own.n = list->n;
	return smtp_open(c, &config->smtp, &own.server);
}

int alarms_start(struct ctx *c, const struct config *config, const char *instance)
{
	own.instance = instance;
	own.url = config->acme.external_url;
	own.repeat_s = config->alarm.repeat_s;
	if (own.n == 0) {
		log_event(c, LOG_WARN, "alarms go nowhere: alarm.channels is empty", NULL);
	}
	const struct rounds_of of = { round_of_thread, "alarms could not be looked at, or told",
		config->alarm.interval_s * 1000, ROUND_LIMIT_MS };
	own.thread = rounds_start(c, &of);
	return own.thread == NULL ? -1 : 0;
}

void alarms_stop(void)
{
	rounds_stop(own.thread);
	own.thread = NULL;
}
