/* Mail by SMTP (RFC 5321, 5322) to the one server of the configuration's section smtp, through libcurl. */
#ifndef CAIRN_HTTP_SMTP_H
#define CAIRN_HTTP_SMTP_H

#include "lib/base/config.h"

/* What sending needs; ready before a sandbox closes, as files are read then. */
struct smtp {
	const char *url; /* NULL: none is configured */
	const char *from;
	const char *user;
	const char *password;
	struct bytes ca;
	bool tls;
};

/* From now on libcurl wipes what it frees: addresses are among it, and recovery contacts must not lie about in memory (G-5). Once, before
 * threads and any other use of libcurl. A failure ends the process. */
void smtp_wipe(void);

/* Everything in the arena of c. MALFORMED with a sentence: a section that can't be. Without smtp.url no mail can be sent, which
 * smtp_send says. */
int smtp_open(struct ctx *c, const struct config_smtp *config, struct smtp *ret) MUST_CHECK;

struct mail {
	const char *to;      /* name@domain */
	const char *subject; /* UTF-8, one line */
	const char *text;    /* UTF-8, lines end with \n */
	struct id id;        /* of the Message-ID, so that who gets a mail twice can tell; none: a new one */
};

struct mail_sent {
	const char *message_id;
	const char *answer; /* the server's last word, such as "250 OK: queued as 4711"; never with an address in it */
};

/* Whether this can stand in an envelope and a header: ASCII, name@domain, at most 254 octets, nothing that ends a line. */
bool smtp_is_address(const char *text);

/* The whole message as it is sent. MALFORMED: an address or a subject that can't be, or no text. */
int smtp_compose(struct ctx *c, const struct smtp *smtp, const struct mail *mail, const char *message_id,
    struct bytes *ret) MUST_CHECK;

/* Sends, within the deadline of c and a minute; 0 when the server took it. MALFORMED as above; DEADLINE: that of c has passed, and
 * no server was asked; UNAVAILABLE: no server, or it did not take it. No error names the address. */
int smtp_send(struct ctx *c, const struct smtp *smtp, const struct mail *mail, struct mail_sent *ret) MUST_CHECK;

#endif
