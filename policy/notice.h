/* The privacy notice of a deployment, in plain English, from what it really does: its configuration and the rules of retention in
 * its database (docs/privacy.md). Two writers of the same facts, HTML and Markdown, so that nothing says more than the other. */
#ifndef CAIRN_POLICY_NOTICE_H
#define CAIRN_POLICY_NOTICE_H

#include "lib/base/buffer.h"
#include "lib/base/config.h"

/* How long data of a class is kept. */
struct notice_rule {
	const char *class;
	int64_t clear_s; /* 0: as long as the record is there */
	int64_t keep_s;  /* 0: without end */
};
struct notice_rule_list {
	struct notice_rule *v;
	size_t n;
};
extern const struct fields notice_rule_fields;

enum notice_form { NOTICE_MARKDOWN, NOTICE_HTML };

/* UTF-8. */
struct bytes notice_write(
    struct arena *a, const struct config *config, const struct notice_rule_list *rules, enum notice_form form);

/* What the notice says of a class; NULL: it has nothing to say, which a test finds (G-8). */
const char *notice_class(const char *name);

#endif
