#include "subscriber/subject.h"

#include "lib/base/floor.h"
#include "lib/rpc/handlers.h"

static struct {
	int64_t floor_s;
	const char *process;
} subject;

struct subject_params {
	struct id account_id;
	struct bytes thumbprint;
	const char *part;
	struct id after;
	int64_t floor_s;
	const char *process;
	struct id request_id;
};
static const struct field subject_param[] = {
	FIELD(struct subject_params, account_id),
	FIELD(struct subject_params, thumbprint),
	FIELD(struct subject_params, part),
	FIELD(struct subject_params, after),
	FIELD(struct subject_params, floor_s),
	FIELD(struct subject_params, process),
	FIELD(struct subject_params, request_id),
};
static const struct fields subject_params_fields = FIELDS(struct subject_params, subject_param);

const struct statement subject_statement = {
	.name = "subject_of_holder",
	.sql = "SELECT items, next FROM log.subject_of_holder($1, $2, $3, $4, $5, $6, $7)",
	.params = &subject_params_fields,
	.row = &subject_data_fields,
};

void subject_configure(const struct config *config, const char *process)
{
	subject.floor_s = retention_floor_s(config);
	subject.process = process;
}

int subscriber_get_subject_data_serve(
    struct ctx *c, const struct get_subject_data_request *in, struct subject_data *ret)
{
	const struct subject_params params = { .account_id = in->account_id,
		.thumbprint = in->thumbprint,
		.part = in->part,
		.after = in->after,
		.floor_s = subject.floor_s,
		.process = subject.process,
		.request_id = c->request_id };
	bool found = false;
	return db_row(c, &subject_statement, &params, ret, &found);
}
