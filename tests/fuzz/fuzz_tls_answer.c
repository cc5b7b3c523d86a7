/* link: va */
/* A hostile server in the TLS handshake of tls-alpn-01 (style 25; B-1..B-6, A-107). Input: all that it ever sends. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "va/handshake.h"

#define PATIENCE_MS 1000

static struct handshakes *all;
static int listener = -1;
static uint16_t port;

static void must(bool good)
{
	if (!good) {
		abort();
	}
}

static void open_once(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	struct ctx c;
	if (listener >= 0) {
		return;
	}
	signal(SIGPIPE, SIG_IGN);
	ctx_init(&c);
	must(handshakes_new(&c, &all) == 0);
	ctx_done(&c);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(listener >= 0 && bind(listener, (struct sockaddr *) &in, sizeof(in)) == 0 && listen(listener, 16) == 0 &&
	     getsockname(listener, (struct sockaddr *) &in, &n) == 0);
	port = ntohs(in.sin_port);
}

static void answer(const uint8_t *data, size_t size)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	must(fd >= 0);
	(void) !send(fd, data, size, MSG_NOSIGNAL); /* as much as goes into a socket */
	(void) shutdown(fd, SHUT_WR);
	char sink[4096];
	while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0) {
	}
	must(close(fd) == 0);
}

struct outcome {
	bool done;
	enum failure failure;
};

static void on_done(void *arg, enum failure failure, const struct connection_attempt *attempt)
{
	struct outcome *o = arg;
	must(!o->done);
	*o = (struct outcome) { true, failure };
	must((failure == FAILURE_NONE) == (attempt->error == NULL));
	must(failure_of_text(attempt->error) == failure);
	must(failure != FAILURE_NONE || attempt->tls_certificate.n > 0);
	for (const char *p = attempt->error == NULL ? "" : attempt->error; *p != '\0'; p++) {
		must(*p >= ' ' && *p < 0x7f); /* */
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct handshake h;
	struct outcome outcome = { 0 };
	struct ip ip;
	open_once();
	must(ip_parse("127.0.0.1", &ip) == 0);
	struct arena *a = arena_new();
	struct handshake_request request = {
		.host = "a.example", .server_name = "a.example", .ip = &ip, .port = port, .connect_ms = 1000, .total_ms = 1000
	};
	handshake_start(&h, all, a, &request, on_done, &outcome);
	answer(data, size);
	struct pollfd wait = { .fd = handshakes_fd(all), .events = POLLIN };
	while (!outcome.done && poll(&wait, 1, PATIENCE_MS) > 0) {
		handshakes_serve(all);
	}
	must(outcome.done); /* all was sent, and the end of it: nothing is to be waited for */
	arena_free(a);
	return 0;
}
