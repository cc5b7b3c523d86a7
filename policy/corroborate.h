/* What a remote perspective's answer is worth, judged from the bytes that it recorded and not by its own word: it observes, the
 * CA decides (C-15, C-56, C-58, B-34). Pure, so that kept records can be judged again. */
#ifndef CAIRN_POLICY_CORROBORATE_H
#define CAIRN_POLICY_CORROBORATE_H

#include "policy/decide_validation.h"

struct corroborate_input {
	struct decide_input decide;    /* what the first perspective was asked, and its rules */
	struct validation_basis rules; /* what it decided by */
	struct id id;                  /* that the remote one has to answer with */
	const char *name;              /* and its name */
	const char *resolver;          /* ADDRESS@PORT that it is declared to ask; NULL or "": none */
	bool webpki;                   /* one for which none is declared resolves by itself */
};

/* What it looked up and where it connected, with our verdict; nothing else of the answer. The times are the caller's to tell. */
struct validation_result corroborate_judge(
    struct arena *a, const struct corroborate_input *in, const struct validation_result *answer);

/* The first lookup that was not made where the perspective is declared to resolve (C-53, C-54), or NULL. In private mode nothing is
 * promised of one for which nothing is declared; zones whose data it has itself need no resolver there. */
const struct resolution *corroborate_stray(
    const struct corroborate_input *in, const struct resolution_list *resolutions);

/* The sentence for the subscriber, of all that saw something else; with their names, or without (C-61). */
const char *corroborate_detail(
    struct arena *a, const struct validation_result_list *answers, size_t asked, bool with_names);

/* The problem of the first that saw something else; SERVER_INTERNAL when there is none. */
enum problem corroborate_problem(const struct validation_result_list *answers);

#endif
