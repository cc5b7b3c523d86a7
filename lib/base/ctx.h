/* One request: its memory, its deadline, its one error, and who asked. Everything that can fail takes it first. */
#ifndef CAIRN_BASE_CTX_H
#define CAIRN_BASE_CTX_H

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/problem.h"

/* A problem of one identifier, or of one attempt (RFC 8555 6.7.1; A-44). identifier_type NULL: it speaks of none. */
struct subproblem {
	enum problem type;
	const char *detail;
	const char *identifier_type;
	const char *identifier_value;
	const char *rule; /* as in struct err */
};

struct subproblem_list {
	struct subproblem *v;
	size_t n;
};

/* The one error of a request. `detail` may be shown to the client, `cause` is for the log only. */
struct err {
	enum problem type; /* PROBLEM_NONE: no error */
	const char *detail;
	const char *cause;
	struct subproblem_list subproblems;
	int64_t retry_after_s; /* 0: none */
	const char *instance;  /* URL that a person has to visit, or NULL */
	const char *location;  /* Location header, as for a key in use, or NULL */
	const char *rule; /* stable names of the policy's rules that refused (policy/rules.def), with commas; or NULL */
};

struct ctx {
	struct arena *arena;
	struct err err;
	int64_t deadline_us;     /* of clock_monotonic_us; INT64_MAX: none */
	struct id request_id;    /* the same through all processes */
	const char *caller;      /* name in the caller's certificate ("cairn-wfe"), or NULL for the world */
	const char *log_account; /* text of the account id once known, for the log */
};

/* ctx_init makes the arena, a fresh request id and no deadline; ctx_done frees the arena. */
void ctx_init(struct ctx *c);
void ctx_done(struct ctx *c);

/* Hands the arena, with all that was made in it, to the caller, who frees it; c goes on with a fresh one, so what it
 * points to in the old one (its error) is forgotten. */
struct arena *ctx_take_arena(struct ctx *c);

/* Sets the error and is always -1. A second call keeps the first error. detail NULL or "": the problem's title. Here and in
 * subproblems characters that a terminal acts on become "?", and a detail ends after 4,000 octets. */
int ctx_fail(struct ctx *c, enum problem type, const char *detail_format, ...) PRINTF_LIKE(3, 4);

/* Adds to the cause of the error, which only the log sees. Call it before or after FAIL; always -1. */
int ctx_cause(struct ctx *c, const char *format, ...) PRINTF_LIKE(2, 3);

/* A fault of ours: SERVER_INTERNAL with its plain title; the sentence is the cause. Always -1. */
int ctx_fault(struct ctx *c, const char *cause_format, ...) PRINTF_LIKE(2, 3);
/* As with FAIL: the -1 stands where an analyzer sees it. */
#define ctx_fault(c, ...) (ctx_fault((c), __VA_ARGS__), -1)

/* Adds a subproblem; does not set the error itself. identifier_value NULL: about no identifier. */
void ctx_subproblem(struct ctx *c, enum problem type, const char *identifier_type, const char *identifier_value,
    const char *detail_format, ...) PRINTF_LIKE(5, 6);

/* Names the rule of the policy that refuses, for log and record; call it before or after FAIL. The first one stays. */
void ctx_rule(struct ctx *c, const char *rule);

/* Forgets the error, so that another way may be tried. */
void ctx_forgive(struct ctx *c);

/* Whole milliseconds until the deadline, 0 when it has passed, at most `cap_ms`. */
int64_t ctx_left_ms(const struct ctx *c, int64_t cap_ms);

/* The deadline becomes at most ms from now. */
void ctx_limit_ms(struct ctx *c, int64_t ms);

/* The -1 is written out, so that every analyzer sees that what follows an error is not reached. */
#define FAIL(c, type, ...) (ctx_fail((c), PROBLEM_##type, __VA_ARGS__), -1)

#define TRY(call) \
	do { \
		if ((call) != 0) { \
			return -1; \
		} \
	} while (0)

#endif
