/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/loop.h"

#include "unit.h"

enum { COUNT = 1000, THREADS = 4 };

static _Atomic int runs[COUNT];

static int
run(void *context, size_t index, struct err *e)
{
	runs[index]++;
	if (context != NULL && index == *(size_t *)context)
		return err_set(e, ERR_INPUT, "at %zu", index);
	return 0;
}

static void *
work(void *context)
{
	loop_work(context);
	return NULL;
}

START_TEST(loop__runs_each_index_once)
{
	pthread_t ids[THREADS];
	struct loop loop;

	for (size_t i = 0; i < COUNT; i++)
		runs[i] = 0;
	loop_begin(&loop, COUNT, run, NULL);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&ids[i], NULL, work, &loop), 0);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(ids[i], NULL);
	ck_assert_int_eq(loop_end(&loop, NULL), 0);
	for (size_t i = 0; i < COUNT; i++)
		ck_assert_int_eq(runs[i], 1);
}
END_TEST

START_TEST(loop__ends_early_with_the_first_error)
{
	size_t fails_at = 3;
	struct loop loop;
	struct err e = {0};

	for (size_t i = 0; i < COUNT; i++)
		runs[i] = 0;
	loop_begin(&loop, COUNT, run, &fails_at);
	loop_work(&loop);
	ck_assert_int_eq(loop_end(&loop, &e), -1);
	ck_assert_str_eq(e.text, "at 3");
	ck_assert_int_eq(runs[3], 1);
	ck_assert_int_eq(runs[4], 0);
}
END_TEST

void
loop_tests(TCase *c)
{
	tcase_add_test(c, loop__runs_each_index_once);
	tcase_add_test(c, loop__ends_early_with_the_first_error);
}
