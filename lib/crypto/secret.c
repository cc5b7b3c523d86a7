#include "lib/crypto/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 65536
#define PAGE_SIZE (SECRET_MAX + 1)

int secret_open(struct ctx *c, const char *what, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		return ctx_fault(c, "%s %s can't be opened: %s", what, path, strerror(errno));
	}
	struct stat s;
	if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_size > FILE_MAX || (s.st_mode & S_IRWXO) != 0) {
		close(fd);
		return ctx_fault(c, "%s %s must be a small regular file that is closed to others (chmod 600)", what, path);
	}
	return fd;
}

/* F-2: neither swapped nor dumped. */
static int make_room(struct ctx *c, struct secret *ret)
{
	/* cppcheck-suppress invalidFunctionArg ; without a file */
	void *p = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		return ctx_fault(c, "no memory for a secret: %s", strerror(errno));
	}
	if (mlock(p, PAGE_SIZE) != 0 || madvise(p, PAGE_SIZE, MADV_DONTDUMP) != 0 ||
	    madvise(p, PAGE_SIZE, MADV_WIPEONFORK) != 0) {
		munmap(p, PAGE_SIZE);
		return ctx_fault(
		    c, "memory for a secret can't be locked: raise the limit of locked memory (LimitMEMLOCK=, ulimit -l)");
	}
	*ret = (struct secret) { p, 0 };
	return 0;
}

void secret_done(struct secret *s)
{
	if (s->text != NULL) {
		OPENSSL_cleanse(s->text, PAGE_SIZE);
		munmap(s->text, PAGE_SIZE);
	}
	*s = (struct secret) { NULL, 0 };
}

static const char *path_of(struct ctx *c, const struct secret_source *source)
{
	if (source->credential == NULL) {
		return source->file;
	}
	const char *folder = getenv("CREDENTIALS_DIRECTORY"); /* as long as there is one thread */
	if (folder == NULL || strchr(source->credential, '/') != NULL) {
		(void) ctx_fault(c,
		    "%s: there is no credential \"%s\": the process must be started by a unit of systemd with "
		    "LoadCredential=%s:FILE or LoadCredentialEncrypted=",
		    source->what, source->credential, source->credential);
		return NULL;
	}
	return arena_printf(c->arena, "%s/%s", folder, source->credential);
}

static bool fill(int fd, struct secret *s)
{
	ssize_t n = 0;
	while (s->n < PAGE_SIZE && (n = read(fd, s->text + s->n, PAGE_SIZE - s->n)) > 0) {
		s->n += (size_t) n;
	}
	if (n == 0 && s->n > 0 && s->text[s->n - 1] == '\n') {
		s->n--;
	}
	bool good = n == 0 && s->n > 0 && s->n <= SECRET_MAX && memchr(s->text, '\n', s->n) == NULL &&
	            memchr(s->text, '\0', s->n) == NULL;
	if (good) {
		s->text[s->n] = '\0';
	}
	return good;
}

int secret_read(struct ctx *c, const struct secret_source *source, struct secret *ret)
{
	const char *path = path_of(c, source);
	struct secret s;
	if (path == NULL) {
		return -1;
	}
	int fd = secret_open(c, arena_printf(c->arena, "the file of %s", source->what), path);
	if (fd < 0) {
		return -1;
	}
	if (make_room(c, &s) != 0) {
		close(fd);
		return -1;
	}
	bool good = fill(fd, &s);
	close(fd);
	if (!good) {
		secret_done(&s);
		return ctx_fault(
		    c, "the file of %s %s must have one line of up to %d characters", source->what, path, SECRET_MAX);
	}
	*ret = s;
	return 0;
}

int secret_ask(struct ctx *c, const char *what, struct secret *ret)
{
	struct secret s;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY); /* without one the library would read standard input */
	if (fd < 0) {
		return ctx_fault(c, "there is no terminal to ask for %s", what);
	}
	close(fd);
	TRY(make_room(c, &s));
	const char *prompt = arena_printf(c->arena, "Enter %s: ", what);
	if (EVP_read_pw_string_min(s.text, 1, SECRET_MAX, prompt, 0) != 0) {
		secret_done(&s);
		return FAIL(c, MALFORMED, "%s was not given", what);
	}
	s.n = strlen(s.text);
	*ret = s;
	return 0;
}
