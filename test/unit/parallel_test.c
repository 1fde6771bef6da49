/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "parallel.h"

#include <pthread.h>
#include <time.h>

#include "unit.h"

enum { COUNT = 100 };

struct work {
	_Atomic unsigned ran[COUNT];
	size_t bad; /* fails */
};

static int
run_one(void *context, size_t index, struct err *e)
{
	struct work *w = context;

	w->ran[index]++;
	return index == w->bad ? err_set(e, ERR_INPUT, "number %zu", index) : 0;
}

START_TEST(parallel_for__each_index_once_by_any_number_of_threads)
{
	for (unsigned threads = 0; threads < 5; threads++) {
		struct work w = {.bad = COUNT};

		ck_assert_int_eq(parallel_for(COUNT, threads, run_one, &w, NULL), 0);
		for (size_t i = 0; i < COUNT; i++)
			ck_assert_uint_eq(w.ran[i], 1);
	}
}
END_TEST

START_TEST(parallel_for__what_one_thread_fails_at_is_returned)
{
	for (unsigned threads = 0; threads < 5; threads++)
		for (size_t bad = 0; bad < COUNT; bad += 33) {
			struct work w = {.bad = bad};
			struct err e = {0};

			ck_assert_int_eq(parallel_for(COUNT, threads, run_one, &w, &e), -1);
			ck_assert_int_eq(e.code, ERR_INPUT);
			ck_assert_ptr_nonnull(strstr(e.text, "number "));
		}
}
END_TEST

/* None ends before all have begun: fewer than three would wait for the rest until the time is up.
 */
struct meeting {
	pthread_mutex_t lock;
	pthread_cond_t all;
	unsigned here;
};

static int
meet(void *context, size_t index, struct err *e)
{
	struct meeting *m = context;
	struct timespec until;
	int result = 0;

	(void)index;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	(void)pthread_mutex_lock(&m->lock);
	if (++m->here == 3)
		(void)pthread_cond_broadcast(&m->all);
	while (m->here < 3 && result == 0)
		result = pthread_cond_timedwait(&m->all, &m->lock, &until);
	(void)pthread_mutex_unlock(&m->lock);
	return result == 0 ? 0 : err_set(e, ERR_SYS, "nobody else came");
}

START_TEST(parallel_for__as_many_at_once_as_was_said)
{
	struct meeting m = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

	ck_assert_int_eq(parallel_for(3, 3, meet, &m, NULL), 0);
}
END_TEST

void
parallel_tests(TCase *c)
{
	tcase_add_test(c, parallel_for__each_index_once_by_any_number_of_threads);
	tcase_add_test(c, parallel_for__what_one_thread_fails_at_is_returned);
	tcase_add_test(c, parallel_for__as_many_at_once_as_was_said);
}
