#include "lib/base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890), with the multicast and reserved space that they leave
 * out. Also blocks marked as globally reachable: nobody's web server lives there. */
static const struct {
	const char *block;
	const char *what;
} special[] = {
	{ "0.0.0.0/8", "an address of this network" },
	{ "10.0.0.0/8", "a private address" },
	{ "100.64.0.0/10", "a shared (carrier NAT) address" },
	{ "127.0.0.0/8", "a loopback address" },
	{ "169.254.0.0/16", "a link-local address" },
	{ "172.16.0.0/12", "a private address" },
	{ "192.0.0.0/24", "an address of IETF protocol assignments" },
	{ "192.0.2.0/24", "a documentation address" },
	{ "192.31.196.0/24", "an AS112 address" },
	{ "192.52.193.0/24", "an AMT address" },
	{ "192.88.99.0/24", "a 6to4 relay address" },
	{ "192.168.0.0/16", "a private address" },
	{ "192.175.48.0/24", "an AS112 address" },
	{ "198.18.0.0/15", "a benchmarking address" },
	{ "198.51.100.0/24", "a documentation address" },
	{ "203.0.113.0/24", "a documentation address" },
	{ "224.0.0.0/4", "a multicast address" },
	{ "240.0.0.0/4", "a reserved address" },
	{ "::/128", "the unspecified address" },
	{ "::1/128", "a loopback address" },
	{ "::ffff:0:0/96", "an IPv4-mapped address" },
	{ "64:ff9b::/96", "a NAT64 address" },
	{ "64:ff9b:1::/48", "a NAT64 address" },
	{ "100::/64", "a discard-only address" },
	{ "100:0:0:1::/64", "a dummy address" },
	{ "2001::/32", "a Teredo address" },
	{ "2001::/23", "an address of IETF protocol assignments" },
	{ "2001:db8::/32", "a documentation address" },
	{ "2002::/16", "a 6to4 address" },
	{ "2620:4f:8000::/48", "an AS112 address" },
	{ "3fff::/20", "a documentation address" },
	{ "5f00::/16", "a segment routing address" },
	{ "fc00::/7", "a unique local address" },
	{ "fe80::/10", "a link-local address" },
	{ "fec0::/10", "a site-local address" },
	{ "ff00::/8", "a multicast address" },
};

int ip_parse(const char *text, struct ip *ret)
{
	struct ip ip = { 0 };
	ip.v6 = strchr(text, ':') != NULL;
	if (inet_pton(ip.v6 ? AF_INET6 : AF_INET, text, ip.b) != 1) {
		return -1;
	}
	*ret = ip;
	return 0;
}

const char *ip_encode(struct arena *a, const struct ip *ip)
{
	char text[INET6_ADDRSTRLEN] = "";
	(void) inet_ntop(ip->v6 ? AF_INET6 : AF_INET, ip->b, text, sizeof(text));
	return arena_text(a, text);
}

const char *ip_reverse_name(struct arena *a, const struct ip *ip)
{
	static const char hex[] = "0123456789abcdef";
	char nibbles[16 * 4 + 1] = "";
	if (!ip->v6) {
		return arena_printf(a, "%u.%u.%u.%u.in-addr.arpa", ip->b[3], ip->b[2], ip->b[1], ip->b[0]);
	}
	for (size_t i = 0; i < 16; i++) {
		char *at = nibbles + i * 4;
		at[0] = hex[ip->b[15 - i] & 0xf];
		at[1] = '.';
		at[2] = hex[ip->b[15 - i] >> 4];
		at[3] = '.';
	}
	return arena_printf(a, "%sip6.arpa", nibbles);
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->v6 == b->v6 && memcmp(a->b, b->b, a->v6 ? 16 : 4) == 0;
}

int ip_of_bytes(struct bytes b, struct ip *ret)
{
	if (b.n != 4 && b.n != 16) {
		return -1;
	}
	*ret = (struct ip) { .v6 = b.n == 16 };
	memcpy(ret->b, b.p, b.n);
	return 0;
}

int ip_of_sockaddr(const struct sockaddr *sa, struct ip *ret_ip, uint16_t *ret_port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		*ret_port = ntohs(in.sin_port);
		return ip_of_bytes((struct bytes) { (const uint8_t *) &in.sin_addr, 4 }, ret_ip);
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		*ret_port = ntohs(in6.sin6_port);
		return ip_of_bytes((struct bytes) { in6.sin6_addr.s6_addr, 16 }, ret_ip);
	}
	return -1;
}

static bool network_has(const struct network *net, const struct ip *ip)
{
	unsigned whole = net->bits / 8;
	unsigned rest = net->bits % 8;
	if (net->first.v6 != ip->v6 || memcmp(net->first.b, ip->b, whole) != 0) {
		return false;
	}
	return rest == 0 || (net->first.b[whole] ^ ip->b[whole]) >> (8 - rest) == 0;
}

bool network_covers(const struct network *a, const struct network *b)
{
	return a->bits <= b->bits && network_has(a, &b->first);
}

static bool host_bits_zero(const struct network *net)
{
	for (unsigned i = net->bits; i < (net->first.v6 ? 128U : 32U); i++) {
		if ((net->first.b[i / 8] >> (7 - i % 8) & 1) != 0) {
			return false;
		}
	}
	return true;
}

static int network_parse(const char *text, struct network *ret)
{
	char address[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(text, '/');
	if (slash == NULL || (size_t) (slash - text) >= sizeof(address) || slash[1] < '0' || slash[1] > '9') {
		return -1;
	}
	memcpy(address, text, (size_t) (slash - text));
	address[slash - text] = '\0';
	char *end = NULL;
	unsigned long bits = strtoul(slash + 1, &end, 10);
	struct network net = { 0 };
	if (*end != '\0' || ip_parse(address, &net.first) != 0 || bits > (net.first.v6 ? 128U : 32U)) {
		return -1;
	}
	net.bits = (unsigned) bits;
	if (!host_bits_zero(&net)) {
		return -1;
	}
	*ret = net;
	return 0;
}

int networks_parse(struct ctx *c, const struct text_list *texts, struct network_list *ret)
{
	struct network_list list = { ARENA_ARRAY(c->arena, texts->n, struct network), texts->n };
	for (size_t i = 0; i < texts->n; i++) {
		if (network_parse(texts->v[i], &list.v[i]) != 0) {
			return FAIL(c, MALFORMED,
			    "\"%s\" is not a network like 10.0.0.0/8 or fd00::/8 (bits behind the prefix must be zero)",
			    texts->v[i]);
		}
	}
	*ret = list;
	return 0;
}

bool networks_have(const struct network_list *networks, const struct ip *ip)
{
	for (size_t i = 0; i < networks->n; i++) {
		if (network_has(&networks->v[i], ip)) {
			return true;
		}
	}
	return false;
}

struct network_list ip_special_blocks(struct arena *a)
{
	static const char *const nobodys[] = { "::/3", "4000::/2", "8000::/1" };
	size_t n = COUNT_OF(special) + COUNT_OF(nobodys);
	struct network_list list = { ARENA_ARRAY(a, n, struct network), 0 };
	for (size_t i = 0; i < n; i++) {
		const char *block = i < COUNT_OF(special) ? special[i].block : nobodys[i - COUNT_OF(special)];
		if (network_parse(block, &list.v[list.n]) == 0) {
			list.n++;
		}
	}
	return list;
}

/* RFC 5214 6.1: an IPv4 address behind any prefix, to which a host with such an interface sends packets by itself. */
static bool is_isatap(const struct ip *ip)
{
	static const uint8_t mark[] = { 0, 0x5e, 0xfe };
	return ip->v6 && (ip->b[8] & ~0x2) == 0 && memcmp(ip->b + 9, mark, sizeof(mark)) == 0;
}

const char *ip_special(const struct ip *ip)
{
	for (size_t i = 0; i < COUNT_OF(special); i++) {
		struct network net;
		if (network_parse(special[i].block, &net) != 0 || network_has(&net, ip)) {
			return special[i].what;
		}
	}
	if (is_isatap(ip)) {
		return "an ISATAP address";
	}
	/* IANA has given out 2000::/3 only; the rest of IPv6 is nobody's */
	return ip->v6 && ip->b[0] >> 5 != 1 ? "no global unicast address" : NULL;
}

/* IPv6 addresses that lead to an IPv4 address which they hold: mapped ones, by NAT64 and by 6to4 (RFC 4291 2.5.5.2, RFC 6052 2.1,
 * RFC 3056 2), and at which octet it begins. */
static const struct {
	const char *block;
	unsigned at;
} guises[] = { { "::ffff:0:0/96", 12 }, { "64:ff9b::/96", 12 }, { "2002::/16", 2 } };

static bool ip_inside(const struct ip *ip, struct ip *ret)
{
	struct network net;
	for (size_t i = 0; i < COUNT_OF(guises); i++) {
		if (network_parse(guises[i].block, &net) == 0 && network_has(&net, ip)) {
			return ip_of_bytes((struct bytes) { ip->b + guises[i].at, 4 }, ret) == 0;
		}
	}
	return false;
}

struct network_list network_guises(struct arena *a, const struct network *net)
{
	struct network_list list = { ARENA_ARRAY(a, COUNT_OF(guises), struct network), 0 };
	for (size_t i = 0; i < COUNT_OF(guises) && !net->first.v6; i++) {
		struct network *guise = &list.v[list.n];
		if (network_parse(guises[i].block, guise) == 0) {
			memcpy(guise->first.b + guises[i].at, net->first.b, 4);
			guise->bits = 8 * guises[i].at + net->bits;
			list.n++;
		}
	}
	return list;
}

int ip_reach_parse(struct ctx *c, const struct text_list *allowed, const struct text_list *denied, struct ip_reach *ret)
{
	struct ip_reach reach;
	TRY(networks_parse(c, allowed, &reach.allowed));
	TRY(networks_parse(c, denied, &reach.denied));
	*ret = reach;
	return 0;
}

static const char *refusal_of(const struct ip *ip, const struct ip_reach *reach)
{
	if (networks_have(&reach->denied, ip)) {
		return "in a network that this CA keeps its validations out of";
	}
	return networks_have(&reach->allowed, ip) ? NULL : ip_special(ip);
}

const char *ip_refusal(const struct ip *ip, const struct ip_reach *reach)
{
	struct ip inside;
	const char *refusal = refusal_of(ip, reach);
	return refusal == NULL && ip_inside(ip, &inside) ? refusal_of(&inside, reach) : refusal;
}
