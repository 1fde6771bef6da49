/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/breaker.h"

#include "unit.h"

START_TEST(breaker__opens_after_failures_in_a_row_and_is_probed_once)
{
	struct breaker b = {.threshold = 3, .rest_ms = 1000};

	breaker_failure(&b, 0);
	breaker_failure(&b, 0);
	breaker_success(&b, 0); /* not in a row */
	breaker_failure(&b, 0);
	breaker_failure(&b, 0);
	ck_assert(breaker_allow(&b, 10));
	breaker_failure(&b, 10);
	ck_assert_int_eq(b.state, BREAKER_OPEN);
	ck_assert_uint_eq(breaker_wait_ms(&b, 10), 1000);
	breaker_failure(&b, 500); /* was on its way: the time does not grow */
	ck_assert_uint_eq(breaker_wait_ms(&b, 510), 500);
	ck_assert(!breaker_allow(&b, 1009));
	ck_assert(breaker_allow(&b, 1010));
	ck_assert(!breaker_allow(&b, 1010)); /* one probe */
	breaker_failure(&b, 1100);
	ck_assert(!breaker_allow(&b, 2099));
	ck_assert(breaker_allow(&b, 2100));
	breaker_success(&b, 2100);
	ck_assert(breaker_allow(&b, 2100) && breaker_allow(&b, 2100));
	ck_assert_uint_eq(b.failures, 0);
}
END_TEST

START_TEST(breaker__rests_as_long_as_it_was_told)
{
	struct breaker b = {.threshold = 3, .rest_ms = 1000};

	breaker_rest(&b, 100, 60000);
	breaker_success(&b, 200); /* was on its way when it asked for that */
	ck_assert(!breaker_allow(&b, 60099));
	ck_assert(breaker_allow(&b, 60100));
	breaker_abandon(&b); /* the probe told nothing: another one may */
	ck_assert(breaker_allow(&b, 60100));
}
END_TEST

void
breaker_tests(TCase *c)
{
	tcase_add_test(c, breaker__opens_after_failures_in_a_row_and_is_probed_once);
	tcase_add_test(c, breaker__rests_as_long_as_it_was_told);
}
