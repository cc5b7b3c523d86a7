/* A small hostile internet on loopback for the tests of the validation engine: a DNS server that answers from a table
 * (about names below tcp.example by TCP only), and a web server (with TLS on a second port) whose behaviour is chosen by the first label of the host. */
#ifndef CAIRN_TESTS_VA_WORLD_H
#define CAIRN_TESTS_VA_WORLD_H

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/base/die.h"

#define WORLD_TOKEN "tokentokentokentokentoken"
#define WORLD_KEY_AUTHORIZATION WORLD_TOKEN ".9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
/* base64url(SHA-256(WORLD_KEY_AUTHORIZATION)) */
#define WORLD_DIGEST "8XZSzLEN08nZN8cQUg5o7V6wu9GM9sg_pwEoEjqEW6U"
#define WORLD_FDS 4096

enum { T_A = 1, T_CNAME = 5, T_TXT = 16, T_AAAA = 28, T_CAA = 257, T_ALL = 0 };

struct world_row {
	const char *name;
	int type;
	const char *
	    value; /* an address ("~A|B": A, and B the next time), a name, "FLAGS TAG VALUE", strings of a TXT with | between them; or "!2" for RCODE 2, "?" for silence */
};

static const struct world_row world_rows[] = {
	{ "web.example", T_A, "127.0.0.1" },                       /* and every name below it */
	{ "to-again.rebind.example", T_A, "~127.0.0.1|10.0.0.1" }, /* the one at first, then the other, for no time */
	{ "rebind.example", T_A, "~10.0.0.1|127.0.0.1" },
	{ "six4.example", T_AAAA, "2002:7f00:1::1" },
	{ "teredo.example", T_AAAA, "2001:0:7f00:1::1" },
	{ "nat64.example", T_AAAA, "64:ff9b::7f00:1" },
	{ "nat64-local.example", T_AAAA, "64:ff9b:1::7f00:1" },
	{ "compatible.example", T_AAAA, "::127.0.0.1" },
	{ "ours.example", T_A, "0.0.0.0" },
	{ "cloud.example", T_A, "169.254.169.254" },
	{ "many.inside.example", T_A, "10.0.0.1" },
	{ "many.inside.example", T_A, "192.168.0.1" },
	{ "many.inside.example", T_AAAA, "fd00::1" },
	{ "many.inside.example", T_AAAA, "fe80::1" },
	{ "pass.mixed6.example", T_AAAA, "2002:7f00:1::1" },
	{ "pass.mixed6.example", T_AAAA, "::ffff:127.0.0.1" },
	{ "pass.mixed6.example", T_A, "10.0.0.1" },
	{ "pass.mixed6.example", T_A, "127.0.0.1" },
	{ "inside.alias.example", T_CNAME, "private.example" },
	{ "far.alias.example", T_CNAME, "inside.alias.example" },
	{ "to-far.web.example", T_A, "127.0.0.1" },
	{ "private.example", T_A, "10.0.0.1" },
	{ "denied.example", T_A, "127.6.0.1" },
	{ "pass.beside.denied.example", T_A, "127.6.255.255" },
	{ "pass.beside.denied.example", T_A, "127.0.0.1" },
	{ "mixed.example", T_A, "192.168.1.1" },
	{ "mixed.example", T_A, "127.0.0.1" },
	{ "mapped.example", T_AAAA, "::ffff:127.0.0.1" },
	{ "pass.dead6.example", T_AAAA, "::1" },
	{ "pass.dead6.example", T_A, "127.0.0.1" },
	{ "wrong.six.example", T_AAAA, "::1" },
	{ "wrong.six.example", T_A, "127.0.0.1" },
	{ "broken6.example", T_AAAA, "!2" },
	{ "broken6.example", T_A, "127.0.0.1" },
	{ "late6.example", T_AAAA, "?" },
	{ "late6.example", T_A, "127.0.0.1" },
	{ "servfail.example", T_ALL, "!2" },
	{ "refused.example", T_ALL, "!5" },
	{ "mute.example", T_ALL, "?" },
	{ "empty.example", T_CAA, "0 iodef mailto:x@example" },
	{ "deny.example", T_CAA, "0 issue ;" },
	{ "deny.example", T_A, "127.0.0.1" },
	{ "sub.deny.example", T_A, "127.0.0.1" },
	{ "own.deny.example", T_CAA, "0 issue ca.test; validationmethods=http-01" },
	{ "own.deny.example", T_A, "127.0.0.1" },
	{ "wild.deny.example", T_CAA, "0 issuewild ;" },
	{ "caafail.example", T_CAA, "!2" },
	{ "caafail.example", T_A, "127.0.0.1" },
	{ "sub.caafail.example", T_A, "127.0.0.1" },
	{ "pass.tcp.example", T_A, "127.0.0.1" },
	{ "pass.alias.example", T_CNAME, "second.alias.example" },
	{ "second.alias.example", T_CNAME, "Host.web.example" },
	{ "_acme-challenge.txt.example", T_TXT, WORLD_DIGEST },
	{ "_acme-challenge.second.alias.example", T_TXT, WORLD_DIGEST },
	{ "_bb55pyrwl3od577j._acme-challenge.account.example", T_TXT, WORLD_DIGEST },
	{ "_validation-persist.standing.example", T_TXT, "other.test; accounturi=https://other.test/1" },
	{ "_validation-persist.standing.example", T_TXT, "ca.test; accounturi=|https://ca.test/acct/1; policy=wildcard" },
	{ "_validation-persist.alone.example", T_TXT,
	    "CA.test;accounturi=https://ca.test/acct/1;persistUntil=99999999999" },
	{ "_validation-persist.second.example", T_TXT, "ca.test; accounturi=https://ca.test/acct/2" },
	{ "_validation-persist.over.example", T_TXT, "ca.test; accounturi=https://ca.test/acct/1; persistUntil=1" },
	{ "_validation-persist.lost.example", T_TXT, "ca.test; account=https://ca.test/acct/1" },
	{ "_validation-persist.foreign.example", T_TXT, "other.test; accounturi=https://ca.test/acct/1" },
	{ "_validation-persist.led.example", T_CNAME, "_validation-persist.alone.example" },
	{ "_acme-challenge.many.example", T_TXT, "one" },
	{ "_acme-challenge.many.example", T_TXT, "two|three" },
	{ "_acme-challenge.many.example", T_TXT, "" },
	{ "_acme-challenge.many.example", T_TXT, WORLD_DIGEST "x" },
	{ "_acme-challenge.many.example", T_TXT, WORLD_DIGEST },
	{ "_acme-challenge.split.example", T_TXT, "8XZSzLEN08nZN8cQUg5o||7V6wu9GM9sg_pwEoEjqEW6U" },
	{ "_acme-challenge.cname.example", T_CNAME, "one.elsewhere.example" },
	{ "one.elsewhere.example", T_CNAME, "two.elsewhere.example" },
	{ "two.elsewhere.example", T_TXT, WORLD_DIGEST },
	{ "_acme-challenge.chain.example", T_CNAME, "1.chain.example" },
	{ "1.chain.example", T_CNAME, "2.chain.example" },
	{ "2.chain.example", T_CNAME, "3.chain.example" },
	{ "3.chain.example", T_CNAME, "4.chain.example" },
	{ "4.chain.example", T_CNAME, "5.chain.example" },
	{ "5.chain.example", T_CNAME, "6.chain.example" },
	{ "6.chain.example", T_CNAME, "7.chain.example" },
	{ "7.chain.example", T_CNAME, "8.chain.example" },
	{ "8.chain.example", T_CNAME, "9.chain.example" },
	{ "9.chain.example", T_CNAME, "10.chain.example" },
	{ "10.chain.example", T_CNAME, "11.chain.example" },
	{ "11.chain.example", T_CNAME, "12.chain.example" },
	{ "12.chain.example", T_CNAME, "13.chain.example" },
	{ "13.chain.example", T_TXT, WORLD_DIGEST },
	{ "_acme-challenge.astray.example", T_CNAME, "wrong.elsewhere.example" },
	{ "wrong.elsewhere.example", T_TXT, "hello" },
	{ "_acme-challenge.dangling.example", T_CNAME, "nobody.elsewhere.example" },
	{ "_acme-challenge.two.tcp.example", T_TXT, WORLD_DIGEST },
	{ "_acme-challenge.odd.example", T_TXT, "a\x01\"b" },
	{ "_acme-challenge.wrong.example", T_TXT, "b" },
	{ "_acme-challenge.wrong.example", T_TXT, "c" },
	{ "_acme-challenge.wrong.example", T_TXT, "d" },
	{ "_acme-challenge.padded.example", T_TXT, WORLD_DIGEST " " },
	{ "_acme-challenge.upper.example", T_TXT, "8XZSZLEN08NZN8CQUG5O7V6WU9GM9SG_PWEOEJQEW6U" },
	{ "_acme-challenge.quoted.example", T_TXT, "\"" WORLD_DIGEST "\"" },
	{ "_acme-challenge.undigested.example", T_TXT, WORLD_KEY_AUTHORIZATION },
	{ "_acme-challenge.address.example", T_A, "127.0.0.1" },
	{ "_acme-challenge.failing.example", T_TXT, "!2" },
	{ "_acme-challenge.refusing.example", T_TXT, "!5" },
	{ "_acme-challenge.silent.example", T_TXT, "?" },
	{ "_acme-challenge.changing.example", T_TXT, "@" }, /* what world_txt says */
	{ "_acme-challenge.nowild.example", T_TXT, WORLD_DIGEST },
	{ "nowild.example", T_CAA, "0 issuewild ;" },
	{ "_acme-challenge.onlyhttp.example", T_TXT, WORLD_DIGEST },
	{ "onlyhttp.example", T_CAA, "0 issue ca.test; validationmethods=http-01" },
	{ "_acme-challenge.onlydns.example", T_TXT, WORLD_DIGEST },
	{ "onlydns.example", T_CAA, "0 issue ca.test; validationmethods=ca-tbr-7" },
};

static const char *_Atomic world_txt = "";

static struct {
	int dns;
	int dns_tcp;
	atomic_int web[3]; /* IPv4, IPv6, TLS */
	uint16_t dns_port;
	uint16_t web_port;
	uint16_t tls_port;
	SSL_CTX *tls;
	pthread_t dns_thread;
	pthread_t web_thread;
	atomic_bool stop;
	int held[WORLD_FDS];
	size_t n_held;
	atomic_int bad_requests;
	atomic_int asked_again; /* wishes to negotiate again that were sent, and their end awaited */
	atomic_int negotiated_again;
} world = { .web = { -1, -1, -1 } };

/* -1 when somebody else has that port. */
static int world_try_bind(int type, const char *address, uint16_t *port)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t n = sizeof(struct sockaddr_in);
	if (strchr(address, ':') != NULL) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(*port) };
		inet_pton(AF_INET6, address, &in6.sin6_addr);
		n = sizeof(in6);
		memcpy(&sa, &in6, n);
	} else {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(*port) };
		inet_pton(AF_INET, address, &in.sin_addr);
		memcpy(&sa, &in, n);
	}
	int fd = socket(sa.ss_family, type | SOCK_CLOEXEC, 0);
	int one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *) &sa, n) != 0 || (type == SOCK_STREAM && listen(fd, 1024) != 0)) {
		close(fd);
		return -1;
	}
	n = sizeof(sa);
	getsockname(fd, (struct sockaddr *) &sa, &n);
	struct sockaddr_in in;
	memcpy(&in, &sa, sizeof(in)); /* the port stands at the same place in both */
	*port = ntohs(in.sin_port);
	return fd;
}

static int world_bind(int type, const char *address, uint16_t *port)
{
	int fd = world_try_bind(type, address, port);
	if (fd < 0) {
		die("no socket on %s", address);
	}
	return fd;
}

/* One port for both; the number that the kernel gives for UDP may be somebody's for TCP. */
static void world_bind_dns(void)
{
	for (int tries = 0; tries < 100; tries++) {
		world.dns_port = 0;
		world.dns = world_bind(SOCK_DGRAM, "127.0.0.1", &world.dns_port);
		world.dns_tcp = world_try_bind(SOCK_STREAM, "127.0.0.1", &world.dns_port);
		if (world.dns_tcp >= 0) {
			return;
		}
		close(world.dns);
	}
	die("no port for UDP and TCP");
}

/* --- DNS ------------------------------------------------------------------------------------------------------ */

static bool world_below(const char *name, const char *zone)
{
	size_t n = strlen(name);
	size_t z = strlen(zone);
	return n >= z && strcasecmp(name + n - z, zone) == 0 && (n == z || name[n - z - 1] == '.');
}

static size_t world_name(const char *name, uint8_t *out)
{
	size_t n = 0;
	while (*name != '\0') {
		size_t label = strcspn(name, ".");
		out[n++] = (uint8_t) label;
		memcpy(out + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	out[n++] = 0;
	return n;
}

static size_t world_strings(const char *text, uint8_t *out)
{
	size_t n = 0;
	for (bool more = true; more;) {
		size_t length = strcspn(text, "|");
		out[n++] = (uint8_t) length;
		memcpy(out + n, text, length);
		n += length;
		more = text[length] == '|';
		text += length + more;
	}
	return n;
}

static size_t world_rdata(const struct world_row *row, uint8_t *out)
{
	if (row->type == T_CNAME) {
		return world_name(row->value, out);
	}
	if (row->value[0] == '~') {
		static atomic_int turns[COUNT_OF(world_rows)];
		const char *bar = strchr(row->value, '|');
		int turn = atomic_fetch_add(&turns[row - world_rows], 1);
		char address[64] = "";
		(void) snprintf(address, sizeof(address), "%.*s", (int) (bar - row->value - 1), row->value + 1);
		inet_pton(AF_INET, turn % 2 == 0 ? address : bar + 1, out);
		return 4;
	}
	if (row->type == T_A || row->type == T_AAAA) {
		inet_pton(row->type == T_A ? AF_INET : AF_INET6, row->value, out);
		return row->type == T_A ? 4 : 16;
	}
	if (row->type == T_TXT) {
		return world_strings(row->value[0] == '@' ? atomic_load(&world_txt) : row->value, out);
	}
	char *end = NULL;
	out[0] = (uint8_t) strtoul(row->value, &end, 10);
	size_t tag = strcspn(end + 1, " ");
	size_t value = strlen(end + 2 + tag);
	out[1] = (uint8_t) tag;
	memcpy(out + 2, end + 1, tag);
	memcpy(out + 2 + tag, end + 2 + tag, value);
	return 2 + tag + value;
}

static size_t world_add_answer(uint8_t *out, const struct world_row *row)
{
	uint8_t head[12] = { 0xc0, 12, (uint8_t) (row->type >> 8), (uint8_t) row->type, 0, 1, 0, 0, 0, 60, 0, 0 };
	size_t n = world_rdata(row, out + sizeof(head));
	head[9] = row->value[0] == '~' ? 0 : 60;
	head[11] = (uint8_t) n;
	memcpy(out, head, sizeof(head));
	return sizeof(head) + n;
}

/* Answers into the packet; 0: stay silent. */
static size_t world_answer(uint8_t *p, size_t n, const char *name, int type, size_t end)
{
	static const struct world_row stuffing = { "stuffed.example", T_A, "127.0.0.1" };
	bool exists = false;
	unsigned answers = 0;
	for (; type == T_A && world_below(name, stuffing.name) && answers < 60; answers++) {
		exists = true;
		end += world_add_answer(p + end, &stuffing);
	}
	unsigned rcode = 0;
	for (size_t i = 0; i < COUNT_OF(world_rows); i++) {
		const struct world_row *row = &world_rows[i];
		bool wild = i == 0;
		exists = exists || world_below(row->name, name) || (wild && world_below(name, row->name));
		if (!(wild ? world_below(name, row->name) : strcasecmp(name, row->name) == 0) ||
		    (row->type != type && row->type != T_ALL && row->type != T_CNAME)) {
			continue;
		}
		if (row->value[0] == '?') {
			return 0;
		}
		if (row->value[0] == '!') {
			rcode = (unsigned) (row->value[1] - '0');
			continue;
		}
		end += world_add_answer(p + end, row);
		answers++;
	}
	(void) n;
	p[2] = 0x84;
	p[3] = (uint8_t) (0x80 | (rcode != 0 ? rcode : exists ? 0 : 3));
	memset(p + 6, 0, 6);
	p[7] = (uint8_t) answers;
	return end;
}

/* Turns the query of n octets into the answer; 0: stay silent. */
static size_t world_reply_to(uint8_t *p, ssize_t n, bool by_tcp)
{
	char name[256] = "";
	size_t at = 12;
	while (n > 16 && at < (size_t) n && p[at] != 0) {
		(void) snprintf(name + strlen(name), sizeof(name) - strlen(name), "%s%.*s", at == 12 ? "" : ".", p[at],
		    (const char *) p + at + 1);
		at += 1U + p[at];
	}
	if (n > 16 && !by_tcp && world_below(name, "tcp.example")) {
		p[2] = 0x86; /* cut off */
		p[3] = 0x80;
		memset(p + 6, 0, 6);
		return at + 5;
	}
	return n <= 16 ? 0 : world_answer(p, (size_t) n, name, p[at + 1] << 8 | p[at + 2], at + 5);
}

static void world_dns_udp(void)
{
	uint8_t p[2048];
	struct sockaddr_storage from;
	socklen_t from_n = sizeof(from);
	ssize_t n = recvfrom(world.dns, p, 512, 0, (struct sockaddr *) &from, &from_n);
	size_t reply = world_reply_to(p, n, false);
	if (reply > 0) {
		(void) !sendto(world.dns, p, reply, 0, (struct sockaddr *) &from, from_n);
	}
}

/* The answer comes in two pieces. */
static void world_dns_by_tcp(void)
{
	uint8_t p[2048];
	int fd = accept4(world.dns_tcp, NULL, NULL, SOCK_CLOEXEC);
	struct pollfd wait = { fd, POLLIN, 0 };
	ssize_t n = fd >= 0 && poll(&wait, 1, 500) == 1 ? recv(fd, p, 514, 0) : 0;
	size_t reply = n > 2 ? world_reply_to(p + 2, n - 2, true) : 0;
	if (reply > 0) {
		p[0] = (uint8_t) (reply >> 8);
		p[1] = (uint8_t) reply;
		(void) !send(fd, p, 7, MSG_NOSIGNAL);
		usleep(20000);
		(void) !send(fd, p + 7, reply - 5, MSG_NOSIGNAL);
	}
	if (fd >= 0) {
		close(fd);
	}
}

static void *world_dns(void *arg)
{
	(void) arg;
	while (!atomic_load(&world.stop)) {
		struct pollfd wait[2] = { { world.dns, POLLIN, 0 }, { world.dns_tcp, POLLIN, 0 } };
		if (poll(wait, 2, 50) <= 0) {
			continue;
		}
		if (wait[0].revents != 0) {
			world_dns_udp();
		}
		if (wait[1].revents != 0) {
			world_dns_by_tcp();
		}
	}
	return NULL;
}

/* --- web ------------------------------------------------------------------------------------------------------ */

struct world_reply {
	const char *behaviour; /* first label of the host */
	const char *text;      /* sent as it is; %K: the key authorization, %P and %T: the ports */
	const char *again;     /* then this, for ever, each `pause_ms`; "RST": the connection is broken off instead */
	int pause_ms;
};

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
#define TO(status, url) "HTTP/1.1 " status " X\r\nLocation: " url "\r\nContent-Length: 0\r\n\r\n"

static const struct world_reply world_replies[] = {
	{ "pass", OK "%K", NULL, 0 },
	{ "blanks", OK "%K \r\n\t\n", NULL, 0 },
	{ "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n45\r\n%K\r\n0\r\n\r\n", NULL, 0 },
	{ "wrong", OK "hello \"\x01\x1b[31mworld", NULL, 0 },
	{ "none", OK, NULL, 0 },
	{ "lead", OK " %K", NULL, 0 },
	{ "bom", OK "\xef\xbb\xbf%K", NULL, 0 },
	{ "second", OK "%K\nmore", NULL, 0 },
	{ "missing", "HTTP/1.1 404 Not Found\r\nContent-Length: 69\r\n\r\n%K", NULL, 0 },
	{ "created", "HTTP/1.1 201 Created\r\nContent-Length: 69\r\n\r\n%K", NULL, 0 },
	{ "cut", "HTTP/1.1 200 OK\r\nContent-Length: 690\r\n\r\n%K", NULL, 0 },
	{ "endless", OK, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0 },
	{ "padded", OK "%K", "                                                               ", 0 },
	{ "headers", "HTTP/1.1 200 OK\r\n", "X-Endless: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 0 },
	{ "line", "HTTP/1.1 200 OK\r\nX: ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0 },
	{ "interim", "", "HTTP/1.1 100 Continue\r\n\r\n", 0 },
	{ "drip", OK, "a", 100 },
	{ "slow", NULL, NULL, 0 },
	{ "closes", "", NULL, 0 },
	{ "old", "%K", NULL, 0 },
	{ "h2", "\x01\x02\x03\x04\x05settings frame", NULL, 0 },
	{ "gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n%K", NULL, 0 },
	{ "transfer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\n%K", NULL, 0 },
	{ "cookie", "HTTP/1.1 302 X\r\nSet-Cookie: a=b\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", NULL, 0 },
	{ "rst", "", "RST", 0 },
	{ "rst-head", "HTTP/1.1 200 OK\r\nContent-Le", "RST", 0 },
	{ "rst-body", "HTTP/1.1 200 OK\r\nContent-Length: 69\r\n\r\n%K", "RST", 0 },
	{ "rst-cut", "HTTP/1.1 200 OK\r\nContent-Length: 690\r\n\r\n%K", "RST", 0 },
	{ "cut-head", "HTTP/1.1 200 OK\r\nContent-Le", NULL, 0 },
	{ "drip-head", "HTTP/1.1 200 OK\r\n", "X", 100 },
	{ "drip-1xx", "", "HTTP/1.1 102 Processing\r\n\r\n", 100 },
	{ "switch", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n%K", NULL, 0 },
	{ "no-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n%K\r\n0\r\n\r\n", NULL, 0 },
	{ "big-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n%K", NULL, 0 },
	{ "less-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-45\r\n%K\r\n0\r\n\r\n", NULL, 0 },
	{ "cut-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n45\r\n%K\r\n", NULL, 0 },
	{ "note-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n45;",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0 },
	{ "tail-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n45\r\n%K\r\n0\r\n",
	    "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 0 },
	{ "lengths", "HTTP/1.1 200 OK\r\nContent-Length: 69\r\nContent-Length: 3\r\nConnection: close\r\n\r\n%K", NULL, 0 },
	{ "no-length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\nConnection: close\r\n\r\n%K", NULL, 0 },
	{ "big-length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n%K", NULL, 0 },
	{ "bomb", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n\x1f\x8b\x08",
	    "\xed\xc1\x01\x01\xed\xc1\x01\x01\xed\xc1\x01\x01\xed\xc1\x01\x01", 0 },
	{ "frame",
	    "HTTP/1.1 200 OK\r\nRefresh: 0; url=http://pass.web.example/\r\nConnection: close\r\n\r\n"
	    "<meta http-equiv=refresh content=0>",
	    NULL, 0 },
	{ "to-again", TO("302", "http://to-again.rebind.example:%P/x"), NULL, 0 },
	{ "to-rebind", TO("302", "http://rebind.example:%P/x"), NULL, 0 },
	{ "to-mapped", TO("302", "http://[::ffff:127.0.0.1]:%P/x"), NULL, 0 },
	{ "to-denied", TO("302", "http://127.6.0.1:%P/x"), NULL, 0 },
	{ "to-any", TO("302", "http://0.0.0.0:%P/x"), NULL, 0 },
	{ "to-any6", TO("302", "http://[::]:%P/x"), NULL, 0 },
	{ "to-decimal", TO("302", "http://2130706433:%P/x"), NULL, 0 },
	{ "to-hex", TO("302", "http://0x7f.0.0.1:%P/x"), NULL, 0 },
	{ "to-octal", TO("302", "http://0177.0.0.1:%P/x"), NULL, 0 },
	{ "to-short", TO("302", "http://127.1:%P/x"), NULL, 0 },
	{ "to-tls-inside", TO("302", "https://10.0.0.1:%T/x"), NULL, 0 },
	{ "to-six4", TO("302", "http://[2002:7f00:1::1]:%P/x"), NULL, 0 },
	{ "to-far", TO("302", "http://far.alias.example:%P/x"), NULL, 0 },
	{ "to-file", TO("302", "file:///etc/passwd"), NULL, 0 },
	{ "to-reneg", TO("302", "https://reneg.web.example:%T/x"), NULL, 0 },
	{ "reneg", OK "%K", NULL, 0 },
	{ "to-pour", TO("302", "https://pour.web.example:%T/x"), NULL, 0 },
	{ "pour", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n45;",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0 },
	{ "to-port", TO("302", "http://pass.web.example:%T/x"), NULL, 0 },
	{ "to-8080", TO("302", "http://pass.web.example:8080/x"), NULL, 0 },
	{ "to-tls", TO("301", "https://pass.web.example:%T/x"), NULL, 0 },
	{ "to-dh", TO("301", "https://dh.web.example:%T/x"), NULL, 0 },
	{ "to-ffdhe", TO("301", "https://ffdhe.web.example:%T/x"), NULL, 0 },
	{ "to-plain", TO("301", "https://pass.web.example:%P/x"), NULL, 0 },
	{ "to-307", TO("307", "http://pass.web.example:%P/x"), NULL, 0 },
	{ "to-308", TO("308", "http://127.0.0.1:%P/x"), NULL, 0 },
	{ "to-303", TO("303", "http://pass.web.example:%P/x"), NULL, 0 },
	{ "to-300", TO("300", "http://pass.web.example:%P/x"), NULL, 0 },
	{ "to-two", "HTTP/1.1 302 X\r\nLocation: /a\r\nLocation: http://pass.web.example:%P/x\r\n\r\n", NULL, 0 },
	{ "to-third", "HTTP/1.1 302 X\r\nLocation: /a\r\nHTTP/1.1: x\r\nLocation: http://pass.web.example:%P/x\r\n\r\n",
	    NULL, 0 },
	{ "to-none", "HTTP/1.1 302 X\r\nContent-Length: 0\r\n\r\n", NULL, 0 },
	{ "to-empty", TO("302", ""), NULL, 0 },
	{ "to-meta", TO("302", "http://169.254.169.254/latest/meta-data/"), NULL, 0 },
	{ "to-private", TO("302", "http://private.example/x"), NULL, 0 },
	{ "to-nowhere", TO("302", "http://nowhere.invalid-zone.example/x"), NULL, 0 },
	{ "to-user", TO("302", "http://u:p@pass.web.example:%P/x"), NULL, 0 },
	{ "to-ftp", TO("302", "ftp://pass.web.example/x"), NULL, 0 },
	{ "to-self", TO("302", "?"), NULL, 0 },
	{ "to-odd", TO("302", "http://pass.web.example:%P/\xc3\xa9 x"), NULL, 0 },
};

struct world_connection {
	int fd;
	SSL *ssl;
	bool broken_off;
};

static bool world_send(struct world_connection *c, const char *text, size_t n)
{
	return c->ssl != NULL ? SSL_write(c->ssl, text, (int) n) > 0 : send(c->fd, text, n, MSG_NOSIGNAL) == (ssize_t) n;
}

static void world_send_text(struct world_connection *c, const char *text)
{
	char out[2048];
	size_t n = 0;
	for (; *text != '\0'; text++) {
		size_t room = sizeof(out) - n;
		if (text[0] == '%' && strchr("KPT", text[1]) != NULL) {
			text++;
			n +=
			    (size_t) (*text == 'K' ? snprintf(out + n, room, "%s", WORLD_KEY_AUTHORIZATION)
			                           : snprintf(out + n, room, "%u", *text == 'P' ? world.web_port : world.tls_port));
		} else {
			out[n++] = *text;
		}
	}
	(void) world_send(c, out, n);
}

/* /redirects/N leads to /redirects/N-1, and /redirects/0 is right. "chain10" starts at 10. */
static void world_chain(struct world_connection *c, const char *host, const char *path)
{
	char text[256];
	int left = 0;
	if (sscanf(path, "/redirects/%d", &left) != 1) {
		(void) sscanf(host, "chain%d", &left);
	}
	if (left == 0) {
		world_send_text(c, OK "%K");
		return;
	}
	(void) snprintf(text, sizeof(text), TO("302", "/redirects/%d"), left - 1);
	world_send_text(c, text);
}

/* As much as an answer's head can make a record hold: each host leads to the next one below stuffed.example. */
static void world_stuff(struct world_connection *c, const char *host)
{
	char text[8192];
	int left = 0;
	(void) sscanf(host, "h%d", &left);
	size_t n = (size_t) snprintf(text, sizeof(text),
	    "HTTP/1.1 302 X\r\nContent-Length: 0\r\nLocation: http://h%d.stuffed.example:%u/", left - 1, world.web_port);
	memset(text + n, '"', 1900);
	n += 1900;
	n += (size_t) snprintf(text + n, sizeof(text) - n, "\r\nX: ");
	memset(text + n, '\x01', 4000);
	n += 4000;
	n += (size_t) snprintf(text + n, sizeof(text) - n, "\r\n\r\n");
	(void) world_send(c, text, n);
}

/* A well-behaved client of http-01 (A-103, A-107): what it may not send is counted. */
static void world_check_request(const char *request, const char *host)
{
	static const char line[] = "GET /.well-known/acme-challenge/" WORLD_TOKEN " HTTP/1.1\r\n";
	bool first = strncmp(request, line, sizeof(line) - 1) == 0;
	const char *port = strrchr(host, ':');
	bool literal = strcmp(host, "[::1]") == 0; /* B-8 */
	bool bad = strcasestr(request, "\r\nCookie:") != NULL || strcasestr(request, "\r\nAccept-Encoding:") != NULL ||
	           strcasestr(request, "\r\nAuthorization:") != NULL || strcasestr(request, "\r\nExpect:") != NULL ||
	           strstr(request, "\r\nUser-Agent: cairn-test\r\n") == NULL || (first && port != NULL && !literal);
	if (bad) {
		atomic_fetch_add(&world.bad_requests, 1);
	}
}

static void world_on_handshake(const SSL *ssl, int where, int value)
{
	(void) value;
	if (where == SSL_CB_ACCEPT_LOOP && SSL_get_state(ssl) == TLS_ST_SR_CLNT_HELLO) {
		atomic_fetch_add(&world.negotiated_again, 1);
	}
}

/* Sends the wish, the answer behind it, and waits for what the client makes of it. */
static void world_negotiate_again(struct world_connection *c, const char *text)
{
	char rest[16];
	SSL_set_info_callback(c->ssl, world_on_handshake);
	bool asked = SSL_renegotiate(c->ssl) == 1 && SSL_do_handshake(c->ssl) == 1;
	world_send_text(c, text);
	(void) SSL_read(c->ssl, rest, sizeof(rest));
	atomic_fetch_add(&world.asked_again, asked ? 1 : 0);
}

static void world_serve(struct world_connection *c, const char *request)
{
	char host[256] = "";
	char path[256] = "";
	(void) sscanf(request, "GET %255s", path);
	const char *at = strstr(request, "\r\nHost: ");
	(void) sscanf(at == NULL ? "" : at, "\r\nHost: %255s", host);
	world_check_request(request, host);
	if (strstr(host, ".stuffed.example") != NULL && strncmp(host, "h0", 2) != 0) {
		world_stuff(c, host);
		return;
	}
	if (strncmp(host, "chain", 5) == 0) {
		world_chain(c, host, path);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(world_replies); i++) {
		const struct world_reply *r = &world_replies[i];
		size_t n = strlen(r->behaviour);
		if (strncmp(host, r->behaviour, n) != 0 || host[n] != '.') {
			continue;
		}
		if (strcmp(r->behaviour, "reneg") == 0 && c->ssl != NULL) {
			world_negotiate_again(c, r->text);
			return;
		}
		world_send_text(c, r->text);
		if (r->again != NULL && strcmp(r->again, "RST") == 0) {
			struct linger at_once = { 1, 0 };
			setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
			c->broken_off = true;
			return;
		}
		while (r->again != NULL && !atomic_load(&world.stop) && world_send(c, r->again, strlen(r->again))) {
			usleep((useconds_t) r->pause_ms * 1000);
		}
		return;
	}
	world_send_text(c, OK "%K"); /* an address or a host without a behaviour of its own */
}

static void *world_connection(void *arg)
{
	struct world_connection c = { (int) (intptr_t) arg >> 1, NULL, false };
	char request[8192] = "";
	ssize_t n = 0;
	if (((intptr_t) arg & 1) != 0) {
		c.ssl = SSL_new(world.tls);
		SSL_set_fd(c.ssl, c.fd);
		n = SSL_accept(c.ssl) == 1 ? SSL_read(c.ssl, request, sizeof(request) - 1) : -1;
	} else {
		n = recv(c.fd, request, sizeof(request) - 1, 0);
	}
	if (n > 0) {
		world_serve(&c, request);
	}
	if (c.ssl != NULL) {
		SSL_shutdown(c.ssl);
		SSL_free(c.ssl);
	}
	if (!c.broken_off) {
		shutdown(c.fd, SHUT_WR);
	}
	while (!c.broken_off && recv(c.fd, request, sizeof(request), MSG_DONTWAIT) > 0) {
	}
	close(c.fd);
	return NULL;
}

/* Slow hosts cost this process no thread: their connection is put aside. */
static bool world_hold(int fd)
{
	char request[1024] = "";
	(void) !recv(fd, request, sizeof(request) - 1, MSG_PEEK);
	if (strstr(request, "\r\nHost: slow") == NULL || world.n_held == WORLD_FDS) {
		return false;
	}
	world.held[world.n_held++] = fd;
	return true;
}

static void *world_web(void *arg)
{
	(void) arg;
	while (!atomic_load(&world.stop)) {
		struct pollfd wait[3] = { { world.web[0], POLLIN, 0 }, { world.web[1], POLLIN, 0 },
			{ world.web[2], POLLIN, 0 } };
		if (poll(wait, 3, 50) <= 0) {
			continue;
		}
		for (int i = 0; i < 3; i++) {
			int fd = wait[i].revents != 0 ? accept4(world.web[i], NULL, NULL, SOCK_CLOEXEC) : -1;
			pthread_t thread;
			if (fd >= 0 && (i == 2 || !world_hold(fd)) &&
			    pthread_create(&thread, NULL, world_connection, (void *) (intptr_t) (fd << 1 | (i == 2))) == 0) {
				pthread_detach(thread);
			}
		}
	}
	return NULL;
}

/* By the SNI, which is the last of the extension: Diffie-Hellman in prime fields alone, with parameters of the server or named ones. */
static int world_on_hello(SSL *ssl, int *alert, void *arg)
{
	const unsigned char *name = NULL;
	size_t n = 0;
	(void) alert;
	(void) arg;
	bool named = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &name, &n) == 1 && n > 5;
	if (named && memcmp(name + 5, "dh.", 3) == 0) {
		SSL_set_cipher_list(ssl, "kDHE:@SECLEVEL=0");
		SSL_set_dh_auto(ssl, 1);
	} else if (named && memcmp(name + 5, "ffdhe.", 6) == 0) {
		char groups[] = "ffdhe2048";
		char signatures[] = "RSA-PSS+SHA256";
		SSL_set_max_proto_version(ssl, TLS1_3_VERSION);
		SSL_set_min_proto_version(ssl, TLS1_3_VERSION);
		SSL_set1_groups_list(ssl, groups);
		SSL_set1_sigalgs_list(ssl, signatures);
	}
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* A certificate that no browser would take: self-signed, expired, RSA with 1024 bits, SHA-1; TLS 1.2 with
 * SHA-1 too. Such responders exist. */
static SSL_CTX *world_tls(void)
{
	EVP_PKEY *key = EVP_RSA_gen(1024);
	X509 *cert = X509_new();
	X509_set_version(cert, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(cert), -1000);
	X509_gmtime_adj(X509_getm_notAfter(cert), -500);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(
	    X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *) "another.example", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_sign(cert, key, EVP_sha1());
	char signatures[] = "RSA+SHA1"; /* the macro drops a const */
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(tls, 0);
	SSL_CTX_set_max_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set1_sigalgs_list(tls, signatures);
	SSL_CTX_set_client_hello_cb(tls, world_on_hello, NULL);
	if (SSL_CTX_use_certificate(tls, cert) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1) {
		die("no TLS");
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	return tls;
}

__attribute__((unused)) static void world_open_v6(void)
{
	world.web[1] = world_bind(SOCK_STREAM, "::1", &world.web_port);
}

static void world_open(void)
{
	world.tls = world_tls();
	world_bind_dns();
	world.web[0] = world_bind(SOCK_STREAM, "127.0.0.1", &world.web_port);
	world.web[2] = world_bind(SOCK_STREAM, "127.0.0.1", &world.tls_port);
	if (pthread_create(&world.dns_thread, NULL, world_dns, NULL) != 0 ||
	    pthread_create(&world.web_thread, NULL, world_web, NULL) != 0) {
		die("no thread");
	}
}

static void world_close(void)
{
	atomic_store(&world.stop, true);
	pthread_join(world.dns_thread, NULL);
	pthread_join(world.web_thread, NULL);
	for (size_t i = 0; i < world.n_held; i++) {
		close(world.held[i]);
	}
	usleep(200000); /* the threads of connections see `stop` */
	for (size_t i = 0; i < COUNT_OF(world.web); i++) {
		close(world.web[i]);
	}
	close(world.dns);
	close(world.dns_tcp);
	SSL_CTX_free(world.tls);
}

#undef OK
#undef TO

#endif
