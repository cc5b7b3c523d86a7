/* JSON read without a tree: what our own writers write is taken, what is taken means the same to the general way, and all
 * else is left to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/fields_scan.h"
#include "lib/rpc/messages.h"

struct some {
	const char *text;
	bool flag;
	int64_t count;
	struct bytes octets;
	struct id id;
	struct timestamp at;
	struct text_list texts;
	struct int_list counts;
	json_t *any;
	struct identifier nested;
	struct identifier_list list;
};

static const char *const colours[] = { "red", "green", NULL };
static const struct field some_field[] = {
	FIELD(struct some, text, .flags = FIELD_REQUIRED, .min = 1, .max = 20),
	FIELD(struct some, flag),
	FIELD(struct some, count, .min = -5, .max = 999999999999999999),
	FIELD(struct some, octets),
	FIELD(struct some, id),
	FIELD(struct some, at),
	FIELD(struct some, texts, .one_of = colours),
	FIELD(struct some, counts, .min = 0, .max = 6),
	FIELD(struct some, any, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCT(struct some, nested, &identifier_fields, .flags = FIELD_OMIT_EMPTY),
	FIELD_STRUCTS(struct some, list, &identifier_fields),
};
static const struct fields some_fields = FIELDS(struct some, some_field);

static bool taken(struct ctx *c, const char *text)
{
	struct some plain, general;
	json_t *document = NULL;
	if (!fields_scan(c->arena, &some_fields, bytes_of_text(text), &plain)) {
		return false;
	}
	if (json_parse(c, bytes_of_text(text), &document) != 0 ||
	    fields_from_json(c, &some_fields, document, &general) != 0) {
		fail_msg("%s: %s", text, c->err.detail);
	}
	assert_string_equal((const char *) fields_to_json(c->arena, &some_fields, &plain).p,
	    (const char *) fields_to_json(c->arena, &some_fields, &general).p);
	return true;
}

static void takes_what_is_plain(void **state)
{
	(void) state;
	static const char *const cases[] = {
		"{\"text\":\"a b\"}",
		" { \"text\" : \"x\" , \"flag\" : true , \"count\" : -5 } \n",
		"{\"text\":\"\\\"\\\\\\/\\n\\r\\t\",\"flag\":false,\"count\":0}",
		"{\"text\":\"x\",\"count\":123456789012345678,\"octets\":\"AP8\",\"id\":\"AZq83e8AcACAAAAAAAAAAA\"}",
		"{\"at\":\"2026-11-21T08:09:10.000001Z\",\"text\":\"x\"}", /* another order */
		"{\"text\":\"x\",\"texts\":[],\"counts\":[1,-2,3,4,5,6]}",
		"{\"text\":\"x\",\"texts\":[\"red\",\"green\",\"red\",\"red\",\"red\"]}",
		"{\"text\":\"x\",\"nested\":{\"type\":\"dns\",\"value\":\"a.test\"},\"list\":[{},{\"type\":\"dns\"}]}",
	};
	struct ctx c;
	ctx_init(&c);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (!taken(&c, cases[i])) {
			fail_msg("%s", cases[i]);
		}
	}
	struct some out;
	assert_true(fields_scan(c.arena, &some_fields, bytes_of_text(cases[2]), &out));
	assert_string_equal(out.text, "\"\\/\n\r\t");
	assert_true(fields_scan(c.arena, &some_fields, bytes_of_text(cases[5]), &out));
	assert_int_equal(out.counts.n, 6);
	assert_int_equal(out.counts.v[5], 6);
	ctx_done(&c);
}

static void leaves_all_else(void **state)
{
	(void) state;
	static const char *const cases[] = {
		"",
		"{",
		"{}", /* a required member is missing */
		"[]",
		"null",
		"{\"text\":\"x\"",
		"{\"text\":\"x\"}}",
		"{\"text\":\"x\"} x",
		"{\"text\":\"x\",}",
		"{\"text\":\"x\",\"text\":\"x\"}", /* */
		"{\"text\":\"x\",\"flag\":true,\"flag\":true}",
		"{\"text\":\"x\",\"unknown\":1}",
		"{\"text\":\"x\",\"flag\":null}",
		"{\"text\":\"x\",\"flag\":tru}",
		"{\"text\":\"x\",\"flag\":1}",
		"{\"text\":1}",
		"{\"text\":\"\"}", /* too short */
		"{\"text\":\"123456789012345678901\"}",
		"{\"text\":\"\\u0041\"}",
		"{\"text\":\"\\b\"}",
		"{\"text\":\"\\x\"}",
		"{\"text\":\"\\\"}",
		"{\"text\":\"\xc3\xa9\"}",
		"{\"text\":\"a\nb\"}",
		"{\"te\\u0078t\":\"x\"}",
		"{'text':\"x\"}",
		"{\"text\":\"x\",\"count\":01}",
		"{\"text\":\"x\",\"count\":-}",
		"{\"text\":\"x\",\"count\":- 1}",
		"{\"text\":\"x\",\"count\":+1}",
		"{\"text\":\"x\",\"count\":1.0}",
		"{\"text\":\"x\",\"count\":1e3}",
		"{\"text\":\"x\",\"count\":-6}", /* out of its range */
		"{\"text\":\"x\",\"count\":1234567890123456789}",
		"{\"text\":\"x\",\"count\":1",
		"{\"text\":\"x\",\"octets\":\"AP8=\"}",
		"{\"text\":\"x\",\"octets\":\"A\"}",
		"{\"text\":\"x\",\"id\":\"short\"}",
		"{\"text\":\"x\",\"at\":\"yesterday\"}",
		"{\"text\":\"x\",\"at\":\"1970-01-01T00:00:00Z\"}",
		"{\"text\":\"x\",\"texts\":[\"blue\"]}",
		"{\"text\":\"x\",\"texts\":[\"red\",]}",
		"{\"text\":\"x\",\"texts\":[,]}",
		"{\"text\":\"x\",\"texts\":[\"red\"",
		"{\"text\":\"x\",\"texts\":\"red\"}",
		"{\"text\":\"x\",\"counts\":[1,2,3,4,5,6,7]}",
		"{\"text\":\"x\",\"any\":1}",
		"{\"text\":\"x\",\"nested\":[]}",
		"{\"text\":\"x\",\"list\":[{\"type\":\"dns\",\"type\":\"dns\"}]}",
		"{\"text\" \"x\"}",
		"{\"text\":\"x\" \"flag\":true}",
	};
	struct ctx c;
	ctx_init(&c);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (taken(&c, cases[i])) {
			fail_msg("%s", cases[i]);
		}
	}
	ctx_done(&c);
}

/* An order as it crosses RPC: it would be slow without anybody noticing if it were left to the general way. */
static void takes_what_we_write(void **state)
{
	(void) state;
	struct ctx c;
	ctx_init(&c);
	struct identifier names[] = { { "dns", "a.test" }, { "dns", "b.test" } };
	struct id ids[] = { id_new(), id_new() };
	struct order order = {
		.id = id_new(),
		.account_id = id_new(),
		.status = "ready",
		.identifiers = { names, 2 },
		.authorizations = { ids, 2 },
		.expires_at = clock_now(),
		.profile = "default",
	};
	struct bytes text = fields_to_json(c.arena, &order_fields, &order);
	struct order again;
	assert_true(fields_scan(c.arena, &order_fields, text, &again));
	assert_true(bytes_equal(fields_to_json(c.arena, &order_fields, &again), text));
	ctx_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_plain),
		cmocka_unit_test(leaves_all_else),
		cmocka_unit_test(takes_what_we_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
