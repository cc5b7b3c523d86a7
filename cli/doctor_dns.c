#include "cli/doctor_dns.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/id.h"

#define LIMIT_MS 2000
#define TYPE_SOA 6
#define HEAD_SIZE 12
#define QUERY_MAX 300
#define RCODE_NXDOMAIN 3

static const char *const rcodes[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };

/* A question with recursion desired (RFC 1035 4.1). The configuration has seen to the name's form. */
static size_t write_query(uint8_t *p, const char *zone)
{
	static const uint8_t head[HEAD_SIZE] = { 0, 0, 1, 0, 0, 1 };
	static const uint8_t tail[] = { 0, 0, TYPE_SOA, 0, 1 };
	struct id random = id_new();
	memcpy(p, head, sizeof(head));
	memcpy(p, random.b + sizeof(random.b) - 2, 2);
	size_t n = sizeof(head);
	while (*zone != '\0' && *zone != '.') {
		size_t label = strcspn(zone, ".");
		if (label > 63 || n + label + 1 + sizeof(tail) > QUERY_MAX) {
			return 0;
		}
		p[n++] = (uint8_t) label;
		memcpy(p + n, zone, label);
		n += label;
		zone += label + (zone[label] == '.');
	}
	memcpy(p + n, tail, sizeof(tail));
	return n + sizeof(tail);
}

/* A socket to ADDRESS@PORT, or -1. */
static int connect_to(struct arena *a, const char *forward)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *to = NULL;
	size_t n = strcspn(forward, "@");
	const char *port = forward[n] == '@' ? forward + n + 1 : "53";
	if (getaddrinfo(arena_text_n(a, forward, n), port, &hints, &to) != 0) {
		errno = EINVAL;
		return -1;
	}
	int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
		int why = errno;
		(void) close(fd);
		errno = why;
		fd = -1;
	}
	freeaddrinfo(to);
	return fd;
}

/* Why it is of no use, or NULL. */
static const char *ask(struct arena *a, int fd, const char *zone)
{
	uint8_t query[QUERY_MAX];
	uint8_t answer[QUERY_MAX];
	size_t n = write_query(query, zone);
	struct pollfd wait = { fd, POLLIN, 0 };
	if (n == 0) {
		return "is asked for a zone that is no name";
	}
	if (send(fd, query, n, 0) != (ssize_t) n) {
		return arena_printf(a, "can't be asked: %s", strerrordesc_np(errno));
	}
	if (poll(&wait, 1, LIMIT_MS) != 1) {
		return arena_printf(a, "does not answer within %d s", LIMIT_MS / 1000);
	}
	ssize_t got = recv(fd, answer, sizeof(answer), 0);
	if (got < 0) {
		return arena_printf(a, "can't be reached: %s", strerrordesc_np(errno));
	}
	if (got < HEAD_SIZE || memcmp(answer, query, 2) != 0 || (answer[2] & 0x80) == 0) {
		return "answers what is no DNS answer";
	}
	unsigned rcode = answer[3] & 0xf;
	return rcode == 0 || rcode == RCODE_NXDOMAIN
	           ? NULL
	           : arena_printf(a, "answers %s: it has to know about that zone itself, or it counts as down",
	                 rcode < COUNT_OF(rcodes) ? rcodes[rcode] : "with an error");
}

void doctor_resolvers(const struct diagnosing *d, const struct config_va *va)
{
	for (size_t i = 0; i < va->resolvers.n; i++) {
		const struct config_resolver *r = &va->resolvers.v[i];
		if (r->forward == NULL) {
			continue;
		}
		int fd = connect_to(d->a, r->forward);
		const char *why =
		    fd < 0 ? arena_printf(d->a, "can't be reached: %s", strerrordesc_np(errno)) : ask(d->a, fd, r->zone);
		if (fd >= 0) {
			(void) close(fd);
		}
		diagnose_add(d, "resolver", why == NULL ? FINDING_OK : FINDING_PROBLEM,
		    arena_printf(
		        d->a, "The resolver %s of the zone %s %s", r->forward, r->zone, why == NULL ? "answers" : why));
	}
}

/* The line of the metric, behind its name; NULL when it is not there. */
static const char *find(const char *metrics, const char *name)
{
	size_t n = strlen(name);
	for (const char *at = metrics; at != NULL && *at != '\0'; at = strchr(at, '\n'), at += at != NULL) {
		if (strncmp(at, name, n) == 0) {
			return at + n;
		}
	}
	return NULL;
}

static bool is_zero(const char *metrics, const char *name)
{
	const char *at = find(metrics, name);
	return at != NULL && strtol(at, NULL, 10) == 0;
}

/* Each series of a gauge by one label that is 0: what it says, with the label's value in its middle. */
static void add_zeros(
    const struct diagnosing *d, const char *metrics, const char *series, const char *before, const char *behind)
{
	static const char zero[] = "\"} 0\n";
	for (const char *at = metrics; (at = find(at, series)) != NULL;) {
		size_t n = strcspn(at, "\"\n");
		if (strncmp(at + n, zero, strlen(zero)) == 0) {
			diagnose_add(d, "resolver", FINDING_PROBLEM, arena_printf(d->a, "%s%.*s%s", before, (int) n, at, behind));
		}
	}
}

static void add_ways_down(const struct diagnosing *d, const char *metrics)
{
	add_zeros(d, metrics, "cairn_uplink{zone=\"",
	    "cairn-va: nobody answered a validation, and the resolver for the zone ",
	    " does not answer us either; validations that need it wait");
	add_zeros(d, metrics, "cairn_uplink_route{family=\"", "cairn-va: this host had a route to the world by ",
	    " and has none now; validations that need it wait");
}

void doctor_metrics(const struct diagnosing *d, const char *metrics, bool probed)
{
	static const char stray[] = "cairn_perspective_stray_total{perspective=\"";
	add_ways_down(d, metrics);
	if (probed && is_zero(metrics, "cairn_dnssec_probe ")) {
		diagnose_add(d, "resolver", FINDING_PROBLEM,
		    "cairn-va: the name that must not verify (va.dnssec_probe) was not refused; DNSSEC may not be validated");
	}
	for (const char *at = metrics; (at = find(at, stray)) != NULL;) {
		size_t name = strcspn(at, "\"");
		long n = at[name] == '"' && at[name + 1] == '}' ? strtol(at + name + 2, NULL, 10) : 0;
		if (n > 0) { /* C-54 */
			diagnose_add(d, "resolver", FINDING_PROBLEM,
			    arena_printf(d->a,
			        "The perspective %.*s resolves elsewhere than va.perspectives declares; its answers did not count "
			        "%ld times "
			        "since cairn-va was started",
			        (int) name, at, n));
		}
	}
}
