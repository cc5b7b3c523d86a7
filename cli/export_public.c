#include "cli/export_public.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "cli/export_file.h"
#include "cli/files.h"
#include "lib/base/auto_fd.h"
#include "lib/base/base64.h"
#include "lib/base/buffer.h"
#include "lib/base/folder.h"
#include "lib/crypto/auto_openssl.h"
#include "lib/crypto/digest.h"

#define PAGE_ROWS 500
#define DAY_S 86400
#define FORMS 2 /* JSON Lines, CSV */

static const char *const endings[FORMS] = { "jsonl", "csv" };

struct part {
	const char *part;
	struct text_list columns;
};
static const struct field part_field[] = { FIELD(struct part, part), FIELD(struct part, columns) };
static const struct fields part_fields = FIELDS(struct part, part_field);

static const struct statement parts_statement = {
	.name = "export_parts",
	.sql = "SELECT part, columns FROM export.parts() ORDER BY place",
	.row = &part_fields,
	.repeatable = true,
};

struct rows_params {
	const char *part;
	const char *day;
	const char *after;
	int64_t most;
};
static const struct field rows_param[] = {
	FIELD(struct rows_params, part),
	FIELD(struct rows_params, day),
	FIELD(struct rows_params, after),
	FIELD(struct rows_params, most),
};
static const struct fields rows_params_fields = FIELDS(struct rows_params, rows_param);

struct export_row {
	const char *key;
	json_t *item;
};
static const struct field row_field[] = { FIELD(struct export_row, key), FIELD(struct export_row, item) };
static const struct fields row_fields = FIELDS(struct export_row, row_field);

static const struct statement rows_statement = {
	.name = "export_rows",
	.sql = "SELECT key, item FROM export.rows($1, $2::date, $3, $4)",
	.params = &rows_params_fields,
	.row = &row_fields,
	.repeatable = true,
};

struct record_params {
	const char *day;
	struct bytes manifest_sha256;
	int64_t rows;
	const char *actor;
	const char *reason;
};
static const struct field record_param[] = {
	FIELD(struct record_params, day),
	FIELD(struct record_params, manifest_sha256),
	FIELD(struct record_params, rows),
	FIELD(struct record_params, actor),
	FIELD(struct record_params, reason),
};
static const struct fields record_params_fields = FIELDS(struct record_params, record_param);

static const struct statement record_statement = {
	.name = "export_record",
	.sql = "SELECT export.record($1::date, $2, $3, $4, $5)",
	.params = &record_params_fields,
};

const struct statement *const export_statements[] = { &parts_statement, &rows_statement, &record_statement };
const size_t export_statements_n = COUNT_OF(export_statements);

/* What the manifest says of a file. */
struct file_line {
	const char *name;
	const char *part;
	int64_t rows;
	int64_t withheld; /* rows of which a name looks like a contact (G-41) */
	int64_t octets;
	const char *sha256;
};
static const struct field file_line_field[] = {
	FIELD(struct file_line, name, .flags = FIELD_REQUIRED),
	FIELD(struct file_line, part, .flags = FIELD_REQUIRED),
	FIELD(struct file_line, rows),
	FIELD(struct file_line, withheld),
	FIELD(struct file_line, octets),
	FIELD(struct file_line, sha256, .flags = FIELD_REQUIRED),
};
static const struct fields file_line_fields = FIELDS(struct file_line, file_line_field);
struct file_line_list {
	struct file_line *v;
	size_t n;
};

struct manifest {
	const char *day;
	struct file_line_list files;
};
static const struct field manifest_field[] = {
	FIELD(struct manifest, day, .flags = FIELD_REQUIRED),
	FIELD_STRUCTS(struct manifest, files, &file_line_fields, .flags = FIELD_REQUIRED),
};
static const struct fields manifest_fields = FIELDS(struct manifest, manifest_field);

bool export_day_read(const char *text, int64_t *ret)
{
	struct tm tm = { 0 };
	struct tm again;
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	time_t t = timegm(&tm);
	char canonical[32];
	if (end == NULL || gmtime_r(&t, &again) == NULL ||
	    strftime(canonical, sizeof(canonical), "%Y-%m-%d", &again) == 0 || strcmp(canonical, text) != 0 || t < 0) {
		return false;
	}
	*ret = t / DAY_S;
	return true;
}

const char *export_day_text(struct arena *a, int64_t day)
{
	time_t t = (time_t) (day * DAY_S);
	struct tm tm;
	char text[32] = "";
	(void) strftime(text, sizeof(text), "%Y-%m-%d", gmtime_r(&t, &tm));
	return arena_text(a, text);
}

const char *export_csv_field(struct arena *a, const json_t *value)
{
	struct buffer b;
	char *json =
	    json_is_string(value) || json_is_null(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	const char *text = json_is_string(value) ? json_string_value(value) : json != NULL ? json : "";
	buffer_init(&b, a, strlen(text) + 8);
	bool formula = json_is_string(value) && text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
	bool quoted = formula || strpbrk(text, ",\"\r\n") != NULL;
	buffer_add_text(&b, quoted ? "\"" : "");
	buffer_add_text(&b, formula ? "'" : "");
	for (const char *p = text; *p != '\0'; p++) {
		buffer_add(&b, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
	}
	buffer_add_text(&b, quoted ? "\"" : "");
	free(json);
	return (const char *) buffer_bytes(&b).p;
}

static struct bytes line_of_json(struct arena *a, const struct text_list *columns, const json_t *item)
{
	struct buffer b;
	buffer_init(&b, a, 512);
	for (size_t i = 0; i < columns->n; i++) {
		char *value = json_dumps(json_object_get(item, columns->v[i]), JSON_COMPACT | JSON_ENCODE_ANY);
		buffer_printf(&b, "%s\"%s\":%s", i == 0 ? "{" : ",", columns->v[i], value == NULL ? "null" : value);
		free(value);
	}
	buffer_add_text(&b, "}\n");
	return buffer_bytes(&b);
}

static struct bytes line_of_csv(struct arena *a, const struct text_list *columns, const json_t *item)
{
	struct buffer b;
	buffer_init(&b, a, 512);
	for (size_t i = 0; i < columns->n; i++) {
		buffer_add_text(&b, i == 0 ? "" : ",");
		buffer_add_text(&b, item == NULL ? columns->v[i] : export_csv_field(a, json_object_get(item, columns->v[i])));
	}
	buffer_add_text(&b, "\r\n");
	return buffer_bytes(&b);
}

/* All rows of the part, a page in memory at a time; ret gets how many were written, and how many withheld. */
static int put_rows(
    struct ctx *c, const struct part *part, const char *day, struct export_file out[FORMS], struct file_line *ret)
{
	const char *after = "";
	size_t n = 0;
	export_file_put(&out[1], line_of_csv(c->arena, &part->columns, NULL));
	do {
		struct ctx page;
		struct export_row *rows = NULL;
		ctx_init(&page);
		const struct rows_params params = { part->part, day, after, PAGE_ROWS };
		if (db_rows(&page, &rows_statement, &params, (void *) &rows, &n) != 0) {
			ctx_fail(c, page.err.type, "%s", page.err.detail);
			ctx_done(&page);
			return -1;
		}
		for (size_t i = 0; i < n; i++) {
			if (!json_is_object(rows[i].item)) {
				ret->withheld++;
				continue;
			}
			ret->rows++;
			export_file_put(&out[0], line_of_json(page.arena, &part->columns, rows[i].item));
			export_file_put(&out[1], line_of_csv(page.arena, &part->columns, rows[i].item));
		}
		after = n > 0 ? arena_text(c->arena, rows[n - 1].key) : after;
		ctx_done(&page);
	} while (n == PAGE_ROWS);
	return 0;
}

static int write_part(
    struct ctx *c, const char *folder, const char *day, const struct part *part, struct file_line lines[FORMS])
{
	struct export_file out[FORMS] = { { 0 } };
	struct file_line counts = { .rows = 0 };
	bool open = true;
	for (size_t i = 0; i < FORMS; i++) {
		lines[i] = (struct file_line) { .name = arena_printf(c->arena, "%s-%s.%s", part->part, day, endings[i]),
			.part = part->part };
		open = export_file_open(c, &out[i], arena_printf(c->arena, "%s/%s", folder, lines[i].name)) == 0 && open;
	}
	bool whole = open && put_rows(c, part, day, out, &counts) == 0;
	int result = 0;
	for (size_t i = 0; i < FORMS; i++) {
		result = export_file_close(c, &out[i], whole, &lines[i].sha256) != 0 ? -1 : result;
		lines[i].rows = counts.rows;
		lines[i].withheld = counts.withheld;
		lines[i].octets = out[i].octets;
	}
	return result;
}

/* The digest of a file of any length, in hexadecimal digits. */
static int digest_of_file(struct ctx *c, const char *path, const char **ret)
{
	uint8_t piece[65536];
	uint8_t digest[DIGEST_SIZE_MAX];
	unsigned n = 0;
	size_t got = 0;
	FILE *file = fopen(path, "re");
	AUTO(EVP_MD_CTX) md = EVP_MD_CTX_new();
	bool good = file != NULL && md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
	while (good && (got = fread(piece, 1, sizeof(piece), file)) > 0) {
		good = EVP_DigestUpdate(md, piece, got) == 1;
	}
	good = good && ferror(file) == 0 && EVP_DigestFinal_ex(md, digest, &n) == 1;
	if (file != NULL) {
		(void) fclose(file);
	}
	*ret = hex_encode(c->arena, (struct bytes) { digest, n });
	return good ? 0 : FAIL(c, CONFLICT, "%s can't be read: %s", path, strerror(errno));
}

/* Files of that day in both forms, by their names: a manifest of nothing, or of other files, is none. */
static bool is_of_day(struct arena *a, const struct manifest *m, const char *day)
{
	bool is = strcmp(m->day, day) == 0 && m->files.n > 0 && m->files.n % FORMS == 0;
	for (size_t i = 0; is && i < m->files.n; i++) {
		const struct file_line *f = &m->files.v[i];
		is = strcmp(f->name, arena_printf(a, "%s-%s.%s", f->part, day, endings[i % FORMS])) == 0 &&
		     strchr(f->part, '/') == NULL;
	}
	return is;
}

/* What was written before stands as its manifest says. */
static int compare(struct ctx *c, const char *folder, const char *day, struct bytes text, int64_t *ret_rows)
{
	struct manifest m;
	if (fields_parse_json(c, &manifest_fields, text, &m) != 0 || !is_of_day(c->arena, &m, day)) {
		ctx_forgive(c);
		return FAIL(c, CONFLICT, "%s/manifest-%s.json is not the manifest of that day", folder, day);
	}
	for (size_t i = 0; i < m.files.n; i++) {
		const char *digest = NULL;
		const struct file_line *f = &m.files.v[i];
		TRY(digest_of_file(c, arena_printf(c->arena, "%s/%s", folder, f->name), &digest));
		if (strcmp(digest, f->sha256) != 0) {
			return FAIL(c, CONFLICT, "%s/%s is not what its manifest says", folder, f->name);
		}
		*ret_rows += i % FORMS == 0 ? f->rows : 0;
	}
	return 0;
}

static int write_day(struct ctx *c, const char *folder, const char *day, struct manifest *m, int64_t *ret_rows)
{
	struct part *parts = NULL;
	size_t n = 0;
	TRY(db_rows(c, &parts_statement, NULL, (void *) &parts, &n));
	*m = (struct manifest) { day, { ARENA_ARRAY(c->arena, n * FORMS, struct file_line), n * FORMS } };
	for (size_t i = 0; i < n; i++) {
		TRY(write_part(c, folder, day, &parts[i], &m->files.v[i * FORMS]));
		*ret_rows += m->files.v[i * FORMS].rows;
	}
	return 0;
}

int export_day(struct ctx *c, const struct export_run *run, int64_t day, int64_t *ret_rows, bool *ret_made)
{
	/* two would write the same files, and the manifest of the one be that of what both wrote */
	AUTO_FD folder = open(run->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || flock(folder, LOCK_EX | LOCK_NB) != 0) {
		return FAIL(c, CONFLICT,
		    errno == EWOULDBLOCK ? "%s: another export is writing there" : "%s is no folder to write into",
		    run->folder);
	}
	const char *text = export_day_text(c->arena, day);
	const char *path = arena_printf(c->arena, "%s/manifest-%s.json", run->folder, text);
	struct manifest m;
	struct bytes found;
	uint8_t digest[SHA256_SIZE];
	*ret_rows = 0;
	*ret_made = !file_exists(path);
	if (!*ret_made) {
		TRY(file_read(c, path, &found));
		return compare(c, run->folder, text, found, ret_rows);
	}
	TRY(write_day(c, run->folder, text, &m, ret_rows));
	struct bytes json = fields_to_json(c->arena, &manifest_fields, &m);
	sha256_of(json, digest);
	const struct record_params params = { text, { digest, sizeof(digest) }, *ret_rows, run->actor, run->reason };
	TRY(db_run(c, &record_statement, &params)); /* no record, no release: the manifest comes behind it */
	return file_make(c, path, json, 0644);
}
