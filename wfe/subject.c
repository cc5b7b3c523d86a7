#include "wfe/subject.h"

#include <stdatomic.h>
#include <string.h>

#include "lib/rpc/client.h"
#include "wfe/answer.h"
#include "wfe/notice.h"
#include "wfe/request.h"

#define AT_ONCE_MAX 2 /* each looks through many rows */
#define PART_MAX 20

static atomic_int running;

struct subject_page {
	const char *account;
	const char *part;
	const char *privacy_notice;
	json_t *held;
	const char *next;
};
static const struct field subject_page_field[] = {
	FIELD(struct subject_page, account),
	FIELD(struct subject_page, part, .flags = FIELD_OMIT_EMPTY),
	FIELD_AS(struct subject_page, privacy_notice, "privacyNotice", .flags = FIELD_OMIT_EMPTY),
	FIELD(struct subject_page, held),
	FIELD(struct subject_page, next, .flags = FIELD_OMIT_EMPTY),
};
static const struct fields subject_page_fields = FIELDS(struct subject_page, subject_page_field);

const char *subject_url(const struct acme *q, struct id account)
{
	return arena_printf(q->c->arena, "%s/data", front_object_url(q, "account", account));
}

/* "part=NAME", and behind it "&cursor=ID" or nothing. */
static int read_query(struct acme *q, struct get_subject_data_request *in)
{
	static const char name[] = "part=";
	static const char cursor[] = "&cursor=";
	const char *query = q->http->query;
	if (query == NULL) {
		in->part = "";
		return 0;
	}
	bool named = strncmp(query, name, sizeof(name) - 1) == 0;
	const char *part = named ? query + sizeof(name) - 1 : "";
	size_t n = strcspn(part, "&");
	const char *rest = part + n;
	bool pages = strncmp(rest, cursor, sizeof(cursor) - 1) == 0;
	if (n == 0 || n > PART_MAX || (*rest != '\0' && !pages) ||
	    (pages && id_parse(bytes_of_text(rest + sizeof(cursor) - 1), &in->after) != 0)) {
		return FAIL(q->c, NOT_FOUND, "There is no such page");
	}
	in->part = arena_text_n(q->c->arena, part, n);
	return 0;
}

static int look(struct acme *q, const struct get_subject_data_request *in, struct subject_data *ret)
{
	int result = -1;
	if (atomic_fetch_add(&running, 1) >= AT_ONCE_MAX) {
		ctx_fail(q->c, PROBLEM_UNAVAILABLE, "Others are asking just now; try again in a moment");
	} else {
		result = rpc_subscriber_get_subject_data(q->c, in, ret);
	}
	atomic_fetch_sub(&running, 1);
	return result;
}

int account_data_serve(struct acme *q)
{
	struct get_subject_data_request in = { .account_id = q->account.id,
		.thumbprint = { q->account.thumbprint, sizeof(q->account.thumbprint) } };
	struct subject_data data;
	char id[ID_TEXT_SIZE];
	TRY(account_check_own(q));
	TRY(read_query(q, &in));
	TRY(look(q, &in, &data));
	struct subject_page page = { .account = front_object_url(q, "account", q->account.id), .held = data.items };
	if (in.part[0] == '\0') {
		page.privacy_notice = front_url(q, NOTICE_PATH);
	} else {
		page.part = in.part;
	}
	if (!id_is_none(data.next)) {
		id_encode(data.next, id);
		page.next = arena_printf(q->c->arena, "%s?part=%s&cursor=%s", subject_url(q, q->account.id), in.part, id);
	}
	answer_json(q, 200, &subject_page_fields, &page);
	return 0;
}
