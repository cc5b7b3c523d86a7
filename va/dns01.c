#include "va/dns01.h"

#include <string.h>

#include "va/record.h"

#define NAME_MAX_CHARS 253

static void take(struct dns01 *d, const struct lookup_answer *answer)
{
	d->lookup = NULL;
	d->dcv.fault = answer->fault;
	record_resolution(d->dcv.arena, d->dcv.result, &answer->record);
	dcv_finish(&d->dcv);
}

static void on_answer(void *arg, const struct lookup_answer *answer)
{
	take(arg, answer);
}

/* The record says why nobody was asked. */
static void finish_unasked(struct dns01 *d)
{
	const struct resolution unasked = { .name = d->name,
		.type = "TXT",
		.resolver = "none",
		.dnssec = "off",
		.error = "the name is longer than DNS allows",
		.started_at = clock_now() };
	record_resolution(d->dcv.arena, d->dcv.result, &unasked);
	dcv_finish(&d->dcv);
}

void dns01_start(struct dcv *dcv)
{
	struct dns01 *d = (struct dns01 *) dcv;
	d->name = decide_dns_name(dcv->arena, dcv->request);
	if (strlen(d->name) > NAME_MAX_CHARS) {
		finish_unasked(d);
		return;
	}
	const struct lookup_wanted wanted = { d->name, LOOKUP_TXT, on_answer, d, true, dcv->request->identifier.value };
	d->lookup = lookup_start(dcv->env->resolver, dcv->arena, &wanted);
}

void dns01_abandon(struct dcv *dcv)
{
	struct dns01 *d = (struct dns01 *) dcv;
	struct lookup_answer answer;
	if (d->lookup != NULL) {
		lookup_abandon(d->lookup, &answer);
		take(d, &answer);
	}
}
