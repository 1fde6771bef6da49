/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/limiter.h"

#include "unit.h"

START_TEST(limiter__the_last_place_and_one_more)
{
	struct limiter l = {.max = 3};
	_Atomic uint64_t own[4] = {0};

	for (int i = 0; i < 3; i++)
		ck_assert(limiter_take(&l, &own[i], 1000));
	ck_assert_uint_eq(l.refused_ms, 0);
	ck_assert(!limiter_take(&l, &own[3], 2000));
	ck_assert_uint_eq(l.refused_ms, 2000);
	ck_assert_uint_eq(limiter_need_ms(&l), UINT64_MAX);
	limiter_give(&l, &own[0]);
	limiter_note(&l, 9000);
	ck_assert_uint_eq(limiter_need_ms(&l), 3000);
	ck_assert(limiter_take(&l, &own[3], 3000));
	ck_assert(!limiter_take(&l, &own[0], 3000));
	/* A transfer that took much longer than all others is one of eight. */
	limiter_note(&l, 9000 + 8 * 3000);
	ck_assert_uint_eq(limiter_need_ms(&l), 4000);
}
END_TEST

START_TEST(limiter_need_ms__where_all_are_quick_that_is_known)
{
	struct limiter l = {.max = 3};

	for (int i = 0; i < 3; i++) {
		limiter_note(&l, 0);
		ck_assert_uint_eq(limiter_need_ms(&l), 0);
	}
	limiter_note(&l, 1);
	limiter_note(&l, 0);
	ck_assert_uint_eq(limiter_need_ms(&l), 0);
}
END_TEST

/* Of three places two, one for each address; who finds none of those has taken nothing. */
START_TEST(limiter_take_arriving__half_of_all)
{
	struct limiter l = {.max = 3};
	_Atomic uint64_t own[3] = {0};

	ck_assert(limiter_take_arriving(&l, &own[0], 1000));
	ck_assert(limiter_take_arriving(&l, &own[1], 1000));
	ck_assert(!limiter_take_arriving(&l, &own[2], 1000));
	ck_assert_uint_eq(own[2], 0);
	ck_assert(limiter_take(&l, &own[2], 1000));
	limiter_give_arriving(&l, &own[0]);
	ck_assert(limiter_take(&l, &own[0], 1000));
	limiter_give_arriving(&l, &own[1]);
	limiter_give(&l, &own[0]);
	ck_assert(limiter_take_arriving(&l, &own[0], 1000));
}
END_TEST

/* How many of `tries` it gets. */
static unsigned
take(struct limiter *l, _Atomic uint64_t *own, unsigned tries)
{
	unsigned got = 0;

	while (tries-- > 0)
		got += limiter_take(l, own, 1000);
	return got;
}

START_TEST(limiter__one_address_leaves_places_for_others)
{
	struct limiter l = {.max = 50};
	_Atomic uint64_t own[4] = {0};

	ck_assert_uint_eq(take(&l, &own[0], 100), 25);
	ck_assert_uint_eq(take(&l, &own[1], 100), 12);
	ck_assert_uint_eq(take(&l, &own[2], 100), 12);
	ck_assert_uint_eq(take(&l, &own[3], 100), 1);
	/* What an address gives back it may have again. */
	limiter_give(&l, &own[1]);
	ck_assert_uint_eq(own[1], 11);
	ck_assert_uint_eq(take(&l, &own[1], 2), 1);
	/* It has its share: nobody who has a place is in its way. */
	l = (struct limiter){.max = 4};
	own[0] = 0;
	ck_assert_uint_eq(take(&l, &own[0], 4), 2);
	ck_assert_uint_eq(l.refused_ms, 0);
	/* Where half is taken, by whomever, one address may have a quarter. */
	l = (struct limiter){.max = 4};
	own[0] = own[1] = 0;
	ck_assert_uint_eq(take(&l, &own[0], 1) + take(&l, &own[1], 1), 2);
	ck_assert_uint_eq(take(&l, &own[1], 1), 0);
	/* With one place in all, one address has it. */
	l = (struct limiter){.max = 1};
	ck_assert_uint_eq(take(&l, &own[0], 2), 0); /* it has one already */
	own[0] = 0;
	ck_assert_uint_eq(take(&l, &own[0], 2), 1);
}
END_TEST

void
limiter_tests(TCase *c)
{
	tcase_add_test(c, limiter__the_last_place_and_one_more);
	tcase_add_test(c, limiter_take_arriving__half_of_all);
	tcase_add_test(c, limiter__one_address_leaves_places_for_others);
	tcase_add_test(c, limiter_need_ms__where_all_are_quick_that_is_known);
}
