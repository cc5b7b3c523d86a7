#include "policy/notice.h"

#include <string.h>

#include "lib/base/floor.h"
#include "policy/notice_text.h"

#define DAY_S 86400

static const struct field notice_rule_field[] = {
	FIELD(struct notice_rule, class),
	FIELD(struct notice_rule, clear_s),
	FIELD(struct notice_rule, keep_s),
};
const struct fields notice_rule_fields = FIELDS(struct notice_rule, notice_rule_field);

/* Whose data it is decides in which part of the notice it stands. */
enum subject { SUBSCRIBER, RECOVERY, VISITOR, OTHER };

/* Each class of data of the database (G-8). */
static const struct {
	const char *name;
	enum subject subject;
	const char *what;
} classes[] = {
	{ "SUB-REQ", SUBSCRIBER,
	    "Your requests to the ACME server, whole: the address and port they come from, the time, what you send with "
	    "its header, and what "
	    "is answered. Credentials in a header are left out. A request that may hold a recovery contact or a private "
	    "key is recorded without its content." },
	{ "SUB-SW", SUBSCRIBER, "What your client says of itself: User-Agent and Accept-Language, as sent." },
	{ "SUB-VAL", SUBSCRIBER,
	    "What was seen when your names were validated: every address that a name had, every DNS answer, and what your "
	    "servers answered, with headers, redirects and certificates, from each place that looked." },
	{ "SUB-CERT", SUBSCRIBER,
	    "Accounts with their public keys, orders, names, certificates, revocations, and what was decided about them." },
	{ "RECOVERY", RECOVERY, "Recovery contacts: e-mail addresses and telephone numbers for getting an account back." },
	{ "WEB", VISITOR,
	    "Visits of the pages on which terms are agreed to, names are looked at, paused names are freed or a recovery "
	    "is "
	    "stopped: address and User-Agent." },
	{ "RP-OCSP", VISITOR,
	    "Who asks by OCSP whether a certificate is revoked, or fetches CRLs, issuers' certificates, the sealed log or "
	    "any "
	    "other page: nothing of it is recorded." },
	{ "RP-HOLD", VISITOR, "A part of such requests for a named investigation: there is none, as nothing is recorded." },
	{ "OPS", OTHER, "What the people who run this CA do, and how its software runs." },
	{ "AGG", OTHER, "Numbers in which nobody can be recognised." },
};

const char *notice_class(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(classes); i++) {
		if (strcmp(classes[i].name, name) == 0) {
			return classes[i].what;
		}
	}
	return NULL;
}

static const struct notice_rule *rule_of(const struct notice_rule_list *rules, const char *name)
{
	static const struct notice_rule none = { NULL, 0, 0 };
	for (size_t i = 0; i < rules->n; i++) {
		if (strcmp(rules->v[i].class, name) == 0) {
			return &rules->v[i];
		}
	}
	return &none;
}

/* The personal fields of a request have one salt and go together: the shortest term counts (db/functions/cairn_retention.sql). */
static int64_t clear_of(const struct notice_rule_list *rules, const char *name)
{
	static const char *const together[] = { "SUB-REQ", "SUB-SW" };
	const struct notice_rule *own = rule_of(rules, name);
	bool shared = strcmp(name, together[0]) == 0 || strcmp(name, together[1]) == 0;
	int64_t least = own->clear_s != 0 ? own->clear_s : own->keep_s;
	for (size_t i = 0; i < COUNT_OF(together) && shared; i++) {
		const struct notice_rule *r = rule_of(rules, together[i]);
		int64_t s = r->clear_s != 0 ? r->clear_s : r->keep_s;
		least = least == 0 || (s != 0 && s < least) ? s : least;
	}
	return least;
}

static const char *term(struct arena *a, int64_t s, const char *none)
{
	if (s == 0) {
		return none;
	}
	int64_t days = s / DAY_S;
	return arena_printf(a, "%lld day%s", (long long) days, days == 1 ? "" : "s");
}

static void add_classes(
    struct notice_text *t, struct arena *a, const struct notice_rule_list *rules, enum subject subject)
{
	static const char *const head[] = { "What", "Readable for", "Kept for", "Class" };
	notice_row(t, head, COUNT_OF(head), true);
	for (size_t i = 0; i < COUNT_OF(classes); i++) {
		const struct notice_rule *rule = rule_of(rules, classes[i].name);
		const char *keep = term(a, rule->keep_s, "without end");
		const char *const cells[] = { classes[i].what, term(a, clear_of(rules, classes[i].name), keep), keep,
			classes[i].name };
		if (classes[i].subject == subject) {
			notice_row(t, cells, COUNT_OF(cells), false);
		}
	}
	notice_end_table(t);
}

/* Where a URL leads: no path, and no user and password, which an operator may have put into it. */
static const char *place_of(struct arena *a, const char *url)
{
	const char *place = strstr(url, "://");
	place = place == NULL ? url : place + 3;
	size_t n = strcspn(place, "/?#");
	const char *user = memrchr(place, '@', n);
	size_t skip = user == NULL ? 0 : (size_t) (user + 1 - place);
	return arena_text_n(a, place + skip, n - skip);
}

static void say_public_logs(struct notice_text *t, const struct config_ct *ct)
{
	if (ct->log_list_file == NULL) {
		return;
	}
	notice_say(t,
	    "This CA is set up for Certificate Transparency: its certificates, with all names, are sent to public logs, "
	    "from "
	    "which nothing can be taken back%s",
	    ct->logs.n > 0 ? ":" : ". It may choose any of those that browsers know.");
	for (size_t i = 0; i < ct->logs.n; i++) {
		notice_point(t, "%s (%s)", ct->logs.v[i].description, ct->logs.v[i].url);
	}
}

static void say_subscribers(
    struct notice_text *t, struct arena *a, const struct config *config, const struct notice_rule_list *rules)
{
	int64_t floor_s = retention_floor_s(config);
	notice_heading(t, "If you ask for certificates");
	notice_say(t, "To check that you control the names in your certificates, and so that anybody can check later that "
	              "this was done, "
	              "this CA collects the following and keeps it.");
	add_classes(t, a, rules, SUBSCRIBER);
	notice_say(t, "Readable means with the fields that are about a person: addresses, User-Agents, contents. When that "
	              "time has passed "
	              "these fields are erased, and what is left tells facts only. Records are kept longer than said here "
	              "only while a legal "
	              "order or an investigation holds them.");
	if (floor_s > 0) {
		notice_say(t,
		    "The rules for public certificate authorities demand that these records are kept for two years beyond the "
		    "last "
		    "certificate that they serve, which is %lld days here. Nothing of them goes earlier.",
		    (long long) (floor_s / DAY_S));
	}
	notice_say(t, "All of this may be made public, to show that certificates are issued as they should be; recovery "
	              "contacts never are. "
	              "Names in certificates are public by their nature: whoever connects to you sees them.");
	say_public_logs(t, &config->ct);
	notice_say(t, "Never send a private key. A request that holds one is refused, its content is not recorded, and the "
	              "key is blocked.");
}

static void say_contacts(
    struct notice_text *t, struct arena *a, const struct config *config, const struct notice_rule_list *rules)
{
	bool keep = config->recovery.custodian_dir != NULL && strcmp(config->recovery.account_contacts, "keep") == 0;
	bool freeze = config->recovery.custodian_dir != NULL && strcmp(config->recovery.ended_accounts, "freeze") == 0;
	const struct notice_rule *rule = rule_of(rules, "RECOVERY");
	notice_heading(t, "Contacts");
	notice_say(t, keep ? "The contact addresses that your client sends with its account become recovery contacts."
	                   : "The contact addresses that your client sends with its account are checked for their form and "
	                     "dropped. They "
	                     "are stored nowhere.");
	if (config->recovery.custodian_dir == NULL) {
		notice_say(t, "This CA keeps no recovery contacts.");
		return;
	}
	notice_say(t, "%s", notice_class("RECOVERY"));
	notice_say(t,
	    "They are sealed for two groups of custodians when they arrive, one of each of whom must act to read them; the "
	    "people who run "
	    "this CA can't. They stand in no log, are never made public, and are replaced or deleted whenever you ask. "
	    "Custodians open them for a disclosure (below), and to tell you of one before.");
	if (config->recovery.former_contacts_s > 0) {
		notice_say(t,
		    "Of contacts that were replaced or deleted, keyed digests stay for %s, so that who takes your account "
		    "can't take "
		    "this way to it from you. Nobody can read a contact from them.",
		    term(a, config->recovery.former_contacts_s, ""));
	}
	if (config->smtp.url != NULL) {
		notice_say(t,
		    "Who claims an account by an address that is one of its contacts gets mail there, by way of %s. Until that "
		    "recovery has ended and its last mail is on its way (three days later at most), the address is kept so "
		    "that "
		    "only the part of this CA that sends the mail can read it.",
		    place_of(a, config->smtp.url));
	}
	notice_say(t, "They are kept until you delete them or your account ends%s%s%s.",
	    freeze ? "; then nobody can use them, and they are kept" : "", freeze && rule->keep_s != 0 ? " for " : "",
	    !freeze             ? ""
	    : rule->keep_s == 0 ? " without end"
	                        : term(a, rule->keep_s, ""));
	notice_say(t, "While a legal hold stands that obliges this CA to keep them, your contacts are kept longer, also "
	              "when they were "
	              "replaced or deleted or your account has ended: sealed as they are, and of no use for getting the "
	              "account back. "
	              "They go when the hold ends.");
}

static void say_visitors(struct notice_text *t, struct arena *a, const struct notice_rule_list *rules)
{
	notice_heading(t, "If you visit a site with a certificate of this CA, or a page of this server");
	add_classes(t, a, rules, VISITOR);
	notice_say(t,
	    "Pages set no cookies, have no scripts, load nothing from elsewhere and hand nothing on. Nobody is followed, "
	    "so Do Not "
	    "Track (DNT) and Global Privacy Control (Sec-GPC) have nothing to switch off but this: with either of them the "
	    "record of a visit has your network in the place of your address, and no User-Agent. Records of visits of "
	    "these "
	    "pages are kept longer than said here only while a legal hold keeps them.");
}

static void say_networks(struct notice_text *t, struct arena *a, const struct config *config)
{
	const struct config_va *va = &config->va;
	bool all = false;
	for (size_t i = 0; i < va->resolvers.n; i++) {
		const struct config_resolver *r = &va->resolvers.v[i];
		all = all || strcmp(r->zone, ".") == 0;
		notice_point(t, "The resolver at %s sees %s%s that you order.", r->forward,
		    strcmp(r->zone, ".") == 0 ? "the names" : "those names below ", strcmp(r->zone, ".") == 0 ? "" : r->zone);
	}
	if (!all) {
		notice_point(t,
		    "Servers of the DNS see the %snames that you order: they are asked directly, without a resolver of "
		    "somebody "
		    "else in between.",
		    va->resolvers.n > 0 ? "other " : "");
	}
	for (size_t i = 0; i < va->perspectives.n; i++) {
		const struct config_perspective *p = &va->perspectives.v[i];
		bool somewhere = p->region != NULL && p->region[0] != '\0';
		notice_point(t,
		    "Your names are also validated from another network, %s%s%s%s: it sees them and what your servers answer, "
		    "and "
		    "keeps nothing.",
		    p->name, somewhere ? " (" : "", somewhere ? p->region : "", somewhere ? ")" : "");
	}
	if (config->ca.linter_url != NULL) {
		notice_point(t, "An outside linter, %s, sees each certificate, with its names, before it is signed.",
		    place_of(a, config->ca.linter_url));
	}
}

/* G-58: the plan, what is private and what is not, and when it is disclosed. */
static void say_readers(struct notice_text *t, struct arena *a, const struct config *config)
{
	const struct config_subscriber *s = &config->subscriber;
	notice_heading(t, "Who sees it");
	notice_point(t,
	    "The people who run this CA: accounts, orders, names, certificates and the policy, how a rate limit stands "
	    "for an account or an address, and what their software says of faults.");
	notice_point(t, "Its auditors: all records but recovery contacts.");
	notice_point(t,
	    "Its officers, who decide about disclosures (below): all records of an account, but recovery contacts, for a "
	    "reason that they have to say; and what two of them have approved, in an emergency one.");
	notice_point(t, "Yourself: all that is held about your account, but what a law or a court forbids to tell, and "
	                "recovery contacts, "
	                "which stay sealed.");
	say_networks(t, a, config);
	for (size_t i = 0; i < config->alarm.channels.n; i++) {
		notice_point(t,
		    "%s, over which the people who run this CA are told of faults: a fault may name an order, a certificate or "
		    "a "
		    "name in it; never your address, User-Agent or contact.",
		    config->alarm.channels.v[i].name);
	}
	if (config->wfe.trusted_proxies.n > 0) {
		notice_point(t, "Proxies, through which your requests may come: they see them whole.");
	}
	for (size_t i = 0; i < s->witnesses.n; i++) {
		notice_point(
		    t, "%s, a witness of the sealed log: sizes and digests, nothing about anybody.", s->witnesses.v[i].name);
	}
	notice_point(t, "%s",
	    s->publish_entries
	        ? "Everybody: the facts in the sealed log, which are paths of requests, accounts, names and outcomes; no "
	          "addresses, User-Agents or contents."
	        : "Nobody else: of the sealed log only digests are public.");
	notice_say_disclosure(t, "your", "You are");
}

static void say_rights(struct notice_text *t, const struct config *config)
{
	notice_heading(t, "What you can do");
	notice_point(t, "See all that is held about your account: each account object names the resource (subjectData) at "
	                "which your account's key "
	                "gets it, with the meaning of each field and what can't be deleted, and why.");
	notice_point(t, "%s",
	    config->recovery.custodian_dir != NULL
	        ? "Correct or delete your contacts, with your account's key, at any time."
	        : "Correct or delete your contacts: there are none.");
	notice_point(t, "End your account. Records of what was done stay for their time, as they are the proof that it was "
	                "done rightly.");
	if (config->acme.terms_of_service != NULL) {
		notice_say(t, "Terms of service: %s", config->acme.terms_of_service);
	}
	if (config->acme.website != NULL) {
		notice_say(t, "More about this CA: %s", config->acme.website);
	}
	notice_say(t, "Questions and complaints: %s",
	    config->acme.privacy_contact != NULL
	        ? config->acme.privacy_contact
	        : "to the people who run this CA, who have named no address for them here.");
}

struct bytes notice_write(
    struct arena *a, const struct config *config, const struct notice_rule_list *rules, enum notice_form form)
{
	struct notice_text t;
	notice_begin(&t, a, form, "Privacy notice");
	notice_say(&t,
	    "This is what the certificate authority at %s keeps about people. Its software writes this page from its own "
	    "configuration "
	    "and from the rules by which it deletes, so that it says what is done.",
	    config->acme.external_url);
	say_subscribers(&t, a, config, rules);
	say_contacts(&t, a, config, rules);
	say_visitors(&t, a, rules);
	notice_heading(&t, "Other records");
	add_classes(&t, a, rules, OTHER);
	notice_say(&t,
	    "Backups, and what a proxy or a mail server of this CA keeps, are not made by this software: they end "
	    "when the people who run this CA let them.");
	say_readers(&t, a, config);
	say_rights(&t, config);
	return notice_end(&t);
}
