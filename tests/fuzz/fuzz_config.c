/* A configuration file, from YAML to the structs. */
#include <stdlib.h>

#include "lib/base/config.h"
#include "lib/base/config_check.h"
#include "lib/base/config_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	ctx_init(&c);
	struct node *root = NULL;
	struct config config = { .folder = "/x" };
	if (yaml_read_text(&c, c.arena, "input", (struct bytes) { data, size }, &root) == 0 &&
	    config_read(&c, c.arena, config.folder, &config_fields, root, &config) == 0 && config_check(&c, &config) == 0 &&
	    config_require(&c, &config, "cairn-ca") == 0 && config.ca.issuers.n == 0) {
		abort();
	}
	ctx_done(&c);
	return 0;
}
