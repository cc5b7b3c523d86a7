#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"
#include "cli/recovery.h"
#include "lib/base/contact.h"
#include "lib/base/folder.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/cert.h"
#include "lib/crypto/custody.h"

/* The one certificate in the file. */
static int read_certificate(struct ctx *c, const char *path, X509 **ret)
{
	struct bytes_list chain;
	TRY(cert_read_file(c, path, &chain));
	const unsigned char *at = chain.v[0].p;
	X509 *member = chain.n == 1 ? d2i_X509(NULL, &at, (long) chain.v[0].n) : NULL;
	if (member == NULL) {
		return FAIL(c, MALFORMED, "%s: must hold one certificate, the custodian's", path);
	}
	*ret = member;
	return 0;
}

/* The inner layer gives the contacts, which go to the terminal and into no file. */
static int print_contacts(struct bytes opened)
{
	while (opened.n > 0 && opened.p[opened.n - 1] == ' ') {
		opened.n--;
	}
	return fwrite(opened.p, 1, opened.n, stdout) == opened.n && putchar('\n') != EOF && fflush(stdout) == 0 ? 0 : -1;
}

int recovery_open(struct ctx *c, const struct recovery_request *r)
{
	struct bytes sealed;
	struct bytes opened;
	AUTO(X509) member = NULL;
	EVP_PKEY *key = NULL;
	if (r->key == NULL || r->certificate == NULL) {
		return FAIL(c, MALFORMED, "Say who opens it: --key FILE and --certificate FILE");
	}
	TRY(file_read(c, r->file, &sealed));
	TRY(key_read_file(c, r->key, &key));
	TRY(read_certificate(c, r->certificate, &member));
	TRY(custody_open(c, sealed, member, key, &opened));
	if (opened.n == CONTACTS_PACKED_OCTETS && opened.p[0] == '{') {
		return print_contacts(opened) == 0 ? 0 : FAIL(c, SERVER_INTERNAL, "Standard output takes nothing");
	}
	if (r->out == NULL) {
		return FAIL(c, MALFORMED, "This is the outer layer: say where the inner one goes, --out FILE");
	}
	TRY(file_make(c, r->out, opened, 0600));
	printf("The outer layer is open. A custodian of group a opens the rest: %s\n", r->out);
	return 0;
}

static const char *group_of(const struct recovery_request *r)
{
	for (size_t i = 0; i < CUSTODY_GROUPS && r->group != NULL; i++) {
		if (strcmp(r->group, custody_group_names[i]) == 0) {
			return custody_group_names[i];
		}
	}
	return NULL;
}

/* Without the other group there is nothing to judge yet; else cairn-subscriber must be able to start with what is there now. */
static int check_folder(struct ctx *c, const char *folder, const char *path)
{
	struct custody custody;
	for (size_t i = 0; i < CUSTODY_GROUPS; i++) {
		if (!file_exists(arena_printf(c->arena, "%s/%s", folder, custody_group_names[i]))) {
			printf("Group %s has nobody yet, and must have somebody before cairn-subscriber starts.\n",
			    custody_group_names[i]);
			return 0;
		}
	}
	if (custody_read(c, folder, &custody) != 0) {
		(void) unlink(path);
		return -1;
	}
	printf("Restart cairn-subscriber: what it seals from then on, he can open with one of the other group.\n");
	return 0;
}

int recovery_add_custodian(struct ctx *c, const struct recovery_request *r)
{
	struct bytes_list chain;
	AUTO(X509) member = NULL;
	const char *group = group_of(r);
	if (r->folder == NULL || group == NULL) {
		return FAIL(c, MALFORMED, "Say which group the custodian joins: --folder DIR and --group a or b");
	}
	TRY(cert_read_file(c, r->file, &chain));
	TRY(read_certificate(c, r->file, &member));
	TRY(custody_check(c, r->file, member));
	if (custody_has_ended(member)) {
		return FAIL(c, MALFORMED, "%s: the certificate has ended", r->file);
	}
	const char *path =
	    arena_printf(c->arena, "%s/%s/%.16s.pem", r->folder, group, cert_fingerprint(c->arena, chain.v[0]));
	printf("%s: %s\n", path, cert_fingerprint_colons(c->arena, chain.v[0]));
	if (!r->operator.yes) {
		printf("Nothing was changed. Compare the fingerprint with the custodian's; --yes makes him one.\n");
		return 0;
	}
	TRY(folder_make(c, r->folder, 0700));
	TRY(folder_make(c, arena_printf(c->arena, "%s/%s", r->folder, group), 0700));
	TRY(file_make(c, path, cert_to_pem(c->arena, chain.v[0]), 0644));
	return check_folder(c, r->folder, path);
}
