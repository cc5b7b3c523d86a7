#include "wfe/accept.h"

#include <string.h>
#include <strings.h>

#define WEIGHT_ONE 1000

/* One media range of the header. */
struct range {
	const char *type; /* with stars, or one bare star as some clients write */
	size_t n;
	int weight; /* in thousandths */
};

enum fit { FITS_NOT, FITS_ALL, FITS_MAIN, FITS_EXACTLY }; /* the closer one counts */

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* "1", "0.5", ".2"; anything else is 1, as if it were not there. */
static int weight_of(const char *p)
{
	static const int place[] = { 100, 10, 1 };
	int weight = *p == '1' ? WEIGHT_ONE : 0;
	const char *digits = p + (*p == '0' || *p == '1' ? 1 : 0);
	if (digits == p && *p != '.') {
		return WEIGHT_ONE;
	}
	digits += *digits == '.' ? 1 : 0;
	for (size_t i = 0; i < COUNT_OF(place) && digits[i] >= '0' && digits[i] <= '9'; i++) {
		weight += place[i] * (digits[i] - '0');
	}
	return weight < WEIGHT_ONE ? weight : WEIGHT_ONE;
}

/* The weight among the parameters; others say nothing of what we offer. */
static int parameters_weight(const char *p, const char *end)
{
	int weight = WEIGHT_ONE;
	for (p = memchr(p, ';', (size_t) (end - p)); p != NULL; p = memchr(p, ';', (size_t) (end - p))) {
		p = skip_blanks(p + 1);
		if (end - p > 2 && strncasecmp(p, "q=", 2) == 0) {
			weight = weight_of(p + 2);
		}
		if (p >= end) {
			break;
		}
	}
	return weight;
}

/* Takes the next range; false at the end. A part that is none has n 0. */
static bool take_range(const char **at, struct range *ret)
{
	const char *p = skip_blanks(*at);
	if (*p == '\0') {
		return false;
	}
	const char *end = p + strcspn(p, ",");
	size_t n = strcspn(p, ",; \t");
	const char *slash = memchr(p, '/', n);
	bool good = (slash != NULL && slash > p && slash + 1 < p + n) || (n == 1 && *p == '*');
	*ret = (struct range) { p, good ? n : 0, parameters_weight(p, end) };
	*at = end + (*end == ',' ? 1 : 0);
	return true;
}

static enum fit fit_of(const struct range *range, const char *offered)
{
	size_t n = strlen(offered);
	if (range->n == n && strncasecmp(range->type, offered, n) == 0) {
		return FITS_EXACTLY;
	}
	size_t main_n = strcspn(offered, "/") + 1;
	if (range->n == main_n + 1 && range->type[main_n] == '*' && strncasecmp(range->type, offered, main_n) == 0) {
		return FITS_MAIN;
	}
	bool all = (range->n == 3 && strncmp(range->type, "*/*", 3) == 0) || (range->n == 1 && range->type[0] == '*');
	return all ? FITS_ALL : FITS_NOT;
}

/* -1: the header says nothing at all. */
static int weight_for(const char *header, const char *offered)
{
	enum fit best = FITS_NOT;
	struct range range;
	int weight = -1;
	while (take_range(&header, &range)) {
		enum fit fit = range.n == 0 ? FITS_NOT : fit_of(&range, offered);
		if (range.n > 0 && weight < 0) {
			weight = 0;
		}
		if (fit > best) {
			best = fit;
			weight = range.weight;
		}
	}
	return weight;
}

size_t accept_choose(const char *header, const char *const *offered, size_t n)
{
	size_t chosen = 0;
	int best = 0;
	for (size_t i = 0; i < n; i++) {
		int weight = header == NULL ? -1 : weight_for(header, offered[i]);
		if (weight < 0) {
			return 0;
		}
		if (weight > best) {
			best = weight;
			chosen = i;
		}
	}
	return chosen;
}
