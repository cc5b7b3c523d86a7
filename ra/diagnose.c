/* `cairn doctor --for NAME`: what an order would meet, by the same policy, limits and validation authority, with tokens that
 * nobody answers (policy/diagnose.h). */
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/ip.h"
#include "lib/rpc/client.h"
#include "lib/rpc/handlers.h"
#include "policy/challenges.h"
#include "policy/diagnose.h"
#include "ra/lists.h"
#include "ra/ra.h"

#define TOKEN_OCTETS 32

struct run_params {
	const char *process;
	const char *actor;
	struct id request_id;
	const char *name;
};
static const struct field run_param[] = {
	FIELD(struct run_params, process),
	FIELD(struct run_params, actor),
	FIELD(struct run_params, request_id),
	FIELD(struct run_params, name),
};
static const struct fields run_params_fields = FIELDS(struct run_params, run_param);

/* Before anything is looked at: no record, no act. */
const struct statement ra_doctor_run_statement = {
	.name = "doctor_run",
	.sql = "INSERT INTO log.event (process, actor, kind, request_id, facts) "
	       "VALUES ($1, $2, 'doctor.run', $3, jsonb_build_object('name', $4))",
	.params = &run_params_fields,
};

struct limits_params {
	const char *uses;
};
static const struct field limits_param[] = { FIELD(struct limits_params, uses) };
static const struct fields limits_params_fields = FIELDS(struct limits_params, limits_param);

struct limits_row {
	const char *name;
	const char *key;
	int64_t count;
	int64_t remaining;
	struct timestamp next_at;
};
static const struct field limits_row_field[] = {
	FIELD(struct limits_row, name),
	FIELD(struct limits_row, key),
	FIELD(struct limits_row, count),
	FIELD(struct limits_row, remaining),
	FIELD(struct limits_row, next_at),
};
static const struct fields limits_row_fields = FIELDS(struct limits_row, limits_row_field);

const struct statement ra_look_at_limits_statement = {
	.name = "look_at_limits",
	.sql = "SELECT name, key, count, remaining, next_at FROM acme.show_limit($1::jsonb->'uses')",
	.params = &limits_params_fields,
	.row = &limits_row_fields,
	.repeatable = true,
};

/* One diagnosis under way. */
struct patient {
	struct ctx *c;
	struct diagnosing d;
	const struct config_profile *profile;
	struct identifier_list identifiers; /* the one */
	struct diagnosis *ret;
};

/* Whether the policy would take the name. Why not is what an order would be told. */
static bool look_at_policy(struct patient *p, const char *name)
{
	struct ctx *c = p->c;
	struct ip ip;
	struct identifier one = { ip_parse(name, &ip) == 0 ? "ip" : "dns", name };
	const struct identifier_list asked = { &one, 1 };
	p->ret->identifier = one;
	if (ra_check_identifiers(c, &asked, p->profile, &p->identifiers) != 0) {
		const char *why = c->err.subproblems.n > 0 ? c->err.subproblems.v[0].detail : c->err.detail;
		diagnose_add(
		    &p->d, "policy", FINDING_PROBLEM, arena_printf(c->arena, "This CA would refuse the name: %s", why));
		ctx_forgive(c);
		return false;
	}
	p->ret->identifier = p->identifiers.v[0];
	diagnose_add(&p->d, "policy", FINDING_OK,
	    arena_printf(
	        c->arena, "The policy lets %s be ordered (profile %s)", p->ret->identifier.value, p->profile->name));
	return true;
}

/* Limits that count for the name whoever orders it. */
static int look_at_limits(struct patient *p, bool *ret_free)
{
	struct ctx *c = p->c;
	const struct policy *policy = lists_hold();
	struct limits_params params = { limits_for_name(c->arena, &ra_get()->limits, policy->psl, &p->identifiers) };
	lists_release();
	struct limits_row *rows = NULL;
	size_t n = 0;
	if (params.uses != NULL) {
		TRY(db_rows(c, &ra_look_at_limits_statement, &params, &rows, &n));
	}
	*ret_free = true;
	for (size_t i = 0; i < n; i++) {
		bool used_up = rows[i].count > 0 && rows[i].remaining == 0;
		char when[RFC3339_SIZE];
		timestamp_encode(rows[i].next_at, false, when);
		*ret_free = *ret_free && !used_up;
		if (used_up) {
			diagnose_add(&p->d, "limits", FINDING_PROBLEM,
			    arena_printf(
			        c->arena, "The rate limit %s is used up for %s until %s", rows[i].name, rows[i].key, when));
		}
	}
	if (*ret_free) {
		diagnose_add(&p->d, "limits", FINDING_OK,
		    n == 0 ? "No rate limit counts for this name" : "No rate limit that counts for this name is used up");
	}
	return 0;
}

static struct validate_request trial(const struct patient *p, const char *method)
{
	const struct config_acme *acme = &ra_get()->config->acme;
	struct arena *a = p->c->arena;
	uint8_t random[TOKEN_OCTETS];
	random_bytes(random, sizeof(random));
	const char *token = base64url_encode(a, (struct bytes) { random, sizeof(random) });
	const struct identifier *i = &p->ret->identifier;
	bool wildcard = strncmp(i->value, "*.", 2) == 0;
	return (struct validate_request) {
		.validation_id = id_new(),
		.identifier = { i->type, wildcard ? i->value + 2 : i->value },
		.wildcard = wildcard,
		.method = method,
		.token = token,
		.key_authorization = arena_printf(a, "%s.%s", token, token),
		.account_url = arena_printf(a, "%s/acme/account/doctor", acme->external_url),
		.caa_identities = acme->caa_identities,
		.trial = true,
	};
}

/* False: the time is over or nobody is there to look, which is said. */
static bool validate(struct patient *p, const struct validate_request *request, struct validation_result *ret)
{
	if (rpc_va_validate(p->c, request, ret) == 0) {
		ret->method = request->method;
		return true;
	}
	diagnose_add(&p->d, request->method, FINDING_PROBLEM,
	    arena_printf(p->c->arena, "%s could not be tried to its end: the validation authority did not answer in time",
	        request->method));
	ctx_forgive(p->c);
	return false;
}

/* Tries the method, then CAA by it. */
static bool look_by(struct patient *p, const char *method)
{
	struct validate_request request = trial(p, method);
	struct validation_result result;
	bool works = validate(p, &request, &result) && diagnose_method(&p->d, &request, &result);
	if (strcmp(request.identifier.type, "dns") != 0) {
		return works;
	}
	request.validation_id = id_new();
	request.key_authorization = NULL;
	request.token = NULL;
	request.check_caa = true;
	return validate(p, &request, &result) && diagnose_caa(&p->d, &request, &result) && works;
}

static void look_by_all(struct patient *p)
{
	const struct text_list *configured = &ra_get()->config->policy.challenges;
	enum identifier_kind kind = identifier_kind(&p->ret->identifier);
	p->ret->methods.v = ARENA_ARRAY(p->c->arena, challenge_kinds_n, const char *);
	for (size_t i = 0; i < challenge_kinds_n; i++) {
		const struct challenge_kind *one = &challenge_kinds[i];
		if (!challenge_is_offered(configured, one, kind)) {
			continue;
		}
		if (one->on_request) { /* its names and records are an account's own */
			diagnose_add(&p->d, one->type, FINDING_NOTE,
			    arena_printf(p->c->arena, "%s is offered; it is not tried without an account", one->type));
			continue;
		}
		if (look_by(p, one->type)) {
			p->ret->methods.v[p->ret->methods.n++] = one->type;
		}
	}
}

int ra_diagnose_serve(struct ctx *c, const struct diagnose_request *in, struct diagnosis *ret)
{
	struct run_params run = { ra_get()->instance, in->inside ? "operator" : "visitor", c->request_id, in->name };
	struct diagnosis diagnosis = { .ready = false };
	struct patient p = {
		.c = c, .d = { c->arena, in->inside, &diagnosis.findings }, .profile = ra_profile_find(NULL), .ret = &diagnosis
	};
	bool is_free = false;
	TRY(db_run(c, &ra_doctor_run_statement, &run));
	if (look_at_policy(&p, in->name)) { /* nobody is visited for a name that this CA has nothing to do with */
		TRY(look_at_limits(&p, &is_free));
		look_by_all(&p);
	}
	diagnosis.ready = is_free && diagnosis.methods.n > 0;
	*ret = diagnosis;
	return 0;
}
