/* OCSP over plain HTTP (RFC 6960 A, RFC 5019 5): answers that cairn-ca signed before, from the database. Requests are not recorded (E-38). */
#ifndef CAIRN_WFE_OCSP_H
#define CAIRN_WFE_OCSP_H

#include "lib/http/server.h"

/* Whether the path is one of OCSP's: /ocsp, or what is below it. */
bool ocsp_is_path(const char *path);

/* Answers GET and POST, also what is no request, by a response of OCSP. While no issuer has OCSP: NOT_FOUND (E-39). */
int ocsp_serve(struct http_request *r) MUST_CHECK;

#endif
