/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/jobs.h"

#include "unit.h"

static unsigned resumed; /* a bit each */

static void
on_resume(void *context)
{
	resumed |= 1U << *(unsigned *)context;
}

static void
on_notify(void *context, enum job_queue queue)
{
	(void)context;
	(void)queue;
}

/* Three: the first can do with what arrives, the second is due at 1000, the third at 2000. */
static void
fill(struct waiter waiters[3], struct waiter_list *list)
{
	static unsigned numbers[] = {0, 1, 2};

	SLIST_INIT(list);
	for (unsigned i = 0; i < 3; i++) {
		waiters[i] = (struct waiter){.resume = on_resume,
			.context = &numbers[i],
			.deadline_ms = i == 1 ? 1000 : 2000,
			.early = i == 0};
		SLIST_INSERT_HEAD(list, &waiters[i], link);
	}
}

START_TEST(waiters_detach__these_and_no_others)
{
	static const struct {
		enum waiters_which which;
		uint64_t now_ms;
		unsigned gone;
	} rows[] = {{WAITERS_ALL, 0, 7}, {WAITERS_EARLY, 0, 1}, {WAITERS_DUE, 999, 0},
		{WAITERS_DUE, 1000, 2}, {WAITERS_DUE, 2000, 7}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct waiter waiters[3];
		struct waiter_list list;
		struct waiter_list gone = SLIST_HEAD_INITIALIZER(gone);

		fill(waiters, &list);
		waiters_detach(&list, rows[i].which, rows[i].now_ms, &gone);
		resumed = 0;
		waiters_resume(&gone);
		ck_assert_msg(resumed == rows[i].gone, "row %zu: %u", i, resumed);
		ck_assert(SLIST_EMPTY(&gone));
		waiters_resume(&list);
		ck_assert_uint_eq(resumed, 7);
	}
}
END_TEST

/* Of the download and of the build that waits for it; not of another format or base. */
START_TEST(jobs_arriving__who_can_do_with_it_is_resumed)
{
	static const struct {
		enum job_kind kind;
		uint64_t base;
		enum format format;
		bool early, resumed;
	} rows[] = {{JOB_OFFER, 0, FORMAT_AR2, true, true},
		{JOB_OFFER, 0, FORMAT_AR2, false, false}, {JOB_BUILD, 0, FORMAT_AR2, true, true},
		{JOB_OFFER, 0, FORMAT_AR1, true, false}, {JOB_OFFER, 4, FORMAT_AR2, true, false},
		{JOB_HEADER, 0, FORMAT_AR2, true, false}};
	const struct ident ident = {"t", {5, "00000005"}};
	const struct edition full = {0, ""};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct jobs *j = jobs_new(on_notify, NULL);
		unsigned number = 0;
		struct waiter waiter = {.resume = on_resume,
			.context = &number,
			.deadline_ms = UINT64_MAX,
			.early = rows[i].early};
		const struct job_spec spec = {.kind = rows[i].kind,
			.ident = ident,
			.base = {rows[i].base, ""},
			.format = rows[i].format};

		resumed = 0;
		ck_assert(jobs_ask(j, &spec, &waiter).held);
		jobs_arriving(j, &ident, &full, FORMAT_AR2);
		ck_assert_msg(resumed == rows[i].resumed, "row %zu", i);
		jobs_stop(j);
		ck_assert_uint_eq(resumed, 1);
		jobs_free(j);
	}
}
END_TEST

void
waiters_tests(TCase *c)
{
	tcase_add_test(c, waiters_detach__these_and_no_others);
	tcase_add_test(c, jobs_arriving__who_can_do_with_it_is_resumed);
}
