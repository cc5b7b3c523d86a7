/* The keys of cairn-va, for the closed list in config.c. */
#include "lib/base/config_tables.h"

static const char *const dnssec_choices[] = { "require", "off", NULL };

static const struct field resolver_field[] = {
	FIELD(struct config_resolver, zone, .flags = FIELD_REQUIRED, .help = "Names below this zone; . for all."),
	FIELD(struct config_resolver, forward, .flags = FIELD_REQUIRED, .help = "The resolver, as ADDRESS@PORT."),
	FIELD(struct config_resolver, dnssec, .def = "require", .one_of = dnssec_choices,
	    .help = "require: validate up to the root's key; off: take the answers as they are."),
	FIELD(struct config_resolver, trust_anchors, .def = "[]", .min = 0, .max = 8,
	    .help =
	        "For a signed zone that the root does not know: its DS records, as \"KEYTAG ALGORITHM TYPE DIGEST\"; then "
	        "answers are validated up to its own keys."),
};
static const struct fields resolver_fields = FIELDS(struct config_resolver, resolver_field);

static const char *const region_choices[] = { "", "AFRINIC", "APNIC", "ARIN", "LACNIC", "RIPE", NULL };

#define REGION_HELP "The regional Internet registry in whose service region it stands."
#define PLACE_HELP "Where it stands, in degrees north and east: \"52.37 4.90\"."
#define RESOLVER_REGION_HELP "The registry of the place where its DNS queries leave, if that is another one."
#define RESOLVER_PLACE_HELP "Where its DNS queries leave, if that is elsewhere."

static const struct field perspective_field[] = {
	FIELD(struct config_perspective, name, .flags = FIELD_REQUIRED, .min = 1, .max = 48,
	    .help = "Name in the records and, behind \"perspective-\", in its certificate: small letters, digits and -."),
	FIELD(struct config_perspective, address, .flags = FIELD_REQUIRED, .help = "Its cairn-va, as ADDRESS:PORT."),
	FIELD(struct config_perspective, region, .def = "\"\"", .one_of = region_choices, .help = REGION_HELP),
	FIELD(struct config_perspective, place, .def = "\"\"", .max = 40, .help = PLACE_HELP),
	FIELD(struct config_perspective, resolver, .def = "\"\"",
	    .help =
	        "The resolver that it forwards to, as ADDRESS@PORT, so that no two share one; without it, it resolves by "
	        "itself."),
	FIELD(struct config_perspective, resolver_region, .def = "\"\"", .one_of = region_choices,
	    .help = RESOLVER_REGION_HELP),
	FIELD(struct config_perspective, resolver_place, .def = "\"\"", .max = 40, .help = RESOLVER_PLACE_HELP),
};
static const struct fields perspective_fields = FIELDS(struct config_perspective, perspective_field);

static const struct field local_zone_field[] = {
	FIELD(struct config_local_zone, zone, .flags = FIELD_REQUIRED, .help = "This name and all below it."),
	FIELD(struct config_local_zone, address, .flags = FIELD_REQUIRED, .help = "The address that they resolve to."),
};
static const struct fields local_zone_fields = FIELDS(struct config_local_zone, local_zone_field);

static const char *const caa_failure_choices[] = { "refuse", "unsigned-passes", NULL };

static const struct field va_field[] = {
	PROCESS_KEYS(struct config_va, "14102", "14112", "32"),
	FIELD(struct config_va, http01_port, .def = "80", .min = 1, .max = 65535, .help = "Port that http-01 connects to."),
	FIELD(struct config_va, tlsalpn01_port, .def = "443", .min = 1, .max = 65535,
	    .help = "Port that tls-alpn-01 connects to."),
	FIELD_STRUCTS(struct config_va, resolvers, &resolver_fields, .def = "[]",
	    .help = "Resolvers to forward to, by zone; none: resolve from the root."),
	FIELD(struct config_va, root_servers, .def = "[]", .min = 0, .max = 13,
	    .help =
	        "Private mode: servers of a root zone of your own, as ADDRESS@PORT, from which names are resolved instead "
	        "of the internet's root."),
	FIELD(struct config_va, root_trust_anchors, .def = "[]", .min = 0, .max = 8,
	    .help =
	        "Private mode: the DS records of your own root's keys, as \"KEYTAG ALGORITHM TYPE DIGEST\"; without them "
	        "the root's keys are IANA's."),
	FIELD(struct config_va, caa_lookup_failure, .def = "unsigned-passes", .one_of = caa_failure_choices,
	    .help = "What a CAA lookup that failed twice means: refuse: no certificate; unsigned-passes: the same, unless "
	            "DNSSEC proves that the zone is not signed (BR 4.2.2.1)."),
	FIELD(struct config_va, dnssec_probe, .def = "\"\"",
	    .help =
	        "A name whose signatures are broken on purpose, such as dnssec-failed.org: it is looked up at the start "
	        "and every dnssec_probe_s, and an answer that counts as good is an alarm. Empty: no probe; for policy.mode "
	        "private only."),
	FIELD(struct config_va, dnssec_probe_s, .def = "86400", .min = 1, .max = 86400,
	    .help = "Seconds between two lookups of dnssec_probe."),
	FIELD(struct config_va, allow_networks, .def = "[]", .min = 0, .max = 64,
	    .help = "Private or loopback networks (CIDR) that validation may enter, its DNS queries too. For policy.mode "
	            "private "
	            "only."),
	FIELD(struct config_va, deny_networks, .def = "[]", .min = 0, .max = 64,
	    .help =
	        "Networks (CIDR) that validation never enters, its DNS queries neither, as the CA's own that are public. "
	        "They come before allow_networks; what resolvers and root_servers name is asked all the same."),
	FIELD_STRUCTS(struct config_va, perspectives, &perspective_fields, .def = "[]", .min = 0,
	    .max = CONFIG_PERSPECTIVES_MAX, .help = "Remote validation authorities that are asked beside the local one."),
	FIELD_STRUCTS(struct config_va, local_zones, &local_zone_fields, .def = "[]",
	    .help = "Names that resolve to a fixed address inside the validation authority; for development."),
	FIELD(struct config_va, timeout_s, .def = "10", .min = 1, .max = 60, .help = "Longest validation, in seconds."),
	FIELD(struct config_va, user_agent, .def = "\"cairn-va/" CAIRN_VERSION "\"", .min = 1, .max = 200,
	    .help = "User-Agent of its HTTP requests."),
	FIELD(struct config_va, perspective, .def = "local", .min = 1, .max = 64, .help = "Its own name in the records."),
	FIELD(struct config_va, remote, .def = "false",
	    .help = "This cairn-va is a remote perspective: it serves the first one, and asks no others "
	            "(docs/perspectives.md)."),
	FIELD(struct config_va, region, .def = "\"\"", .one_of = region_choices, .help = REGION_HELP),
	FIELD(struct config_va, place, .def = "\"\"", .max = 40, .help = PLACE_HELP),
	FIELD(struct config_va, resolver_region, .def = "\"\"", .one_of = region_choices, .help = RESOLVER_REGION_HELP),
	FIELD(struct config_va, resolver_place, .def = "\"\"", .max = 40, .help = RESOLVER_PLACE_HELP),
};
const struct fields config_va_fields = FIELDS(struct config_va, va_field);
