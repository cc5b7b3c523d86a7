#include "va/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Little is wanted, so little may be on its way: a host that pours is slowed down. */
#define RECEIVE_WINDOW 16384

int dial_open(const struct ip *ip, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	memcpy(&in.sin_addr, ip->b, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, ip->b, sizeof(in6.sin6_addr));
	int fd = socket(ip->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return -1;
	}
	int window = RECEIVE_WINDOW;
	(void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window));
	int result = ip->v6 ? connect(fd, (const struct sockaddr *) &in6, sizeof(in6))
	                    : connect(fd, (const struct sockaddr *) &in, sizeof(in));
	if (result != 0 && errno != EINPROGRESS) {
		int error = errno;
		(void) close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* The address of a root server: to know its route nobody has to be there. */
bool dial_has_route(bool v6)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(53) };
	(void) inet_pton(AF_INET, "198.41.0.4", &in.sin_addr);
	(void) inet_pton(AF_INET6, "2001:503:ba3e::2:30", &in6.sin6_addr);
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return false;
	}
	int result = v6 ? connect(fd, (const struct sockaddr *) &in6, sizeof(in6))
	                : connect(fd, (const struct sockaddr *) &in, sizeof(in));
	(void) close(fd);
	return result == 0;
}

enum failure dial_failure(const struct ip *ip, int error)
{
	/* no port, descriptor or buffer is left here; for IPv6 EADDRNOTAVAIL means that this host has none */
	bool ours = error == ENOBUFS || error == ENOMEM || error == EMFILE || error == ENFILE;
	if (ours || (error == EADDRNOTAVAIL && !ip->v6)) {
		return FAILURE_FAULT;
	}
	if (error == ETIMEDOUT) {
		return FAILURE_CONNECT_TIMEOUT;
	}
	if (error == ECONNREFUSED) {
		return FAILURE_REFUSED;
	}
	return ip->v6 && !dial_has_route(true) ? FAILURE_NO_IPV6 : FAILURE_UNREACHABLE;
}
