/* A struct with a member of each kind that lib/base/fields.h knows, for its tests and its fuzz target. */
#ifndef CAIRN_TESTS_FIELDS_WHOLE_H
#define CAIRN_TESTS_FIELDS_WHOLE_H

#include "lib/base/fields.h"

struct part {
	const char *type;
	int64_t value;
};

struct part_list {
	struct part *v;
	size_t n;
};

struct whole {
	const char *name;
	bool on;
	int64_t count;
	struct bytes key;
	struct id id;
	struct timestamp at;
	struct text_list names;
	struct bytes_list keys;
	struct id_list ids;
	struct int_list numbers;
	json_t *any;
	struct part part;
	struct part_list parts;
};

#endif
