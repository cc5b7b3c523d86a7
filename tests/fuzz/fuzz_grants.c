/* The file of `cairn policy`: whatever is taken names patterns and ids that the database takes. */
#include <stdlib.h>
#include <string.h>

#include "policy/grants_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ids(const struct text_list *ids)
{
	struct id id;
	for (size_t i = 0; i < ids->n; i++) {
		if (id_parse(bytes_of_text(ids->v[i]), &id) != 0) {
			abort();
		}
	}
}

static void check_rule(const struct grants_rule *rule)
{
	if (rule->names.n + rule->networks.n == 0 || rule->everybody != (rule->accounts.n + rule->eab_keys.n == 0)) {
		abort();
	}
	check_ids(&rule->accounts);
	check_ids(&rule->eab_keys);
	for (size_t i = 0; i < rule->names.n; i++) {
		if (strpbrk(rule->names.v[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ:/ ") != NULL) {
			abort();
		}
	}
	for (size_t i = 0; i < rule->networks.n; i++) {
		if (strchr(rule->networks.v[i], '/') == NULL) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct grants grants;
	ctx_init(&c);
	if (grants_read(&c, "fuzz", (struct bytes) { data, size }, NULL, &grants) == 0) {
		for (size_t i = 0; i < grants.rules.n; i++) {
			check_rule(&grants.rules.v[i]);
		}
	}
	ctx_done(&c);
	return 0;
}
