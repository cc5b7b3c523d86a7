/* YAML as a tree with lines: what a configuration may be made of, and what is refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/buffer.h"
#include "lib/base/yaml.h"

static int setup(void **state)
{
	struct ctx *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		return -1;
	}
	ctx_init(c);
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	ctx_done(*state);
	free(*state);
	return 0;
}

static struct node *read_text(struct ctx *c, const char *text)
{
	struct node *root = NULL;
	if (yaml_read_text(c, c->arena, "t", bytes_of_text(text), &root) != 0) {
		fail_msg("%s", c->err.detail);
	}
	return root;
}

/* The tree in one line: {key@line:value, ...}, [..], 'quoted', plain. */
static void write_node(struct buffer *b, const struct node *n)
{
	if (n->kind == NODE_SCALAR) {
		buffer_printf(b, n->plain ? "%s" : "'%s'", n->text);
		return;
	}
	buffer_add_char(b, n->kind == NODE_MAP ? '{' : '[');
	for (const struct node *one = n->first; one != NULL; one = one->next) {
		assert_true((one->key != NULL) == (n->kind == NODE_MAP));
		buffer_printf(b, "%s@%zu:", one->key == NULL ? "" : one->key, one->line);
		write_node(b, one);
		buffer_add_text(b, one->next == NULL ? "" : ",");
	}
	buffer_add_char(b, n->kind == NODE_MAP ? '}' : ']');
}

static const char *written(struct ctx *c, const struct node *n)
{
	struct buffer b;
	buffer_init(&b, c->arena, 100);
	write_node(&b, n);
	return (const char *) buffer_bytes(&b).p;
}

static void trees(void **state)
{
	static const char *const cases[][2] = {
		{ "", "{}" },
		{ "# nothing\n", "{}" },
		{ "---\n...\n", "{}" },
		{ "~\n", "{}" },
		{ "null", "{}" },
		{ "a: 1\nb:\n  c: \"2\"\n\n  d: '3'\n", "{a@1:1,b@2:{c@3:'2',d@5:'3'}}" },
		{ "a:\n  - x\n  - y: 1\n    z: 2\n  - []\n", "{a@1:[@2:x,@3:{y@3:1,z@4:2},@5:[]]}" },
		{ "{a: [1, {b: c}], d: }", "{a@1:[@1:1,@1:{b@1:c}],d@1:}" },
		{ "a: |\n  two\n  lines\nb: >\n  one\n  line\n", "{a@1:'two\nlines\n',b@4:'one line\n'}" },
		{ "\"a b\": x # said\n'#': y\n", "{a b@1:x,#@2:y}" },
		{ "\xef\xbb\xbf"
		  "a: \xc3\xbc\n",
		    "{a@1:\xc3\xbc}" },
		{ "- a\n- b\n", "[@1:a,@2:b]" },
		{ "text", "text" },
		{ "a: \"\"\n", "{a@1:''}" },
	};
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_string_equal(written(c, read_text(c, cases[i][0])), cases[i][1]);
	}
	struct node *root = NULL;
	assert_int_equal(yaml_read_text(c, c->arena, "t", (struct bytes) { NULL, 0 }, &root), 0);
	assert_string_equal(written(c, root), "{}");
	assert_string_equal(read_text(c, "a: 1\n")->first->file, "t");
}

static void refusals(void **state)
{
	static const char *const cases[][2] = {
		{ "a: 1\na: 2\n", "t:2: a stands twice; it is already in line 1" },
		{ "x:\n  a: {}\n  b: 2\n  a: 3\n", "t:4: a stands twice; it is already in line 2" },
		{ "a: 1\n\"a\": 2\n", "t:2: a stands twice; it is already in line 1" },
		{ "a: &x 1\n", "t:1: anchors and tags are not supported" },
		{ "\na: &x [1]\n", "t:2: anchors and tags are not supported" },
		{ "a:\n  - &x {}\n", "t:2: anchors and tags are not supported" },
		{ "a: !!str 1\n", "t:1: anchors and tags are not supported" },
		{ "!!map {a: 1}\n", "t:1: anchors and tags are not supported" },
		{ "&k a: 1\n", "t:1: anchors and tags are not supported" },
		{ "a: 1\nb: *a\n", "t:2: aliases are not supported" },
		{ "- *a\n", "t:1: aliases are not supported" },
		{ "*a\n", "t:1: aliases are not supported" },
		{ "<<: *a\n", "t:1: aliases are not supported" },
		{ "a: 1\n---\nb: 2\n", "t:2: only one document may stand in a file" },
		{ "a: 1\n? [b]\n: 2\n", "t:2: a key must be a plain text" },
		{ "a: 1\n? {b: 1}\n: 2\n", "t:2: a key must be a plain text" },
		{ "a: \"x\\0y\"\n", "t:1: a text must not hold a NUL" },
		{ "a: [1\nb: 2\n", "t:2: this is not YAML: " },
		{ "a: b: c\n", "t:1: this is not YAML: " },
		{ "a:\n\tb: 1\n", "t:2: this is not YAML: " },
		{ "a: \"open\n", "t:2: this is not YAML: " },
		{ "%YAML 9.9\n---\na: 1\n", "t:1: this is not YAML: " },
		{ "a: \xff\n", "t:1: this is not YAML: " },
		{ "a: \x01\n", "t:1: this is not YAML: " },
	};
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct node *root = NULL;
		assert_int_equal(yaml_read_text(c, c->arena, "t", bytes_of_text(cases[i][0]), &root), -1);
		assert_int_equal(c->err.type, PROBLEM_MALFORMED);
		size_t n = strlen(cases[i][1]);
		if (strncmp(c->err.detail, cases[i][1], cases[i][1][n - 1] == ' ' ? n : n + 1) != 0) {
			fail_msg("expected \"%s\", found \"%s\"", cases[i][1], c->err.detail);
		}
		assert_null(root);
		ctx_forgive(c);
	}
}

static const char *nested(struct ctx *c, size_t depth, char open, char close)
{
	char *text = arena_alloc(c->arena, 2 * depth + 1);
	memset(text, open, depth);
	memset(text + depth, close, depth);
	return text;
}

static void nesting_is_bounded(void **state)
{
	struct ctx *c = *state;
	struct node *root = read_text(c, nested(c, 16, '[', ']'));
	size_t depth = 0;
	for (const struct node *n = root; n != NULL; n = n->first) {
		depth++;
	}
	assert_int_equal(depth, 16);
	static const size_t too_deep[] = { 17, 100, 50000 };
	for (size_t i = 0; i < COUNT_OF(too_deep); i++) {
		assert_int_equal(yaml_read_text(c, c->arena, "t", bytes_of_text(nested(c, too_deep[i], '[', ']')), &root), -1);
		assert_string_equal(c->err.detail, "t:1: this is nested too deeply");
		ctx_forgive(c);
	}
}

static void finds_and_knows_nothing(void **state)
{
	struct ctx *c = *state;
	struct node *root = read_text(c, "a: ~\nb: null\nc:\nd: \"\"\ne: 'null'\nf: Null\ng: {}\nab: 1\n");
	static const char *const nothing[] = { "a", "b", "c" };
	static const char *const something[] = { "d", "e", "f", "g", "ab" };
	for (size_t i = 0; i < COUNT_OF(nothing); i++) {
		assert_true(yaml_is_null(yaml_find(root, nothing[i])));
	}
	for (size_t i = 0; i < COUNT_OF(something); i++) {
		assert_false(yaml_is_null(yaml_find(root, something[i])));
	}
	assert_null(yaml_find(root, ""));
	assert_null(yaml_find(root, "A"));
	assert_null(yaml_find(yaml_find(root, "g"), "a"));
}

static void merging(void **state)
{
	static const char *const cases[][3] = {
		{ "a: 1\nb: 2\n", "b: 3\n", "{a@1:1,b@1:3}" },
		{ "a: {x: 1, y: 2}\nb: 1\n", "a: {y: 3}\n", "{a@1:{x@1:1,y@1:3},b@2:1}" },
		{ "a: [1, 2]\n", "a: [3]\n", "{a@1:[@1:3]}" },
		{ "a: {x: 1}\nz: 0\n", "a: [3]\n", "{a@1:[@1:3],z@2:0}" },
		{ "a: [1]\n", "a: {x: 1}\n", "{a@1:{x@1:1}}" },
		{ "", "a: 1\n", "{a@1:1}" },
		{ "a: 1\n", "", "{a@1:1}" },
		{ "a: 1\nb: 2\nc: 3\n", "\n\nb: [x]\n", "{a@1:1,b@3:[@3:x],c@3:3}" },
	};
	struct ctx *c = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct node *base = read_text(c, cases[i][0]);
		yaml_merge(base, read_text(c, cases[i][1]));
		assert_string_equal(written(c, base), cases[i][2]);
	}
	/* what is new stands beside what was there, whatever the order */
	struct node *base = read_text(c, "a: 1\n");
	yaml_merge(base, read_text(c, "b: 2\nc: {d: 4}\n"));
	assert_string_equal(yaml_find(base, "a")->text, "1");
	assert_string_equal(yaml_find(base, "b")->text, "2");
	assert_string_equal(yaml_find(yaml_find(base, "c"), "d")->text, "4");
}

/* A file of n octets: a comment, then a key. */
static void write_file(const char *path, size_t n)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (size_t i = 0; i < n - 6; i++) {
		(void) fputc('#', f);
	}
	(void) fputs("\na: 1\n", f);
	assert_int_equal(fclose(f), 0);
}

static void files(void **state)
{
	struct ctx *c = *state;
	char folder[] = "/tmp/cairn-yaml-XXXXXX";
	struct node *root = NULL;
	assert_non_null(mkdtemp(folder));
	const char *path = arena_printf(c->arena, "%s/c.yaml", folder);
	assert_int_equal(yaml_read_file(c, c->arena, path, &root), -1);
	assert_string_equal(c->err.detail, arena_printf(c->arena, "%s: can't be opened: No such file or directory", path));
	ctx_forgive(c);
	assert_int_equal(yaml_read_file(c, c->arena, folder, &root), -1);
	assert_string_equal(c->err.detail, arena_printf(c->arena, "%s: can't be read: Is a directory", folder));
	ctx_forgive(c);
	write_file(path, 1024 * 1024);
	assert_int_equal(yaml_read_file(c, c->arena, path, &root), 0);
	assert_string_equal(yaml_find(root, "a")->text, "1");
	assert_int_equal(yaml_find(root, "a")->line, 2);
	assert_string_equal(yaml_find(root, "a")->file, path);
	write_file(path, 1024 * 1024 + 1);
	assert_int_equal(yaml_read_file(c, c->arena, path, &root), -1);
	assert_string_equal(c->err.detail, arena_printf(c->arena, "%s: larger than 1048576 octets", path));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

#define WITH_CTX(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CTX(trees),
		WITH_CTX(refusals),
		WITH_CTX(nesting_is_bounded),
		WITH_CTX(finds_and_knows_nothing),
		WITH_CTX(merging),
		WITH_CTX(files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
