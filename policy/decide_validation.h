/* The verdict on a whole validation, as a pure function of what was asked and what was recorded: the validation authority
 * draws it when a validation ends, and `cairn audit replay` again from the kept record. */
#ifndef CAIRN_POLICY_DECIDE_VALIDATION_H
#define CAIRN_POLICY_DECIDE_VALIDATION_H

#include "policy/decide.h"

struct verdict decide_validation(
    struct arena *a, const struct decide_input *in, const struct validation_result *result);

/* Which parts of that verdict rest on nobody having answered: whether the cause is ours must be known before it is drawn. */
struct silence {
	bool control;
	bool caa;
};
struct silence decide_silence(struct arena *a, const struct decide_input *in, const struct validation_result *result);

/* Of that verdict the proof of control alone; false when only CAA was asked for. */
bool decide_shows_control(struct arena *a, const struct decide_input *in, const struct validation_result *result);

/* The input of a validation whose record says by what it was decided. FAIL: MALFORMED, a network that is none. */
int decide_input_of(struct ctx *c, const struct validate_request *request, const struct validation_basis *basis,
    struct decide_input *ret) MUST_CHECK;

#endif
