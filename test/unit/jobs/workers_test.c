/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A task that is never run, or never ends, lets its test run into the time limit. */
#include "jobs/workers.h"

#include <pthread.h>
#include <sys/resource.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "unit.h"

static atomic_uint ran;
static sem_t done;

static void
count(void *context)
{
	(void)context;
	ran++;
	(void)sem_post(&done);
}

static struct workers *
start(unsigned threads)
{
	struct workers *w;

	ran = 0;
	(void)sem_init(&done, 0, 0);
	ck_assert_int_eq(workers_start(threads, true, &w, NULL), 0);
	return w;
}

START_TEST(workers_add__who_sleeps_is_woken_for_each_task)
{
	const struct timespec moment = {.tv_nsec = 10 * 1000000L}; /* in which they fall asleep */
	struct workers *w = start(2);

	for (unsigned i = 1; i <= 5; i++) {
		(void)nanosleep(&moment, NULL);
		workers_add(w, count, NULL);
		(void)sem_wait(&done);
		ck_assert_uint_eq(ran, i);
	}
	workers_stop(w);
	workers_free(w);
}
END_TEST

static void
meet(void *context)
{
	const struct timespec moment = {.tv_nsec = 10 * 1000000L};

	(void)pthread_barrier_wait(context);
	(void)nanosleep(&moment, NULL);
	ran++;
}

START_TEST(workers_add__tasks_run_at_the_same_time_and_end_before_it_is_stopped)
{
	struct workers *w = start(3);
	pthread_barrier_t all;

	(void)pthread_barrier_init(&all, NULL, 3);
	for (int i = 0; i < 3; i++)
		workers_add(w, meet, &all);
	workers_stop(w);
	ck_assert_uint_eq(ran, 3);
	workers_free(w);
	(void)pthread_barrier_destroy(&all);
}
END_TEST

START_TEST(workers_stop__what_was_added_before_is_done_and_nothing_after)
{
	struct workers *w = start(1);
	pthread_barrier_t both;

	(void)pthread_barrier_init(&both, NULL, 2);
	workers_add(w, meet, &both); /* so that the others are still there when it is stopped */
	for (int i = 0; i < 10; i++)
		workers_add(w, count, NULL);
	(void)pthread_barrier_wait(&both);
	workers_stop(w);
	ck_assert_uint_eq(ran, 11);
	workers_add(w, count, NULL);
	workers_free(w);
	ck_assert_uint_eq(ran, 11);
	(void)pthread_barrier_destroy(&both);
}
END_TEST

static void
tell_niceness(void *context)
{
	*(int *)context = getpriority(PRIO_PROCESS, 0);
}

START_TEST(workers_start__background_ones_are_nice_and_those_alone)
{
	for (int background = 0; background <= 1; background++) {
		struct workers *w;
		int niceness = -1;
		int expected;

		ck_assert_int_eq(workers_start(1, background, &w, NULL), 0);
		workers_add(w, tell_niceness, &niceness);
		workers_stop(w);
		workers_free(w);
		expected = getpriority(PRIO_PROCESS, 0) + (background ? 10 : 0);
		ck_assert_int_eq(niceness, expected < 19 ? expected : 19);
	}
}
END_TEST

enum { INDEXES = 50 };

static int
count_index(void *context, size_t index, struct err *e)
{
	(void)e;
	((atomic_uint *)context)[index]++;
	return 0;
}

START_TEST(workers_each__every_index_once_however_many_are_free)
{
	for (unsigned threads = 1; threads <= 3; threads++)
		for (size_t indexes = 0; indexes <= INDEXES; indexes++) {
			atomic_uint counts[INDEXES] = {0};
			struct workers *w = start(threads);

			ck_assert_int_eq(workers_each(w, indexes, count_index, counts, NULL), 0);
			for (size_t i = 0; i < INDEXES; i++)
				ck_assert_uint_eq(counts[i], i < indexes);
			workers_stop(w);
			workers_free(w);
		}
}
END_TEST

static pthread_barrier_t two;

static int
meet_once(void *context, size_t index, struct err *e)
{
	const struct timespec moment = {.tv_nsec = 30 * 1000000L};

	(void)e;
	(void)pthread_barrier_wait(&two);
	/* The second one of them is at it still when the first has nothing left to do. */
	if (index == 1)
		(void)nanosleep(&moment, NULL);
	((atomic_uint *)context)[index]++;
	return 0;
}

START_TEST(workers_each__helpers_help_and_are_waited_for)
{
	for (int i = 0; i < 4; i++) {
		atomic_uint counts[2] = {0};
		struct workers *w = start(1);

		(void)pthread_barrier_init(&two, NULL, 2);
		ck_assert_int_eq(workers_each(w, 2, meet_once, counts, NULL), 0);
		ck_assert_uint_eq(counts[0] + counts[1], 2);
		workers_stop(w);
		workers_free(w);
		(void)pthread_barrier_destroy(&two);
	}
}
END_TEST

static int
fail_at_three(void *context, size_t index, struct err *e)
{
	ran++;
	return index == 3 ? err_set(e, ERR_LIMIT, "%s", (const char *)context) : 0;
}

START_TEST(workers_each__an_error_ends_it_and_is_told)
{
	struct workers *w = start(1);
	pthread_barrier_t both;
	struct err e = {0};

	/* The only helper is busy: the caller does it alone, and need not wait for who is not free.
	 */
	(void)pthread_barrier_init(&both, NULL, 2);
	workers_add(w, meet, &both);
	ck_assert_int_eq(workers_each(w, INDEXES, fail_at_three, "three", &e), -1);
	ck_assert_int_eq(e.code, ERR_LIMIT);
	ck_assert_str_eq(e.text, "three");
	ck_assert_uint_eq(ran, 4);
	/* Who comes when all is over does nothing. */
	(void)pthread_barrier_wait(&both);
	workers_stop(w);
	workers_free(w);
	ck_assert_uint_eq(ran, 5);
	(void)pthread_barrier_destroy(&both);
}
END_TEST

void
workers_tests(TCase *c)
{
	tcase_set_timeout(c, 20);
	tcase_add_test(c, workers_add__who_sleeps_is_woken_for_each_task);
	tcase_add_test(c, workers_add__tasks_run_at_the_same_time_and_end_before_it_is_stopped);
	tcase_add_test(c, workers_start__background_ones_are_nice_and_those_alone);
	tcase_add_test(c, workers_stop__what_was_added_before_is_done_and_nothing_after);
	tcase_add_test(c, workers_each__every_index_once_however_many_are_free);
	tcase_add_test(c, workers_each__helpers_help_and_are_waited_for);
	tcase_add_test(c, workers_each__an_error_ends_it_and_is_told);
}
