#include "lib/rpc/error.h"

#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/rpc/messages.h"

static const struct {
	const char *code;
	unsigned status;
	enum problem problem; /* what it means for a caller that gets no problem with it */
} codes[] = {
	{ "invalid_argument", 400, PROBLEM_SERVER_INTERNAL },
	{ "deadline_exceeded", 504, PROBLEM_DEADLINE },
	{ "not_found", 404, PROBLEM_SERVER_INTERNAL },
	{ "already_exists", 409, PROBLEM_SERVER_INTERNAL },
	{ "permission_denied", 403, PROBLEM_SERVER_INTERNAL },
	{ "resource_exhausted", 429, PROBLEM_UNAVAILABLE },
	{ "failed_precondition", 400, PROBLEM_SERVER_INTERNAL },
	{ "aborted", 409, PROBLEM_SERVER_INTERNAL },
	{ "out_of_range", 400, PROBLEM_SERVER_INTERNAL },
	{ "unimplemented", 501, PROBLEM_SERVER_INTERNAL },
	{ "internal", 500, PROBLEM_SERVER_INTERNAL },
	{ "unavailable", 503, PROBLEM_UNAVAILABLE },
	{ "unauthenticated", 401, PROBLEM_SERVER_INTERNAL },
	{ "unknown", 500, PROBLEM_SERVER_INTERNAL },
};

/* These say something of the call, not of what it asks for. */
static bool is_about_the_call(enum problem p)
{
	return p == PROBLEM_NOT_PERMITTED || p == PROBLEM_METHOD_NOT_ALLOWED || p == PROBLEM_UNSUPPORTED_MEDIA_TYPE ||
	       p == PROBLEM_TOO_LARGE;
}

struct bytes rpc_error_encode(const struct ctx *c, unsigned *ret_status)
{
	const char *code = problem_info(c->err.type)->code;
	struct problem_record record = problem_record_of(c);
	if (record.type == NULL) { /* a handler that failed without saying why */
		record.type = problem_info(PROBLEM_SERVER_INTERNAL)->name;
		record.detail = problem_info(PROBLEM_SERVER_INTERNAL)->title;
	}
	struct bytes json = fields_to_json(c->arena, &problem_record_fields, &record);
	struct buffer b;
	buffer_init(&b, c->arena, 256 + 3 * json.n);
	buffer_add_text(&b, "{\"code\":");
	buffer_add_json(&b, bytes_of_text(code));
	buffer_add_text(&b, ",\"message\":");
	buffer_add_json(&b, bytes_of_text(record.detail));
	buffer_add_text(&b, ",\"details\":[{\"type\":\"" RPC_PROBLEM_TYPE "\",\"value\":\"");
	buffer_add_text(&b, base64_encode(c->arena, json));
	buffer_add_text(&b, "\",\"debug\":");
	buffer_add(&b, json.p, json.n);
	buffer_add_text(&b, "}]}");
	*ret_status = 500;
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		if (strcmp(codes[i].code, code) == 0) {
			*ret_status = codes[i].status;
		}
	}
	return buffer_bytes(&b);
}

static int parse_problem(struct ctx *c, const json_t *body, struct problem_record *ret)
{
	const json_t *details = json_object_get(body, "details");
	for (size_t i = 0; i < json_array_size(details); i++) {
		const json_t *detail = json_array_get(details, i);
		const char *type = json_string_value(json_object_get(detail, "type"));
		if (type != NULL && strcmp(type, RPC_PROBLEM_TYPE) == 0) {
			return fields_from_json(c, &problem_record_fields, json_object_get(detail, "debug"), ret);
		}
	}
	return -1;
}

int rpc_error_parse(struct ctx *c, unsigned status, struct bytes json)
{
	json_t *body = NULL;
	struct problem_record record = { .type = NULL };
	if (json_parse(c, json, &body) != 0) {
		body = NULL;
	} else if (parse_problem(c, body, &record) != 0) {
		record.type = NULL;
	}
	ctx_forgive(c);
	if (record.type != NULL && !is_about_the_call(problem_by_name(record.type))) {
		return problem_record_fail(c, &record);
	}
	const char *code = json_string_value(json_object_get(body, "code"));
	const char *message = json_string_value(json_object_get(body, "message"));
	ctx_cause(c, "HTTP %u, %s: %s", status, code == NULL ? "no code" : code, message == NULL ? "" : message);
	enum problem problem = status == 503 ? PROBLEM_UNAVAILABLE : PROBLEM_SERVER_INTERNAL;
	for (size_t i = 0; code != NULL && i < COUNT_OF(codes); i++) {
		if (strcmp(codes[i].code, code) == 0) {
			problem = codes[i].problem;
		}
	}
	return ctx_fail(c, problem, NULL);
}
