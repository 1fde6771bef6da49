/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/pace.h"

#include "unit.h"

START_TEST(pace_parse__takes_rates_and_times)
{
	static const char *const bad[] = {"", "x", "1", "15k", "500k@", "500k@8:00-18:00",
		"500k@08:00-18:60", "500k@08:00-25:00", "500k@08:00-08:00", "500k@08:00", "0,",
		"500k@08:00-18:00@1", "-1", "2T"};
	static const char *const good[] = {
		"0", "16k", "1T", "500k@08:00-18:00,0", "0@00:00-06:00,1M@06:00-24:00"};
	struct pace_schedule s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e;

		ck_assert_msg(pace_parse(bad[i], &s, &e) == -1, "%s", bad[i]);
		ck_assert_int_eq(e.code, ERR_INPUT);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(pace_parse(good[i], &s, NULL) == 0, "%s", good[i]);
}
END_TEST

START_TEST(pace_rate__is_that_of_the_first_window_with_the_time_in_it)
{
	static const struct {
		unsigned minute;
		uint64_t rate;
	} rows[] = {{7 * 60 + 59, 0}, {8 * 60, 512000}, {17 * 60 + 59, 512000}, {18 * 60, 0},
		{22 * 60, 1 << 20}, {0, 1 << 20}, {5 * 60 + 59, 1 << 20}, {6 * 60, 0}};
	struct pace_schedule s;

	ck_assert_int_eq(pace_parse("500k@08:00-18:00,1M@22:00-06:00,0", &s, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_uint_eq(pace_rate(&s, rows[i].minute), rows[i].rate);
	ck_assert(pace_limits(&s));
	ck_assert_int_eq(pace_parse("0", &s, NULL), 0);
	ck_assert(!pace_limits(&s));
}
END_TEST

/* Pieces of any size, each sent as soon as it may: the average is the rate. */
START_TEST(pace__holds_the_rate_over_time)
{
	struct pace p = {0};
	uint64_t now_ms = 5000;
	uint64_t sent = 0;

	pace_set(&p, 100000, now_ms);
	for (unsigned i = 0; sent < 10000000; i++) {
		now_ms += pace_wait_ms(&p, now_ms);
		ck_assert_uint_eq(pace_wait_ms(&p, now_ms), 0);
		pace_add(&p, 1 + i * 7919 % 16384, now_ms);
		sent += 1 + i * 7919 % 16384;
	}
	ck_assert_uint_ge(now_ms - 5000, 98000);
	ck_assert_uint_le(now_ms - 5000, 102000);
	pace_set(&p, 0, now_ms);
	pace_add(&p, 1 << 30, now_ms);
	ck_assert_uint_eq(pace_wait_ms(&p, now_ms), 0);
}
END_TEST

START_TEST(pace_parse__has_as_many_elements_as_there_is_room_for)
{
	for (int count = PACE_WINDOWS_MAX; count <= PACE_WINDOWS_MAX + 1; count++) {
		AUTO_BUF struct buf text = {0};
		struct pace_schedule s;
		struct err e = {0};

		for (int i = 0; i < count; i++)
			buf_printf(&text, "%s1M@%02d:00-%02d:30", i > 0 ? "," : "", i % 24, i % 24);
		ck_assert_int_eq(pace_parse(text.at, &s, &e), count > PACE_WINDOWS_MAX ? -1 : 0);
		ck_assert_int_eq(e.code, count > PACE_WINDOWS_MAX ? ERR_INPUT : ERR_NONE);
		ck_assert(count > PACE_WINDOWS_MAX || pace_rate(&s, 15) == 1 << 20);
	}
}
END_TEST

/* Nor is what was owed at another rate still owed. */
START_TEST(pace__no_burst_follows_a_pause)
{
	struct pace p = {0};

	pace_set(&p, 100000, 0);
	pace_add(&p, 100000, 10000);
	ck_assert_uint_eq(pace_wait_ms(&p, 10000), 1000);
	ck_assert_uint_eq(pace_wait_ms(&p, 10999), 1);
	ck_assert_uint_eq(pace_wait_ms(&p, 11000), 0);
	pace_add(&p, 1, 11000);
	ck_assert_uint_eq(pace_wait_ms(&p, 11000), 1); /* rounded up */
	pace_add(&p, 1000000000, 11000);
	pace_set(&p, 100000, 11000);
	ck_assert_uint_gt(pace_wait_ms(&p, 3611000), 6000000);
	ck_assert_uint_eq(pace_wait_ms(&p, 3611000 + 3600001), 0); /* beyond an hour */
	pace_add(&p, 1000000000, 8000000);
	pace_set(&p, 50000, 8000000);
	ck_assert_uint_eq(pace_wait_ms(&p, 8000000), 0);
}
END_TEST

void
pace_tests(TCase *c)
{
	tcase_add_test(c, pace_parse__has_as_many_elements_as_there_is_room_for);
	tcase_add_test(c, pace__no_burst_follows_a_pause);
	tcase_add_test(c, pace_parse__takes_rates_and_times);
	tcase_add_test(c, pace_rate__is_that_of_the_first_window_with_the_time_in_it);
	tcase_add_test(c, pace__holds_the_rate_over_time);
}
