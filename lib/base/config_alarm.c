/* The keys of alarms, for the closed list in config.c, and what must hold for them. */
#include <string.h>

#include "lib/base/config_check.h"
#include "lib/base/config_tables.h"

static const char *const kinds[] = { "mail", "hook", NULL };

static const struct field channel_field[] = {
	FIELD(struct config_alarm_channel, name, .flags = FIELD_REQUIRED, .min = 1, .max = 100,
	    .help = "Its name in records, which must not change."),
	FIELD(struct config_alarm_channel, kind, .flags = FIELD_REQUIRED, .one_of = kinds,
	    .help =
	        "mail: by the section smtp; hook: HTTP POST of one line of JSON, for which any status 2xx is an answer."),
	FIELD(struct config_alarm_channel, to, .flags = FIELD_REQUIRED | FIELD_SECRET, .min = 3, .max = 500,
	    .help = "Address of a mail, or https URL of a hook (http on this machine)."),
	FIELD(struct config_alarm_channel, ca_file, .flags = FIELD_PATH,
	    .help = "Who certifies the server of a hook, PEM; without it, as the system trusts."),
};
static const struct fields channel_fields = FIELDS(struct config_alarm_channel, channel_field);

static const struct field alarm_field[] = {
	FIELD_STRUCTS(struct config_alarm, channels, &channel_fields, .def = "[]", .min = 0, .max = 20,
	    .help = "Over which channels cairn-subscriber tells alarms, each over all of them (docs/alarms.md)."),
	FIELD(struct config_alarm, interval_s, .def = "60", .min = 1, .max = 3600,
	    .help = "How often it looks whether something is wrong, in seconds."),
	FIELD(struct config_alarm, repeat_s, .def = "14400", .min = 10, .max = 86400,
	    .help = "After how long an alarm that nobody has acknowledged is told again, in seconds."),
};
const struct fields config_alarm_fields = FIELDS(struct config_alarm, alarm_field);

static bool is_hook(const char *url)
{
	static const char *const schemes[] = { "https://", "http://127.0.0.1:", "http://[::1]:", "http://localhost:" };
	for (size_t i = 0; i < COUNT_OF(schemes); i++) {
		const char *rest = url + strlen(schemes[i]);
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0) {
			return memchr(rest, '@', strcspn(rest, "/?#")) ==
			       NULL; /* else what stands before it is a user's name, and no host */
		}
	}
	return false;
}

int config_check_alarm(struct ctx *c, const struct config *config)
{
	const struct config_alarm_channel_list *list = &config->alarm.channels;
	for (size_t i = 0; i < list->n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(list->v[k].name, list->v[i].name) == 0) {
				return FAIL(c, MALFORMED, "alarm.channels: two are named %s", list->v[i].name);
			}
		}
		bool mail = strcmp(list->v[i].kind, "mail") == 0;
		if (!mail && !is_hook(list->v[i].to)) {
			return FAIL(c, MALFORMED, "alarm.channels: %s: a hook is an https URL, or an http one on this machine",
			    list->v[i].name);
		}
		if (mail && config->smtp.url == NULL) {
			return FAIL(c, MALFORMED, "alarm.channels: %s: a mail needs smtp.url", list->v[i].name);
		}
	}
	return 0;
}
