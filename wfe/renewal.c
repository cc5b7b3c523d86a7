/* When a certificate is to be renewed (RFC 9773): a look at one view, for anybody. */
#include <string.h>

#include "lib/crypto/renewal_id.h"
#include "lib/db/db.h"
#include "wfe/answer.h"
#include "wfe/statements.h"

#define CACHE_S 300 /* a revocation, or an incident, has to reach those who ask */
#define SPREAD_OF 5 /* Retry-After is up to a fifth less, so that not all come back at once */

struct renewal_row {
	struct timestamp opens;
	struct timestamp closes;
	const char *explanation_url;
};
static const struct field renewal_lookup_field[] = {
	FIELD(struct renewal_id, serial),
	FIELD(struct renewal_id, key_id),
};
static const struct fields renewal_lookup_fields = FIELDS(struct renewal_id, renewal_lookup_field);
static const struct field renewal_row_field[] = {
	FIELD(struct renewal_row, opens),
	FIELD(struct renewal_row, closes),
	FIELD(struct renewal_row, explanation_url),
};
static const struct fields renewal_row_fields = FIELDS(struct renewal_row, renewal_row_field);

const struct statement renewal_find = {
	.name = "renewal_find",
	.sql = "SELECT opens, closes, explanation_url FROM front.renewal WHERE serial = $1 AND key_id = $2",
	.params = &renewal_lookup_fields,
	.row = &renewal_row_fields,
	.repeatable = true,
};

struct window {
	struct timestamp start;
	struct timestamp end;
};
static const struct field window_field[] = { FIELD(struct window, start), FIELD(struct window, end) };
static const struct fields window_fields = FIELDS(struct window, window_field);

struct renewal_info {
	struct window window;
	const char *explanation_url;
};
static const struct field renewal_info_field[] = {
	{ .name = "suggestedWindow",
	    .kind = FIELD_STRUCT_KIND,
	    .offset = offsetof(struct renewal_info, window),
	    .sub = &window_fields },
	FIELD_AS(struct renewal_info, explanation_url, "explanationURL"),
};
static const struct fields renewal_info_fields = FIELDS(struct renewal_info, renewal_info_field);

static struct timestamp whole_seconds(struct timestamp t)
{
	return (struct timestamp) { t.us - t.us % 1000000 };
}

/* B-18: what is unknown and what another CA issued get the same answer. */
int renewal_info_serve(struct acme *q)
{
	struct renewal_id id;
	struct renewal_row row;
	bool found = false;
	TRY(renewal_id_parse(q->c, bytes_of_text(q->http->path + strlen(RENEWAL_INFO_PATH "/")), &id));
	TRY(db_row(q->c, &renewal_find, &id, &row, &found));
	if (!found) {
		return FAIL(q->c, NOT_FOUND, "This CA has no such certificate");
	}
	const struct renewal_info info = {
		{ whole_seconds(row.opens), whole_seconds(row.closes) }, /* B-14 */
		row.explanation_url,
	};
	int64_t retry_s = q->front->config->acme.renewal_info_retry_s;
	answer_json(q, 200, &renewal_info_fields, &info);
	answer_retry_after(q, retry_s - retry_s * id.serial.p[id.serial.n - 1] / (UINT8_MAX * SPREAD_OF)); /* B-15 */
	q->cache_s = CACHE_S;
	return 0;
}
