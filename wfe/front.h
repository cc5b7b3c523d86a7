/* What all requests to this front end share, and what one ACME request is while it is worked on. The way of a request:
 * front.c (route, record, answer) -> request.c (JWS, nonce, url, key) -> a handler of routes.c -> answer.c. */
#ifndef CAIRN_WFE_FRONT_H
#define CAIRN_WFE_FRONT_H

#include "lib/base/config.h"
#include "lib/crypto/jws.h"
#include "lib/crypto/nonce.h"
#include "lib/crypto/private_key.h"
#include "lib/http/server.h"
#include "lib/rpc/messages.h"
#include "wfe/accounts.h"
#include "wfe/peers.h"
#include "wfe/remote.h"
#include "wfe/spool.h"
#include "wfe/trial.h"
#include "wfe/visits.h"

struct route;

/* Set up once, before the first request; read by all threads. */
struct front {
	const struct config *config;
	struct nonce_box *nonces;
	struct peers *peers;
	struct trial *trial;
	struct visits *visits;        /* NULL: without a bound */
	struct visits *doctor_visits; /* NULL: no such page */
	struct spool *spool;
	struct arena *arena;   /* of what follows */
	struct bytes root;     /* DER of the root certificate, or empty */
	struct bytes root_crl; /* DER, or empty */
};

/* One request to an ACME resource, in the arena of its HTTP request. */
struct acme {
	struct ctx *c; /* of the HTTP request */
	struct http_request *http;
	const struct front *front;
	const struct route *route; /* NULL: no such resource */
	struct id id;              /* in the path, or none */
	struct remote remote;      /* where it came from */
	/* What was sent. `account` and `jwk` are set once the signature verified, and never both. */
	bool parsed; /* `jws` can be used; nothing in it is verified */
	struct jws jws;
	struct private_key leak; /* form NULL: what was sent holds no private key */
	bool leak_in_header;     /* it stands in a field of the header, not in the body */
	bool leak_in_url;
	struct account_key account; /* id none: not signed by an account */
	struct jwk jwk;             /* canonical NULL: not signed by a bare key */
	const json_t *payload;      /* NULL: POST-as-GET */
	/* The answer. */
	unsigned status;
	const char *content_type;
	struct bytes reply;
	int64_t cache_s; /* how long anybody may keep it; 0: ask again each time */
};

/* Serves one request of the API; a handler for http_server_options, whose arg is the struct front. */
void front_serve(struct http_request *r, void *arg);

/* Answers what the HTTP server refuses by itself. */
void front_refuse(struct http_request *r, void *arg);

/* URLs of resources, absolute, in the arena (A-33: from the configuration, whatever Host says). */
const char *front_url(const struct acme *q, const char *path);
const char *front_object_url(const struct acme *q, const char *kind, struct id id); /* .../acme/KIND/ID */

#endif
