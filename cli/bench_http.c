#include "cli/bench_http.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buffer.h"
#include "lib/base/clock.h"
#include "lib/base/die.h"

#define ANSWER_MAX ((size_t) 1024 * 1024)
#define HEAD_MAX ((size_t) 64 * 1024)
#define LINE_MAX_OCTETS 1024 /* of a chunk's head */
#define ROOM 16384           /* a whole TLS record */
#define ORIGIN_MAX 512
#define SLICE_MS 200 /* how soon BENCH_BREAK is seen */

struct bench_http {
	const char *ca_file;
	struct bench_halt *halt;
	CURL *curl; /* NULL: not connected */
	curl_socket_t socket;
	char origin[ORIGIN_MAX];
	int64_t deadline_us; /* of the exchange under way */
	struct bench_http_error error;
	uint8_t *in; /* the answer */
	size_t n;
	size_t size;
};

struct url {
	char origin[ORIGIN_MAX]; /* https://host:port */
	const char *host;        /* within the origin */
	const char *path;        /* with the query */
};

static int fail(struct bench_http *h, const char *text)
{
	if (h->error.text[0] == '\0') {
		snprintf(h->error.text, sizeof(h->error.text), "%s", text);
	}
	return -1;
}

static int fail_curl(struct bench_http *h, CURLcode code)
{
	h->error.timeout = h->error.timeout || code == CURLE_OPERATION_TIMEDOUT;
	return fail(h, curl_easy_strerror(code));
}

static void disconnect(struct bench_http *h)
{
	curl_easy_cleanup(h->curl);
	h->curl = NULL;
}

static int watch(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	(void) down_total, (void) down, (void) up_total, (void) up;
	const struct bench_http *h = arg;
	return bench_halt_level(h->halt) >= BENCH_BREAK;
}

static int left_ms(struct bench_http *h)
{
	int64_t ms = (h->deadline_us - clock_monotonic_us()) / 1000;
	if (ms <= 0) {
		h->error.timeout = true;
		return fail(h, "no answer in time");
	}
	return ms < INT32_MAX ? (int) ms : INT32_MAX;
}

static int split_url(struct bench_http *h, const char *url, struct url *ret)
{
	const char *host = strstr(url, "://");
	size_t n = host == NULL ? 0 : strcspn(host + 3, "/?#");
	if (n == 0 || memchr(host + 3, '@', n) != NULL || (size_t) (host + 3 - url) + n >= sizeof(ret->origin)) {
		return fail(h, "not an http URL");
	}
	size_t whole = (size_t) (host + 3 - url) + n;
	memcpy(ret->origin, url, whole);
	ret->origin[whole] = '\0';
	ret->host = ret->origin + (host + 3 - url);
	ret->path = url + whole;
	return 0;
}

static int open_connection(struct bench_http *h, const char *origin)
{
	int ms = left_ms(h);
	h->curl = ms < 0 ? NULL : curl_easy_init();
	if (h->curl == NULL) {
		return ms < 0 ? -1 : fail_curl(h, CURLE_OUT_OF_MEMORY);
	}
	char text[CURL_ERROR_SIZE] = "";
	curl_easy_setopt(h->curl, CURLOPT_URL, origin);
	curl_easy_setopt(h->curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h->curl, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, (long) ms);
	curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, text);
	curl_easy_setopt(h->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h->curl, CURLOPT_XFERINFOFUNCTION, watch);
	curl_easy_setopt(h->curl, CURLOPT_XFERINFODATA, h);
	if (h->ca_file != NULL) {
		curl_easy_setopt(h->curl, CURLOPT_CAINFO, h->ca_file);
	}
	CURLcode code = curl_easy_perform(h->curl);
	curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, NULL);
	code = code != CURLE_OK ? code : curl_easy_getinfo(h->curl, CURLINFO_ACTIVESOCKET, &h->socket);
	if (code != CURLE_OK) {
		disconnect(h);
		h->error.timeout = code == CURLE_OPERATION_TIMEDOUT;
		return fail(h, text[0] != '\0' ? text : curl_easy_strerror(code));
	}
	snprintf(h->origin, sizeof(h->origin), "%s", origin);
	return 0;
}

static int await(struct bench_http *h, short events)
{
	for (;;) {
		int ms = left_ms(h);
		if (ms < 0) {
			return -1;
		}
		if (bench_halt_level(h->halt) >= BENCH_BREAK) {
			return fail(h, "broken off");
		}
		struct pollfd one = { .fd = h->socket, .events = events };
		if (poll(&one, 1, ms < SLICE_MS ? ms : SLICE_MS) > 0) {
			return 0;
		}
	}
}

static int send_all(struct bench_http *h, struct bytes rest)
{
	while (rest.n > 0) {
		size_t done = 0;
		CURLcode code = curl_easy_send(h->curl, rest.p, rest.n, &done);
		if (code == CURLE_AGAIN) {
			TRY(await(h, POLLOUT));
			continue;
		}
		if (code != CURLE_OK) {
			return fail_curl(h, code);
		}
		rest = (struct bytes) { rest.p + done, rest.n - done };
	}
	return 0;
}

static void make_room(struct bench_http *h)
{
	if (h->size - h->n >= ROOM) {
		return;
	}
	h->size = 2 * h->size + ROOM;
	h->in = realloc(h->in, h->size);
	if (h->in == NULL) {
		die("out of memory");
	}
}

/* Some more octets of the answer; 0 of them at the end of the connection. */
static int receive(struct bench_http *h, size_t *ret_n)
{
	make_room(h);
	for (;;) {
		CURLcode code = curl_easy_recv(h->curl, h->in + h->n, h->size - h->n, ret_n);
		if (code == CURLE_OK) {
			h->n += *ret_n;
			return 0;
		}
		if (code != CURLE_AGAIN) {
			return fail_curl(h, code);
		}
		TRY(await(h, POLLIN));
	}
}

/* Until there are n octets. */
static int receive_until(struct bench_http *h, size_t n)
{
	if (n > ANSWER_MAX) {
		return fail(h, "the answer is too large");
	}
	while (h->n < n) {
		size_t got = 0;
		TRY(receive(h, &got));
		if (got == 0) {
			return fail(h, "the connection ended within the answer");
		}
	}
	return 0;
}

/* Until `mark` stands at or behind `from`, at most `most` octets on; *ret_end is behind it. */
static int receive_mark(struct bench_http *h, size_t from, const char *mark, size_t most, size_t *ret_end)
{
	size_t n = strlen(mark);
	for (;;) {
		const uint8_t *found = h->n > from ? memmem(h->in + from, h->n - from, mark, n) : NULL;
		if (found != NULL) {
			*ret_end = (size_t) (found - h->in) + n;
			return 0;
		}
		if (h->n - from > most) {
			return fail(h, "a line of the answer is too long");
		}
		TRY(receive_until(h, h->n + 1));
	}
}

const char *bench_http_header(struct arena *a, struct bytes head, const char *name)
{
	size_t n = strlen(name);
	const char *end = (const char *) head.p + head.n;
	const char *line = memmem(head.p, head.n, "\r\n", 2);
	if (line == NULL) {
		return NULL;
	}
	while ((size_t) (end - line) > n + 2) {
		line += 2;
		const char *next = memmem(line, (size_t) (end - line), "\r\n", 2);
		if (next == NULL) {
			return NULL;
		}
		if ((size_t) (next - line) > n && strncasecmp(line, name, n) == 0 && line[n] == ':') {
			line += n + 1;
			while (line < next && (*line == ' ' || *line == '\t')) {
				line++;
			}
			while (next > line && (next[-1] == ' ' || next[-1] == '\t')) {
				next--;
			}
			return arena_text_n(a, line, (size_t) (next - line));
		}
		line = next;
	}
	return NULL;
}

/* Hexadecimal, an extension behind it. */
static int chunk_size(struct bench_http *h, size_t at, size_t *ret)
{
	char *end = NULL;
	char text[17] = "";
	size_t n = 0;
	while (n < 16 && strchr("0123456789abcdefABCDEF", h->in[at + n]) != NULL && h->in[at + n] != '\0') {
		text[n] = (char) h->in[at + n];
		n++;
	}
	*ret = (size_t) strtoull(text, &end, 16);
	return n == 0 || *ret > ANSWER_MAX ? fail(h, "a chunk of the answer has no length") : 0;
}

/* RFC 9112 7.1. The pieces are moved together; *ret_end is behind the last of what was read. */
static int read_chunks(struct bench_http *h, size_t begin, size_t *ret_n, size_t *ret_end)
{
	size_t at = begin;
	size_t out = begin;
	for (;;) {
		size_t data = 0;
		size_t size = 0;
		TRY(receive_mark(h, at, "\r\n", LINE_MAX_OCTETS, &data));
		TRY(chunk_size(h, at, &size));
		if (size == 0) {
			at = data - 2; /* trailers, each a line, and an empty one */
			*ret_n = out - begin;
			return receive_mark(h, at, "\r\n\r\n", HEAD_MAX, ret_end);
		}
		TRY(receive_until(h, data + size + 2));
		if (memcmp(h->in + data + size, "\r\n", 2) != 0) {
			return fail(h, "a chunk of the answer is broken");
		}
		memmove(h->in + out, h->in + data, size);
		out += size;
		at = data + size + 2;
	}
}

static int read_to_end(struct bench_http *h)
{
	for (size_t got = 1; got > 0;) {
		TRY(receive(h, &got));
		if (h->n > ANSWER_MAX) {
			return fail(h, "the answer is too large");
		}
	}
	return 0;
}

/* *ret_end: where the answer ends; 0 when the connection can't be used again. */
static int read_body(
    struct bench_http *h, struct arena *a, size_t begin, struct bench_http_answer *ret, size_t *ret_end)
{
	const struct bytes head = { h->in, begin };
	const char *encoding = bench_http_header(a, head, "Transfer-Encoding");
	const char *length = bench_http_header(a, head, "Content-Length");
	size_t n = 0;
	*ret_end = begin;
	if (encoding != NULL) {
		if (strcasecmp(encoding, "chunked") != 0) {
			return fail(h, "a Transfer-Encoding that nobody asked for");
		}
		TRY(read_chunks(h, begin, &n, ret_end));
	} else if (length != NULL) {
		char *end = NULL;
		n = (size_t) strtoull(length, &end, 10);
		if (length[0] < '0' || length[0] > '9' || *end != '\0') {
			return fail(h, "a Content-Length that is no number");
		}
		TRY(receive_until(h, n > ANSWER_MAX ? n : begin + n));
		*ret_end = begin + n;
	} else {
		TRY(read_to_end(h));
		n = h->n - begin;
		*ret_end = 0;
	}
	ret->body = (struct bytes) { h->in + begin, n };
	return 0;
}

/* Status lines of interim answers are passed over. */
static int read_head(struct bench_http *h, size_t *ret_begin, long *ret_status)
{
	for (;;) {
		size_t end = 0;
		TRY(receive_mark(h, 0, "\r\n\r\n", HEAD_MAX, &end));
		char line[16] = "";
		memcpy(line, h->in, end < 15 ? end : 15);
		if (strncmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' || strspn(line + 9, "0123456789") != 3) {
			return fail(h, "the answer is no HTTP/1.1");
		}
		*ret_status = strtol(line + 9, NULL, 10);
		if (*ret_status >= 200) {
			*ret_begin = end;
			return 0;
		}
		memmove(h->in, h->in + end, h->n - end);
		h->n -= end;
	}
}

static int read_answer(struct bench_http *h, struct arena *a, bool head_only, struct bench_http_answer *ret)
{
	struct bench_http_answer answer = { 0 };
	size_t begin = 0;
	size_t end = 0;
	TRY(await(h, POLLIN));
	TRY(read_head(h, &begin, &answer.status));
	if (head_only || answer.status == 204 || answer.status == 304) {
		end = begin;
	} else {
		TRY(read_body(h, a, begin, &answer, &end));
	}
	/* chunks were moved within the buffer, which may have been moved itself */
	answer.head = (struct bytes) { h->in, begin };
	const char *connection = bench_http_header(a, answer.head, "Connection");
	bool closes = connection != NULL && strcasecmp(connection, "close") == 0;
	bool old = h->in[7] == '0' && (connection == NULL || strcasecmp(connection, "keep-alive") != 0);
	if (end != h->n || closes || old) {
		disconnect(h);
	}
	*ret = answer;
	return 0;
}

static struct bytes request_text(struct arena *a, const struct url *url, const struct bench_http_request *r)
{
	struct buffer b;
	buffer_init(&b, a, 512 + r->body.n);
	buffer_add_text(&b, r->method);
	buffer_add_text(&b, url->path[0] == '/' ? " " : " /");
	buffer_add(&b, url->path, strcspn(url->path, "#"));
	buffer_add_text(&b, " HTTP/1.1\r\nHost: ");
	buffer_add_text(&b, url->host);
	buffer_add_text(&b, "\r\nUser-Agent: cairn-bench/" CAIRN_VERSION "\r\nAccept: */*\r\n");
	if (r->body.p != NULL) {
		buffer_add_text(&b, "Content-Type: application/jose+json\r\nContent-Length: ");
		buffer_add_int(&b, (int64_t) r->body.n);
		buffer_add_text(&b, "\r\n");
	}
	buffer_add_text(&b, "\r\n");
	buffer_add(&b, r->body.p, r->body.n);
	return buffer_bytes(&b);
}

static int exchange(struct bench_http *h, struct arena *a, const struct url *url, const struct bench_http_request *r,
    struct bench_http_answer *ret)
{
	h->n = 0;
	TRY(send_all(h, request_text(a, url, r)));
	return read_answer(h, a, strcmp(r->method, "HEAD") == 0, ret);
}

static int exchange_kept(
    struct bench_http *h, struct arena *a, const struct bench_http_request *r, struct bench_http_answer *ret)
{
	struct url url;
	TRY(split_url(h, r->url, &url));
	if (h->curl != NULL && strcmp(h->origin, url.origin) != 0) {
		disconnect(h);
	}
	bool kept = h->curl != NULL;
	if (kept && exchange(h, a, &url, r, ret) == 0) {
		return 0;
	}
	if (kept) {
		disconnect(h);
		bool gone = h->n == 0 && !h->error.timeout && bench_halt_level(h->halt) < BENCH_BREAK;
		if (!gone) {
			return -1;
		}
		h->error.text[0] = '\0';
	}
	TRY(open_connection(h, url.origin));
	int failed = exchange(h, a, &url, r, ret);
	if (failed != 0) {
		disconnect(h);
	}
	return failed;
}

int bench_http_exchange(struct bench_http *h, struct arena *a, const struct bench_http_request *request,
    int64_t deadline_us, struct bench_http_answer *ret, struct bench_http_error *ret_error)
{
	h->deadline_us = deadline_us;
	h->error = (struct bench_http_error) { 0 };
	int failed = exchange_kept(h, a, request, ret);
	*ret_error = h->error;
	return failed;
}

struct bench_http *bench_http_new(const char *ca_file, struct bench_halt *halt)
{
	struct bench_http *h = calloc(1, sizeof(*h));
	if (h == NULL) {
		die("out of memory");
	}
	h->ca_file = ca_file;
	h->halt = halt;
	return h;
}

void bench_http_free(struct bench_http *h)
{
	if (h != NULL) {
		disconnect(h);
		free(h->in);
		free(h);
	}
}
