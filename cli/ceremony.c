/* What a plan would do, in people's words; the run through it. */
#include "cli/ceremony.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

#include "cli/ceremony_approve.h"
#include "cli/ceremony_make.h"
#include "cli/files.h"
#include "lib/base/buffer.h"
#include "lib/base/folder.h"
#include "lib/crypto/digest.h"

enum state { ABSENT, MADE, BROKEN = -1 };

/* What stands where the object of a step goes is it, or in its way: something that can't be read was not made by this plan. */
static enum state object_state(struct ctx *c, const char *path, int read)
{
	if (read == 0) {
		return MADE;
	}
	const char *why = c->err.cause != NULL ? c->err.cause : c->err.detail;
	ctx_forgive(c);
	return (enum state) ctx_fault(
	    c, "%s is in the way, as it is not what the plan makes (%s): move it away", path, why);
}

/* BROKEN with an error when only some of its files are there. */
static enum state certificate_state(struct ctx *c, const struct ceremony_step *s)
{
	bool cert = file_exists(s->cert_file);
	if (s->key_file != NULL && file_exists(s->key_file) && !cert) {
		return (enum state) ctx_fault(c,
		    "%s exists without %s: a ceremony was cut off; move the key away and run it again", s->key_file,
		    s->cert_file);
	}
	struct cert_info info;
	return cert ? object_state(c, s->cert_file, ceremony_read_cert(c, s, &info)) : ABSENT;
}

/* F-9: what the transcript tells. That no file is there may be a medium that is not connected. */
static enum state destroyed_state(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *s)
{
	struct ceremony_entry_list entries;
	const struct ceremony_entry *begin = NULL;
	if (s->key_label == NULL && (plan->transcript == NULL || file_exists(s->key_file))) {
		return file_exists(s->key_file) ? ABSENT : MADE;
	}
	if (ceremony_records_so_far(c, plan, &entries) != 0) {
		return BROKEN;
	}
	return ceremony_last(&entries, plan, s, &begin) == NULL ? ABSENT : MADE;
}

static enum state step_state(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *s)
{
	if (ceremony_step_is(s, "crl")) {
		struct crl_info info;
		return file_exists(s->crl_file) ? object_state(c, s->crl_file, ceremony_read_crl(c, s->crl_file, &info))
		                                : ABSENT;
	}
	if (ceremony_step_is(s, "key")) {
		return file_exists(s->key_label == NULL ? s->key_file : s->public_file) ? MADE : ABSENT;
	}
	if (ceremony_step_is(s, "destroy")) {
		return destroyed_state(c, plan, s);
	}
	if (ceremony_step_is(s, "use")) {
		return MADE;
	}
	return certificate_state(c, s);
}

static const char *subject_text(struct arena *a, const struct ceremony_step *s)
{
	return arena_printf(a, "CN=%s%s%s%s%s", s->common_name,
	    s->organization == NULL ? "" : ", O=", s->organization == NULL ? "" : s->organization,
	    s->country == NULL ? "" : ", C=", s->country == NULL ? "" : s->country);
}

static const char *place_text(struct arena *a, const struct ceremony_step *s)
{
	return s->key_label == NULL ? s->key_file : arena_printf(a, "the token as \"%s\"", s->key_label);
}

static const char *key_text(struct arena *a, const struct ceremony_step *s)
{
	if (s->key != NULL) {
		return arena_printf(a, "a new %s key in %s", s->key, place_text(a, s));
	}
	return s->key_of != NULL ? arena_printf(a, "the key of %s", s->key_of)
	                         : arena_printf(a, "the public key in %s", s->public_file);
}

static const char *times_text(struct arena *a, const struct ceremony_step *s)
{
	return arena_printf(
	    a, "%lld days from %s on", (long long) ceremony_days(s), s->not_before == NULL ? "now" : s->not_before);
}

static const char *crl_text(struct arena *a, const struct ceremony_step *s)
{
	struct buffer b;
	buffer_init(&b, a, 500);
	buffer_printf(&b, "CRL of %s in %s, %s", s->issuer, s->crl_file, times_text(a, s));
	if (s->number > 0) {
		buffer_printf(&b, ", number %lld", (long long) s->number);
	}
	if (s->previous != NULL) {
		buffer_printf(&b, ", with all that %s lists", s->previous);
	}
	for (size_t i = 0; i < s->revoked.n; i++) {
		const struct ceremony_revoked *r = &s->revoked.v[i];
		buffer_printf(&b, "%s %s (%s, since %s)", i == 0 ? ", and newly" : ",", r->cert_file,
		    r->reason == NULL ? "no reason told" : r->reason, r->at == NULL ? "now" : r->at);
	}
	if (s->revoked.n == 0 && s->previous == NULL) {
		buffer_add_text(&b, ", without entries");
	}
	return (const char *) buffer_bytes(&b).p;
}

static const char *certificate_text(struct arena *a, const struct ceremony_step *s)
{
	const char *serial = s->serial == NULL ? "" : arena_printf(a, ", serial %s", s->serial);
	if (ceremony_step_is(s, "cross")) {
		return arena_printf(a,
		    "cross-certificate for the subject and the key of %s by %s, %s%s, CRL at %s, issuer at %s, in %s", s->of,
		    s->issuer, times_text(a, s), serial, s->crl_url, s->aia_url, s->cert_file);
	}
	if (ceremony_step_is(s, "root")) {
		return arena_printf(a, "root \"%s\" with %s, certified by itself, %s%s, for certificates and CRLs, in %s",
		    subject_text(a, s), key_text(a, s), times_text(a, s), serial, s->cert_file);
	}
	return arena_printf(a,
	    "intermediate \"%s\" with %s, certified by %s, %s%s, for certificates of TLS servers and CRLs, no further "
	    "authority "
	    "below it, CRL at %s, issuer at %s, in %s",
	    subject_text(a, s), key_text(a, s), s->issuer, times_text(a, s), serial, s->crl_url, s->aia_url, s->cert_file);
}

/* Paths as the plan has them, so that a statement is the same wherever the plan lies. */
static const char *without_folder(struct arena *a, const struct ceremony *plan, const char *text)
{
	const char *slash = plan->path == NULL ? NULL : strrchr(plan->path, '/');
	const char *folder = slash == NULL ? "./" : arena_text_n(a, plan->path, (size_t) (slash + 1 - plan->path));
	struct buffer b;
	buffer_init(&b, a, strlen(text));
	for (const char *at = NULL; plan->path != NULL && (at = strstr(text, folder)) != NULL; text = at + strlen(folder)) {
		buffer_add(&b, text, (size_t) (at - text));
	}
	buffer_add_text(&b, text);
	return (const char *) buffer_bytes(&b).p;
}

static const char *sentence(struct arena *a, const struct ceremony *plan, const struct ceremony_step *s, bool kept)
{
	const char *text = NULL;
	if (ceremony_step_is(s, "use")) {
		text = arena_printf(a, "the certificate %s%s%s, which is there%s", s->cert_file,
		    place_text(a, s) == NULL ? "" : " with the key ", place_text(a, s) == NULL ? "" : place_text(a, s),
		    s->made_elsewhere ? ", and was made elsewhere: no ceremony of this transcript tells of it" : "");
	} else if (kept) {
		text = ceremony_step_is(s, "destroy") ? "is not there any more" : "is there already and is kept";
	} else if (ceremony_step_is(s, "key")) {
		text = arena_printf(a, "%s%s%s", key_text(a, s), s->public_file == NULL ? "" : ", its public key in ",
		    s->public_file == NULL ? "" : s->public_file);
	} else if (ceremony_step_is(s, "destroy")) {
		text = arena_printf(a, "destroys the key in %s, whose public key has the SHA-256 %s, for good",
		    place_text(a, s), s->spki_sha256);
	} else {
		text = ceremony_step_is(s, "crl") ? crl_text(a, s) : certificate_text(a, s);
	}
	return arena_printf(a, "%s: %s", s->name, without_folder(a, plan, text));
}

/* A file that decides what is made, or who may say so. */
static int add_input(struct ctx *c, const struct ceremony *plan, const char *path, struct buffer *b)
{
	struct bytes content;
	TRY(file_read(c, path, &content));
	buffer_printf(b, "SHA-256 of %s: %s\n", without_folder(c->arena, plan, path), ceremony_sha256(c->arena, content));
	return 0;
}

static int add_inputs(struct ctx *c, const struct ceremony *plan, const struct ceremony_step *s, struct buffer *b)
{
	TRY(ceremony_step_is(s, "use") ? add_input(c, plan, s->cert_file, b) : 0);
	TRY(ceremony_step_is(s, "intermediate") && s->public_file != NULL ? add_input(c, plan, s->public_file, b) : 0);
	TRY(s->previous != NULL ? add_input(c, plan, s->previous, b) : 0);
	for (size_t i = 0; i < s->revoked.n; i++) {
		TRY(add_input(c, plan, s->revoked.v[i].cert_file, b));
	}
	return 0;
}

int ceremony_statement(struct ctx *c, const struct ceremony *plan, const char **ret)
{
	struct buffer b;
	buffer_init(&b, c->arena, 2000);
	buffer_printf(&b, "I agree to this ceremony of cairn.\ntitle: %s\nmode: %s\nSHA-256 of the plan: %s\n", plan->title,
	    ceremony_mode(plan) == POLICY_WEBPKI ? "webpki" : "private", plan->sha256 == NULL ? "none" : plan->sha256);
	for (size_t i = 0; i < plan->steps.n; i++) {
		buffer_printf(&b, "%zu. %s\n", i + 1, sentence(c->arena, plan, &plan->steps.v[i], false));
		TRY(add_inputs(c, plan, &plan->steps.v[i], &b));
	}
	for (size_t i = 0; i < plan->people.n; i++) {
		TRY(add_input(c, plan, plan->people.v[i], &b));
	}
	*ret = (const char *) buffer_bytes(&b).p;
	return 0;
}

/* Who agreed to a step agreed to one object: a second one under the same signatures needs a plan that says so. */
static int refuse_second(struct ctx *c, const struct ceremony *plan, const struct ceremony_entry_list *entries,
    const struct ceremony_step *s)
{
	const struct ceremony_entry *begun = NULL;
	const struct ceremony_entry *before = ceremony_last(entries, plan, s, &begun);
	const char *digest = before == NULL ? NULL : before->sha256 == NULL ? before->spki_sha256 : before->sha256;
	if (digest == NULL || ceremony_step_is(s, "destroy") || (s->again != NULL && strcasecmp(s->again, digest) == 0)) {
		return 0;
	}
	return FAIL(c, CONFLICT,
	    "%s: the transcript tells that it was made already, and it is not there. To have it made anew, add to the "
	    "step, and let it be "
	    "signed: again: %s",
	    s->name, digest);
}

/* One step with its record and its files, whole: Ctrl-C waits until they are on disk. */
static int make_whole(struct ctx *c, const struct ceremony *plan, size_t i)
{
	sigset_t asked;
	sigset_t before;
	sigemptyset(&asked);
	sigaddset(&asked, SIGINT);
	sigaddset(&asked, SIGTERM);
	sigaddset(&asked, SIGHUP);
	sigprocmask(SIG_BLOCK, &asked, &before);
	int result = ceremony_make(c, plan, i);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}

/* The token of the plan, when a step needs it. Who types the PIN answers for it himself. */
static int open_token(struct ctx *c, const struct ceremony *plan, struct token **ret)
{
	const struct config_token *config = &plan->token;
	const struct secret_source source = { "the PIN of the token", config->pin_file, config->pin_credential };
	bool asked = source.file == NULL && source.credential == NULL;
	struct secret pin;
	enum token_trouble trouble;
	bool needed = false;
	for (size_t i = 0; i < plan->steps.n; i++) {
		needed = needed || plan->steps.v[i].key_label != NULL;
	}
	if (!needed) {
		return 0;
	}
	TRY(asked ? secret_ask(c, source.what, &pin) : secret_read(c, &source, &pin));
	int result = token_open(c, config, &pin, asked, ret, &trouble);
	secret_done(&pin);
	return result;
}

/* That of the files with keys. Nobody types one unseen without typing it twice. */
static int ask_passphrase(struct ctx *c, struct secret *ret)
{
	struct secret first;
	struct secret second;
	TRY(secret_ask(c, "the passphrase of the ceremony's key files", &first));
	if (secret_ask(c, "the same once more", &second) != 0) {
		secret_done(&first);
		return -1;
	}
	bool same = first.n > 0 && text_equal(first.text, second.text);
	secret_done(&second);
	if (!same) {
		secret_done(&first);
		return FAIL(c, MALFORMED, "These are two passphrases, or none");
	}
	*ret = first;
	return 0;
}

/* F-2: outside of a token a key of mode webpki is never written but encrypted. */
static int read_passphrase(struct ctx *c, struct ceremony *plan)
{
	const struct secret_source source = { "the passphrase of the key files", plan->passphrase_file, NULL };
	bool needed = false;
	for (size_t i = 0; i < plan->steps.n; i++) {
		needed = needed || plan->steps.v[i].key_file != NULL;
	}
	if (!needed || (plan->passphrase_file == NULL && ceremony_mode(plan) != POLICY_WEBPKI)) {
		return 0;
	}
	return plan->passphrase_file == NULL ? ask_passphrase(c, &plan->passphrase)
	                                     : secret_read(c, &source, &plan->passphrase);
}

/* Before the first step, with all that the others need. */
static int begin(struct ctx *c, struct ceremony *plan, const struct ceremony_approval_list *agreed,
    const struct ceremony_entry_list *taken_in)
{
	TRY(open_token(c, plan, &plan->opened));
	TRY(read_passphrase(c, plan));
	TRY(ceremony_record_begin(c, plan, agreed));
	for (size_t i = 0; i < taken_in->n; i++) {
		TRY(ceremony_record(c, plan, taken_in->v[i]));
	}
	return 0;
}

/* F-3: a plan that names another transcript than that of the keys it uses would be free to name other people. */
static int check_used(struct ctx *c, const struct ceremony *plan, const struct ceremony_entry_list *entries,
    struct ceremony_entry_list *ret)
{
	ret->v = ARENA_ARRAY(c->arena, plan->steps.n, struct ceremony_entry);
	ret->n = 0;
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct ceremony_step *s = &plan->steps.v[i];
		struct cert_info cert;
		if (!ceremony_step_is(s, "use") || ceremony_mode(plan) != POLICY_WEBPKI) {
			continue;
		}
		TRY(ceremony_read_cert(c, s, &cert));
		struct ceremony_entry entry = ceremony_entry_of_cert(c->arena, s, &cert);
		if (ceremony_tells_of(entries, entry.sha256)) {
			continue;
		}
		if (!s->made_elsewhere) {
			return FAIL(c, UNAUTHORIZED,
			    "%s: the transcript %s does not tell of %s: it is that of other ceremonies, or the certificate was "
			    "made elsewhere, which people have to sign: made_elsewhere: true",
			    s->name, plan->transcript, s->cert_file);
		}
		ret->v[ret->n++] = entry;
	}
	return 0;
}

int ceremony_describe(struct ctx *c, const struct ceremony *plan, struct text_list *ret_sentences)
{
	struct text_list list = { ARENA_ARRAY(c->arena, plan->steps.n, const char *), plan->steps.n };
	struct ceremony_entry_list entries;
	struct ceremony_entry_list taken_in;
	TRY(ceremony_records_so_far(c, plan, &entries));
	TRY(check_used(c, plan, &entries, &taken_in));
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct ceremony_step *s = &plan->steps.v[i];
		enum state there = step_state(c, plan, s);
		if (there == BROKEN) {
			return -1;
		}
		TRY(there == ABSENT ? refuse_second(c, plan, &entries, s) : 0);
		list.v[i] = sentence(c->arena, plan, s, there == MADE);
	}
	*ret_sentences = list;
	return 0;
}

static int run(
    struct ctx *c, struct ceremony *plan, const struct ceremony_approval_list *agreed, struct text_list *made)
{
	struct ceremony_entry_list entries; /* of earlier ceremonies: no step of a plan has the name of another */
	struct ceremony_entry_list taken_in;
	TRY(ceremony_records_so_far(c, plan, &entries));
	TRY(ceremony_people_stay(c, ceremony_mode(plan) == POLICY_WEBPKI, &entries, agreed));
	TRY(check_used(c, plan, &entries, &taken_in));
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct ceremony_step *s = &plan->steps.v[i];
		enum state there = step_state(c, plan, s);
		if (there == BROKEN) {
			return -1;
		}
		if (there == ABSENT) {
			TRY(refuse_second(c, plan, &entries, s));
			TRY(made->n == 0 ? begin(c, plan, agreed, &taken_in) : 0);
			TRY(make_whole(c, plan, i));
			made->v[made->n++] = sentence(c->arena, plan, s, false);
		}
	}
	return 0;
}

int ceremony_run(
    struct ctx *c, const struct ceremony *plan, const struct text_list *approvals, struct text_list *ret_made)
{
	struct text_list made = { ARENA_ARRAY(c->arena, plan->steps.n, const char *), 0 };
	struct ceremony_approval_list agreed;
	struct ceremony opened = *plan;
	TRY(ceremony_check(c, plan));
	TRY(ceremony_approvals(c, plan, approvals, &agreed));
	int result = run(c, &opened, &agreed, &made);
	token_close(opened.opened);
	secret_done(&opened.passphrase);
	TRY(result);
	*ret_made = made;
	return 0;
}
