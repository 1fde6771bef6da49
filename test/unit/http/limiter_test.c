/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/limiter.h"

#include "unit.h"

START_TEST(limiter__the_last_place_and_one_more)
{
	struct limiter l = {.max = 3};

	ck_assert(limiter_take(&l) && limiter_take(&l) && limiter_take(&l));
	ck_assert(!limiter_take(&l));
	ck_assert_uint_eq(limiter_need_ms(&l), UINT64_MAX);
	limiter_give(&l, 9000);
	ck_assert_uint_eq(limiter_need_ms(&l), 3000);
	ck_assert(limiter_take(&l));
	ck_assert(!limiter_take(&l));
}
END_TEST

void
limiter_tests(TCase *c)
{
	tcase_add_test(c, limiter__the_last_place_and_one_more);
}
