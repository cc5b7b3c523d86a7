#include "wfe/remote.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/ip.h"

#define FORWARDED_MAX 1024

/* An address as 16 octets, IPv4 in its mapped form. */
struct octets {
	uint8_t b[16];
};

static bool parse_address(const char *text, struct octets *ret, bool *ret_v4)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	memcpy(ret->b, mapped, sizeof(mapped));
	*ret_v4 = inet_pton(AF_INET, text, ret->b + 12) == 1;
	return *ret_v4 || inet_pton(AF_INET6, text, ret->b) == 1;
}

static bool same_bits(const struct octets *a, const struct octets *b, unsigned bits)
{
	unsigned whole = bits / 8;
	unsigned rest = bits % 8;
	return memcmp(a->b, b->b, whole) == 0 &&
	       (rest == 0 || ((a->b[whole] ^ b->b[whole]) & (uint8_t) (0xff << (8 - rest))) == 0);
}

/* The configuration checked the form of the networks. */
static bool in_network(const struct octets *address, const char *network)
{
	char text[INET6_ADDRSTRLEN];
	const char *slash = strchr(network, '/');
	if (slash == NULL || (size_t) (slash - network) >= sizeof(text)) {
		return false;
	}
	memcpy(text, network, (size_t) (slash - network));
	text[slash - network] = '\0';
	struct octets base;
	bool v4 = false;
	unsigned long bits = strtoul(slash + 1, NULL, 10);
	return parse_address(text, &base, &v4) && bits <= (v4 ? 32 : 128) &&
	       same_bits(address, &base, (unsigned) bits + (v4 ? 96 : 0));
}

static bool is_trusted(const char *text, const struct text_list *networks)
{
	struct octets address;
	bool v4 = false;
	if (!parse_address(text, &address, &v4)) {
		return false;
	}
	for (size_t i = 0; i < networks->n; i++) {
		if (in_network(&address, networks->v[i])) {
			return true;
		}
	}
	return false;
}

static const char *canonical(struct arena *a, const char *text)
{
	struct octets address;
	bool v4 = false;
	char out[INET6_ADDRSTRLEN];
	if (!parse_address(text, &address, &v4)) {
		return NULL;
	}
	return arena_text(a, inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address.b + 12 : address.b, out, sizeof(out)));
}

struct remote remote_find(
    struct arena *a, struct remote peer, const char *forwarded, const struct text_list *trusted_networks)
{
	if (forwarded == NULL || strlen(forwarded) > FORWARDED_MAX || !is_trusted(peer.address, trusted_networks)) {
		return peer;
	}
	struct remote found = peer;
	const char *end = forwarded + strlen(forwarded);
	while (end > forwarded) {
		const char *start = end;
		while (start > forwarded && start[-1] != ',') {
			start--;
		}
		const char *first = start + strspn(start, " \t");
		size_t n = first < end ? strcspn(first, " \t,") : 0;
		const char *address = canonical(a, arena_text_n(a, first, n));
		if (address == NULL) {
			return found;
		}
		found = (struct remote) { address, 0 };
		if (!is_trusted(address, trusted_networks)) {
			return found;
		}
		end = start > forwarded ? start - 1 : forwarded;
	}
	return found;
}

const char *remote_network(struct arena *a, const char *address)
{
	struct ip ip;
	if (address == NULL || ip_parse(address, &ip) != 0) {
		return address;
	}
	size_t kept = ip.v6 ? 6 : 3;
	memset(ip.b + kept, 0, sizeof(ip.b) - kept);
	return ip_encode(a, &ip);
}
