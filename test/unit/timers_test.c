/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens at its time, whoever asks. */
#include "timers.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cache/kept.h"
#include "http/served.h"
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
	free(k.options.guts2ServerUrl);
	k.options.guts2ServerUrl = mem_string("http://127.0.0.1:9/");
	k.options.maxConnections = 64;
	k.options.updatePollingInterval = 200;
	k.options.keepGuts2UpdatesCount = 1;
	idents_add(&query, &(struct ident){"t", {9, "00000000"}});
	ck_assert_int_eq(stock_put_query(k.stock, &query, false, NULL), 0);
	parts = (struct timers_parts){.arrivals = arrivals_new(),
		.options = &k.options,
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

/* The timers' thread goes on by one turn when a test lets it, and the test when that has ended. */
static sem_t may_go, has_gone;
static atomic_bool free_running;

static void
at_end_of_turn(void *context)
{
	(void)sem_post(&has_gone);
	while (sem_wait(&may_go) != 0)
		;
	if (!free_running)
		unit_clock_meanwhile(at_end_of_turn, context);
}

static struct timers *
start_at_a_stop(void)
{
	struct timers *t;

	(void)sem_init(&may_go, 0, 0);
	(void)sem_init(&has_gone, 0, 0);
	unit_clock_meanwhile(at_end_of_turn, NULL);
	ck_assert_int_eq(timers_start(&parts, &t, NULL), 0);
	while (sem_wait(&has_gone) != 0)
		;
	return t;
}

static void
pass_ms(uint64_t ms)
{
	unit_clock_advance_ms(ms);
	(void)sem_post(&may_go);
	while (sem_wait(&has_gone) != 0)
		;
	/* What the workers were given, and what they gave each other. */
	for (int i = 0; i < 3; i++)
		kept_settle(&k);
}

static void
let_go(struct timers *t)
{
	free_running = true;
	(void)sem_post(&may_go);
	timers_stop(t);
}

/* The cloud was asked for its announcement since the last time. */
static bool
polled(void)
{
	struct job *job = jobs_take(k.jobs, QUEUE_METADATA);

	if (job == NULL)
		return false;
	ck_assert_int_eq(job->spec.kind, JOB_QUERY);
	jobs_done(k.jobs, job);
	return true;
}

START_TEST(timers__poll_and_cut_off_at_their_time_and_not_before)
{
	struct timers *t;
	cpu_set_t one;
	char byte;
	int fd;

	/* The server has one thread then, which takes who came first first. */
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	unit_clock_stop();
	set_up();
	k.options.updatePollingInterval = 5000;
	fd = served_say(parts.http, "GET /");
	{
		/* One that came after it has been answered: it is known by then. */
		AUTO_CLOSE int other = served_say(parts.http, "GET /q HTTP/1.1\r\nHost: a\r\n\r\n");

		ck_assert_int_eq(recv(other, &byte, 1, 0), 1);
	}
	t = start_at_a_stop();
	ck_assert(polled());
	pass_ms(4999);
	ck_assert(!polled());
	pass_ms(1);
	ck_assert(polled());
	pass_ms(5000);
	ck_assert(polled());
	ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	/* Its time is over, and it is looked at each second. */
	pass_ms(999);
	ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	pass_ms(1);
	/* Reset where its bytes had not been read yet. */
	ck_assert(recv(fd, &byte, 1, 0) == 0 || errno == ECONNRESET);
	ck_assert(!polled());
	let_go(t);
	fs_close(&fd);
	tear_down();
}
END_TEST

/* What an edited file says, what is announced then, and whether the older archive stays. */
static const struct {
	const char *channels, *announced;
	bool stays, read;
} edited[] = {{"{\"legacy\":[\"t\"]}", "t/9 ", true, false},
	{"{\"types\":{\"t\":{\"enabled\":false}}}", "", true, true},
	{"{\"types\":{\"t\":{\"keep\":1}}}", "t/9 ", false, true}};

START_TEST(timers__an_edited_file_is_read_at_the_second_look_and_followed)
{
	struct record old;
	struct record newest;
	struct timers *t;
	struct view *view;

	unit_clock_stop();
	set_up();
	k.options.updatePollingInterval = 86400000;
	k.options.keepGuts2UpdatesCount = 20;
	old = kept_put(&k, 4, &full, FORMAT_AR1);
	newest = kept_put(&k, 5, &full, FORMAT_AR2);
	t = start_at_a_stop();
	ck_assert(polled());
	if (edited[_i].read)
		kept_put_channels(&k, edited[_i].channels);
	pass_ms(999);
	pass_ms(1);
	ck_assert_str_eq(kept_announced(&k), "t/9 ");
	pass_ms(999);
	ck_assert(!polled());
	pass_ms(1);
	ck_assert_str_eq(kept_announced(&k), edited[_i].announced);
	view = stock_view(k.stock);
	ck_assert((view_find_record(view, &old) != NULL) == edited[_i].stays);
	ck_assert_ptr_nonnull(view_find_record(view, &newest));
	view_release(view);
	/* What is allowed anew comes with the next announcement. */
	ck_assert(polled() == edited[_i].read);
	let_go(t);
	tear_down();
}
END_TEST

START_TEST(timers_start__says_that_there_is_no_thread)
{
	struct timers *t = NULL;
	struct err e = {0};

	set_up();
	unit_no_threads();
	ck_assert_int_eq(timers_start(&parts, &t, &e), -1);
	ck_assert_int_eq((int)e.code, ERR_SYS);
	ck_assert_ptr_null(t);
	tear_down();
}
END_TEST

void
timers_tests(TCase *c)
{
	tcase_add_test(c, timers__polls_again_and_again_ends_holds_and_looks_after_the_cache);
	tcase_add_test(c, timers__poll_and_cut_off_at_their_time_and_not_before);
	tcase_add_loop_test(c, timers__an_edited_file_is_read_at_the_second_look_and_followed, 0,
		(int)(sizeof(edited) / sizeof(edited[0])));
	tcase_add_test(c, timers_start__says_that_there_is_no_thread);
}
