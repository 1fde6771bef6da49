/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/wishes.h"

#include "unit.h"

/* Asks for `count` things that nobody asked for before; how many were passed on. */
static unsigned
invent(struct wishes *w, uint64_t asker, unsigned count, uint64_t now_ms)
{
	static uint64_t what;
	unsigned passed = 0;

	for (unsigned i = 0; i < count; i++)
		passed += wishes_allow(w, asker, ++what * 0x9e3779b97f4a7c15, now_ms);
	return passed;
}

START_TEST(wishes__one_address_has_a_share_and_all_have_a_bound)
{
	struct wishes *w = wishes_new();

	ck_assert_uint_eq(invent(w, 1, 10000, 1000), 40);
	/* Another one still has its own, as far as all together have. */
	ck_assert_uint_eq(invent(w, 2, 10000, 1000), 20);
	ck_assert_uint_eq(invent(w, 3, 10000, 1000), 0);
	/* A minute later: no more than at the beginning, and 4 a second of one address. */
	ck_assert_uint_eq(invent(w, 1, 10000, 61000), 40);
	ck_assert_uint_eq(invent(w, 1, 10000, 62000), 4);
	wishes_free(w);
}
END_TEST

START_TEST(wishes__what_is_asked_again_passes_those_that_are_invented)
{
	struct wishes *w = wishes_new();
	const uint64_t honest = 0x123456789abcdef0;

	(void)invent(w, 1, 10000, 1000);
	ck_assert(!wishes_allow(w, 1, honest, 1000));
	(void)invent(w, 1, 10000, 3000);
	ck_assert(wishes_allow(w, 1, honest, 3000));
	wishes_free(w);
}
END_TEST

void
wishes_tests(TCase *c)
{
	tcase_add_test(c, wishes__one_address_has_a_share_and_all_have_a_bound);
	tcase_add_test(c, wishes__what_is_asked_again_passes_those_that_are_invented);
}
