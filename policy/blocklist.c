#include "policy/blocklist.h"

#include <string.h>

#include "policy/dns_name.h"
#include "policy/list_lines.h"
#include "policy/sets.h"

/* What is being put together from all files. */
struct reading {
	struct ctx *c;
	struct arena *arena;
	struct blocklist list;
};

/* Adds one entry; what is wrong with it, or NULL. */
typedef const char *add_entry(struct reading *r, const char *entry);

static const char *form_error(struct reading *r, const char *name)
{
	struct ruling form = dns_name_form(r->c->arena, name);
	return form.rule == RULE_NONE ? NULL : form.why;
}

static void push(struct text_list *list, const char *text)
{
	list->v[list->n++] = text;
}

static const char *add_domain(struct reading *r, const char *entry)
{
	const char *name = dns_name_lower(r->arena, entry);
	const char *error = form_error(r, name);
	if (error == NULL) {
		push(&r->list.domains, name);
	}
	return error;
}

static const char *add_exact(struct reading *r, const char *entry)
{
	const char *name = dns_name_lower(r->arena, entry);
	const char *error = form_error(r, name);
	const char *dot = strchr(name, '.');
	if (error != NULL) {
		return error;
	}
	push(&r->list.exact, name);
	if (dot != NULL) {
		push(&r->list.covers, dot + 1);
	}
	return NULL;
}

static const char *add_label(struct reading *r, const char *entry)
{
	const char *label = dns_name_lower(r->arena, entry);
	size_t n = strlen(label);
	bool start = n > 1 && label[n - 1] == '*';
	label = start ? arena_text_n(r->arena, label, n - 1) : label;
	if (strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(label) || strlen(label) > DNS_LABEL_MAX) {
		return "must be one label of letters, digits and hyphens, with or without a * at its end";
	}
	push(start ? &r->list.label_starts : &r->list.labels, label);
	return NULL;
}

static const char *add_network(struct reading *r, const char *entry)
{
	struct network_list one;
	const char *text = entry;
	if (networks_parse(r->c, &(struct text_list) { &text, 1 }, &one) != 0) {
		const char *why = r->c->err.detail;
		ctx_forgive(r->c);
		return why;
	}
	r->list.networks.v[r->list.networks.n++] = one.v[0];
	return NULL;
}

static const struct {
	const char *header;
	add_entry *add;
} sections[] = {
	{ "[domains]", add_domain },
	{ "[exact]", add_exact },
	{ "[labels]", add_label },
	{ "[networks]", add_network },
};

static const char *find_section(const char *line, add_entry **ret)
{
	for (size_t i = 0; i < COUNT_OF(sections); i++) {
		if (strcmp(sections[i].header, line) == 0) {
			*ret = sections[i].add;
			return NULL;
		}
	}
	return "a section is one of [domains], [exact], [labels], [networks]";
}

static int read_one(struct reading *r, const struct file *file)
{
	struct list_lines lines = list_lines_of(file);
	char line[LIST_LINE_MAX + 1];
	add_entry *add = NULL;
	for (;;) {
		bool found = false;
		TRY(list_lines_next(r->c, &lines, line, &found));
		if (!found) {
			return 0;
		}
		const char *error = NULL;
		if (line[0] == '[') {
			error = find_section(line, &add);
		} else {
			error = add == NULL ? "an entry needs a section above it, such as [domains]" : add(r, line);
		}
		if (error != NULL) {
			return list_lines_fail(r->c, &lines, error);
		}
	}
}

int blocklist_parse(struct ctx *c, struct arena *a, const struct file_list *files, struct blocklist *ret)
{
	struct reading r = { .c = c, .arena = a };
	struct text_list *lists[] = { &r.list.domains, &r.list.exact, &r.list.covers, &r.list.labels,
		&r.list.label_starts };
	size_t most = 0;
	for (size_t i = 0; i < files->n; i++) {
		most += list_lines_count(&files->v[i]);
	}
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		lists[i]->v = ARENA_ARRAY(a, most, const char *);
	}
	r.list.networks.v = ARENA_ARRAY(a, most, struct network);
	for (size_t i = 0; i < files->n; i++) {
		TRY(read_one(&r, &files->v[i]));
	}
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		text_set_sort(lists[i]);
	}
	*ret = r.list;
	return 0;
}

static bool has_above(const struct text_list *set, const char *name)
{
	for (const char *at = name; at != NULL; at = strchr(at, '.')) {
		at += *at == '.' ? 1 : 0;
		if (text_set_has(set, at)) {
			return true;
		}
	}
	return false;
}

/* Of a wildcard the label below it is looked at: any label may stand in the place of "*", so nothing can be said of it. */
static bool label_is_blocked(const struct blocklist *list, const char *name)
{
	char label[DNS_LABEL_MAX + 1] = { 0 };
	size_t n = strcspn(name, ".");
	memcpy(label, name, n > DNS_LABEL_MAX ? DNS_LABEL_MAX : n);
	if (text_set_has(&list->labels, label)) {
		return true;
	}
	for (n = strlen(label); n > 0 && list->label_starts.n > 0; n--) {
		label[n] = '\0';
		if (text_set_has(&list->label_starts, label)) {
			return true;
		}
	}
	return false;
}

struct ruling blocklist_name(const struct blocklist *list, const char *base, bool wildcard)
{
	if (dns_name_is_below_any(base, &list->configured)) {
		return ruling_of(RULE_NAME_BLOCKED_CONFIG);
	}
	if (has_above(&list->domains, base)) {
		return ruling_of(RULE_NAME_BLOCKED);
	}
	if (!wildcard && text_set_has(&list->exact, base)) {
		return ruling_of(RULE_NAME_BLOCKED_EXACT);
	}
	if (wildcard && text_set_has(&list->covers, base)) {
		return ruling_of(RULE_NAME_BLOCKED_COVER);
	}
	return label_is_blocked(list, base) ? ruling_of(RULE_NAME_BLOCKED_LABEL) : ACCEPTED;
}

struct ruling blocklist_address(const struct blocklist *list, const struct ip *ip)
{
	return networks_have(&list->networks, ip) ? ruling_of(RULE_IP_BLOCKED) : ACCEPTED;
}

size_t blocklist_count(const struct blocklist *list)
{
	return list->domains.n + list->exact.n + list->labels.n + list->label_starts.n + list->configured.n +
	       list->networks.n;
}
