/* The closed list of problems (problem.def) as an enum with its properties. RFC 8555 6.7. */
#ifndef CAIRN_BASE_PROBLEM_H
#define CAIRN_BASE_PROBLEM_H

#include "lib/base/bytes.h"

enum problem {
	PROBLEM_NONE = 0,
#define PROBLEM(name, type, status, code, title) PROBLEM_##name,
#include "lib/base/problem.def"
#undef PROBLEM
	PROBLEM_COUNT
};

struct problem_info {
	const char *name;  /* as in problem.def: the form in which it crosses RPC and stands in logs and rows */
	const char *type;  /* last part of urn:ietf:params:acme:error: */
	unsigned status;   /* HTTP */
	const char *code;  /* Connect error code */
	const char *title; /* the plain sentence that stands when there is no detail */
};

/* Never NULL; PROBLEM_NONE gives the row of SERVER_INTERNAL. */
const struct problem_info *problem_info(enum problem p);

/* The problem with this name; SERVER_INTERNAL for a name that is not in the list. */
enum problem problem_by_name(const char *name);

#endif
