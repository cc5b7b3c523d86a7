#include "subscriber/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/auto_fd.h"
#include "lib/crypto/key.h"

#define MEMORY_FILE "checkpoint"
#define MEMORY_FRESH "checkpoint.new"

int checkpoint_signer_open(struct ctx *c, const struct config *config, struct checkpoint_signer *ret)
{
	struct checkpoint_signer s = { .folder = config->subscriber.seal_dir };
	TRY(key_read_file(c, config->subscriber.secret_file, &s.key));
	TRY(note_key_of(c, log_origin(c->arena, config), s.key, &s.name));
	*ret = s;
	return 0;
}

static int memory_fail(struct ctx *c, const struct checkpoint_signer *s)
{
	ctx_cause(c, "%s: %s", s->folder, strerror(errno));
	return FAIL(c, SERVER_INTERNAL, "The last checkpoint can't be kept beside the database");
}

static int read_memory(struct ctx *c, const struct checkpoint_signer *s, struct bytes *ret)
{
	AUTO_FD fd = open(arena_printf(c->arena, "%s/" MEMORY_FILE, s->folder), O_RDONLY | O_CLOEXEC);
	uint8_t *octets = arena_alloc(c->arena, NOTE_OCTETS_MAX);
	ssize_t n = fd < 0 ? -1 : read(fd, octets, NOTE_OCTETS_MAX);
	if (n < 0 && (fd >= 0 || errno != ENOENT)) {
		return memory_fail(c, s);
	}
	*ret = (struct bytes) { octets, n < 0 ? 0 : (size_t) n };
	return 0;
}

int checkpoint_check_memory(struct ctx *c, const struct checkpoint_signer *s, struct tile_source *tiles)
{
	struct bytes note = { NULL, 0 };
	struct merkle_head last;
	struct merkle_hash root;
	const char *origin = NULL;
	if (s->folder == NULL) {
		return 0;
	}
	TRY(read_memory(c, s, &note));
	if (note.n == 0) {
		return 0;
	}
	/* Whoever signed it: after a change of the key the log goes on. */
	TRY(checkpoint_parse(c, note, &origin, &last));
	if (strcmp(origin, s->name.name) != 0) {
		return FAIL(c, CONFLICT, "The last checkpoint of this machine is of another log: %s", origin);
	}
	if (last.size > tiles->size) {
		return FAIL(c, CONFLICT,
		    "The sealed log has %llu leaves, but a checkpoint for %llu was signed: the database was set back",
		    (unsigned long long) tiles->size, (unsigned long long) last.size);
	}
	TRY(tiles_root(c, tiles, last.size, &root));
	if (!merkle_equal(&root, &last.root)) {
		return FAIL(c, CONFLICT, "The first %llu leaves of the sealed log are not those that were signed",
		    (unsigned long long) last.size);
	}
	return 0;
}

/* A new file under the old name, on disk with its folder. */
static int write_memory(struct ctx *c, const struct checkpoint_signer *s, struct bytes note)
{
	AUTO_FD folder = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD fd = folder < 0 ? -1 : openat(folder, MEMORY_FRESH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, note.p, note.n) != (ssize_t) note.n || fsync(fd) != 0 ||
	    renameat(folder, MEMORY_FRESH, folder, MEMORY_FILE) != 0 || fsync(folder) != 0) {
		return memory_fail(c, s);
	}
	return 0;
}

int checkpoint_sign(
    struct ctx *c, const struct checkpoint_signer *s, const struct merkle_head *head, struct bytes *ret_note)
{
	struct bytes note;
	TRY(note_sign(c, &s->name, s->key, bytes_of_text(checkpoint_text(c->arena, s->name.name, head)), &note));
	if (s->folder != NULL) {
		TRY(write_memory(c, s, note));
	}
	*ret_note = note;
	return 0;
}
