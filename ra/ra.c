#include "ra/ra.h"

#include "lib/base/die.h"

static const struct ra *current;

const struct ra *ra_get(void)
{
	if (current == NULL) {
		die("the registration authority is used before it is set up");
	}
	return current;
}

static const char *url_below(struct arena *a, const char *external_url, struct id account_id)
{
	char account[ID_TEXT_SIZE];
	id_encode(account_id, account);
	return arena_printf(a, "%s/acme/account/%s", external_url, account);
}

const char *ra_account_url(struct arena *a, struct id account_id)
{
	return url_below(a, ra_get()->config->acme.external_url, account_id);
}

struct text_list ra_former_account_urls(struct arena *a, struct id account_id)
{
	const struct text_list *former = &ra_get()->config->acme.former_external_urls;
	struct text_list list = { ARENA_ARRAY(a, former->n, const char *), former->n };
	for (size_t i = 0; i < former->n; i++) {
		list.v[i] = url_below(a, former->v[i], account_id);
	}
	return list;
}

void ra_set(const struct ra *ra)
{
	current = ra;
}
