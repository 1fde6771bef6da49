/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/absent.h"

#include "unit.h"

START_TEST(absent__the_last_ones_are_remembered_until_cleared)
{
	struct absent *a = absent_new();
	unsigned left = 0;

	for (uint64_t i = 1; i <= 200000; i++)
		absent_add(a, i * 0x9e3779b97f4a7c15);
	ck_assert(absent_has(a, 200000 * 0x9e3779b97f4a7c15));
	for (uint64_t i = 1; i <= 200000; i++)
		left += absent_has(a, i * 0x9e3779b97f4a7c15);
	ck_assert_uint_le(left, 65536);
	absent_remove(a, 200000 * 0x9e3779b97f4a7c15);
	ck_assert(!absent_has(a, 200000 * 0x9e3779b97f4a7c15));
	absent_add(a, 7);
	absent_add(a, 7);
	absent_clear(a);
	ck_assert(!absent_has(a, 7));
	absent_free(a);
}
END_TEST

void
absent_tests(TCase *c)
{
	tcase_add_test(c, absent__the_last_ones_are_remembered_until_cleared);
}
