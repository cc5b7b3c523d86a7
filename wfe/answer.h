/* Answers: JSON objects, problem documents, and the headers that every answer of the API has. */
#ifndef CAIRN_WFE_ANSWER_H
#define CAIRN_WFE_ANSWER_H

#include "wfe/routes.h"

/* The struct as JSON, application/json. */
void answer_json(struct acme *q, unsigned status, const struct fields *fields, const void *from);
void answer_empty(struct acme *q, unsigned status);

/* The error of q->c as a problem document (RFC 8555 6.7), and its headers. */
void answer_problem(struct acme *q);

/* Link header with this relation, Location, Retry-After. */
void answer_link(struct acme *q, const char *url, const char *rel);
void answer_location(struct acme *q, const char *url);
void answer_retry_after(struct acme *q, int64_t seconds);

/* Adds the headers of every answer and hands it to the HTTP server. */
void answer_send(struct acme *q);

#endif
