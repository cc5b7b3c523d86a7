/* YAML as a tree that knows its lines, for the configuration. Of YAML only what a configuration needs: one document of
 * maps, lists and scalars. Anchors, aliases, tags, duplicate keys, deep nesting and large files are refused. */
#ifndef CAIRN_BASE_YAML_H
#define CAIRN_BASE_YAML_H

#include "lib/base/ctx.h"

enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST };

struct node {
	enum node_kind kind;
	const char *file;
	size_t line;       /* from 1 */
	const char *key;   /* of an entry of a map, else NULL */
	const char *text;  /* NODE_SCALAR */
	bool plain;        /* NODE_SCALAR without quotes: may be a number, true, false, null */
	struct node *next; /* the next entry of the same map or list */
	struct node *first;
};

/* The file's or the text's one document, in the arena; an empty one is an empty map. `name` stands in messages.
 * FAIL: MALFORMED with "NAME:LINE: reason". */
int yaml_read_file(struct ctx *c, struct arena *a, const char *path, struct node **ret) MUST_CHECK;
int yaml_read_text(struct ctx *c, struct arena *a, const char *name, struct bytes text, struct node **ret) MUST_CHECK;

/* Lays `over` over `base`: entries of two maps merge key by key, everything else is replaced. Takes over's nodes. */
void yaml_merge(struct node *base, struct node *over);

/* The entry of a map with this key, or NULL. */
struct node *yaml_find(const struct node *map, const char *key);

/* A plain scalar that stands for "nothing": empty, `~` or `null`. */
bool yaml_is_null(const struct node *n);

#endif
