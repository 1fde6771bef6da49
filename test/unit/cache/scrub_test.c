/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is done to a cache when nobody asks for anything. */
#include "cache/scrub.h"

#include <semaphore.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "faults.h"
#include "logged.h"
#include "store/depot_settings.h"
#include "unit.h"

static const struct ident ident = {"t", {5, "00000005"}};

struct site {
	char *path;
	int dir;
	struct options options;
	struct scrub_parts parts;
	struct scrub *scrub;
	struct record record;
};

static void
set_up(struct site *s)
{
	struct span bytes = unit_text("GUTS2AR1");
	struct scrub_parts *p = &s->parts;
	struct err e = {0};

	*s = (struct site){.record = {.ident = ident, .ref = {digest_of(bytes), bytes.len}}};
	s->dir = unit_dir(&s->path);
	p->options = &s->options;
	ck_assert_msg(stock_open(s->path, &p->stock, &e) == 0, "%s", e.text);
	p->legacy = legacy_new(&(struct legacy_parts){.options = p->options, .stock = p->stock});
	ck_assert_int_eq(workers_start(1, false, &p->builders, &e), 0);
	ck_assert_int_eq(fs_put(repo_stage_dir(stock_repo(p->stock)), "s", "a", bytes, NULL), 0);
	ck_assert_int_eq(stock_put_archive(p->stock, &s->record, "a", NULL, NULL), 0);
	s->scrub = scrub_new(p);
}

static void
tear_down(struct site *s)
{
	workers_stop(s->parts.builders);
	workers_free(s->parts.builders);
	scrub_free(s->scrub);
	legacy_free(s->parts.legacy);
	stock_close(s->parts.stock);
	fs_close(&s->dir);
	free(s->path);
}

static void
post(void *context)
{
	(void)sem_post(context);
}

/* A tick, and what it has done by the only builder. */
static void
tick(struct site *s, uint64_t now_ms)
{
	sem_t done;

	(void)sem_init(&done, 0, 0);
	scrub_tick(s->scrub, now_ms);
	workers_add(s->parts.builders, post, &done);
	while (sem_wait(&done) != 0)
		;
	(void)sem_destroy(&done);
}

static bool
is_here(struct site *s)
{
	struct view *view = stock_view(s->parts.stock);
	bool here = view_find_record(view, &s->record) != NULL;

	view_release(view);
	return here;
}

/* Other bytes are under its name from here on. */
static void
damage(struct site *s)
{
	char name[IDENT_NAME_MAX];

	ck_assert_int_eq(fs_put(s->dir, "x", ident_file_name(&s->record.ref.id, name),
				 unit_text("GUTS2AR2"), NULL),
		0);
}

START_TEST(scrub_tick__what_was_not_looked_at_for_so_long_is_looked_at)
{
	static const struct {
		uint64_t interval_ms, later_ms;
		bool goes;
	} rows[] = {{60000, 60001, true}, {60000, 60000, false}, {0, 1000000, false}};

	unit_clock_stop();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct site s;

		set_up(&s);
		s.options.scrubInterval = rows[i].interval_ms;
		damage(&s);
		unit_clock_advance_ms(rows[i].later_ms);
		tick(&s, 5000);
		ck_assert_msg(is_here(&s) == !rows[i].goes, "row %zu", i);
		tear_down(&s);
	}
}
END_TEST

START_TEST(scrub_tick__once_a_second_and_what_somebody_removed_each_ten)
{
	AUTO_IDENTS struct idents query = {0};
	struct site s;

	unit_clock_stop();
	set_up(&s);
	s.options.scrubInterval = 60000;
	idents_add(&query, &ident);
	ck_assert_int_eq(stock_put_query(s.parts.stock, &query, false, NULL), 0);
	ck_assert_int_eq(unlinkat(s.dir, "q", 0), 0);
	tick(&s, 5000);
	ck_assert(fs_exists(s.dir, "q"));
	ck_assert_int_eq(unlinkat(s.dir, "q", 0), 0);
	damage(&s);
	unit_clock_advance_ms(9999);
	tick(&s, 6000);
	ck_assert(!fs_exists(s.dir, "q"));
	unit_clock_advance_ms(1);
	tick(&s, 6999);
	ck_assert(!fs_exists(s.dir, "q"));
	tick(&s, 7000);
	ck_assert(fs_exists(s.dir, "q") && is_here(&s));
	unit_clock_advance_ms(100000);
	tick(&s, 7999);
	ck_assert(is_here(&s));
	tick(&s, 8000);
	ck_assert(!is_here(&s));
	/* What cannot be mended is said. */
	logged_begin();
	unit_clock_advance_ms(10000);
	ck_assert_int_eq(unlinkat(s.dir, "q", 0), 0);
	faults_begin(1);
	tick(&s, 9000);
	ck_assert(faults_stop());
	ck_assert_ptr_nonnull(strstr(logged(), "event=failed text=\"the cache: "));
	tear_down(&s);
}
END_TEST

/* When it was served and checked, as it is written down. */
static struct record
written(struct site *s)
{
	AUTO_RECORDS struct records all = {0};
	struct record found;
	struct depot *d;
	bool rebuilt;
	struct err e = {0};

	stock_close(s->parts.stock);
	ck_assert_msg(depot_open(s->path, &d, &rebuilt, &e) == 0, "%s", e.text);
	ck_assert_int_eq(depot_records(d, &all, &e), 0);
	ck_assert_uint_eq(all.count, 1);
	found = all.at[0];
	depot_close(d);
	s->parts.stock = NULL;
	return found;
}

START_TEST(scrub__times_are_written_by_a_tick_and_at_the_end)
{
	for (int ticks = 0; ticks < 2; ticks++) {
		struct record found;
		struct view *view;
		struct site s;

		set_up(&s);
		unit_clock_advance_ms(5000);
		view = stock_view(s.parts.stock);
		view_record_note_served(view_find_record(view, &s.record));
		if (ticks)
			tick(&s, 5000);
		ck_assert(view_find_record(view, &s.record)->times_changed == !ticks);
		view_release(view);
		scrub_free(s.scrub);
		s.scrub = NULL;
		legacy_free(s.parts.legacy);
		s.parts.legacy = NULL;
		found = written(&s);
		ck_assert_uint_gt(found.checked_ms, 0);
		ck_assert_uint_ge(found.served_ms, found.checked_ms + 5000);
		workers_stop(s.parts.builders);
		workers_free(s.parts.builders);
		fs_close(&s.dir);
		free(s.path);
	}
}
END_TEST

static void
on_notify(void *context, enum job_queue queue)
{
	(void)context;
	(void)queue;
}

START_TEST(scrub_check__its_job_ends_whatever_came_of_it)
{
	struct job_spec spec = {.kind = JOB_CHECK, .ident = ident};

	for (int damaged = 0; damaged < 2; damaged++) {
		struct jobs *jobs = jobs_new(on_notify, NULL);
		struct site s;

		set_up(&s);
		if (damaged)
			damage(&s);
		(void)jobs_ask(jobs, &spec, NULL);
		scrub_check(s.parts.stock, jobs, jobs_take(jobs, QUEUE_WORKERS));
		ck_assert_int_eq(jobs_look(jobs, &spec).state, JOB_NONE);
		ck_assert(is_here(&s) == !damaged);
		jobs_free(jobs);
		tear_down(&s);
	}
}
END_TEST

/* No more files can be opened; or as many as before. */
static void
set_files(rlim_t count)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = count;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

START_TEST(scrub__what_cannot_be_read_just_now_is_said_and_stays)
{
	struct job_spec spec = {.kind = JOB_CHECK, .ident = ident};
	struct jobs *jobs = jobs_new(on_notify, NULL);
	struct job *job;
	struct site s;

	set_up(&s);
	damage(&s);
	logged_begin();
	s.options.scrubInterval = 60000;
	unit_clock_advance_ms(61000);
	(void)jobs_ask(jobs, &spec, NULL);
	job = jobs_take(jobs, QUEUE_WORKERS);
	set_files(3);
	tick(&s, 5000);
	scrub_check(s.parts.stock, jobs, job);
	set_files(1000);
	ck_assert(is_here(&s));
	ck_assert_int_eq(jobs_look(jobs, &spec).state, JOB_FAILED);
	ck_assert_int_eq(jobs_look(jobs, &spec).reason, JOB_BUSY);
	ck_assert_ptr_nonnull(strstr(logged(), "event=warning text=\"scrub: "));
	/* The others come first, and this one again after an interval. */
	tick(&s, 6000);
	ck_assert(is_here(&s));
	unit_clock_advance_ms(61000);
	tick(&s, 7000);
	ck_assert(!is_here(&s));
	jobs_free(jobs);
	tear_down(&s);
}
END_TEST

START_TEST(scrub_tick__after_a_large_file_comes_a_pause)
{
	enum { LARGE = 8 * 10000 };
	AUTO_FREE char *text = mem_printf("{%*s}", LARGE - 2, "");
	const struct ident other = {"u", {5, "00000000"}};
	struct record large;
	struct view *view;
	struct site s;

	unit_clock_stop();
	set_up(&s);
	damage(&s);
	ck_assert_int_eq(stock_put_header(s.parts.stock, &other, unit_text(text), &large, NULL), 0);
	s.options.scrubInterval = 60000;
	unit_clock_advance_ms(60001);
	view = stock_view(s.parts.stock);
	view_find_record(view, &large)->checked_ms = 1; /* the longest ago */
	view_release(view);
	tick(&s, 5000);
	unit_clock_advance_ms(7);
	tick(&s, 6000);
	ck_assert(is_here(&s));
	unit_clock_advance_ms(1);
	tick(&s, 7000);
	ck_assert(!is_here(&s));
	tear_down(&s);
}
END_TEST

START_TEST(scrub_tick__when_a_legacy_client_was_seen_is_written_too)
{
	char name[DEPOT_SETTINGS_NAME_MAX];
	struct site s;

	set_up(&s);
	legacy_note(s.parts.legacy, "t");
	tick(&s, 5000);
	ck_assert(stock_setting(s.parts.stock, depot_settings_legacy("t", name), &(uint64_t){0}));
	tear_down(&s);
}
END_TEST

void
scrub_tests(TCase *c)
{
	tcase_add_test(c, scrub_tick__what_was_not_looked_at_for_so_long_is_looked_at);
	tcase_add_test(c, scrub_tick__once_a_second_and_what_somebody_removed_each_ten);
	tcase_add_test(c, scrub__times_are_written_by_a_tick_and_at_the_end);
	tcase_add_test(c, scrub_check__its_job_ends_whatever_came_of_it);
	tcase_add_test(c, scrub__what_cannot_be_read_just_now_is_said_and_stays);
	tcase_add_test(c, scrub_tick__after_a_large_file_comes_a_pause);
	tcase_add_test(c, scrub_tick__when_a_legacy_client_was_seen_is_written_too);
}
