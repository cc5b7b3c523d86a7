#include "cli/crl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/crl_rows.h"
#include "cli/files.h"
#include "cli/operator.h"
#include "lib/base/base64.h"
#include "lib/crypto/crl.h"
#include "lib/crypto/digest.h"

#define WAIT_S 90 /* a large CRL is made at most once a minute */
#define WAIT_STEP_NS 200000000
#define MODE_PUBLIC 0644U
#define ALL_SHARDS (-1)
#define REASONS 10

static const char usage[] =
    "Usage: cairn crl list [--issuer NAME] [--shard N]\n"
    "       cairn crl show --issuer NAME [--shard N] [--number N] [--entries]\n"
    "       cairn crl issue [--issuer NAME] [--shard N] --yes\n"
    "       cairn crl export --to FOLDER [--issuer NAME] [--shard N]\n"
    "       cairn crl urls [--issuer NAME]\n"
    "\n"
    "list    each CRL: its number, times, entries, size, age\n"
    "show    what stands in one of them\n"
    "issue   asks cairn-ca for new ones now, and waits until they are there\n"
    "export  writes the newest ones to FOLDER/ISSUER-SHARD.crl, DER\n"
    "urls    where they are, as the CCADB wants it: one full CRL, or a JSON array of partitioned ones\n"
    "\n"
    "  --config FILE    configuration with command.database; may stand again, each laid over the one before\n"
    "  --database TEXT  connection string of PostgreSQL for role cairn_operator instead\n"
    "  --issuer NAME    of this issuer only\n"
    "  --shard N        this one only (show: 0 without it)\n"
    "  --number N       an earlier CRL, by its number\n"
    "  --entries        each entry too\n"
    "  --to FOLDER      where files go; those that are there are replaced\n"
    "  --yes            make the change; without it, it is only shown\n"
    "  --json           one line of JSON\n";

struct request {
	struct operator_options options;
	const char *shard;
	const char *number;
	const char *to;
	bool entries;
	struct crl_choice choice;
	int64_t wanted; /* number; 0: the newest */
};

struct list_answer {
	struct crl_stand_list crls;
};
static const struct field list_answer_field[] = { FIELD_STRUCTS(struct list_answer, crls, &crl_stand_fields) };
static const struct fields list_answer_fields = FIELDS(struct list_answer, list_answer_field);

static void print_stand(struct arena *a, const struct crl_stand *one)
{
	printf("%s/%lld%s%s\n    %s\n", one->issuer, (long long) one->shard, one->open ? "" : " (no new certificates)",
	    one->pending ? " (a new one is due)" : "", one->url);
	if (one->number != 0) {
		printf("    number %lld, %s to %s, %lld entries, %lld octets, %lld s old, made in %lld ms (%s)\n",
		    (long long) one->number, operator_time(a, one->this_update, "?"), operator_time(a, one->next_update, "?"),
		    (long long) one->entries, (long long) one->octets, (long long) one->age_s, (long long) one->made_ms,
		    one->why);
	}
}

static int list(struct ctx *c, const struct request *r)
{
	struct list_answer answer;
	TRY(crl_list(c, &r->choice, &answer.crls));
	if (r->options.json) {
		operator_print(c->arena, &list_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.crls.n; i++) {
		print_stand(c->arena, &answer.crls.v[i]);
	}
	return 0;
}

struct shown_entry {
	const char *serial;
	struct timestamp revoked_at;
	int64_t reason;
};
static const struct field shown_entry_field[] = {
	FIELD(struct shown_entry, serial),
	FIELD(struct shown_entry, revoked_at),
	FIELD(struct shown_entry, reason),
};
static const struct fields shown_entry_fields = FIELDS(struct shown_entry, shown_entry_field);

struct shown_entry_list {
	struct shown_entry *v;
	size_t n;
};

struct shown_reason {
	int64_t reason;
	int64_t entries;
};
static const struct field shown_reason_field[] = {
	FIELD(struct shown_reason, reason),
	FIELD(struct shown_reason, entries),
};
static const struct fields shown_reason_fields = FIELDS(struct shown_reason, shown_reason_field);

struct shown_reason_list {
	struct shown_reason *v;
	size_t n;
};

struct show_answer {
	int64_t number;
	const char *url;
	struct timestamp this_update;
	struct timestamp next_update;
	const char *sha256;
	const char *authority_key_id;
	int64_t octets;
	int64_t entries;
	struct shown_reason_list reasons;
	struct shown_entry_list revoked;
};
static const struct field show_answer_field[] = {
	FIELD(struct show_answer, number),
	FIELD(struct show_answer, url),
	FIELD(struct show_answer, this_update),
	FIELD(struct show_answer, next_update),
	FIELD(struct show_answer, sha256),
	FIELD(struct show_answer, authority_key_id),
	FIELD(struct show_answer, octets),
	FIELD(struct show_answer, entries),
	FIELD_STRUCTS(struct show_answer, reasons, &shown_reason_fields),
	FIELD_STRUCTS(struct show_answer, revoked, &shown_entry_fields, .flags = FIELD_OMIT_EMPTY),
};
static const struct fields show_answer_fields = FIELDS(struct show_answer, show_answer_field);

static struct shown_reason_list count_reasons(struct arena *a, const struct crl_entries *entries)
{
	struct shown_reason_list list = { ARENA_ARRAY(a, REASONS, struct shown_reason), 0 };
	int64_t counts[REASONS] = { 0 };
	for (size_t i = 0; i < entries->n; i++) {
		counts[entries->v[i].reason]++; /* crl_parse takes none beyond 9 */
	}
	for (int64_t i = 0; i < REASONS; i++) {
		if (counts[i] > 0) {
			list.v[list.n++] = (struct shown_reason) { i, counts[i] };
		}
	}
	return list;
}

static struct shown_entry_list show_entries(struct arena *a, const struct crl_entries *entries)
{
	struct shown_entry_list list = { ARENA_ARRAY(a, entries->n, struct shown_entry), entries->n };
	for (size_t i = 0; i < entries->n; i++) {
		const struct crl_entry *one = &entries->v[i];
		list.v[i] = (struct shown_entry) { hex_encode(a, one->serial), one->revoked_at, one->reason };
	}
	return list;
}

static void print_crl(struct arena *a, const struct show_answer *answer)
{
	printf("number %lld\nthisUpdate %s\nnextUpdate %s\nissuing distribution point %s\nauthority key id %s\nSHA-256 %s\n"
	       "%lld octets, %lld entries\n",
	    (long long) answer->number, operator_time(a, answer->this_update, "?"),
	    operator_time(a, answer->next_update, "?"), answer->url == NULL ? "none" : answer->url,
	    answer->authority_key_id, answer->sha256, (long long) answer->octets, (long long) answer->entries);
	for (size_t i = 0; i < answer->reasons.n; i++) {
		printf(
		    "reason %lld: %lld\n", (long long) answer->reasons.v[i].reason, (long long) answer->reasons.v[i].entries);
	}
	for (size_t i = 0; i < answer->revoked.n; i++) {
		const struct shown_entry *one = &answer->revoked.v[i];
		printf("%s %s %lld\n", one->serial, operator_time(a, one->revoked_at, "?"), (long long) one->reason);
	}
}

static int show(struct ctx *c, const struct request *r)
{
	uint8_t sha256[SHA256_SIZE];
	struct bytes der;
	struct crl_info crl;
	struct crl_choice choice = r->choice;
	choice.shard = choice.shard == ALL_SHARDS ? 0 : choice.shard;
	TRY(crl_read(c, &choice, r->wanted, &der));
	TRY(crl_parse(c, der, &crl));
	sha256_of(der, sha256);
	struct show_answer answer = {
		.number = (int64_t) crl.number,
		.url = crl.url,
		.this_update = crl.this_update,
		.next_update = crl.next_update,
		.sha256 = hex_encode(c->arena, (struct bytes) { sha256, sizeof(sha256) }),
		.authority_key_id = hex_encode(c->arena, crl.authority_key_id),
		.octets = (int64_t) der.n,
		.entries = (int64_t) crl.entries.n,
		.reasons = count_reasons(c->arena, &crl.entries),
	};
	if (r->entries) {
		answer.revoked = show_entries(c->arena, &crl.entries);
	}
	if (r->options.json) {
		operator_print(c->arena, &show_answer_fields, &answer);
	} else {
		print_crl(c->arena, &answer);
	}
	return 0;
}

struct issue_answer {
	bool done;
	struct crl_stand_list crls;
};
static const struct field issue_answer_field[] = {
	FIELD(struct issue_answer, done),
	FIELD_STRUCTS(struct issue_answer, crls, &crl_stand_fields),
};
static const struct fields issue_answer_fields = FIELDS(struct issue_answer, issue_answer_field);

static bool all_rose(const struct crl_stand_list *before, const struct crl_stand_list *now)
{
	bool rose = now->n >= before->n;
	for (size_t i = 0; rose && i < before->n; i++) { /* in the same order: a shard never goes */
		rose = now->v[i].number > before->v[i].number;
	}
	return rose;
}

static int issue_now(struct ctx *c, const struct request *r, struct issue_answer *answer)
{
	const struct crl_stand_list before = answer->crls;
	int64_t n = 0;
	TRY(crl_ask(c, &r->choice, operator_name(c->arena), &n));
	int64_t until_us = clock_monotonic_us() + (int64_t) WAIT_S * 1000000;
	while (!answer->done && clock_monotonic_us() < until_us) {
		nanosleep(&(struct timespec) { .tv_nsec = WAIT_STEP_NS }, NULL);
		TRY(crl_list(c, &r->choice, &answer->crls));
		answer->done = all_rose(&before, &answer->crls);
	}
	return answer->done ? 0 : FAIL(c, UNAVAILABLE, "It is asked for, but no cairn-ca made it within %d s", WAIT_S);
}

static int issue(struct ctx *c, const struct request *r)
{
	struct issue_answer answer = { .done = false };
	TRY(crl_list(c, &r->choice, &answer.crls));
	if (r->options.yes) {
		TRY(issue_now(c, r, &answer));
	}
	if (r->options.json) {
		operator_print(c->arena, &issue_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.crls.n; i++) {
		print_stand(c->arena, &answer.crls.v[i]);
	}
	printf(answer.done ? "Made.\n" : "These would be made anew; say --yes.\n");
	return 0;
}

struct file {
	const char *file;
	int64_t number;
};
static const struct field file_field[] = { FIELD(struct file, file), FIELD(struct file, number) };
static const struct fields file_fields = FIELDS(struct file, file_field);

struct file_list {
	struct file *v;
	size_t n;
};
struct export_answer {
	struct file_list files;
};
static const struct field export_answer_field[] = { FIELD_STRUCTS(struct export_answer, files, &file_fields) };
static const struct fields export_answer_fields = FIELDS(struct export_answer, export_answer_field);

static int export(struct ctx *c, const struct request *r)
{
	struct crl_stand_list crls;
	TRY(crl_list(c, &r->choice, &crls));
	TRY(folder_make(c, r->to, 0755));
	struct export_answer answer = { { ARENA_ARRAY(c->arena, crls.n, struct file), 0 } };
	for (size_t i = 0; i < crls.n; i++) {
		const struct crl_stand *one = &crls.v[i];
		const char *file = arena_printf(c->arena, "%s/%s-%lld.crl", r->to, one->issuer, (long long) one->shard);
		struct bytes der;
		if (one->number == 0) {
			continue;
		}
		TRY(crl_read(c, &(struct crl_choice) { one->issuer, one->shard }, one->number, &der));
		TRY(file_replace(c, file, der, MODE_PUBLIC));
		answer.files.v[answer.files.n++] = (struct file) { file, one->number };
	}
	if (r->options.json) {
		operator_print(c->arena, &export_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.files.n; i++) {
		printf("%s: number %lld\n", answer.files.v[i].file, (long long) answer.files.v[i].number);
	}
	return 0;
}

/* E-30: of the two fields of the CCADB one is filled in. */
struct disclosed {
	const char *issuer;
	const char *full;
	struct text_list partitioned;
};
static const struct field disclosed_field[] = {
	FIELD(struct disclosed, issuer),
	FIELD(struct disclosed, full, .flags = FIELD_OMIT_EMPTY),
	FIELD(struct disclosed, partitioned, .flags = FIELD_OMIT_EMPTY),
};
static const struct fields disclosed_fields = FIELDS(struct disclosed, disclosed_field);

struct disclosed_list {
	struct disclosed *v;
	size_t n;
};
struct urls_answer {
	struct disclosed_list issuers;
};
static const struct field urls_answer_field[] = { FIELD_STRUCTS(struct urls_answer, issuers, &disclosed_fields) };
static const struct fields urls_answer_fields = FIELDS(struct urls_answer, urls_answer_field);

static struct disclosed_list disclose(struct arena *a, const struct crl_stand_list *crls)
{
	struct disclosed_list list = { ARENA_ARRAY(a, crls->n, struct disclosed), 0 };
	for (size_t i = 0; i < crls->n; i++) {
		bool next = i == 0 || strcmp(crls->v[i].issuer, crls->v[i - 1].issuer) != 0;
		struct disclosed *one = &list.v[next ? list.n++ : list.n - 1];
		if (next) {
			*one = (struct disclosed) { .issuer = crls->v[i].issuer };
			one->partitioned.v = ARENA_ARRAY(a, crls->n - i, const char *);
		}
		one->partitioned.v[one->partitioned.n++] = crls->v[i].url;
	}
	for (size_t i = 0; i < list.n; i++) {
		if (list.v[i].partitioned.n == 1) {
			list.v[i].full = list.v[i].partitioned.v[0];
			list.v[i].partitioned.n = 0;
		}
	}
	return list;
}

static int urls(struct ctx *c, const struct request *r)
{
	struct crl_stand_list crls;
	TRY(crl_list(c, &r->choice, &crls));
	const struct urls_answer answer = { disclose(c->arena, &crls) };
	if (r->options.json) {
		operator_print(c->arena, &urls_answer_fields, &answer);
		return 0;
	}
	for (size_t i = 0; i < answer.issuers.n; i++) {
		const struct disclosed *one = &answer.issuers.v[i];
		printf("%s: %s\n", one->issuer, one->full != NULL ? one->full : "[");
		for (size_t k = 0; k < one->partitioned.n; k++) {
			printf("  \"%s\"%s\n", one->partitioned.v[k], k + 1 < one->partitioned.n ? "," : "\n]");
		}
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct ctx *c, const struct request *r);
	bool wants_issuer;
	bool wants_folder;
} actions[] = {
	{ "list", list, false, false },
	{ "show", show, true, false },
	{ "issue", issue, false, false },
	{ "export", export, false, true },
	{ "urls", urls, false, false },
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "database", required_argument, NULL, 'd' },
	{ "issuer", required_argument, NULL, 'i' },
	{ "shard", required_argument, NULL, 's' },
	{ "number", required_argument, NULL, 'n' },
	{ "to", required_argument, NULL, 't' },
	{ "entries", no_argument, NULL, 'e' },
	{ "yes", no_argument, NULL, 'y' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* False for an option that there is not. */
static bool take_option(void *request, int opt)
{
	struct request *r = request;
	const char **const texts[OPERATOR_LETTERS] = {
		['i'] = &r->choice.issuer, ['s'] = &r->shard, ['n'] = &r->number, ['t'] = &r->to
	};
	if (opt == 'e') {
		r->entries = true;
		return true;
	}
	return operator_text(&r->options, texts, opt);
}

/* A number as it is typed, or `none`. */
static bool read_number(const char *typed, int64_t none, int64_t *ret)
{
	char *end = NULL;
	if (typed == NULL) {
		*ret = none;
		return true;
	}
	errno = 0;
	long long value = strtoll(typed, &end, 10);
	*ret = value;
	return end != typed && *end == '\0' && errno == 0 && value >= 0;
}

static const struct operator_command command = { "crl", usage, options, take_option };

static int act(struct ctx *c, size_t action, const struct request *r)
{
	const struct config *config;
	int result = operator_open(c, &r->options, crl_statements, crl_statements_n, &config);
	result = result == 0 ? actions[action].run(c, r) : result;
	if (result < 0) {
		operator_complain(c, "crl");
		return 1;
	}
	return result;
}

static int choose(struct ctx *c, int argc, char **argv)
{
	struct request r = { .options = { .files = { ARENA_ARRAY(c->arena, (size_t) argc + 1, const char *), 0 } } };
	size_t i = 0;
	int code = operator_begin(&command, OPERATOR_ACTIONS(actions), argc, argv, &r, &i);
	if (code >= 0) {
		return code;
	}
	if (argc - optind != 1) {
		return operator_misused(&command, "there are words too many");
	}
	if (!read_number(r.shard, ALL_SHARDS, &r.choice.shard) || !read_number(r.number, 0, &r.wanted)) {
		return operator_misused(&command, "--shard and --number want a number");
	}
	if (actions[i].wants_issuer && r.choice.issuer == NULL) {
		return operator_misused(&command, "say which --issuer");
	}
	if (actions[i].wants_folder != (r.to != NULL)) {
		return operator_misused(&command, "--to FOLDER belongs to export");
	}
	return act(c, i, &r);
}

int cli_crl(int argc, char **argv)
{
	return operator_run(argc, argv, choose);
}
