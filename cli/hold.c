#include <stdio.h>
#include <string.h>

#include "cli/operator.h"
#include "cli/retention.h"
#include "cli/retention_rows.h"
#include "lib/base/base64.h"
#include "lib/base/ip.h"

#define NAME_OCTETS_MAX 253

static const char usage[] =
    "Usage: cairn hold add --ground TEXT --ends TIME CONDITION... --yes\n"
    "       cairn hold list [--all]\n"
    "       cairn hold end ID --reason TEXT --yes\n"
    "       cairn hold tell ID --yes\n"
    "\n"
    "What must not be purged, whatever its term: the rows that meet every condition of a hold, those to come too, "
    "until it\n"
    "ends. Nothing is shown to anybody by it. tell lets the holder of the account of a hold see that it is there.\n"
    "\n"
    "  --config FILE    configuration with command.database; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_operator or cairn_officer instead\n"
    "  --ground TEXT    why, such as the order of a court with its number\n"
    "  --ends TIME      when it ends by itself: 2027-02-20T00:00:00Z, or from now on, such as 90d\n"
    "  --account ID     what is about this account: the 22 characters at the end of its URL, or the URL\n"
    "  --serial HEX     what is about this certificate, its order and the account's requests in its time\n"
    "  --name NAME      the same for all orders with this name or one below it\n"
    "  --network NET    what came from these addresses, or was looked for there: an address or a CIDR network\n"
    "  --since TIME     only what is of this time or later\n"
    "  --until TIME     only what is of before this time\n"
    "  --reason TEXT    why it ends, for the log\n"
    "  --all            also those that have ended\n"
    "  --yes            make the change; without it, it is only shown\n"
    "  --json           one line of JSON\n";

struct request {
	struct operator_options options;
	const char *account;
	const char *serial;
	const char *since;
	const char *until;
	const char *ends;
	const char *reason;
	bool all;
	struct hold hold;
};

struct list_answer {
	struct hold_list holds;
};
static const struct field list_answer_field[] = { FIELD_STRUCTS(struct list_answer, holds, &hold_fields) };
static const struct fields list_answer_fields = FIELDS(struct list_answer, list_answer_field);

struct change_answer {
	bool done;
	bool changed; /* by this command */
	struct hold hold;
};
static const struct field change_answer_field[] = {
	FIELD(struct change_answer, done),
	FIELD(struct change_answer, changed),
	FIELD_STRUCT(struct change_answer, hold, &hold_fields),
};
static const struct fields change_answer_fields = FIELDS(struct change_answer, change_answer_field);

static void print_hold(struct ctx *c, const struct hold *h)
{
	char id[ID_TEXT_SIZE];
	char account[ID_TEXT_SIZE];
	id_encode(h->id, id);
	id_encode(h->account_id, account);
	const struct {
		const char *name;
		const char *value;
	} conditions[] = {
		{ "account", id_is_none(h->account_id) ? NULL : account },
		{ "serial", h->serial.n == 0 ? NULL : hex_encode(c->arena, h->serial) },
		{ "name", h->name },
		{ "network", h->network },
		{ "since", operator_time(c->arena, h->since, NULL) },
		{ "until", operator_time(c->arena, h->until, NULL) },
	};
	printf("%s  ends %s", id, operator_time(c->arena, h->ends_at, "?"));
	for (size_t i = 0; i < COUNT_OF(conditions); i++) {
		if (conditions[i].value != NULL) {
			printf("  %s %s", conditions[i].name, conditions[i].value);
		}
	}
	printf("\n    %s (by %s)\n", h->ground, h->created_by);
	if (h->ended_at.us != 0) {
		printf("    ended %s%s%s%s%s\n", operator_time(c->arena, h->ended_at, "?"), h->ended_by == NULL ? "" : " by ",
		    h->ended_by == NULL ? "" : h->ended_by, h->end_reason == NULL ? "" : ": ",
		    h->end_reason == NULL ? "" : h->end_reason);
	}
}

static int list(struct ctx *c, const struct request *r)
{
	struct list_answer answer;
	TRY(hold_read(c, r->all, &answer.holds));
	if (r->options.json) {
		operator_print(c->arena, &list_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.holds.n; i++) {
		print_hold(c, &answer.holds.v[i]);
	}
	if (answer.holds.n == 0) {
		printf("Nothing is held.\n");
	}
	return 0;
}

static void print_change(struct ctx *c, const struct request *r, const struct change_answer *answer, const char *done)
{
	if (r->options.json) {
		operator_print(c->arena, &change_answer_fields, answer);
		return;
	}
	print_hold(c, &answer->hold);
	printf("%s\n", answer->changed ? done
	               : answer->done  ? "It was so before. Nothing was changed."
	                               : "Nothing was changed. Run it again with --yes.");
}

static int add(struct ctx *c, const struct request *r)
{
	struct change_answer answer = { .done = r->options.yes, .changed = r->options.yes, .hold = r->hold };
	answer.hold.id = id_new();
	answer.hold.created_by = operator_name(c->arena);
	answer.hold.created_at = clock_now();
	if (r->options.yes) {
		TRY(hold_add(c, &answer.hold));
	}
	print_change(c, r, &answer, "It is in force.");
	return 0;
}

static int show_change(struct ctx *c, const struct request *r, struct change_answer *answer, const char *done)
{
	struct hold_list holds;
	size_t i = 0;
	TRY(hold_read(c, true, &holds));
	while (i < holds.n && memcmp(holds.v[i].id.b, r->hold.id.b, sizeof(r->hold.id.b)) != 0) {
		i++;
	}
	if (i == holds.n) {
		return FAIL(c, NOT_FOUND, "There is no such hold");
	}
	answer->hold = holds.v[i];
	print_change(c, r, answer, done);
	return 0;
}

static int end(struct ctx *c, const struct request *r)
{
	struct change_answer answer = { .done = r->options.yes };
	if (r->options.yes) {
		TRY(hold_end(c, r->hold.id, operator_name(c->arena), r->reason, &answer.changed));
	}
	return show_change(c, r, &answer, "It has ended. What it kept is purged when its time has come.");
}

static int tell(struct ctx *c, const struct request *r)
{
	struct change_answer answer = { .done = r->options.yes };
	if (r->options.yes) {
		TRY(hold_tell(c, r->hold.id, operator_name(c->arena), &answer.changed));
	}
	return show_change(c, r, &answer, "The holder of its account may know of it.");
}

/* ---- words ---- */

static bool is_network(struct arena *a, const char *text)
{
	struct ip ip;
	const char *slash = strchr(text, '/');
	const char *address = slash == NULL ? text : arena_text_n(a, text, (size_t) (slash - text));
	return ip_parse(address, &ip) == 0 && (slash == NULL || (slash[1] != '\0' && strlen(slash + 1) <= 3 &&
	                                                            strspn(slash + 1, "0123456789") == strlen(slash + 1)));
}

/* What is wrong with the options of `cairn hold add`, or NULL. */
static const char *read_add(struct arena *a, struct request *r)
{
	struct hold *h = &r->hold;
	if (!operator_reason(h->ground)) {
		return "--ground wants to know why, in 500 octets at most";
	}
	if (r->ends == NULL || operator_moment(r->ends, true, &h->ends_at) != 0) {
		return "--ends wants a time, or how long from now on";
	}
	if (operator_period(r->since, r->until, &h->since, &h->until) != 0) {
		return OPERATOR_NO_PERIOD;
	}
	if (r->account != NULL && operator_account(r->account, &h->account_id) != 0) {
		return OPERATOR_NO_ACCOUNT;
	}
	if (r->serial != NULL && operator_serial(a, r->serial, &h->serial) != 0) {
		return OPERATOR_NO_SERIAL;
	}
	if (h->name != NULL && (h->name[0] == '\0' || strlen(h->name) > NAME_OCTETS_MAX)) {
		return "--name wants a name";
	}
	if (h->network != NULL && !is_network(a, h->network)) {
		return "--network wants an address, or a network such as 192.0.2.0/24";
	}
	bool bare = r->account == NULL && r->serial == NULL && h->name == NULL && h->network == NULL && r->since == NULL &&
	            r->until == NULL;
	return bare ? "say what is held: --account, --serial, --name, --network, --since or --until" : NULL;
}

static const char *read_list(struct arena *a, struct request *r)
{
	(void) a;
	(void) r;
	return NULL;
}

static const char *read_end(struct arena *a, struct request *r)
{
	(void) a;
	return operator_reason(r->reason) ? NULL : OPERATOR_NO_REASON;
}

static const struct {
	const char *name;
	int (*run)(struct ctx *c, const struct request *r);
	const char *(*read)(struct arena *a, struct request *r);
	bool takes_id;
} actions[] = {
	{ "add", add, read_add, false },
	{ "list", list, read_list, false },
	{ "end", end, read_end, true },
	{ "tell", tell, read_list, true },
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "ground", required_argument, NULL, 'g' },
	{ "ends", required_argument, NULL, 'e' },
	{ "account", required_argument, NULL, 'A' },
	{ "serial", required_argument, NULL, 'S' },
	{ "name", required_argument, NULL, 'N' },
	{ "network", required_argument, NULL, 'W' },
	{ "since", required_argument, NULL, 's' },
	{ "until", required_argument, NULL, 'u' },
	{ "reason", required_argument, NULL, 'r' },
	{ "all", no_argument, NULL, 'a' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = {
		['g'] = &r->hold.ground,
		['e'] = &r->ends,
		['A'] = &r->account,
		['S'] = &r->serial,
		['N'] = &r->hold.name,
		['W'] = &r->hold.network,
		['s'] = &r->since,
		['u'] = &r->until,
		['r'] = &r->reason,
	};
	if (opt == 'a') {
		r->all = true;
		return true;
	}
	return operator_text(&r->options, texts, opt);
}

static const struct operator_command command = { "hold", usage, options, take_option };

static int act(struct ctx *c, size_t action, struct request *r)
{
	const struct config *config = NULL;
	if (operator_open(c, &r->options, retention_statements, retention_statements_n, &config) != 0 ||
	    actions[action].run(c, r) != 0) {
		operator_complain(c, command.name);
		return 1;
	}
	return 0;
}

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	size_t i = 0;
	int code = operator_begin(&command, OPERATOR_ACTIONS(actions), argc, argv, &r, &i);
	if (code >= 0) {
		return code;
	}
	if (argc - optind - 1 != (actions[i].takes_id ? 1 : 0)) {
		return operator_misused(&command, "say add, list, or end or tell with the id of a hold");
	}
	if (actions[i].takes_id && id_parse(bytes_of_text(argv[optind + 1]), &r.hold.id) != 0) {
		return operator_misused(&command, "a hold is named by the 22 characters of its id");
	}
	const char *why = actions[i].read(c->arena, &r);
	return why == NULL ? act(c, i, &r) : operator_misused(&command, why);
}

int cli_hold(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
