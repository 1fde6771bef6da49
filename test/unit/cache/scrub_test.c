/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is done to a cache when nobody asks for anything, and what is remembered of old clients. */
#include "cache/scrub.h"

#include <semaphore.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
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
	ck_assert_int_eq(stock_put_archive(p->stock, &s->record, "a", NULL), 0);
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
	} rows[] = {{60000, 61000, true}, {60000, 30000, false}, {0, 1000000, false}};

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

	set_up(&s);
	s.options.scrubInterval = 60000;
	idents_add(&query, &ident);
	ck_assert_int_eq(stock_put_query(s.parts.stock, &query, false, NULL), 0);
	ck_assert_int_eq(unlinkat(s.dir, "q", 0), 0);
	tick(&s, 5000);
	ck_assert(fs_exists(s.dir, "q"));
	ck_assert_int_eq(unlinkat(s.dir, "q", 0), 0);
	damage(&s);
	unit_clock_advance_ms(9000);
	tick(&s, 6000);
	ck_assert(!fs_exists(s.dir, "q"));
	unit_clock_advance_ms(100000);
	tick(&s, 6999);
	ck_assert(!fs_exists(s.dir, "q") && is_here(&s));
	tick(&s, 7000);
	ck_assert(fs_exists(s.dir, "q") && !is_here(&s));
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

START_TEST(legacy_save__once_a_minute_and_at_the_end)
{
	char name[DEPOT_SETTINGS_NAME_MAX];
	uint64_t first_ms = 0;
	uint64_t then_ms = 0;
	struct site s;

	set_up(&s);
	(void)depot_settings_legacy("t", name);
	legacy_save(s.parts.legacy);
	ck_assert(!stock_setting(s.parts.stock, name, &first_ms));
	legacy_note(s.parts.legacy, "t");
	legacy_save(s.parts.legacy);
	ck_assert(stock_setting(s.parts.stock, name, &first_ms));
	ck_assert_uint_le(first_ms, clock_wall_ms());
	unit_clock_advance_ms(50000);
	legacy_note(s.parts.legacy, "t");
	legacy_save(s.parts.legacy);
	ck_assert(stock_setting(s.parts.stock, name, &then_ms) && then_ms == first_ms);
	unit_clock_advance_ms(20000);
	legacy_note(s.parts.legacy, "t");
	legacy_save(s.parts.legacy);
	ck_assert(stock_setting(s.parts.stock, name, &then_ms) && then_ms >= first_ms + 70000);
	unit_clock_advance_ms(1000);
	legacy_note(s.parts.legacy, "t");
	legacy_free(s.parts.legacy);
	s.parts.legacy = NULL;
	ck_assert(stock_setting(s.parts.stock, name, &then_ms) && then_ms >= first_ms + 71000);
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
	tcase_add_test(c, legacy_save__once_a_minute_and_at_the_end);
}
