/* The window of an incident, cut into waves: what `cairn incident create` and `cairn revoke` show and ask for. */
#ifndef CAIRN_CLI_INCIDENT_WAVES_H
#define CAIRN_CLI_INCIDENT_WAVES_H

#include "cli/incident_rows.h"

struct wave {
	int64_t wave;
	struct timestamp opens;
	struct timestamp closes;
	int64_t certificates;
};
extern const struct fields wave_fields;

struct wave_list {
	struct wave *v;
	size_t n;
};

/* As acme.create_incident spreads them: the first waves have one more. */
struct wave_list waves_spread(struct arena *a, const struct incident_wish *wish, size_t certificates);

/* Reads --window and --waves, each NULL when it was not given, into the wish, whose URL is there. Without a window it stays as it is, or
 * is over if there was none. What is wrong with them, or NULL. */
const char *waves_read(const char *window, const char *waves, struct incident_wish *wish);

void waves_print(struct arena *a, const struct wave_list *waves);

#endif
