/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load/load_stats.h"

#include <stddef.h>

#include "base/mem.h"
#include "unit.h"

START_TEST(load_stats_percentile_us__is_at_most_an_eighth_too_large)
{
	AUTO_FREE struct load_counts *c = mem_new(1, sizeof(*c));

	ck_assert_uint_eq(load_stats_percentile_us(c, LOAD_QUERY, 99), 0);
	for (uint64_t us = 1; us <= 100000; us++)
		load_stats_note_latency(c, LOAD_QUERY, us);
	for (int percent = 1; percent <= 100; percent++) {
		uint64_t got = load_stats_percentile_us(c, LOAD_QUERY, percent);

		ck_assert_uint_ge(got, (uint64_t)percent * 1000);
		ck_assert_uint_le(got, (uint64_t)percent * 1125 + 8);
	}
	load_stats_note_latency(c, LOAD_FILE, UINT64_MAX);
	ck_assert_uint_gt(load_stats_percentile_us(c, LOAD_FILE, 50), 1000000000);
}
END_TEST

START_TEST(load_stats_until_s__counts_from_when_the_newest_was_heard_of)
{
	static const struct load_sample samples[] = {
		{0, 0, 0}, {1, 0.9, 5}, {2, 0.995, 5}, {3, 0, 6}, {4, 0.5, 6}, {6, 0.99, 6}};
	struct load_report r = {.samples = samples, .sample_count = 6};

	ck_assert_double_eq(load_stats_until_s(&r, 0.5), 1);
	ck_assert_double_eq(load_stats_until_s(&r, 0.99), 3);
	ck_assert_double_lt(load_stats_until_s(&r, 1), 0);
	r.sample_count = 0;
	ck_assert_double_lt(load_stats_until_s(&r, 0.5), 0);
}
END_TEST

START_TEST(load_stats_is_good__every_request_was_answered_and_there_was_one)
{
	AUTO_FREE struct load_counts *c = mem_new(1, sizeof(*c));
	AUTO_FREE struct load_counts *more = mem_new(1, sizeof(*more));

	ck_assert(!load_stats_is_good(c));
	more->polls = 1;
	more->status[LOAD_QUERY][200] = 1;
	more->status[LOAD_OFFER][503] = 1;
	more->told_later = more->waiting = more->late = more->not_begun = 1;
	load_stats_add(c, more);
	ck_assert(load_stats_is_good(c));
	more->status[LOAD_FILE][0] = more->unanswered = 1;
	more->unanswered_us = 7;
	load_stats_add(c, more);
	ck_assert(!load_stats_is_good(c));
	more->unanswered_us = 5;
	load_stats_add(c, more);
	ck_assert_uint_eq(c->unanswered, 2);
	ck_assert_uint_eq(c->unanswered_us, 7);
	ck_assert_uint_eq(c->waiting, 3);
	ck_assert_uint_eq(c->not_begun, 3);
	/* Of what went wrong one thing is told: the first that was added up. */
	ck_assert_str_eq(c->error, "");
	memcpy(more->error, "first", sizeof("first"));
	load_stats_add(c, more);
	memcpy(more->error, "second", sizeof("second"));
	load_stats_add(c, more);
	ck_assert_str_eq(c->error, "first");
	*more = (struct load_counts){.wrong = 1};
	*c = (struct load_counts){.polls = 1};
	load_stats_add(c, more);
	ck_assert(!load_stats_is_good(c));
}
END_TEST

START_TEST(load_stats_add__every_number_of_both_counts)
{
	AUTO_FREE struct load_counts *sum = mem_new(1, sizeof(*sum));
	AUTO_FREE struct load_counts *more = mem_new(1, sizeof(*more));
	AUTO_FREE struct load_counts *twice = mem_new(1, sizeof(*twice));
	const size_t numbers = offsetof(struct load_counts, error) / sizeof(uint64_t);

	/* It has numbers alone but for the error at its end. */
	for (size_t i = 0; i < numbers; i++) {
		((uint64_t *)more)[i] = i + 1;
		((uint64_t *)twice)[i] = 2 * (i + 1);
	}
	twice->unanswered_us = more->unanswered_us; /* that of the oldest */
	for (int i = 0; i < 2; i++)
		load_stats_add(sum, more);
	for (size_t i = 0; i < numbers; i++)
		ck_assert_msg(((uint64_t *)sum)[i] == ((uint64_t *)twice)[i], "number %zu", i);
}
END_TEST

void
load_stats_tests(TCase *c)
{
	tcase_add_test(c, load_stats_percentile_us__is_at_most_an_eighth_too_large);
	tcase_add_test(c, load_stats_is_good__every_request_was_answered_and_there_was_one);
	tcase_add_test(c, load_stats_add__every_number_of_both_counts);
	tcase_add_test(c, load_stats_until_s__counts_from_when_the_newest_was_heard_of);
}
