#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/buffer.h"
#include "tests/unit/fields_whole.h"

static const char *const colours[] = { "red", "green", NULL };

static const struct field part_field[] = {
	FIELD(struct part, type, .flags = FIELD_REQUIRED, .one_of = colours),
	FIELD(struct part, value, .flags = FIELD_OMIT_EMPTY, .min = 0, .max = 9),
};
static const struct fields part_fields = FIELDS(struct part, part_field);

static const struct field whole_field[] = {
	FIELD(struct whole, name, .flags = FIELD_REQUIRED, .min = 1, .max = 12),
	FIELD(struct whole, on),
	FIELD(struct whole, count),
	FIELD(struct whole, key, .min = 0, .max = 4),
	FIELD(struct whole, id),
	FIELD_AS(struct whole, at, "atTime"),
	FIELD(struct whole, names, .min = 0, .max = 3),
	FIELD(struct whole, keys),
	FIELD(struct whole, ids),
	FIELD(struct whole, numbers),
	FIELD(struct whole, any),
	FIELD_STRUCT(struct whole, part, &part_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCTS(struct whole, parts, &part_fields),
};
static const struct fields whole_fields = FIELDS(struct whole, whole_field);

static int parse(struct ctx *c, const char *text, struct whole *w)
{
	return fields_parse_json(c, &whole_fields, bytes_of_text(text), w);
}

static void reads_and_writes_every_kind(void **state)
{
	(void) state;
	static const char text[] =
	    "{\"name\":\"n/a\\u00E9\\uD83D\\uDE00\\\"\",\"on\":true,\"count\":-9223372036854775807,\"key\":\"AP8\","
	    "\"id\":\"AZq83e8AcACAAAAAAAAAAA\",\"atTime\":\"2026-11-21T08:09:10.000001Z\",\"names\":[\"a\",\"b\"],"
	    "\"keys\":[\"\",\"AQ\"],\"ids\":[\"AZq83e8AcACAAAAAAAAAAA\"],\"numbers\":[1,-2],\"any\":{\"x\":[null,1.5]},"
	    "\"part\":{\"type\":\"red\",\"value\":3},\"parts\":[{\"type\":\"green\"},{\"type\":\"red\",\"value\":9}]}";
	struct ctx c;
	ctx_init(&c);
	struct whole w;
	assert_int_equal(parse(&c, text, &w), 0);
	assert_string_equal(w.name, "n/a\xc3\xa9\xf0\x9f\x98\x80\"");
	assert_true(w.on);
	assert_int_equal(w.key.n, 2);
	assert_int_equal(w.names.n, 2);
	assert_string_equal(w.names.v[1], "b");
	assert_int_equal(w.numbers.v[1], -2);
	assert_int_equal(w.parts.n, 2);
	assert_int_equal(w.parts.v[1].value, 9);
	struct bytes out = fields_to_json(c.arena, &whole_fields, &w);
	assert_string_equal((const char *) out.p, text);
	assert_int_equal(out.n, strlen(text));
	json_t *value = arena_json(c.arena, fields_to_json_value(&whole_fields, &w));
	assert_string_equal((const char *) json_encode(c.arena, value).p, text);
	ctx_done(&c);
}

static void an_absent_member_is_zero(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct whole w;
	memset(&w, 0xff, sizeof(w));
	assert_int_equal(parse(&c, " {\"unknown\":[{}],\"name\":\"x\",\"count\":null,\"id\":null} ", &w), 0);
	assert_int_equal(w.count, 0);
	assert_true(id_is_none(w.id));
	assert_null(w.any);
	assert_int_equal(w.parts.n, 0);
	struct bytes out = fields_to_json(c.arena, &whole_fields, &w);
	assert_string_equal((const char *) out.p, "{\"name\":\"x\",\"on\":false,\"count\":0,\"key\":\"\",\"names\":[],"
	                                          "\"keys\":[],\"ids\":[],\"numbers\":[],\"parts\":[]}");
	ctx_done(&c);
}

static void refuses_what_does_not_fit(void **state)
{
	(void) state;
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "not acceptable JSON" },
		{ "[]", "must be an object" },
		{ "{\"name\":\"x\"", "not acceptable JSON" },
		{ "{\"name\":\"x\"} {}", "not acceptable JSON" },
		{ "{\"name\":\"x\",\"name\":\"y\"}", "a member stands twice" }, /* */
		{ "{\"name\":\"x\",\"other\":{\"a\":1,\"a\":2}}", "a member stands twice" },
		{ "{\"name\":\"\xff\"}", "not acceptable JSON" },
		{ "{\"name\":\"a\\u0000b\"}", "not acceptable JSON" },
		{ "{\"count\":1}", "\"name\" is missing" },
		{ "{\"name\":null}", "\"name\" is missing" },
		{ "{\"name\":7}", "\"name\" must be a string" },
		{ "{\"name\":\"\"}", "\"name\" must have between 1 and 12 characters" },
		{ "{\"name\":\"1234567890abc\"}", "between 1 and 12" },
		{ "{\"name\":\"x\",\"on\":1}", "\"on\" must be true or false" },
		{ "{\"name\":\"x\",\"count\":1.0}", "\"count\" must be a whole number" },
		{ "{\"name\":\"x\",\"count\":9223372036854775808}", "not acceptable JSON" },
		{ "{\"name\":\"x\",\"key\":\"AP8=\"}", "\"key\" must be a string in base64url" },
		{ "{\"name\":\"x\",\"key\":[]}", "\"key\" must be a string in base64url" },
		{ "{\"name\":\"x\",\"key\":\"AAAAAAAA\"}", "\"key\" must have between 0 and 4 octets" },
		{ "{\"name\":\"x\",\"id\":\"1\"}", "\"id\" must be an id" },
		{ "{\"name\":\"x\",\"atTime\":\"yesterday\"}", "\"atTime\" must be a time" },
		{ "{\"name\":\"x\",\"atTime\":\"1970-01-01T00:00:00Z\"}", "\"atTime\" must not be the first" }, /* */
		{ "{\"name\":\"x\",\"names\":\"a\"}", "\"names\" must be a list" },
		{ "{\"name\":\"x\",\"names\":[\"a\",null]}", "\"names[1]\" must be a string" },
		{ "{\"name\":\"x\",\"names\":[\"\",\"\",\"\",\"\"]}", "not have more than 3 entries" },
		{ "{\"name\":\"x\",\"part\":[]}", "\"part\" must be an object" },
		{ "{\"name\":\"x\",\"part\":{}}", "\"part.type\" is missing" },
		{ "{\"name\":\"x\",\"parts\":[{\"type\":\"red\"},{\"type\":\"blue\"}]}",
		    "\"parts[1].type\" must be one of: red, green" },
		{ "{\"name\":\"x\",\"parts\":[{\"type\":\"red\",\"value\":10}]}",
		    "\"parts[0].value\" must be between 0 and 9" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct ctx c;
		ctx_init(&c);
		struct whole w;
		assert_int_equal(parse(&c, cases[i].text, &w), -1);
		assert_int_equal(c.err.type, PROBLEM_MALFORMED);
		if (strstr(c.err.detail, cases[i].why) == NULL) {
			fail_msg("%s: %s", cases[i].text, c.err.detail);
		}
		ctx_done(&c);
	}
}

static void nesting_is_bounded(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	static const char bracket[] = "[\"]]\\\"[\",";
	for (size_t depth = 32; depth <= 33; depth++) {
		struct buffer b;
		buffer_init(&b, c.arena, 10);
		for (size_t i = 0; i < depth; i++) {
			buffer_add_text(&b, bracket);
		}
		buffer_add_text(&b, "1");
		for (size_t i = 0; i < depth; i++) {
			buffer_add_text(&b, "]");
		}
		json_t *value = NULL;
		assert_int_equal(json_parse(&c, buffer_bytes(&b), &value), depth == 32 ? 0 : -1); /* */
	}
	assert_non_null(strstr(c.err.detail, "nested deeper than 32"));
	ctx_done(&c);
}

static void any_octets_become_json(void **state)
{
	(void) state;
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "\"\"" }, { "a/b", "\"a/b\"" }, { "\"\\\n\r\t\b\x1f\x7f", "\"\\\"\\\\\\n\\r\\t\\u0008\\u001F\\u007F\"" },
		{ "\xc3\xbc\xe2\x82\xac\xf4\x8f\xbf\xbf", "\"\\u00FC\\u20AC\\uDBFF\\uDFFF\"" },
		{ "\xff\xc3(", "\"\\uFFFD\\uFFFD(\"" }, { "\xc0\x80", "\"\\uFFFD\\uFFFD\"" }, /* overlong */
		{ "\xed\xa0\x80", "\"\\uFFFD\\uFFFD\\uFFFD\"" },                              /* a surrogate */
		{ "\xf4\x90\x80\x80", "\"\\uFFFD\\uFFFD\\uFFFD\\uFFFD\"" },                   /* over U+10FFFF */
		{ "\xe2\x82", "\"\\uFFFD\\uFFFD\"" },                                         /* cut off */
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buffer b;
		buffer_init(&b, a, 0);
		buffer_add_json(&b, bytes_of_text(cases[i].in));
		assert_string_equal((const char *) buffer_bytes(&b).p, cases[i].out);
		json_t *back = json_loadb(b.p, b.n, JSON_DECODE_ANY, NULL);
		assert_non_null(back);
		json_decref(back);
	}
	arena_free(a);
}

static void ranges_are_told(void **state)
{
	(void) state;
	struct arena *a = arena_new();
	struct whole w = { .count = 3 };
	const struct field f = FIELD(struct whole, count, .min = 4, .max = INT64_MAX);
	assert_string_equal(field_refusal(a, &f, &w.count), "must be at least 4");
	w.count = 4;
	assert_null(field_refusal(a, &f, &w.count));
	const struct field names = FIELD(struct whole, names, .one_of = colours);
	const char *list[] = { "green", "blue" };
	w.names = (struct text_list) { list, 1 };
	assert_null(field_refusal(a, &names, &w.names));
	w.names.n = 2;
	assert_string_equal(field_refusal(a, &names, &w.names), "must be one of: red, green");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_every_kind),
		cmocka_unit_test(an_absent_member_is_zero),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(any_octets_become_json),
		cmocka_unit_test(ranges_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
