/* The keys of the section smtp. */
#include "lib/base/config_tables.h"

static const char *const tls[] = { "require", "off", NULL };

static const struct field smtp_field[] = {
	FIELD(struct config_smtp, url,
	    .help = "Server that takes mail: smtp://host:port, or smtps://host:port; without it no mail can be sent."),
	FIELD(struct config_smtp, from, .min = 3, .max = 254, .help = "Address that mail comes from, and answers go to."),
	FIELD(struct config_smtp, tls, .def = "require", .one_of = tls,
	    .help = "require: a mail goes by TLS or not at all; off: for a server on the same machine."),
	FIELD(struct config_smtp, ca_file, .flags = FIELD_PATH,
	    .help = "Who certifies the server, PEM; without it, as the system trusts."),
	FIELD(struct config_smtp, user, .min = 1, .max = 200, .help = "User name for the server, if it wants one."),
	FIELD(struct config_smtp, password_file, .flags = FIELD_PATH,
	    .help = "File with the password of that user, one line, closed to others."),
};
const struct fields config_smtp_fields = FIELDS(struct config_smtp, smtp_field);
