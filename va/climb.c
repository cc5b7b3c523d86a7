#include "va/climb.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/crypto/onion.h"
#include "policy/decide_caa.h"
#include "policy/onion_caa.h"
#include "va/record.h"
#include "va/resolver_config.h"

/* Of the time that is left, for a first lookup: the second one and what follows shall have some of it. */
#define SHARE_PERCENT 40

static void finish(struct climb *climb)
{
	climb->ended = true;
	climb->result->caa.checked_at = clock_now();
	climb->on_end(climb->arg);
}

static void finish_fault(struct climb *climb)
{
	climb->fault = true;
	finish(climb);
}

static void go_on(struct climb *climb);

static void take(struct climb *climb, const struct lookup_answer *answer)
{
	climb->lookup = NULL;
	record_resolution(climb->arena, climb->result, &answer->record);
	if (answer->fault) {
		finish_fault(climb);
	} else {
		go_on(climb);
	}
}

static void on_answer(void *arg, const struct lookup_answer *answer)
{
	take(arg, answer);
}

static void ask(struct climb *climb, const struct caa_decision *question)
{
	const struct lookup_wanted wanted = { .name = question->next,
		.type = question->type,
		.done = on_answer,
		.arg = climb,
		.again = question->again,
		.whose = climb->request->identifier.value };
	int64_t now_us = clock_monotonic_us();
	climb->lookup_until_us = now_us + (climb->deadline_us - now_us) * SHARE_PERCENT / 100;
	climb->lookup = lookup_start(climb->env->resolver, climb->arena, &wanted);
}

static void go_on(struct climb *climb)
{
	struct validation_result *result = climb->result;
	struct caa_decision decision = decide_caa(climb->arena, climb->request, &result->basis, &result->resolutions);
	if (decision.next != NULL) {
		ask(climb, &decision);
		return;
	}
	result->caa = decision.result;
	finish(climb);
}

/* Nothing is asked about onion services (RFC 7686 2): the set came with the request. Its octets and the time are kept. */
static void take_in_band(struct climb *climb)
{
	record_resolution(climb->arena, climb->result,
	    &(struct resolution) {
	        .name = climb->request->identifier.value,
	        .type = "CAA",
	        .resolver = "client",
	        .dnssec = "off",
	        .raw = onion_caa_signed(climb->arena, &climb->request->onion_caa),
	        .started_at = clock_now(),
	    });
}

void climb_start(struct climb *climb)
{
	if (onion_is(climb->request->identifier.value)) {
		take_in_band(climb);
	}
	const struct config_va *config = climb->env->config;
	climb->result->basis.trust_anchor = resolver_route(config, climb->request->identifier.value).anchor;
	climb->result->basis.caa_strict =
	    config->caa_lookup_failure != NULL && strcmp(config->caa_lookup_failure, "refuse") == 0;
	go_on(climb);
}

static void give_up_lookup(struct climb *climb)
{
	struct lookup_answer answer;
	lookup_abandon(climb->lookup, &answer);
	take(climb, &answer);
}

void climb_tick(struct climb *climb, int64_t now_us)
{
	if (!climb->ended && climb->lookup != NULL && now_us >= climb->lookup_until_us) {
		give_up_lookup(climb);
	}
}

void climb_abandon(struct climb *climb)
{
	if (!climb->ended && climb->lookup != NULL) {
		climb->result->basis.caa_late = true;
		give_up_lookup(climb);
	}
}
