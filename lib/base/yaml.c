#include "lib/base/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#define FILE_MAX ((size_t) 1024 * 1024)
#define DEPTH_MAX 16

struct source {
	struct ctx *c;
	struct arena *arena;
	yaml_parser_t parser;
	const char *name;
};

static int fail_at(struct source *s, size_t line, const char *reason)
{
	return FAIL(s->c, MALFORMED, "%s:%zu: %s", s->name, line, reason);
}

static int next_event(struct source *s, yaml_event_t *event)
{
	if (yaml_parser_parse(&s->parser, event)) {
		return 0;
	}
	const char *reason = s->parser.problem == NULL ? "unreadable" : s->parser.problem;
	return fail_at(s, s->parser.problem_mark.line + 1, arena_printf(s->c->arena, "this is not YAML: %s", reason));
}

static struct node *node_new(struct source *s, enum node_kind kind, size_t line)
{
	struct node *n = ARENA_NEW(s->arena, struct node);
	*n = (struct node) { .kind = kind, .file = s->name, .line = line };
	return n;
}

static int read_node(struct source *s, const yaml_event_t *first, unsigned depth, struct node **ret);

static int take_scalar(struct source *s, const yaml_event_t *event, struct node **ret)
{
	size_t line = event->start_mark.line + 1;
	const char *value = (const char *) event->data.scalar.value;
	size_t n = event->data.scalar.length;
	if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL) {
		return fail_at(s, line, "anchors and tags are not supported");
	}
	if (memchr(value, '\0', n) != NULL) {
		return fail_at(s, line, "a text must not hold a NUL");
	}
	*ret = node_new(s, NODE_SCALAR, line);
	(*ret)->text = arena_text_n(s->arena, value, n);
	(*ret)->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return 0;
}

/* The next node of a list or the next value of a map; *ret NULL at the end of the collection. */
static int read_next(struct source *s, unsigned depth, struct node **ret)
{
	yaml_event_t event;
	TRY(next_event(s, &event));
	int result = 0;
	*ret = NULL;
	if (event.type != YAML_SEQUENCE_END_EVENT && event.type != YAML_MAPPING_END_EVENT) {
		result = read_node(s, &event, depth, ret);
	}
	yaml_event_delete(&event);
	return result;
}

static int check_key(struct source *s, const struct node *map, const struct node *key)
{
	if (key->kind != NODE_SCALAR) {
		return fail_at(s, key->line, "a key must be a plain text");
	}
	const struct node *before = yaml_find(map, key->text);
	if (before != NULL) {
		return fail_at(s, key->line,
		    arena_printf(s->c->arena, "%s stands twice; it is already in line %zu", key->text, before->line));
	}
	return 0;
}

/* The value behind a key of a map. */
static int read_value(struct source *s, const struct node *key, unsigned depth, struct node **ret)
{
	TRY(read_next(s, depth, ret));
	if (*ret == NULL) {
		(void) fail_at(s, key->line, "a value is missing");
		return -1;
	}
	return 0;
}

static int read_entries(struct source *s, struct node *into, unsigned depth)
{
	struct node **end = &into->first;
	for (;;) {
		struct node *one = NULL;
		TRY(read_next(s, depth, &one));
		if (one == NULL) {
			return 0;
		}
		if (into->kind == NODE_MAP) {
			const struct node *key = one;
			TRY(check_key(s, into, key));
			TRY(read_value(s, key, depth, &one));
			one->key = key->text;
			one->line = key->line;
		}
		*end = one;
		end = &one->next;
	}
}

static int read_collection(struct source *s, const yaml_event_t *first, unsigned depth, struct node **ret)
{
	bool map = first->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *anchor = map ? first->data.mapping_start.anchor : first->data.sequence_start.anchor;
	const yaml_char_t *tag = map ? first->data.mapping_start.tag : first->data.sequence_start.tag;
	size_t line = first->start_mark.line + 1;
	if (anchor != NULL || tag != NULL) {
		return fail_at(s, line, "anchors and tags are not supported");
	}
	if (depth >= DEPTH_MAX) {
		return fail_at(s, line, "this is nested too deeply");
	}
	*ret = node_new(s, map ? NODE_MAP : NODE_LIST, line);
	return read_entries(s, *ret, depth + 1);
}

static int read_node(struct source *s, const yaml_event_t *first, unsigned depth, struct node **ret)
{
	if (first->type == YAML_SCALAR_EVENT) {
		return take_scalar(s, first, ret);
	}
	if (first->type == YAML_MAPPING_START_EVENT || first->type == YAML_SEQUENCE_START_EVENT) {
		return read_collection(s, first, depth, ret);
	}
	return fail_at(s, first->start_mark.line + 1, "aliases are not supported");
}

/* Passes events that only frame the document; *ret NULL when the stream has none. */
static int read_document(struct source *s, struct node **ret)
{
	bool started = false;
	for (;;) {
		yaml_event_t event;
		TRY(next_event(s, &event));
		yaml_event_type_t type = event.type;
		size_t line = event.start_mark.line + 1;
		int result = 0;
		if (type == YAML_DOCUMENT_START_EVENT && started) {
			result = fail_at(s, line, "only one document may stand in a file");
		} else if (type == YAML_DOCUMENT_START_EVENT) {
			started = true;
		} else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
		           type != YAML_DOCUMENT_END_EVENT) {
			result = read_node(s, &event, 0, ret);
		}
		yaml_event_delete(&event);
		if (result != 0 || type == YAML_STREAM_END_EVENT) {
			return result;
		}
	}
}

int yaml_read_text(struct ctx *c, struct arena *a, const char *name, struct bytes text, struct node **ret)
{
	struct source s = { .c = c, .arena = a, .name = arena_text(a, name) };
	if (!yaml_parser_initialize(&s.parser)) {
		return FAIL(c, SERVER_INTERNAL, "The YAML parser does not start");
	}
	yaml_parser_set_input_string(&s.parser, text.p == NULL ? (const uint8_t *) "" : text.p, text.n);
	struct node *root = NULL;
	int result = read_document(&s, &root);
	yaml_parser_delete(&s.parser);
	if (result != 0) {
		return -1;
	}
	*ret = root == NULL || yaml_is_null(root) ? node_new(&s, NODE_MAP, 1) : root;
	return 0;
}

int yaml_read_file(struct ctx *c, struct arena *a, const char *path, struct node **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return FAIL(c, MALFORMED, "%s: can't be opened: %s", path, strerror(errno));
	}
	uint8_t *text = arena_alloc(c->arena, FILE_MAX + 1);
	size_t n = 0;
	ssize_t got = 0;
	while (n <= FILE_MAX && (got = read(fd, text + n, FILE_MAX + 1 - n)) > 0) {
		n += (size_t) got;
	}
	int error = errno;
	close(fd);
	if (got < 0) {
		return FAIL(c, MALFORMED, "%s: can't be read: %s", path, strerror(error));
	}
	if (n > FILE_MAX) {
		return FAIL(c, MALFORMED, "%s: larger than %zu octets", path, FILE_MAX);
	}
	return yaml_read_text(c, a, path, (struct bytes) { text, n }, ret);
}

struct node *yaml_find(const struct node *map, const char *key)
{
	for (struct node *n = map->first; n != NULL; n = n->next) {
		if (strcmp(n->key, key) == 0) {
			return n;
		}
	}
	return NULL;
}

bool yaml_is_null(const struct node *n)
{
	return n->kind == NODE_SCALAR && n->plain &&
	       (n->text[0] == '\0' || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}

static void replace(struct node *old, const struct node *by)
{
	struct node *next = old->next;
	*old = *by;
	old->next = next;
}

void yaml_merge(struct node *base, struct node *over)
{
	if (base->kind != NODE_MAP || over->kind != NODE_MAP) {
		replace(base, over);
		return;
	}
	struct node *next = NULL;
	for (struct node *n = over->first; n != NULL; n = next) {
		next = n->next;
		struct node *same = yaml_find(base, n->key);
		if (same != NULL) {
			yaml_merge(same, n);
		} else {
			n->next = base->first;
			base->first = n;
		}
	}
}
