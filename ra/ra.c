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

void ra_set(const struct ra *ra)
{
	current = ra;
}
