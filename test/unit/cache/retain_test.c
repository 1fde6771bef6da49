/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes into a small cache, what has room there, and what goes from it. */
#include "cache/retain.h"

#include <semaphore.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cache/land.h"
#include "faults.h"
#include "model/header.h"
#include "unit.h"

static const struct edition full = {0, ""};

struct site {
	char *path;
	struct options options;
	struct retain_parts parts;
	struct retain *retain;
	struct land land;
};

static void
on_notify(void *context, enum job_queue queue)
{
	(void)context;
	(void)queue;
}

static void
set_up(struct site *s)
{
	struct retain_parts *p = &s->parts;
	struct err e = {0};

	*s = (struct site){0};
	fs_close(&(int){unit_dir(&s->path)});
	options_standard(&s->options);
	free(s->options.root);
	s->options.root = mem_string(s->path);
	s->options.cacheMinFreeBytes = 0;
	p->options = &s->options;
	ck_assert_msg(settings_new(&s->options, &p->settings, &e) == 0, "%s", e.text);
	ck_assert_msg(stock_open(s->path, &p->stock, &e) == 0, "%s", e.text);
	p->jobs = jobs_new(on_notify, NULL);
	ck_assert_int_eq(workers_start(1, false, &p->workers, &e), 0);
	p->turns = builder_turns_new();
	p->ledger = ledger_new(stock_repo(p->stock));
	s->retain = retain_new(p);
	s->land = (struct land){p->stock, s->retain};
}

static void
tear_down(struct site *s)
{
	workers_stop(s->parts.workers);
	workers_free(s->parts.workers);
	retain_free(s->retain);
	ledger_free(s->parts.ledger);
	builder_turns_free(s->parts.turns);
	jobs_free(s->parts.jobs);
	stock_close(s->parts.stock);
	settings_free(s->parts.settings);
	options_free(&s->options);
	free(s->path);
}

static void
post(void *context)
{
	(void)sem_post(context);
}

/* What was noted so far has been looked at: the only worker takes one thing after the other. */
static void
settle(struct site *s)
{
	sem_t done;

	(void)sem_init(&done, 0, 0);
	workers_add(s->parts.workers, post, &done);
	while (sem_wait(&done) != 0)
		;
	(void)sem_destroy(&done);
}

/* An archive of 8 bytes; those of a format have the same. */
static struct record
put(struct site *s, uint64_t version, const struct edition *base, enum format format)
{
	static const char *const archives[] = {
		[FORMAT_AR1] = "GUTS2AR1", [FORMAT_AR2] = "GUTS2AR2"};
	struct span bytes = unit_text(archives[format]);
	struct landing landing = {.record = {.ident = {"t", {version, "00000000"}},
					  .base = *base,
					  .format = format,
					  .ref = {digest_of(bytes), bytes.len}},
		.stage = "a"};
	struct err e = {0};

	ck_assert_int_eq(
		fs_put(repo_stage_dir(stock_repo(s->parts.stock)), "s", "a", bytes, NULL), 0);
	ck_assert_msg(land_archive(&s->land, &landing, &e) == 0, "%s", e.text);
	settle(s);
	return landing.record;
}

static bool
is_here(struct site *s, const struct record *r)
{
	struct view *view = stock_view(s->parts.stock);
	bool here = view_find_record(view, r) != NULL;

	view_release(view);
	return here;
}

START_TEST(retain_min_free_bytes__the_standard_is_for_large_disks)
{
	struct options o;

	options_standard(&o);
	ck_assert_uint_eq(retain_min_free_bytes(&o, 1ULL << 40), 512ULL << 20);
	ck_assert_uint_eq(retain_min_free_bytes(&o, 1000), 100);
	options_free(&o);
}
END_TEST

START_TEST(retain_reserve__the_last_byte_and_one_more)
{
	static const struct {
		uint64_t max, held, wanted;
		int code; /* 0: there is room */
		const char *text;
	} rows[] = {{100, 0, 100, 0, NULL}, {100, 0, 101, ERR_FULL, "101 B are more than cacheMax"},
		{100, 60, 40, 0, NULL}, {100, 60, 41, ERR_FULL, "no room for 41 B"},
		{0, 60, 1000, 0, NULL}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};
		struct site s;

		set_up(&s);
		s.options.cacheMaxBytes = rows[i].max;
		ck_assert_int_eq(retain_reserve(s.retain, "held", rows[i].held, &e), 0);
		ck_assert_msg(retain_reserve(s.retain, "one", rows[i].wanted, &e) ==
				      (rows[i].code == 0 ? 0 : -1),
			"row %zu", i);
		if (rows[i].code != 0) {
			ck_assert_int_eq((int)e.code, rows[i].code);
			ck_assert_msg(strstr(e.text, rows[i].text) != NULL, "%s", e.text);
			/* What was refused takes no room, and no name. */
			ck_assert_uint_eq(ledger_used(s.parts.ledger).entered_bytes, rows[i].held);
			tear_down(&s);
			continue;
		}
		ck_assert_int_eq(retain_reserve(s.retain, "one", 0, &e), -1);
		ck_assert_int_eq((int)e.code, ERR_BUSY);
		retain_release(s.retain, "one");
		ck_assert_int_eq(retain_reserve(s.retain, "one", rows[i].wanted, &e), 0);
		tear_down(&s);
	}
}
END_TEST

START_TEST(retain_reserve__room_is_made_where_it_can_be_made)
{
	struct err e = {0};
	struct record one;
	struct record two;
	struct site s;

	set_up(&s);
	one = put(&s, 5, &(struct edition){3, "00000000"}, FORMAT_AR1);
	two = put(&s, 5, &full, FORMAT_AR2);
	s.options.cacheMaxBytes = 16;
	retain_note(s.retain);
	settle(&s);
	ck_assert(is_here(&s, &one) && is_here(&s, &two));
	/* Eight bytes are needed: the difference goes, and what was asked for has its room then. */
	ck_assert_int_eq(retain_reserve(s.retain, "x", 8, &e), -1);
	settle(&s);
	ck_assert(!is_here(&s, &one) && is_here(&s, &two));
	ck_assert_int_eq(retain_reserve(s.retain, "x", 8, &e), 0);
	tear_down(&s);
}
END_TEST

START_TEST(retain__where_room_is_short_what_is_damaged_goes)
{
	AUTO_CLOSE int quarantine = -1;
	struct site s;

	set_up(&s);
	quarantine = fs_open_dir(repo_dir(stock_repo(s.parts.stock)), "quarantine", NULL);
	ck_assert_int_eq(fs_put(quarantine, "s", "a", unit_text("damaged"), NULL), 0);
	(void)put(&s, 5, &full, FORMAT_AR1);
	s.options.cacheMaxBytes = 64;
	retain_want(s.retain, 8);
	settle(&s);
	ck_assert(fs_exists(quarantine, "a"));
	s.options.cacheMaxBytes = 16;
	retain_want(s.retain, 8);
	settle(&s);
	ck_assert(!fs_exists(quarantine, "a"));
	tear_down(&s);
}
END_TEST

START_TEST(land_archive__a_disk_that_is_full_at_the_last_step_gets_room)
{
	struct landing landing = {
		.record = {.ident = {"t", {5, "00000000"}}, .ref = {.bytes = 8}}, .stage = "a"};
	struct record difference;
	struct record kept;
	struct err e = {0};
	struct site s;

	set_up(&s);
	difference = put(&s, 5, &(struct edition){3, "00000000"}, FORMAT_AR1);
	kept = put(&s, 5, &full, FORMAT_AR2);
	s.options.cacheMaxBytes = 16;
	landing.record.ref.id = difference.ref.id;
	/* Another error says nothing of room. */
	faults_begin(1);
	ck_assert(faults_end(land_archive(&s.land, &landing, &e), &e));
	settle(&s);
	ck_assert(is_here(&s, &difference));
	faults_begin_full(1);
	ck_assert(faults_end(land_archive(&s.land, &landing, &e), &e));
	ck_assert_int_eq((int)e.code, ERR_FULL);
	settle(&s);
	ck_assert(!is_here(&s, &difference) && is_here(&s, &kept));
	tear_down(&s);
}
END_TEST

START_TEST(retain__the_oldest_goes_when_nobody_needs_it)
{
	enum need { NOTHING, SENT, BUILT_FROM, SECOND_OF_TWO };
	static const struct {
		enum need need;
		bool stays;
	} rows[] = {{NOTHING, false}, {SENT, true}, {BUILT_FROM, true}, {SECOND_OF_TWO, true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job_spec spec = {.kind = JOB_BUILD, .ident = {"t", {4, "00000000"}}};
		struct turn turn = {.spec = &spec};
		struct record old;
		struct record new;
		struct view *view;
		struct site s;

		set_up(&s);
		s.options.keepGuts2UpdatesCount = rows[i].need == SECOND_OF_TWO ? 2 : 1;
		old = put(&s, 4, &full, FORMAT_AR1);
		view = stock_view(s.parts.stock);
		if (rows[i].need == SENT)
			view_find_record(view, &old)->sending = 1;
		view_release(view);
		if (rows[i].need == BUILT_FROM)
			builder_turns_join(s.parts.turns, &turn);
		new = put(&s, 5, &full, FORMAT_AR1);
		ck_assert_msg(is_here(&s, &old) == rows[i].stays, "row %zu", i);
		ck_assert(is_here(&s, &new));
		/* When it is needed no longer it goes with the next look, each ten seconds. */
		if (rows[i].need == SENT) {
			view = stock_view(s.parts.stock);
			view_find_record(view, &old)->sending = 0;
			view_release(view);
			retain_tick(s.retain, 20000);
			settle(&s);
			ck_assert(!is_here(&s, &old));
		}
		if (rows[i].need == BUILT_FROM)
			builder_turns_leave(s.parts.turns, &turn);
		tear_down(&s);
	}
}
END_TEST

START_TEST(retain_tick__looks_each_ten_seconds)
{
	struct record old;
	struct record new;
	struct site s;

	set_up(&s);
	s.options.keepGuts2UpdatesCount = 2;
	old = put(&s, 4, &full, FORMAT_AR1);
	new = put(&s, 5, &full, FORMAT_AR1);
	retain_tick(s.retain, 5000);
	settle(&s);
	s.options.keepGuts2UpdatesCount = 1;
	retain_tick(s.retain, 14999);
	settle(&s);
	ck_assert(is_here(&s, &old));
	retain_tick(s.retain, 15000);
	settle(&s);
	ck_assert(!is_here(&s, &old) && is_here(&s, &new));
	tear_down(&s);
}
END_TEST

START_TEST(retain__the_only_whole_version_goes_when_the_newest_has_its_content)
{
	struct job_spec content = {.kind = JOB_CONTENT, .ident = {"t", {5, "00000000"}}};
	struct record old;
	struct site s;

	set_up(&s);
	s.options.keepGuts2UpdatesCount = 1;
	old = put(&s, 4, &full, FORMAT_AR1);
	(void)put(&s, 5, &(struct edition){4, "00000000"}, FORMAT_AR1);
	ck_assert(is_here(&s, &old));
	ck_assert_int_eq(jobs_look(s.parts.jobs, &content).state, JOB_QUEUED);
	tear_down(&s);
}
END_TEST

START_TEST(retain__for_room_goes_what_was_asked_for_longest_ago)
{
	/* When two differences of one version were served, from now on: a clock may be set back. */
	static const struct {
		int64_t served_s[2];
		int gone;
	} rows[] = {{{-10, -20}, 1}, {{-20, -10}, 0}, {{3600, -10}, 0}, {{-10, 3600}, 1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record records[2];
		struct view *view;
		struct site s;

		set_up(&s);
		for (int k = 0; k < 2; k++)
			records[k] = put(&s, 5, &(struct edition){3, "00000000"}, (enum format)k);
		unit_clock_advance_ms(60000);
		view = stock_view(s.parts.stock);
		for (int k = 0; k < 2; k++)
			view_find_record(view, &records[k])->served_ms =
				clock_wall_ms() + (uint64_t)(rows[i].served_s[k] * 1000);
		view_release(view);
		s.options.cacheMaxBytes = 16;
		retain_want(s.retain, 8);
		settle(&s);
		for (int k = 0; k < 2; k++)
			ck_assert_msg(
				is_here(&s, &records[k]) == (k != rows[i].gone), "row %zu", i);
		tear_down(&s);
	}
}
END_TEST

START_TEST(retain__the_last_full_archive_goes_only_where_its_type_is_withdrawn)
{
	/* NULL: nothing is announced, which says nothing of any type. */
	static const struct {
		const char *announced;
		bool offered, stays;
	} rows[] = {
		{"t", false, true}, {"u", false, false}, {NULL, false, true}, {"u", true, true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_IDENTS struct idents query = {0};
		struct ident ident = {"", {5, "00000000"}};
		struct record record;
		struct view *view;
		struct site s;

		set_up(&s);
		record = put(&s, 5, &full, FORMAT_AR1);
		if (rows[i].announced != NULL) {
			(void)snprintf(ident.type, sizeof(ident.type), "%s", rows[i].announced);
			idents_add(&query, &ident);
		}
		ck_assert_int_eq(stock_put_query(s.parts.stock, &query, false, NULL), 0);
		view = stock_view(s.parts.stock);
		/* Who was told of it comes for it within ten seconds. */
		view_record_note_offered(view_find_record(view, &record));
		view_release(view);
		unit_clock_advance_ms(rows[i].offered ? 5000 : 11000);
		s.options.cacheMaxBytes = 8;
		retain_want(s.retain, 8);
		settle(&s);
		ck_assert_msg(is_here(&s, &record) == rows[i].stays, "row %zu", i);
		tear_down(&s);
	}
}
END_TEST

/* A header of type t, and its identity. */
static void
header_of(uint64_t version, struct ident *ret_ident, struct buf *ret)
{
	AUTO_HEADER struct header *h = header_new();

	(void)snprintf(h->ident.type, sizeof(h->ident.type), "t");
	h->ident.edition.version = version;
	h->title = mem_string("T");
	ck_assert_int_eq(header_seal(h, NULL), 0);
	header_cookie(h, h->ident.edition.cookie);
	header_format(h, ret);
	*ret_ident = h->ident;
}

START_TEST(land_header__it_is_the_one_that_was_asked_for_and_has_room)
{
	AUTO_BUF struct buf bytes = {0};
	struct record header = {.kind = RECORD_HEADER};
	struct err e = {0};
	struct ident other;
	struct site s;

	set_up(&s);
	header_of(5, &header.ident, &bytes);
	header.ref.id = digest_of(span_of(bytes.at, bytes.len));
	other = header.ident;
	other.edition.version = 6;
	ck_assert_int_eq(land_header(&s.land, &other, span_of(bytes.at, bytes.len), 1, &e), -1);
	s.options.cacheMaxBytes = bytes.len - 1;
	ck_assert_int_eq(
		land_header(&s.land, &header.ident, span_of(bytes.at, bytes.len), 1, &e), -1);
	ck_assert_int_eq((int)e.code, ERR_FULL);
	ck_assert(!is_here(&s, &header));
	s.options.cacheMaxBytes = 0;
	ck_assert_int_eq(
		land_header(&s.land, &header.ident, span_of(bytes.at, bytes.len), 1, &e), 0);
	ck_assert(is_here(&s, &header));
	/* It took its room for as long as it came. */
	ck_assert_uint_eq(ledger_used(s.parts.ledger).entered_bytes, 0);
	tear_down(&s);
}
END_TEST

START_TEST(land_drop_header__only_one_that_nothing_else_agrees_with)
{
	/* None; one; one that came and went. */
	for (int archives = 0; archives < 3; archives++) {
		const bool with_archive = archives == 1;
		AUTO_BUF struct buf bytes = {0};
		struct record header = {.kind = RECORD_HEADER};
		struct err e = {0};
		struct digest id;
		struct site s;

		set_up(&s);
		header_of(5, &header.ident, &bytes);
		header.ref.id = digest_of(span_of(bytes.at, bytes.len));
		ck_assert(!land_drop_header(&s.land, &header.ident, &id));
		ck_assert_int_eq(
			land_header(&s.land, &header.ident, span_of(bytes.at, bytes.len), 1, &e),
			0);
		if (archives > 0) {
			struct landing landing = {
				.record = {.ident = header.ident,
					.ref = {digest_of(unit_text("GUTS2AR1")), 8}},
				.stage = "a"};

			ck_assert_int_eq(fs_put(repo_stage_dir(stock_repo(s.parts.stock)), "s", "a",
						 unit_text("GUTS2AR1"), NULL),
				0);
			ck_assert_int_eq(land_archive(&s.land, &landing, &e), 0);
			if (archives == 2)
				ck_assert_int_eq(
					stock_remove(s.parts.stock, &landing.record, &e), 0);
		}
		ck_assert(land_drop_header(&s.land, &header.ident, &id) == !with_archive);
		ck_assert(is_here(&s, &header) == with_archive);
		ck_assert(with_archive || digest_equal(&id, &header.ref.id));
		tear_down(&s);
	}
}
END_TEST

void
retain_tests(TCase *c)
{
	tcase_add_test(c, retain_min_free_bytes__the_standard_is_for_large_disks);
	tcase_add_test(c, retain_reserve__the_last_byte_and_one_more);
	tcase_add_test(c, retain_reserve__room_is_made_where_it_can_be_made);
	tcase_add_test(c, retain__where_room_is_short_what_is_damaged_goes);
	tcase_add_test(c, land_archive__a_disk_that_is_full_at_the_last_step_gets_room);
	tcase_add_test(c, retain__the_oldest_goes_when_nobody_needs_it);
	tcase_add_test(c, retain_tick__looks_each_ten_seconds);
	tcase_add_test(c, retain__the_only_whole_version_goes_when_the_newest_has_its_content);
	tcase_add_test(c, retain__for_room_goes_what_was_asked_for_longest_ago);
	tcase_add_test(c, retain__the_last_full_archive_goes_only_where_its_type_is_withdrawn);
	tcase_add_test(c, land_header__it_is_the_one_that_was_asked_for_and_has_room);
	tcase_add_test(c, land_drop_header__only_one_that_nothing_else_agrees_with);
}
