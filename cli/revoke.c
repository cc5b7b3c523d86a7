#include "cli/revoke.h"

#include <stdio.h>
#include <string.h>

#include "cli/incident_waves.h"
#include "cli/operator.h"
#include "cli/revoke_run.h"
#include "cli/revoke_select.h"
#include "lib/base/buffer.h"

#define RESERVE_S 7200 /* of the time that the rules give, for a person and the next CRL */

static const char usage[] =
    "Usage: cairn revoke WHICH --reason REASON --because TEXT [--yes]\n"
    "       cairn revoke WHICH --reason REASON --because TEXT --url URL [--window FROM/TO] [--waves N] [--wait] "
    "[--yes]\n"
    "       cairn revoke resume INCIDENT [--wait] --yes\n"
    "       cairn revoke list\n"
    "       cairn revoke reasons\n"
    "\n"
    "Revokes certificates. Without --yes it shows which and changes nothing. Ctrl-C stops it between two batches of "
    "500;\n"
    "the same words again go on from there, and do nothing twice. With --url their clients are called to renew first, "
    "in\n"
    "waves as with cairn incident, and cairn-ra revokes each certificate when its wave ends, whatever becomes of this\n"
    "command; `cairn revoke resume` does it without cairn-ra. `cairn incident close` calls off what is left, but for "
    "a\n"
    "compromise, whose keys are blocked before the first wave.\n"
    "\n"
    "  --config FILE       configuration with command.database; may stand again, each laid over the one before\n"
    "  --database TEXT     connection string of PostgreSQL for role cairn_operator instead\n"
    "  WHICH is one of:\n"
    "  --serial SERIAL     in hexadecimal digits, with colons or without\n"
    "  --certificate FILE  PEM or DER; it must be one of this CA's, octet for octet\n"
    "  --key KEY           all with this key: SHA-256 of the SubjectPublicKeyInfo in hexadecimal digits, or a file "
    "with a\n"
    "                      private key or a CSR named \"Proof of Key Compromise\" (which prove a compromise), a public "
    "key\n"
    "                      or a certificate\n"
    "  --account ACCOUNT   all of the account: its URL, or the 22 characters at the end\n"
    "  --serials FILE      a serial a line; # begins a comment\n"
    "  --where CONDITION   SQL over the columns of acme.issued, such as \"profile = 'classic' AND issued_at < "
    "'2026-11-20'\"\n"
    "\n"
    "  --reason REASON     what happened: a word of `cairn revoke reasons`, which settles the reason in the CRL. Of a\n"
    "                      compromise the keys are blocked, and every certificate with one of them is revoked\n"
    "  --because TEXT      why, for the log\n"
    "  --since TIME        of a compromise that is older: since when, as 2026-11-21T08:00:00Z or 24h (ago); the CRL "
    "says it\n"
    "  --url URL           the page that explains it to subscribers\n"
    "  --window FROM/TO    when to renew: each now, a time from now such as 12h, or 2026-11-21T08:00:00Z\n"
    "                      (default: from now until two hours before the rules want it done)\n"
    "  --waves N           spread the certificates over N parts of the window, one after another (default 1)\n"
    "  --wait              stay until the last wave has ended\n"
    "  --yes               make the change; without it, it is only shown\n"
    "  --json              one line of JSON\n";

struct request {
	struct operator_options options;
	struct revoke_typed which;
	const char *reason;
	const char *because;
	const char *since;
	const char *url;
	const char *window;
	const char *waves;
	bool wait;
	const struct revocation_occasion *occasion;
	struct incident_wish wish;
	struct id id; /* of resume */
	const struct config *config;
};

struct answer {
	bool done;
	bool stopped;
	const char *reason; /* as a CRL has it */
	int64_t certificates;
	int64_t before;
	int64_t expired;
	int64_t accounts;
	int64_t keys;
	int64_t revoked;
	json_t *sample;
	struct wave_list waves;
	struct id incident;
	int64_t waiting;
	struct timestamp next_at;
	struct timestamp due_at;
};
static const struct field answer_field[] = {
	FIELD(struct answer, done),
	FIELD(struct answer, stopped),
	FIELD(struct answer, reason),
	FIELD(struct answer, certificates),
	FIELD(struct answer, before),
	FIELD(struct answer, expired),
	FIELD(struct answer, accounts),
	FIELD(struct answer, keys),
	FIELD(struct answer, revoked),
	FIELD(struct answer, sample),
	FIELD_STRUCTS(struct answer, waves, &wave_fields),
	FIELD(struct answer, incident),
	FIELD(struct answer, waiting),
	FIELD(struct answer, next_at),
	FIELD(struct answer, due_at),
};
static const struct fields answer_fields = FIELDS(struct answer, answer_field);

struct list_answer {
	struct revoke_order_list revocations;
};
static const struct field list_answer_field[] = { FIELD_STRUCTS(
	struct list_answer, revocations, &revoke_order_fields) };
static const struct fields list_answer_fields = FIELDS(struct list_answer, list_answer_field);

static void print_sample(struct ctx *c, const struct answer *a)
{
	size_t i = 0;
	const json_t *one = NULL;
	json_array_foreach(a->sample, i, one)
	{
		const json_t *names = json_object_get(one, "names");
		printf("%s  until %s  account %s  %s%s\n", json_string_value(json_object_get(one, "serial")),
		    json_string_value(json_object_get(one, "not_after")), json_string_value(json_object_get(one, "account")),
		    json_string_value(json_array_get(names, 0)), json_array_size(names) > 1 ? " and more" : "");
	}
	if ((size_t) a->certificates > json_array_size(a->sample)) {
		printf("... and %lld more\n", (long long) a->certificates - (long long) json_array_size(a->sample));
	}
	waves_print(c->arena, &a->waves);
}

static void print_end(struct ctx *c, const struct answer *a)
{
	char id[ID_TEXT_SIZE];
	id_encode(a->incident, id);
	printf("%lld revoked.\n", (long long) a->revoked);
	if (!id_is_none(a->incident) && a->waiting > 0) {
		printf("%lld wait for the end of their wave, the next on %s: cairn-ra does it (cairn revoke list shows %s). "
		       "All must "
		       "be done by %s.\n",
		    (long long) a->waiting, operator_time(c->arena, a->next_at, "?"), id,
		    operator_time(c->arena, a->due_at, "?"));
	} else if (a->stopped) {
		printf("It was stopped. Run the same again to go on.\n");
	}
}

static int tell(struct ctx *c, const struct request *r, const struct answer *a)
{
	if (r->options.json) {
		operator_print(c->arena, &answer_fields, a);
		return a->stopped ? FAIL(c, SERVER_INTERNAL, "It was stopped") : 0;
	}
	if (a->sample != NULL) {
		print_sample(c, a);
		printf("%lld certificate(s) of %lld account(s) with %lld key(s), as %s; %lld were revoked before, %lld have "
		       "ended.\n",
		    (long long) a->certificates, (long long) a->accounts, (long long) a->keys, a->reason, (long long) a->before,
		    (long long) a->expired);
	}
	if (!a->done) {
		printf("%s\n", a->sample != NULL && a->certificates == 0 && strcmp(a->reason, "keyCompromise") != 0
		                   ? "There is nothing to revoke." /* nor a key to be blocked */
		                   : "Nothing was changed. Run it again with --yes.");
		return 0;
	}
	print_end(c, a);
	return a->stopped ? FAIL(c, SERVER_INTERNAL, "It was stopped") : 0;
}

static int run_waves(struct ctx *c, const struct request *r, struct answer *a)
{
	struct revoke_done done;
	struct revoke_state state;
	revoke_catch_interrupt();
	TRY(revoke_run_waves(c, a->incident, r->wait, &done, &state));
	a->done = true;
	a->revoked = done.revoked;
	a->stopped = done.stopped;
	a->waiting = state.due + state.waiting;
	a->next_at = state.next_at;
	a->due_at = state.due_at;
	return 0;
}

static int run_now(struct ctx *c, const struct request *r, const struct revoke_meant *meant,
    const struct revoke_look *look, struct answer *a)
{
	const struct revoke_facts facts = { r->occasion->word, r->because, meant->source, meant->evidence, r->since };
	struct revoke_done done = { 0 };
	struct revoke_done of_key = { 0 };
	revoke_catch_interrupt();
	if (meant->spki_sha256.n > 0 && r->occasion->reason == REVOCATION_KEY_COMPROMISE) {
		TRY(revoke_run_key(c, meant->spki_sha256, &facts, &of_key));
	}
	if (!of_key.stopped) {
		TRY(revoke_run_batches(c, &look->certificates, r->occasion->reason, &facts, &done));
	}
	a->done = true;
	a->revoked = of_key.revoked + done.revoked;
	a->stopped = of_key.stopped || done.stopped;
	return 0;
}

/* E-1, E-2: in mode webpki no wave may end later than the rules allow. */
static int check_window(struct ctx *c, const struct request *r)
{
	struct timestamp due_at = timestamp_add_s(clock_now(), r->occasion->within_s);
	if (r->url != NULL && r->wish.closes.us > due_at.us && config_is_webpki(&r->config->policy)) {
		return FAIL(c, MALFORMED, "%s gives %lld hours, and the window ends later", r->occasion->clause,
		    (long long) r->occasion->within_s / 3600);
	}
	return 0;
}

static int order(struct ctx *c, const struct request *r, const struct revoke_meant *meant,
    const struct revoke_look *look, struct answer *a)
{
	const struct revoke_facts facts = { r->occasion->word, r->because, meant->source, meant->evidence, NULL };
	const struct revoke_why why = { r->occasion, r->because, operator_name(c->arena) };
	if (r->occasion->reason == REVOCATION_KEY_COMPROMISE) {
		TRY(revoke_run_blocks(c, &look->certificates, r->wish.closes, &facts));
	}
	return revoke_order(c, &r->wish, &look->certificates, &why, &a->incident);
}

static int revoke(struct ctx *c, struct request *r)
{
	struct revoke_meant meant;
	struct revoke_look look;
	TRY(check_window(c, r));
	TRY(revoke_select(c, &r->which, &meant));
	TRY(revoke_look(c, &meant.found.certificates, r->occasion->reason, &look));
	struct answer answer = {
		.reason = revocation_reason_name(r->occasion->reason),
		.certificates = (int64_t) look.certificates.n,
		.before = look.before,
		.expired = meant.found.expired,
		.accounts = look.accounts,
		.keys = look.keys,
		.sample = look.sample,
	};
	if (r->url != NULL) {
		answer.waves = waves_spread(c->arena, &r->wish, look.certificates.n);
		r->wish.source = meant.source;
	}
	if (r->options.yes && r->url != NULL) {
		TRY(order(c, r, &meant, &look, &answer));
		TRY(run_waves(c, r, &answer));
	} else if (r->options.yes) {
		TRY(run_now(c, r, &meant, &look, &answer));
	}
	return tell(c, r, &answer);
}

static int resume(struct ctx *c, struct request *r)
{
	struct answer answer = { .incident = r->id };
	if (r->options.yes) {
		TRY(run_waves(c, r, &answer));
	}
	return tell(c, r, &answer);
}

static int list(struct ctx *c, struct request *r)
{
	struct list_answer answer;
	TRY(revoke_list(c, &answer.revocations));
	if (r->options.json) {
		operator_print(c->arena, &list_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.revocations.n; i++) {
		const struct revoke_order *o = &answer.revocations.v[i];
		char id[ID_TEXT_SIZE];
		id_encode(o->id, id);
		printf("%s  %s  %lld of %lld left, due by %s  %s, %s: %s\n", id,
		    o->called_off         ? "called off"
		    : o->ended_at.us != 0 ? "ended"
		                          : "open",
		    (long long) o->left, (long long) o->certificates, operator_time(c->arena, o->due_at, "?"), o->occasion,
		    o->ordered_by, o->because);
	}
	if (answer.revocations.n == 0) {
		printf("There was no revocation in waves.\n");
	}
	return 0;
}

struct reason_answer {
	const char *word;
	const char *crl_reason;
	int64_t within_h;
	const char *meaning;
	const char *clause;
};
static const struct field reason_field[] = {
	FIELD(struct reason_answer, word),
	FIELD(struct reason_answer, crl_reason),
	FIELD(struct reason_answer, within_h),
	FIELD(struct reason_answer, meaning),
	FIELD(struct reason_answer, clause),
};
static const struct fields reason_fields = FIELDS(struct reason_answer, reason_field);

struct reason_list {
	struct reason_answer *v;
	size_t n;
};
struct reasons_answer {
	struct reason_list reasons;
};
static const struct field reasons_field[] = { FIELD_STRUCTS(struct reasons_answer, reasons, &reason_fields) };
static const struct fields reasons_fields = FIELDS(struct reasons_answer, reasons_field);

static int print_reasons(struct ctx *c, const struct request *r)
{
	struct reasons_answer answer = { { ARENA_ARRAY(c->arena, revocation_occasions_n, struct reason_answer),
		revocation_occasions_n } };
	for (size_t i = 0; i < answer.reasons.n; i++) {
		const struct revocation_occasion *o = &revocation_occasions[i];
		answer.reasons.v[i] = (struct reason_answer) { o->word, revocation_reason_name(o->reason), o->within_s / 3600,
			o->text, o->clause };
	}
	if (r->options.json) {
		operator_print(c->arena, &reasons_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.reasons.n; i++) {
		const struct reason_answer *one = &answer.reasons.v[i];
		printf("%-22s %-21s %3lld h  %s (%s)\n", one->word, one->crl_reason, (long long) one->within_h, one->meaning,
		    one->clause);
	}
	return 0;
}

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "serial", required_argument, NULL, 'n' },
	{ "certificate", required_argument, NULL, 'f' },
	{ "key", required_argument, NULL, 'k' },
	{ "account", required_argument, NULL, 'a' },
	{ "serials", required_argument, NULL, 's' },
	{ "where", required_argument, NULL, 'q' },
	{ "reason", required_argument, NULL, 'r' },
	{ "because", required_argument, NULL, 'b' },
	{ "since", required_argument, NULL, 'S' },
	{ "url", required_argument, NULL, 'u' },
	{ "window", required_argument, NULL, 'w' },
	{ "waves", required_argument, NULL, 'v' },
	{ "wait", no_argument, NULL, 'W' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* False for an option that there is not. */
static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = { ['n'] = &r->which.serial,
		['f'] = &r->which.certificate,
		['k'] = &r->which.key,
		['a'] = &r->which.account,
		['s'] = &r->which.serials,
		['q'] = &r->which.where,
		['r'] = &r->reason,
		['b'] = &r->because,
		['S'] = &r->since,
		['u'] = &r->url,
		['w'] = &r->window,
		['v'] = &r->waves };
	if (opt == 'W') {
		r->wait = true;
		return true;
	}
	return operator_text(&r->options, texts, opt);
}

static const char *read_waves(struct request *r)
{
	if (r->url == NULL) {
		return r->window == NULL && r->waves == NULL && !r->wait ? NULL : "--window, --waves and --wait go with --url";
	}
	if (r->which.key != NULL && r->occasion->reason == REVOCATION_KEY_COMPROMISE) {
		return "a key that is compromised is blocked at once, without waves";
	}
	r->wish.url = r->url;
	r->wish.opens = clock_now();
	r->wish.opens.us -= r->wish.opens.us % 1000000;
	r->wish.closes = timestamp_add_s(r->wish.opens, r->occasion->within_s - RESERVE_S);
	return waves_read(r->window, r->waves, &r->wish);
}

/* E-12: written as the record and the database have it. */
static const char *read_since(struct ctx *c, struct request *r)
{
	struct timestamp since;
	char text[RFC3339_SIZE];
	if (r->since == NULL) {
		return NULL;
	}
	if (r->occasion->reason != REVOCATION_KEY_COMPROMISE || r->url != NULL) {
		return "--since goes with a compromise, without --url";
	}
	if (operator_moment(r->since, false, &since) != 0 || since.us > clock_now().us) {
		return "--since wants a time that has passed, as 2026-11-21T08:00:00Z or 24h";
	}
	timestamp_encode(since, false, text);
	r->since = arena_text(c->arena, text);
	return NULL;
}

/* Who knows CRLs types a reason of theirs, which several things may lead to. */
static const char *no_occasion(struct arena *a, const char *typed)
{
	int64_t reason = typed == NULL ? -1 : revocation_reason_find(typed);
	struct buffer words;
	buffer_init(&words, a, 256);
	for (size_t i = 0; i < revocation_occasions_n; i++) {
		if (reason < 0 || revocation_occasions[i].reason == reason) {
			buffer_printf(&words, "%s%s", words.n == 0 ? "" : ", ", revocation_occasions[i].word);
		}
	}
	const char *what = reason < 0 ? "--reason wants" : "that is what the CRL will say; --reason wants what happened,";
	return arena_printf(a, "%s a word of `cairn revoke reasons`: %.*s", what, (int) words.n, (const char *) words.p);
}

/* What is wrong with the words, or NULL. */
static const char *read_words(struct ctx *c, struct request *r)
{
	const char *why = revoke_typed_refusal(c->arena, &r->which);
	if (why != NULL) {
		return why;
	}
	r->occasion = r->reason == NULL ? NULL : revocation_occasion_find(r->reason);
	if (r->occasion == NULL) {
		return no_occasion(c->arena, r->reason);
	}
	why = operator_reason(r->because) ? read_since(c, r) : "--because wants to know why, in 500 octets at most";
	return why == NULL ? read_waves(r) : why;
}

static const struct operator_command command = { "revoke", usage, options, take_option };

static int act(struct ctx *c, struct request *r, int (*run)(struct ctx *c, struct request *r))
{
	if (operator_open(c, &r->options, revoke_statements, revoke_statements_n, &r->config) != 0 || run(c, r) != 0) {
		operator_complain(c, command.name);
		return 1;
	}
	return 0;
}

/* Why these words say nothing. */
static const char *stray(const char *word)
{
	if (strcmp(word, "resume") == 0) {
		return "resume wants one incident, as cairn revoke list shows them";
	}
	if (strcmp(word, "list") == 0 || strcmp(word, "reasons") == 0) {
		return "nothing goes behind list and reasons but options";
	}
	return "say which by an option, such as --serial SERIAL";
}

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	int code = operator_read(&command, argc, argv, &r);
	if (code >= 0) {
		return code;
	}
	const char *word = optind < argc ? argv[optind] : "";
	int words = argc - optind;
	if (words == 1 && strcmp(word, "reasons") == 0) {
		return print_reasons(c, &r);
	}
	if (words == 1 && strcmp(word, "list") == 0) {
		return act(c, &r, list);
	}
	if (words == 2 && strcmp(word, "resume") == 0) {
		return id_parse(bytes_of_text(argv[optind + 1]), &r.id) == 0
		           ? act(c, &r, resume)
		           : operator_misused(
		                 &command, "an incident is named by its 22 characters, as cairn revoke list shows them");
	}
	const char *why = words == 0 ? read_words(c, &r) : stray(word);
	return why == NULL && r.occasion != NULL ? act(c, &r, revoke) : operator_misused(&command, why);
}

int cli_revoke(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
