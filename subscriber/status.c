#include "subscriber/status.h"

#include "lib/rpc/handlers.h"

const struct statement subscriber_log_status_statement = {
	.name = "log_status",
	.sql = "SELECT newest_request_at, requests_last_minute, requests_without_outcome, validations_last_minute, "
	       "partitions_until FROM log.status()",
	.row = &log_status_fields,
	.repeatable = true,
};

int subscriber_get_log_status_serve(struct ctx *c, const struct get_log_status_request *in, struct log_status *ret)
{
	(void) in;
	bool found = false;
	return db_row(c, &subscriber_log_status_statement, NULL, ret, &found);
}
