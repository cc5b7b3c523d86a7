/* The release: each item of the approved scope becomes a file of JSON lines, and a manifest names them by their digests (G-54). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/disclose.h"
#include "cli/files.h"
#include "lib/base/auto_fd.h"
#include "lib/base/base64.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/digest.h"

#define PAGE 1000

struct sink {
	const char *path;
	int fd;
	EVP_MD_CTX *digest;
	int64_t rows;
	int64_t octets;
};

static int sink_write(struct ctx *c, struct sink *s, const char *text, size_t n)
{
	if (EVP_DigestUpdate(s->digest, text, n) != 1) {
		return ctx_fault(c, "EVP_DigestUpdate");
	}
	s->octets += (int64_t) n;
	while (n > 0) {
		ssize_t done = write(s->fd, text, n);
		if (done <= 0) {
			return FAIL(c, SERVER_INTERNAL, "%s: can't be written", s->path);
		}
		text += done;
		n -= (size_t) done;
	}
	return 0;
}

static int sink_line(struct ctx *c, struct sink *s, const char *text)
{
	TRY(sink_write(c, s, text, strlen(text)));
	s->rows++;
	return sink_write(c, s, "\n", 1);
}

/* The line of recovery contacts for the account that the approved query found. */
static int write_contacts(struct ctx *c, const struct disclose_request *r, struct sink *s, const char *line)
{
	json_t *row = NULL;
	uint8_t octets[16];
	struct id account;
	struct packed_contacts contacts;
	size_t n = 0;
	TRY(json_parse(c, bytes_of_text(line), &row));
	const char *uuid = json_string_value(json_object_get(row, "account_id"));
	for (const char *p = uuid == NULL ? "" : uuid; *p != '\0' && n < 32; p++) {
		const char *digits = "0123456789abcdef";
		const char *digit = strchr(digits, *p);
		if (digit != NULL) {
			uint8_t value = (uint8_t) (digit - digits);
			octets[n / 2] = (uint8_t) (n % 2 == 0 ? value << 4 : octets[n / 2] | value);
			n++;
		}
	}
	if (n != 32) {
		return ctx_fault(c, "an account without an id");
	}
	memcpy(account.b, octets, sizeof(account.b));
	TRY(disclose_open_contacts(c, r, account, &contacts));
	json_t *list = json_array();
	for (size_t i = 0; i < contacts.contacts.n; i++) {
		(void) json_array_append_new(list, json_string(contacts.contacts.v[i]));
	}
	json_t *out = arena_json(c->arena, json_pack("{s:s,s:o}", "account_id", uuid, "contacts", list));
	return sink_line(c, s, (const char *) json_encode(c->arena, out).p);
}

/* Pages, each with a context of its own, so that memory does not grow with what is handed out. */
static int write_page(struct ctx *c, const struct disclose_request *r, const struct disclose_item *item, struct sink *s,
    int64_t after, size_t *ret_n)
{
	struct text_list lines;
	bool recovery = strcmp(item->view, "recovery") == 0;
	TRY(disclose_read_lines(c, r->case_id, item->item, after, PAGE, &lines));
	for (size_t i = 0; i < lines.n; i++) {
		TRY(recovery ? write_contacts(c, r, s, lines.v[i]) : sink_line(c, s, lines.v[i]));
	}
	*ret_n = lines.n;
	return 0;
}

static int write_rows(struct ctx *c, const struct disclose_request *r, const struct disclose_item *item, struct sink *s)
{
	size_t n = PAGE;
	int result = 0;
	for (int64_t after = 0; result == 0 && n == PAGE; after += PAGE) {
		struct ctx page;
		ctx_init(&page);
		result = write_page(&page, r, item, s, after, &n);
		if (result != 0) {
			(void) ctx_fail(c, page.err.type, "%s", page.err.detail);
			(void) ctx_cause(c, "%s", page.err.cause == NULL ? "" : page.err.cause);
		}
		ctx_done(&page);
	}
	return result;
}

static const char *digest_hex(struct ctx *c, EVP_MD_CTX *digest)
{
	uint8_t octets[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	return EVP_DigestFinal_ex(digest, octets, &n) == 1 ? hex_encode(c->arena, (struct bytes) { octets, n }) : "";
}

static int write_item(struct ctx *c, const struct disclose_request *r, const struct disclose_item *item, json_t *files)
{
	const char *name = arena_printf(c->arena, "%02lld-%s.jsonl", (long long) item->item, item->view);
	const char *path = arena_printf(c->arena, "%s/%s", r->words[WORD_OUT], name);
	AUTO(EVP_MD_CTX) digest = EVP_MD_CTX_new();
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
		return FAIL(c, SERVER_INTERNAL, "%s: can't be made; name a new folder with --out", path);
	}
	struct sink s = { .path = path, .fd = fd, .digest = digest };
	TRY(write_rows(c, r, item, &s));
	if (fsync(fd) != 0) {
		return FAIL(c, SERVER_INTERNAL, "%s: can't be written", path);
	}
	(void) json_array_append_new(
	    files, json_pack("{s:s,s:I,s:I,s:s,s:s}", "name", name, "rows", (json_int_t) s.rows, "octets",
	               (json_int_t) s.octets, "sha256", digest_hex(c, digest), "query", item->query));
	return 0;
}

static int write_manifest(struct ctx *c, const struct disclose_request *r, json_t *files, struct bytes *ret)
{
	char id[ID_TEXT_SIZE];
	id_encode(r->case_id, id);
	json_t *manifest = arena_json(c->arena, json_pack("{s:s,s:s,s:O}", "case", id, "released_at",
	                                            operator_time(c->arena, clock_now(), ""), "files", files));
	struct bytes text = json_encode(c->arena, manifest);
	TRY(file_make(c, arena_printf(c->arena, "%s/manifest.json", r->words[WORD_OUT]), text, 0600));
	*ret = text;
	return 0;
}

static int write_all(struct ctx *c, const struct disclose_request *r, const struct disclose_item_list *items)
{
	uint8_t octets[SHA256_SIZE];
	struct bytes manifest;
	struct disclose_step step;
	json_t *files = arena_json(c->arena, json_array());
	TRY(folder_make(c, r->words[WORD_OUT], 0700));
	TRY(disclose_add_step(c, r->case_id, "release", arena_json(c->arena, json_object()), false, &step));
	for (size_t i = 0; i < items->n; i++) {
		TRY(write_item(c, r, &items->v[i], files));
	}
	TRY(write_manifest(c, r, files, &manifest));
	sha256_of(manifest, octets);
	json_t *facts =
	    arena_json(c->arena, json_pack("{s:s,s:O}", "manifest_sha256",
	                             hex_encode(c->arena, (struct bytes) { octets, sizeof(octets) }), "files", files));
	TRY(disclose_add_step(c, r->case_id, "released", facts, false, &step));
	disclose_tell(c, r, "released", &step);
	return 0;
}

int disclose_release(struct ctx *c, const struct disclose_request *r)
{
	struct disclose_item_list items;
	TRY(disclose_read_items(c, r->case_id, &items));
	for (size_t i = 0; i < items.n && !r->options.json; i++) {
		printf("%02lld-%s.jsonl: %s\n", (long long) items.v[i].item, items.v[i].view, items.v[i].query);
	}
	if (!r->options.yes) {
		return disclose_do(c, r, "release", arena_json(c->arena, json_object()));
	}
	if (r->words[WORD_OUT] == NULL) {
		return FAIL(c, MALFORMED, "Say where it goes: --out DIR");
	}
	for (size_t i = 0; i < items.n; i++) {
		if (strcmp(items.v[i].view, "recovery") == 0 &&
		    (r->words[WORD_CUSTODIAN_A] == NULL || r->words[WORD_CUSTODIAN_B] == NULL)) {
			return FAIL(c, MALFORMED,
			    "Recovery contacts are within the scope: --custodian-a KEY,CERT and --custodian-b KEY,CERT");
		}
	}
	return write_all(c, r, &items);
}
