#include "va/dcv.h"

#include <string.h>

#include "va/dns01.h"
#include "va/http01.h"
#include "va/onioncsr01.h"
#include "va/tlsalpn01.h"

static const struct dcv_method methods[] = {
	{ "http-01", sizeof(struct http01), http01_start, http01_tick, http01_abandon },
	{ "dns-01", sizeof(struct dns01), dns01_start, NULL, dns01_abandon },
	{ "tls-alpn-01", sizeof(struct tlsalpn01), tlsalpn01_start, tlsalpn01_tick, tlsalpn01_abandon },
	{ "dns-account-01", sizeof(struct dns01), dns01_start, NULL, dns01_abandon },
	{ "dns-persist-01", sizeof(struct dns01), dns01_start, NULL, dns01_abandon },
	{ "onion-csr-01", sizeof(struct dcv), onioncsr01_start, NULL, onioncsr01_abandon },
};

const struct dcv_method *dcv_method_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		if (name != NULL && strcmp(methods[i].name, name) == 0) {
			return &methods[i];
		}
	}
	return NULL;
}

struct dcv *dcv_new(const struct dcv_method *method, const struct dcv *how)
{
	struct dcv *dcv = arena_alloc(how->arena, method->size);
	*dcv = *how;
	return dcv;
}

void dcv_finish(struct dcv *dcv)
{
	if (!dcv->ended) {
		dcv->ended = true;
		dcv->on_end(dcv->arg);
	}
}
