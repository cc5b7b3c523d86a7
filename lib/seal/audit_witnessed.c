#include "lib/seal/audit_witnessed.h"

int audit_check_witnessed(
    struct ctx *c, const struct audit_heads *heads, struct tile_source *tiles, struct audit_report *report)
{
	static const struct audit_place nowhere = { NULL, NULL, -1 };
	for (size_t i = 0; i < heads->n; i++) {
		const struct merkle_head *head = &heads->v[i];
		struct merkle_hash root;
		report->witnessed++;
		if (head->size > tiles->size) {
			audit_find(report, "split", &nowhere,
			    "a witness has seen a checkpoint of %llu leaves, of which %llu are there: a split view, or the log was "
			    "set "
			    "back",
			    (unsigned long long) head->size, (unsigned long long) tiles->size);
		} else if (tiles_root(c, tiles, head->size, &root) != 0) {
			if (c->err.type != PROBLEM_MALFORMED) {
				return -1;
			}
			audit_find(report, "tile", &nowhere, "%s", c->err.detail);
			ctx_forgive(c);
		} else if (!merkle_equal(&root, &head->root)) {
			audit_find(report, "split", &nowhere,
			    "a witness has seen another tree of %llu leaves, signed by the log's key: a split view",
			    (unsigned long long) head->size);
		}
	}
	return 0;
}
