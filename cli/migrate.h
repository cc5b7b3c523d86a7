/* `cairn migrate`: brings the schema of the database up to date. Forward only: files NNNN_name.sql of a folder, each in a
 * transaction of its own together with its row in cairn.migration, under an advisory lock. Refuses a history that is not
 * the one of the files: a file that changed after it was run, one that is missing, or a newer database.
 *
 * Functions stand beside, in the folder `functions` next to that of the migrations: files *.sql of CREATE OR REPLACE, run behind
 * the migrations in the order of their names, each in a transaction of its own with its row in cairn.function_file, whenever
 * the file is another than the one that ran last, or a migration was run. */
#ifndef CAIRN_CLI_MIGRATE_H
#define CAIRN_CLI_MIGRATE_H

#include "lib/base/fields.h"

#define MIGRATE_SHA256_SIZE 32

struct migration {
	int64_t number;   /* 0: a file of functions */
	const char *name; /* of the file */
	struct bytes text;
	uint8_t sha256[MIGRATE_SHA256_SIZE];
	bool applied; /* before this run */
};

struct migration_list {
	struct migration *v;
	size_t n;
};

/* The files of a folder in the order of their numbers, of which some may be left out. MALFORMED with a plain sentence. */
int migrate_read_folder(struct ctx *c, const char *folder, struct migration_list *ret) MUST_CHECK;

/* The files of functions that belong to a folder of migrations, number 0; none when there is no such folder. */
int migrate_read_functions(struct ctx *c, const char *folder, struct migration_list *ret) MUST_CHECK;

/* The subcommand. 0 done or shown, 1 refused or failed, 2 usage. argv[0] is "migrate". */
int cli_migrate(int argc, char **argv);

#endif
