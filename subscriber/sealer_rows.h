/* The sealed log in the database, as cairn-subscriber reads and writes it. */
#ifndef CAIRN_SUBSCRIBER_SEALER_ROWS_H
#define CAIRN_SUBSCRIBER_SEALER_ROWS_H

#include "lib/db/db.h"
#include "lib/seal/tree.h"

/* A row that is no leaf yet. */
struct unsealed_row {
	const char *place; /* in log.unsealed */
	int64_t kind;
	struct id id;
	const char *line; /* NULL: it is gone */
};
struct unsealed_list {
	struct unsealed_row *v;
	size_t n;
};

/* At most this many, by their ids. */
int sealer_read_unsealed(struct ctx *c, int64_t most, struct unsealed_list *ret) MUST_CHECK;

/* log.sequence: the rows become leaves p_from ... CONFLICT: another instance was faster, or the tree is another one. */
struct sequence {
	const char *holder;
	int64_t from;
	struct text_list places;
	struct int_list kinds;
	struct id_list ids;
	struct int_list levels; /* of the tiles that changed */
	struct int_list numbers;
	struct bytes_list tiles;
	struct bytes root;
};
int sealer_sequence(struct ctx *c, const struct sequence *sequence) MUST_CHECK;

/* The tree's head, and the last checkpoint: note NULL when there is none. */
struct sealed_state {
	int64_t size;
	struct bytes root;
	int64_t signed_size;
	struct bytes signed_root;
	const char *note;
	const char *key;
};
int sealer_read_state(struct ctx *c, struct sealed_state *ret) MUST_CHECK;

struct published {
	const char *holder;
	int64_t size;
	struct bytes root;
	const char *note;
	const char *key;
};
int sealer_publish(struct ctx *c, const struct published *checkpoint) MUST_CHECK;

/* A tile_source over the database; set its size. */
struct tile_source sealer_tiles(void);

/* The entries of a tile as C2SP tlog-tiles has them. ret_gone: rows of it are not there any more; then there are no entries. */
int sealer_read_entries(struct ctx *c, const struct tile *tile, struct bytes *ret_entries, bool *ret_gone) MUST_CHECK;

extern const struct statement *const sealer_statements[];
extern const size_t sealer_n_statements;

#endif
