#include "policy/dns_trouble.h"

#include <string.h>

#include "lib/base/buffer.h"
#include "lib/base/ip.h"

/* Registered codes (RFC 8914 4) and what the zone's owner can do. */
enum code {
	UNSUPPORTED,
	BOGUS,
	EXPIRED,
	EARLY,
	NO_KEY,
	NO_SIGNATURES,
	NO_DENIAL,
	NOT_ASKED,
	UNREACHABLE,
	LONG_WAY,
	CODES
};

static const struct trouble {
	const char *ede;
	const char *mend;
} troubles[CODES] = {
	[UNSUPPORTED] = { "1 Unsupported DNSKEY Algorithm",
	    "sign the zone by an algorithm of RFC 8624, such as ECDSAP256SHA256" },
	[BOGUS] = { "6 DNSSEC Bogus",
	    "the zone's signatures, its keys and the DS record at its parent have to fit together" },
	[EXPIRED] = { "7 Signature Expired", "the zone's signatures have expired; have it signed again" },
	[EARLY] = { "8 Signature Not Yet Valid",
	    "the zone's signatures lie in the future; check the clock of the host that signs it" },
	[NO_KEY] = { "9 DNSKEY Missing",
	    "the DS record at the parent fits no key of the zone; publish that of the present key, or none" },
	[NO_SIGNATURES] = { "10 RRSIGs Missing",
	    "the parent has a DS record but the zone's answers are not signed; sign it, or remove the DS record" },
	[NO_DENIAL] = { "12 NSEC Missing",
	    "the zone denies a name or a type without the NSEC or NSEC3 records for it; have it signed again" },
	[NOT_ASKED] = { "14 Not Ready",
	    "no name server was asked, or none could be heard: the CA looks up too many names of this domain at once, "
	    "or too many in all; try again later, with fewer "
	    "names at a time" },
	[UNREACHABLE] = { "22 No Reachable Authority",
	    "check that each name server of the zone answers, by UDP and TCP, for this type too" },
	[LONG_WAY] = { "0 Other", "the way to the answer is longer than any name is followed: use fewer aliases (CNAME) in "
	                          "a row, ten at most through several "
	                          "zones, and name servers that exist and have their addresses at their zone's parent" },
};

/* What libunbound says, by parts of its sentences; the first that fits counts. */
static const struct {
	const char *part;
	enum code code;
} reasons[] = {
	{ "signature expired", EXPIRED },
	{ "signature before inception", EARLY },
	{ "signature not yet valid", EARLY },
	{ "before inception date", EARLY },
	{ "no keys have a DS", NO_KEY },
	{ "DS hash mismatch", NO_KEY },
	{ "DNSKEY RRset did not match DS", NO_KEY },
	{ "no DNSKEY", NO_KEY },
	{ "missing DNSKEY", NO_KEY },
	{ "No DNSKEY", NO_KEY },
	{ "no signatures", NO_SIGNATURES },
	{ "No RRSIG", NO_SIGNATURES },
	{ "no RRSIG", NO_SIGNATURES },
	{ "missing RRSIG", NO_SIGNATURES },
	{ "unsupported algorithm", UNSUPPORTED },
	{ "nodata proof failed", NO_DENIAL },
	{ "no NSEC", NO_DENIAL },
	{ "NSEC3 closest encloser", NO_DENIAL },
	{ "NXDOMAIN proof", NO_DENIAL },
	{ "nameerror proof failed", NO_DENIAL },
};

/* Where libunbound gives up by itself. That it sent too often is not among them: then servers did not answer. */
static const char *const limits[] = {
	"exceeded the maximum number restarts",
	"exceeded the maximum dependency depth",
	"exceeded the maximum of referrals",
	"exceeded the maximum number of glue fetches",
	"exceeded the maximum nameserver nxdomains",
};

/* What no name server is to blame for. */
static const char *const ours[] = {
	"out of memory",
	"prime failure",
	"exceeded ratelimit",
};

/* What libunbound says of servers that it has asked: no word, or an RCODE. */
static const char *const asked[] = {
	" upstream server timeout",
	" got ",
	"exceeded the maximum number of sends",
};

static const char late[] = "no answer in time";

const char *dns_trouble_late(void)
{
	return late;
}

const char *dns_trouble_not_asked(void)
{
	return troubles[NOT_ASKED].ede;
}

const char *dns_trouble_ede(bool bogus, const char *reason)
{
	enum code code = bogus ? BOGUS : UNREACHABLE;
	for (size_t i = 0; !bogus && reason != NULL && i < COUNT_OF(ours); i++) {
		code = strstr(reason, ours[i]) != NULL ? NOT_ASKED : code;
	}
	for (size_t i = 0; bogus && reason != NULL && i < COUNT_OF(reasons) && code == BOGUS; i++) {
		code = strstr(reason, reasons[i].part) != NULL ? reasons[i].code : code;
	}
	for (size_t i = 0; !bogus && reason != NULL && i < COUNT_OF(limits); i++) {
		code = strstr(reason, limits[i]) != NULL ? LONG_WAY : code;
	}
	return troubles[code].ede;
}

static bool is(const struct resolution *r, enum code code)
{
	return r->error != NULL && r->ede != NULL && strcmp(r->ede, troubles[code].ede) == 0;
}

bool dns_trouble_is_silence(const struct resolution *r)
{
	return is(r, UNREACHABLE) ||
	       is(r, LONG_WAY); /* name servers that can't be looked up look like one that leads astray */
}

bool dns_trouble_is_outside(const struct resolution *r)
{
	bool own_way = r->resolver != NULL && strcmp(r->resolver, "recursive") == 0;
	bool known = r->error != NULL && strcmp(r->error, late) == 0;
	for (size_t i = 0; r->reason != NULL && i < COUNT_OF(asked); i++) {
		known = known || strstr(r->reason, asked[i]) != NULL;
	}
	return own_way && known && is(r, UNREACHABLE);
}

static const struct trouble *trouble_find(const char *ede)
{
	for (size_t i = 0; ede != NULL && i < COUNT_OF(troubles); i++) {
		if (strcmp(troubles[i].ede, ede) == 0) {
			return &troubles[i];
		}
	}
	return NULL;
}

/* The reason without addresses that are not public: those of the CA's own resolvers are nobody's business; the record has them. */
static const char *without_inside(struct arena *a, const char *reason)
{
	struct buffer b;
	buffer_init(&b, a, strlen(reason) + 1);
	while (*reason != '\0') {
		struct ip ip;
		size_t spaces = strspn(reason, " ");
		size_t n = strcspn(reason + spaces, " @#,;");
		const char *word = arena_text_n(a, reason + spaces, n);
		size_t bare = n;
		bool address = ip_parse(word, &ip) == 0;
		while (!address && bare > 0 && strchr(".:", word[bare - 1]) != NULL) {
			address = ip_parse(arena_text_n(a, word, --bare), &ip) == 0;
		}
		bool inside = address && ip_special(&ip) != NULL;
		buffer_add(&b, reason, spaces);
		buffer_add_text(&b, inside ? "an inner address" : word);
		buffer_add_text(&b, inside ? word + bare : "");
		reason += spaces + n;
		size_t between = strspn(reason, "@#,;");
		buffer_add(&b, reason, between);
		reason += between;
	}
	return (const char *) buffer_bytes(&b).p;
}

const char *dns_trouble_text(struct arena *a, const struct resolution *r)
{
	const char *text = arena_printf(a, "%s looking up %s for %s", r->error, r->type, r->name);
	const struct trouble *trouble = trouble_find(r->ede);
	if (trouble == NULL) {
		return text;
	}
	const char *reason =
	    r->reason == NULL || r->reason[0] == '\0' ? "" : arena_printf(a, ": %s", without_inside(a, r->reason));
	return arena_printf(a, "%s (EDE %s%s) - %s", text, trouble->ede, reason, trouble->mend);
}
