/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/retry.h"

#include <stdbool.h>

#include "unit.h"

START_TEST(retry_backoff_ms__is_anything_up_to_what_doubles_to_five_minutes)
{
	for (unsigned attempt = 1; attempt < 40; attempt++) {
		uint64_t full = attempt > 9 ? 300000 : 1000ULL << (attempt - 1);
		uint64_t least = UINT64_MAX;
		uint64_t most = 0;

		if (full > 300000)
			full = 300000;
		for (uint32_t random = 0; random < 3000000; random += 777) {
			uint64_t ms = retry_backoff_ms(attempt, random);

			ck_assert_uint_ge(ms, 100);
			ck_assert_uint_le(ms, full);
			least = ms < least ? ms : least;
			most = ms > most ? ms : most;
		}
		ck_assert_uint_lt(least, 100 + full / 50);
		ck_assert_uint_gt(most, full - full / 50);
	}
}
END_TEST

START_TEST(retry_after_s__stays_within_its_limits_and_spreads)
{
	static const uint64_t needs[] = {0, 1, 4999, 5000, 12000, 500000, 600000, UINT64_MAX};
	bool spread = false;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		for (uint32_t random = 0; random < 1000000; random += 9973) {
			uint64_t s = retry_after_s(needs[i], 5000, 600000, random);

			ck_assert_uint_ge(s, 5);
			ck_assert_uint_le(s, 600);
			if (needs[i] == 12000) {
				ck_assert_uint_ge(s, 12);
				ck_assert_uint_le(s, 15);
				spread = spread || s != retry_after_s(12000, 5000, 600000, 0);
			}
		}
	ck_assert(spread);
	ck_assert_uint_ge(retry_after_s(UINT64_MAX, 5000, 600000, 0), 480);
	ck_assert_uint_eq(retry_after_s(0, 1000, 1000, 77), 1);
}
END_TEST

START_TEST(retry_spread_ms__is_anything_from_a_tenth_less_to_a_tenth_more)
{
	/* Of the last one the whole range is more than 32 bits. */
	static const struct {
		uint64_t ms;
		uint64_t least;
		uint64_t most;
	} rows[] = {{0, 0, 0}, {9, 9, 9}, {1000, 900, 1100}, {600000, 540000, 660000},
		{31536000000, 28382400000, 34689600000}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint64_t range = rows[i].most - rows[i].least;

		ck_assert_uint_eq(retry_spread_ms(rows[i].ms, 0), rows[i].least);
		ck_assert_uint_eq(retry_spread_ms(rows[i].ms, range / 2), rows[i].ms);
		ck_assert_uint_eq(retry_spread_ms(rows[i].ms, range), rows[i].most);
		ck_assert_uint_eq(retry_spread_ms(rows[i].ms, range + 1), rows[i].least);
	}
}
END_TEST

void
retry_tests(TCase *c)
{
	tcase_add_test(c, retry_backoff_ms__is_anything_up_to_what_doubles_to_five_minutes);
	tcase_add_test(c, retry_after_s__stays_within_its_limits_and_spreads);
	tcase_add_test(c, retry_spread_ms__is_anything_from_a_tenth_less_to_a_tenth_more);
}
