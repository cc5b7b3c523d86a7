/* "host:port" texts of the configuration. */
#ifndef CAIRN_HTTP_ADDRESS_H
#define CAIRN_HTTP_ADDRESS_H

#include <sys/socket.h>

#include "lib/base/ctx.h"

struct address {
	const char *host; /* without brackets: "127.0.0.1", "::1", "ra.internal"; in the arena */
	uint16_t port;
};

/* "127.0.0.1:80", "[::1]:80", "name:80". An IPv6 address needs its brackets. FAIL: MALFORMED, quoting the text. */
int address_parse(struct ctx *c, const char *text, struct address *ret) MUST_CHECK;

/* A socket address from a numeric host ("::", "0.0.0.0", "127.0.0.1"). FAIL: MALFORMED. */
int address_socket(
    struct ctx *c, const char *host, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_size) MUST_CHECK;

/* "192.0.2.1", "2001:db8::1" (an IPv4-mapped one as IPv4) and the port, which may be NULL. "" for another family. */
const char *address_text(struct arena *a, const struct sockaddr_storage *socket, uint16_t *ret_port);

#endif
