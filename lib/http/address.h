/* Socket addresses as texts and back. "host:port" texts are parsed by address_parse (lib/base/config.h). */
#ifndef CAIRN_HTTP_ADDRESS_H
#define CAIRN_HTTP_ADDRESS_H

#include <sys/socket.h>

#include "lib/base/ctx.h"

/* A socket address from a numeric host ("::", "0.0.0.0", "127.0.0.1"). FAIL: MALFORMED. */
int http_address_socket(
    struct ctx *c, const char *host, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_size) MUST_CHECK;

/* "192.0.2.1", "2001:db8::1" (an IPv4-mapped one as IPv4) and the port, which may be NULL. "" for another family. */
const char *http_address_text(struct arena *a, const struct sockaddr_storage *socket, uint16_t *ret_port);

#endif
