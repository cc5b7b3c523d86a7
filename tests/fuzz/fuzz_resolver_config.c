/* link: va */
/* Zones and forwarders of a configuration as text for libunbound (style 25). Input: lines of words that are separated by
 * tabs: "f ZONE FORWARD DNSSEC ANCHOR", "l ZONE ADDRESS", "r SERVER ANCHOR" of the root. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unbound.h>
#include <unistd.h>

#include "va/resolver_config.h"

#define MOST 16
#define WORDS 5

static const char *anchors[MOST];
static const char *root_servers[MOST];
static const char *root_anchors[MOST];

/* The words of a line; "" for those that are not there. */
static void split(char *line, char *words[WORDS])
{
	for (size_t i = 0; i < WORDS; i++) {
		char *tab = strchr(line, '\t');
		words[i] = line;
		line = tab == NULL ? line + strlen(line) : tab + 1;
		if (tab != NULL) {
			*tab = '\0';
		}
	}
}

static void add_line(struct config_va *config, char *line)
{
	char *words[WORDS];
	split(line, words);
	if (words[0][0] == 'l' && config->local_zones.n < MOST) {
		config->local_zones.v[config->local_zones.n++] = (struct config_local_zone) { words[1], words[2] };
	} else if (words[0][0] == 'r' && config->root_servers.n < MOST) {
		config->root_servers.v[config->root_servers.n++] = words[1];
		config->root_trust_anchors.v[config->root_trust_anchors.n] = words[2];
		config->root_trust_anchors.n += words[2][0] == '\0' ? 0 : 1;
	} else if (config->resolvers.n < MOST) {
		const char **anchor = &anchors[config->resolvers.n];
		*anchor = words[4];
		config->resolvers.v[config->resolvers.n++] = (struct config_resolver) { .zone = words[1],
			.forward = words[2],
			.dnssec = words[3],
			.trust_anchors = { anchor, words[4][0] == '\0' ? 0 : 1 } };
	}
}

/* A line holds one option that this program writes: nothing can be slipped in through a zone. */
static void check_text(const char *text)
{
	static const char *const starts[] = { "server:", "forward-zone:", "stub-zone:", "\t" };
	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		bool known = false;
		for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
			known |= strncmp(line, starts[i], strlen(starts[i])) == 0;
		}
		size_t n = strcspn(line, "\n");
		size_t quotes = 0;
		for (size_t i = 0; i < n; i++) {
			quotes += line[i] == '"' ? 1 : 0;
		}
		if (!known || line[n] != '\n' || (quotes != 0 && quotes != 2)) {
			abort();
		}
	}
}

/* What we write, libunbound reads. */
static void check_read(struct arena *a, const char *text)
{
	int fd = memfd_create("config", MFD_CLOEXEC);
	struct ub_ctx *ub = ub_ctx_create();
	if (fd < 0 || ub == NULL || write(fd, text, strlen(text)) != (ssize_t) strlen(text)) {
		abort();
	}
	struct ub_result *result = NULL;
	(void) ub_ctx_debugout(ub, NULL);
	if (ub_ctx_config(ub, arena_printf(a, "/proc/self/fd/%d", fd)) != 0 ||
	    ub_resolve(ub, "localhost", 1, 1, &result) != 0) { /* the first answer makes it take up all of it */
		abort();
	}
	ub_resolve_free(result);
	ub_ctx_delete(ub);
	(void) close(fd);
}

/* A name has the resolver of the longest zone that it lies in. */
static void check_route(struct arena *a, const struct config_va *config)
{
	for (size_t i = 0; i < config->resolvers.n; i++) {
		const char *zone = config->resolvers.v[i].zone;
		struct resolver_route route =
		    resolver_route(config, arena_printf(a, "a.%s", strcmp(zone, ".") == 0 ? "" : zone));
		if (strcmp(route.resolver, "recursive") == 0) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx c;
	struct config_resolver resolvers[MOST];
	struct config_local_zone zones[MOST];
	struct config_va config = { .resolvers = { resolvers, 0 },
		.local_zones = { zones, 0 },
		.root_servers = { root_servers, 0 },
		.root_trust_anchors = { root_anchors, 0 } };
	const char *text = NULL;
	char *rest = NULL;
	ctx_init(&c);
	char *lines = arena_alloc(c.arena, size + 1);
	memcpy(lines, data, size);
	for (char *line = strtok_r(lines, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		add_line(&config, line);
	}
	(void) resolver_route(&config, "a.example.");
	if (resolver_config_encode(&c, &config, &text) == 0) {
		check_text(text);
		check_read(c.arena, text);
		check_route(c.arena, &config);
	} else if (c.err.type != PROBLEM_MALFORMED) {
		abort();
	}
	ctx_done(&c);
	return 0;
}
