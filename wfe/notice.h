/* The privacy notice as this front end serves it, and the resources by which programs ask whether anybody is followed (G-8, G-60). */
#ifndef CAIRN_WFE_NOTICE_H
#define CAIRN_WFE_NOTICE_H

#include "wfe/front.h"

#define NOTICE_PATH "/privacy"

/* Serves a GET or HEAD of its paths; false for all others. */
bool notice_serve(struct http_request *r, const struct front *front);

/* Whether the visitor asks not to be followed. */
bool notice_declined(struct http_request *r);

/* On every page of ours. */
void notice_headers(struct http_request *r);

#endif
