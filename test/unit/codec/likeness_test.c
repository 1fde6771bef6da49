/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/likeness.h"

#include <stdlib.h>

#include "base/mem.h"
#include "unit.h"

enum { LEN = 1 << 18 };

/* How many samples of one the other has as well. */
static size_t
common(const struct likeness *a, const struct likeness *b)
{
	size_t count = 0;
	size_t k = 0;

	for (size_t i = 0; i < a->count; i++) {
		while (k < b->count && b->samples[k] < a->samples[i])
			k++;
		count += k < b->count && b->samples[k] == a->samples[i];
	}
	return count;
}

START_TEST(likeness_sample__takes_about_one_for_each_step)
{
	AUTO_FREE unsigned char *bytes = unit_bytes(LEN, 1);
	struct likeness l = likeness_sample(span_of(bytes, LEN));

	ck_assert_uint_gt(l.count, LEN / LIKENESS_STEP / 4 * 3);
	ck_assert_uint_lt(l.count, LEN / LIKENESS_STEP / 4 * 5);
	for (size_t i = 1; i < l.count; i++)
		ck_assert_uint_lt(l.samples[i - 1], l.samples[i]);
	likeness_free(&l);
	ck_assert(l.samples == NULL && l.count == 0);
	l = likeness_sample(span_of(bytes, 0));
	ck_assert_uint_eq(l.count, 0);
	likeness_free(&l);
}
END_TEST

/* However often it comes. */
START_TEST(likeness_sample__what_is_repeated_is_sampled_once)
{
	AUTO_FREE unsigned char *bytes = unit_bytes(LEN, 1);
	AUTO_FREE unsigned char *twice = mem_new(2 * LEN, 1);
	AUTO_FREE unsigned char *zeros = mem_new(LEN, 1);
	struct likeness one = likeness_sample(span_of(bytes, LEN));
	struct likeness two;
	struct likeness none = likeness_sample(span_of(zeros, LEN));

	memcpy(twice, bytes, LEN);
	memcpy(twice + LEN, bytes, LEN);
	two = likeness_sample(span_of(twice, 2 * LEN));
	ck_assert_uint_eq(common(&one, &two), one.count);
	/* Around where they meet there may be one more. */
	ck_assert_uint_le(two.count, one.count + 3);
	ck_assert_uint_le(none.count, 64);
	likeness_free(&one);
	likeness_free(&two);
	likeness_free(&none);
}
END_TEST

START_TEST(likeness_sample__finds_the_same_content_wherever_it_is)
{
	enum { PART = LEN / 4 };
	AUTO_FREE unsigned char *part = unit_bytes(PART, 1);
	struct likeness l = likeness_sample(span_of(part, PART));

	for (size_t at = 0; at < 300; at += 37) {
		AUTO_FREE unsigned char *other = unit_bytes(LEN, 2);
		struct likeness without = likeness_sample(span_of(other, LEN));
		struct likeness with;

		memcpy(other + at, part, PART);
		with = likeness_sample(span_of(other, LEN));
		/* Only the first bytes, before which there is something else, may say less. */
		ck_assert_uint_ge(common(&l, &with) + 3, l.count);
		ck_assert_uint_le(common(&l, &without), l.count / 50);
		likeness_free(&without);
		likeness_free(&with);
	}
	likeness_free(&l);
}
END_TEST

void
likeness_tests(TCase *c)
{
	tcase_add_test(c, likeness_sample__takes_about_one_for_each_step);
	tcase_add_test(c, likeness_sample__what_is_repeated_is_sampled_once);
	tcase_add_test(c, likeness_sample__finds_the_same_content_wherever_it_is);
}
