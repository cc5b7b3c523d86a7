/* Preloaded into the processes of a CA under test (LD_PRELOAD): each signature that the child of cairn-ca makes becomes a line of the file
 * named by SIGNATURES, what was signed and the signature in hexadecimal digits, before anybody but OpenSSL has seen it. So a test has the
 * signer's own count, which no crash takes away. The file is opened before there is a sandbox. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*sign_function)(void *, unsigned char *, size_t *, const unsigned char *, size_t);
/* As OpenSSL declares it, whose headers are not needed for this. */
int EVP_DigestSign(void *md, unsigned char *signature, size_t *n, const unsigned char *tbs, size_t tbs_n);

static int to = -1;
static pid_t parent; /* which signs too, in handshakes of TLS */
static sign_function real;

__attribute__((constructor)) static void open_file(void)
{
	const char *path = getenv("SIGNATURES");
	if (path != NULL && strcmp(program_invocation_short_name, "cairn-ca") == 0) {
		parent = getpid();
		to = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		void *found = dlsym(RTLD_NEXT, "EVP_DigestSign");
		memcpy(&real, &found, sizeof(real));
	}
}

static char *hex(char *at, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		*at++ = "0123456789abcdef"[p[i] >> 4];
		*at++ = "0123456789abcdef"[p[i] & 15];
	}
	return at;
}

/* One write(2) of the whole line: a process that is killed leaves all of it or nothing. */
static void note(const unsigned char *tbs, size_t tbs_n, const unsigned char *signature, size_t n)
{
	char *line = malloc(2 * (tbs_n + n) + 2);
	if (line == NULL) {
		abort();
	}
	char *at = hex(line, tbs, tbs_n);
	*at++ = ' ';
	at = hex(at, signature, n);
	*at++ = '\n';
	if (write(to, line, (size_t) (at - line)) != at - line) {
		abort();
	}
	free(line);
}

int EVP_DigestSign(void *md, unsigned char *signature, size_t *n, const unsigned char *tbs, size_t tbs_n)
{
	if (real == NULL) {
		void *found = dlsym(RTLD_NEXT, "EVP_DigestSign");
		memcpy(&real, &found, sizeof(real));
	}
	int result = real(md, signature, n, tbs, tbs_n);
	if (result == 1 && signature != NULL && to >= 0 && getpid() != parent) {
		note(tbs, tbs_n, signature, *n);
	}
	return result;
}
