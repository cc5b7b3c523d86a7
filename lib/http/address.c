#include "lib/http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define MAX_HOST 253

static int parse_port(const char *text, uint16_t *ret)
{
	size_t n = strspn(text, "0123456789");
	if (n == 0 || n > 5 || text[n] != '\0') {
		return -1;
	}
	unsigned port = 0;
	for (size_t i = 0; i < n; i++) {
		port = port * 10 + (unsigned) (text[i] - '0');
	}
	if (port > UINT16_MAX) {
		return -1;
	}
	*ret = (uint16_t) port;
	return 0;
}

int address_parse(struct ctx *c, const char *text, struct address *ret)
{
	if (text == NULL) {
		return FAIL(c, MALFORMED, "An address \"host:port\" is missing");
	}
	const char *host = text;
	const char *end = strrchr(text, ':');
	if (end == NULL) {
		return FAIL(c, MALFORMED, "The address \"%.300s\" has no port", text);
	}
	const char *port_text = end + 1;
	if (text[0] == '[') {
		host = text + 1;
		if (end - host < 2 || end[-1] != ']') {
			return FAIL(c, MALFORMED, "The address \"%.300s\" is not of the form [IPv6]:port", text);
		}
		end--;
	} else if (memchr(text, ':', (size_t) (end - text)) != NULL) {
		return FAIL(c, MALFORMED, "The IPv6 address in \"%.300s\" needs brackets: [::1]:80", text);
	}
	uint16_t port;
	if (end == host || end - host > MAX_HOST || parse_port(port_text, &port) != 0) {
		return FAIL(c, MALFORMED, "The address \"%.300s\" is not of the form host:port", text);
	}
	*ret = (struct address) { .host = arena_text_n(c->arena, host, (size_t) (end - host)), .port = port };
	return 0;
}

int address_socket(struct ctx *c, const char *host, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_size)
{
	struct in_addr four;
	struct in6_addr six;
	*ret = (struct sockaddr_storage) { 0 };
	if (inet_pton(AF_INET, host, &four) == 1) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = four };
		memcpy(ret, &in, sizeof(in));
		*ret_size = sizeof(in);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &six) == 1) {
		struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = six };
		memcpy(ret, &in, sizeof(in));
		*ret_size = sizeof(in);
		return 0;
	}
	return FAIL(c, MALFORMED, "\"%.300s\" is not an IP address", host);
}

const char *address_text(struct arena *a, const struct sockaddr_storage *socket, uint16_t *ret_port)
{
	char text[INET6_ADDRSTRLEN] = "";
	uint16_t port = 0;
	if (socket->ss_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, socket, sizeof(in));
		port = ntohs(in.sin_port);
		inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
	} else if (socket->ss_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, socket, sizeof(in));
		port = ntohs(in.sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {
			inet_ntop(AF_INET, &in.sin6_addr.s6_addr[12], text, sizeof(text));
		} else {
			inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof(text));
		}
	}
	if (ret_port != NULL) {
		*ret_port = port;
	}
	return arena_text(a, text);
}
