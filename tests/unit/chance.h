/* What looks like chance to who knows many of it. Include it behind cmocka.h. */
#ifndef CAIRN_TESTS_CHANCE_H
#define CAIRN_TESTS_CHANCE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t chance_size;

static inline int chance_compare(const void *a, const void *b)
{
	return memcmp(a, b, chance_size);
}

/* Each bit of n rows behind their first `fixed` octets is set in half of them and differs from row to row in half of the cases,
 * within seven standard deviations; and no two rows are alike. Sorts them. */
static inline void assert_chance(uint8_t *rows, size_t n, size_t size, size_t fixed)
{
	double most = 7 * sqrt((double) n) / 2;
	for (size_t bit = fixed * 8; bit < size * 8; bit++) {
		size_t ones = 0;
		size_t changes = 0;
		for (size_t i = 0; i < n; i++) {
			unsigned now = rows[i * size + bit / 8] >> (bit % 8) & 1;
			unsigned last = rows[(i == 0 ? 0 : i - 1) * size + bit / 8] >> (bit % 8) & 1;
			ones += now;
			changes += now ^ last;
		}
		assert_true(fabs((double) ones - (double) n / 2) < most);
		assert_true(fabs((double) changes - (double) n / 2) < most);
	}
	chance_size = size;
	qsort(rows, n, size, chance_compare);
	for (size_t i = 1; i < n; i++) {
		assert_true(memcmp(rows + (i - 1) * size, rows + i * size, size) != 0);
	}
}

#endif
