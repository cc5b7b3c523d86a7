#include "cli/export_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/base64.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/digest.h"

void export_file_put(struct export_file *o, struct bytes text)
{
	(void) fwrite(text.p, 1, text.n, o->file);
	(void) EVP_DigestUpdate(o->digest, text.p, text.n);
	o->octets += (int64_t) text.n;
}

int export_file_open(struct ctx *c, struct export_file *o, const char *path)
{
	*o = (struct export_file) {
		.path = path, .fresh = arena_printf(c->arena, "%s.new", path), .digest = EVP_MD_CTX_new()
	};
	o->file = fopen(o->fresh, "we");
	/* for everybody to read and nobody to change, whatever the umask is */
	if (o->digest == NULL || o->file == NULL || fchmod(fileno(o->file), 0644) != 0 ||
	    EVP_DigestInit_ex(o->digest, EVP_sha256(), NULL) != 1) {
		return FAIL(c, SERVER_INTERNAL, "%s can't be written: %s", path, strerror(errno));
	}
	return 0;
}

int export_file_close(struct ctx *c, struct export_file *o, bool whole, const char **ret_sha256)
{
	uint8_t digest[DIGEST_SIZE_MAX];
	unsigned n = 0;
	bool good = o->file != NULL && fflush(o->file) == 0 && ferror(o->file) == 0 && fsync(fileno(o->file)) == 0;
	good = (o->file == NULL || fclose(o->file) == 0) && good && whole && EVP_DigestFinal_ex(o->digest, digest, &n) == 1;
	EVP_MD_CTX_free(o->digest);
	if (!good || rename(o->fresh, o->path) != 0) {
		unlink(o->fresh);
		return whole ? FAIL(c, SERVER_INTERNAL, "%s can't be written: %s", o->path, strerror(errno)) : -1;
	}
	*ret_sha256 = hex_encode(c->arena, (struct bytes) { digest, n });
	return 0;
}
