/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens at its time, whoever asks. */
#include "timers.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cache/kept.h"
#include "logged.h"
#include "unit.h"

static const struct edition full = {0, ""};

static struct kept k;
static struct timers_parts parts;

static void
set_up(void)
{
	AUTO_IDENTS struct idents query = {0};
	struct err e = {0};

	kept_set_up(&k, "{\"legacy\":[\"t\"]}");
	logged_begin();
	free(k.options.hostModuleAddress);
	k.options.hostModuleAddress = mem_string("127.0.0.1");
	k.options.hostModulePort = 0;
	k.options.maxConnections = 64;
	k.options.updatePollingInterval = 200;
	k.options.keepGuts2UpdatesCount = 1;
	idents_add(&query, &(struct ident){"t", {9, "00000000"}});
	ck_assert_int_eq(stock_put_query(k.stock, &query, false, NULL), 0);
	parts = (struct timers_parts){.options = &k.options,
		.settings = k.settings,
		.jobs = k.jobs,
		.workers = k.workers,
		.announce = k.announce,
		.retain = k.retain};
	parts.legacy = legacy_new(&(struct legacy_parts){&k.options, k.settings, k.stock, k.jobs});
	parts.scrub =
		scrub_new(&(struct scrub_parts){&k.options, k.stock, parts.legacy, k.workers});
	ck_assert_msg(http_start(&(struct reply_parts){.options = &k.options,
					 .id = "guts2d-0123456789abcdef",
					 .settings = k.settings,
					 .stock = k.stock,
					 .jobs = k.jobs,
					 .usage = k.usage,
					 .legacy = parts.legacy},
			      &parts.http, &e) == 0,
		"%s", e.text);
}

static void
tear_down(void)
{
	jobs_stop(k.jobs);
	http_stop(parts.http, 0);
	workers_stop(k.workers);
	scrub_free(parts.scrub);
	legacy_free(parts.legacy);
	kept_tear_down(&k);
}

static struct job *
taken(enum job_queue queue)
{
	struct job *job;

	while ((job = jobs_take(k.jobs, queue)) == NULL)
		(void)sched_yield();
	return job;
}

static void
resume(void *context)
{
	*(atomic_bool *)context = true;
}

START_TEST(timers__polls_again_and_again_ends_holds_and_looks_after_the_cache)
{
	atomic_bool resumed = false;
	struct waiter waiter = {.resume = resume, .context = &resumed};
	const struct job_spec header = {.kind = JOB_HEADER, .ident = {"t", {9, "00000000"}}};
	struct record old;
	struct timers *t;

	set_up();
	old = kept_put(&k, 4, &full, FORMAT_AR2);
	(void)kept_put(&k, 5, &full, FORMAT_AR2);
	ck_assert_int_eq(unlinkat(k.dir, "q", 0), 0);
	legacy_note(parts.legacy, "t");
	waiter.deadline_ms = clock_mono_ms() + 50;
	ck_assert(jobs_ask(k.jobs, &header, &waiter).held);
	ck_assert_int_eq(timers_start(&parts, &t, NULL), 0);
	while (!resumed)
		(void)sched_yield();
	/* The newest archive of a legacy type. */
	ck_assert_uint_eq(taken(QUEUE_BUILDERS)->spec.ident.edition.version, 9);
	ck_assert_int_eq(taken(QUEUE_METADATA)->spec.kind, JOB_HEADER);
	for (int i = 0; i < 2; i++) {
		struct job *poll = taken(QUEUE_METADATA);

		ck_assert_int_eq(poll->spec.kind, JOB_QUERY);
		jobs_done(k.jobs, poll);
	}
	while (!fs_exists(k.dir, "q"))
		(void)sched_yield();
	for (bool here = true; here;) {
		struct view *view = stock_view(k.stock);

		here = view_find_record(view, &old) != NULL;
		view_release(view);
	}
	timers_stop(t);
	timers_stop(NULL);
	tear_down();
}
END_TEST

void
timers_tests(TCase *c)
{
	tcase_add_test(c, timers__polls_again_and_again_ends_holds_and_looks_after_the_cache);
}
