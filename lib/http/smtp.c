#include "lib/http/smtp.h"

#include <curl/curl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/auto.h"
#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/base/die.h"
#include "lib/base/folder.h"

#define ADDRESS_MAX 254
#define SUBJECT_MAX 200
#define TEXT_MAX ((size_t) 256 * 1024)
#define ANSWER_MAX 200
#define LINE_OCTETS 57 /* 76 characters of base64, RFC 2045 6.8 */
#define WORD_OCTETS 39 /* of an encoded word, so that a line with it stays below 77 characters (RFC 2047 2) */
#define TIMEOUT_MS 60000

AUTO_DEFINE(CURL, curl_easy_cleanup)

static void wipe_and_free(void *p)
{
	if (p != NULL) {
		OPENSSL_cleanse(p, malloc_usable_size(p));
		free(p);
	}
}

/* Never as realloc moves it, which leaves behind what was there. */
static void *move(void *p, size_t n)
{
	void *to = malloc(n);
	if (to != NULL && p != NULL) {
		size_t had = malloc_usable_size(p);
		memcpy(to, p, had < n ? had : n);
		wipe_and_free(p);
	}
	return to;
}

void smtp_wipe(void)
{
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wipe_and_free, move, strdup, calloc) != CURLE_OK) {
		die("libcurl does not start");
	}
}

bool smtp_is_address(const char *text)
{
	size_t n = strlen(text);
	const char *at = strchr(text, '@');
	if (n > ADDRESS_MAX || at == NULL || at == text || at[1] == '\0' || strchr(at + 1, '@') != NULL) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (text[i] <= ' ' || text[i] > '~' || strchr("<>()[]\\,;:\"", text[i]) != NULL) {
			return false;
		}
	}
	return true;
}

static int read_password(struct ctx *c, const char *path, const char **ret)
{
	struct bytes content;
	TRY(file_read(c, path, &content));
	while (content.n > 0 && (content.p[content.n - 1] == '\n' || content.p[content.n - 1] == '\r')) {
		content.n--;
	}
	if (content.n == 0 || memchr(content.p, '\n', content.n) != NULL || memchr(content.p, '\0', content.n) != NULL) {
		return FAIL(c, MALFORMED, "smtp.password_file: must have one line");
	}
	*ret = arena_text_n(c->arena, content.p, content.n);
	return 0;
}

int smtp_open(struct ctx *c, const struct config_smtp *config, struct smtp *ret)
{
	struct smtp s = {
		.url = config->url, .from = config->from, .user = config->user, .tls = strcmp(config->tls, "off") != 0
	};
	if (config->url == NULL) {
		*ret = s;
		return 0;
	}
	bool known = strncmp(config->url, "smtp://", 7) == 0 || strncmp(config->url, "smtps://", 8) == 0;
	if (!known || strpbrk(config->url, " @\r\n") != NULL) {
		return FAIL(c, MALFORMED, "smtp.url: must be smtp://host:port or smtps://host:port");
	}
	if (config->from == NULL || !smtp_is_address(config->from)) {
		return FAIL(c, MALFORMED, "smtp.from: must be the address that mail comes from");
	}
	if ((config->user == NULL) != (config->password_file == NULL)) {
		return FAIL(c, MALFORMED, "smtp.user, smtp.password_file: one needs the other");
	}
	if (config->ca_file != NULL) {
		TRY(file_read(c, config->ca_file, &s.ca));
	}
	if (config->password_file != NULL) {
		TRY(read_password(c, config->password_file, &s.password));
	}
	*ret = s;
	return 0;
}

/* ---- the message ---- */

static bool is_line(const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char) *p < ' ' || *p == 0x7f) {
			return false;
		}
	}
	return text[0] != '\0' && strlen(text) <= SUBJECT_MAX;
}

/* Whole characters of UTF-8, at most so many octets. */
static size_t word_length(const char *text, size_t left)
{
	size_t n = left < WORD_OCTETS ? left : WORD_OCTETS;
	while (n > 1 && n < left && ((unsigned char) text[n] & 0xc0) == 0x80) {
		n--;
	}
	return n;
}

/* RFC 2047, whatever stands in it. */
static void add_subject(struct buffer *b, const char *subject)
{
	buffer_add_text(b, "Subject:");
	for (size_t left = strlen(subject); left > 0;) {
		const char *at = subject + strlen(subject) - left;
		size_t n = word_length(at, left);
		buffer_printf(b, " =?UTF-8?B?%s?=\r\n", base64_encode(b->arena, (struct bytes) { (const uint8_t *) at, n }));
		left -= n;
	}
}

static void add_text(struct buffer *b, const char *text)
{
	struct buffer lines;
	buffer_init(&lines, b->arena, strlen(text) + 64);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\n') {
			buffer_add_char(&lines, '\r');
		}
		buffer_add_char(&lines, *p);
	}
	struct bytes all = buffer_bytes(&lines);
	for (size_t at = 0; at < all.n; at += LINE_OCTETS) {
		size_t n = all.n - at < LINE_OCTETS ? all.n - at : LINE_OCTETS;
		buffer_add_text(b, base64_encode(b->arena, (struct bytes) { all.p + at, n }));
		buffer_add_text(b, "\r\n");
	}
}

/* RFC 5322 3.3, in UTC. The names are English, whatever the locale. */
static const char *date_of(struct arena *a, struct timestamp t)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
		"Dec" };
	time_t seconds = (time_t) (t.us / 1000000);
	struct tm tm;
	(void) gmtime_r(&seconds, &tm);
	return arena_printf(a, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

int smtp_compose(
    struct ctx *c, const struct smtp *smtp, const struct mail *mail, const char *message_id, struct bytes *ret)
{
	if (!smtp_is_address(mail->to)) {
		return FAIL(c, MALFORMED, "A mail needs an address that it goes to");
	}
	if (!is_line(mail->subject)) {
		return FAIL(c, MALFORMED, "The subject of a mail is one line of up to %d octets", SUBJECT_MAX);
	}
	if (mail->text[0] == '\0' || strlen(mail->text) > TEXT_MAX) {
		return FAIL(c, MALFORMED, "A mail has a text of up to %zu octets", TEXT_MAX);
	}
	struct buffer b;
	buffer_init(&b, c->arena, strlen(mail->text) * 2 + 1024);
	buffer_printf(&b, "Date: %s\r\nFrom: <%s>\r\nTo: <%s>\r\nMessage-ID: %s\r\n", date_of(c->arena, clock_now()),
	    smtp->from, mail->to, message_id);
	add_subject(&b, mail->subject);
	buffer_add_text(&b, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	                    "Content-Transfer-Encoding: base64\r\nAuto-Submitted: auto-generated\r\n\r\n");
	add_text(&b, mail->text);
	*ret = buffer_bytes(&b);
	return 0;
}

/* ---- sending ---- */

struct transfer {
	struct bytes left;
	char answer[ANSWER_MAX]; /* the last line that the server said */
};

static size_t give(char *to, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t take = t->left.n < one * n ? t->left.n : one * n;
	memcpy(to, t->left.p, take);
	t->left = (struct bytes) { t->left.p + take, t->left.n - take };
	return take;
}

static size_t hear(const char *line, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t most = one * n < sizeof(t->answer) - 1 ? one * n : sizeof(t->answer) - 1;
	size_t k = 0;
	while (k < most && line[k] >= ' ' && line[k] <= '~') {
		t->answer[k] = line[k];
		k++;
	}
	t->answer[k] = '\0';
	return one * n;
}

static bool set_server(CURL *curl, const struct smtp *s, struct curl_blob *ca)
{
	return curl_easy_setopt(curl, CURLOPT_URL, s->url) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_USE_SSL, (long) (s->tls ? CURLUSESSL_ALL : CURLUSESSL_NONE)) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	       (ca->len == 0 || curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, ca) == CURLE_OK) &&
	       (s->user == NULL || (curl_easy_setopt(curl, CURLOPT_USERNAME, s->user) == CURLE_OK &&
	                               curl_easy_setopt(curl, CURLOPT_PASSWORD, s->password) == CURLE_OK));
}

static bool set_mail(CURL *curl, const struct smtp *s, struct curl_slist *to, struct transfer *t)
{
	return curl_easy_setopt(curl, CURLOPT_MAIL_FROM, s->from) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_READFUNCTION, give) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_READDATA, t) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, hear) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_HEADERDATA, t) == CURLE_OK;
}

static int transfer(struct ctx *c, const struct smtp *s, struct curl_slist *to, struct transfer *t)
{
	int64_t left_ms = ctx_left_ms(c, TIMEOUT_MS);
	if (left_ms < 1) { /* for libcurl 0 is no limit */
		return FAIL(c, DEADLINE, "The time for this is over");
	}
	AUTO(CURL) curl = curl_easy_init();
	struct curl_blob ca = { arena_alloc(c->arena, s->ca.n + 1), s->ca.n, CURL_BLOB_COPY };
	if (s->ca.n > 0) {
		memcpy(ca.data, s->ca.p, s->ca.n);
	}
	bool set = curl != NULL && to != NULL && set_server(curl, s, &ca) && set_mail(curl, s, to, t) &&
	           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) left_ms) == CURLE_OK;
	CURLcode result = set ? curl_easy_perform(curl) : CURLE_FAILED_INIT;
	/* what a server refuses a recipient with often repeats the address */
	return result == CURLE_OK
	           ? 0
	           : FAIL(c, UNAVAILABLE, "%s did not take the mail: %s", s->url, curl_easy_strerror(result));
}

int smtp_send(struct ctx *c, const struct smtp *smtp, const struct mail *mail, struct mail_sent *ret)
{
	char id[ID_TEXT_SIZE];
	struct transfer t = { .answer = "" };
	if (smtp->url == NULL) {
		return FAIL(c, MALFORMED, "No mail can be sent: the configuration has no smtp.url");
	}
	id_encode(id_is_none(mail->id) ? id_new() : mail->id, id);
	ret->message_id = arena_printf(c->arena, "<%s@%s>", id, strchr(smtp->from, '@') + 1);
	TRY(smtp_compose(c, smtp, mail, ret->message_id, &t.left));
	struct curl_slist *to = curl_slist_append(NULL, mail->to);
	int result = transfer(c, smtp, to, &t);
	curl_slist_free_all(to);
	TRY(result);
	ret->answer = strchr(t.answer, '@') == NULL ? arena_text(c->arena, t.answer) : arena_text_n(c->arena, t.answer, 3);
	return 0;
}
