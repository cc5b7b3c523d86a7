#include "lib/http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

int http_address_socket(
    struct ctx *c, const char *host, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_size)
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

const char *http_address_text(struct arena *a, const struct sockaddr_storage *socket, uint16_t *ret_port)
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
