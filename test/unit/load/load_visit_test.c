/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A directory is asked, which needs no network, and says no status: status 0 is all there is. */
#include "load/load_visit.h"

#include <fcntl.h>
#include <sched.h>

#include "base/fs.h"
#include "base/mem.h"
#include "publish/published.h"
#include "unit.h"

enum { INTERVAL_S = 1000, SPEED = 10 };

/* One thread with a few clients. */
struct fixture {
	struct published p;
	struct ident version[3]; /* [0] none */
	struct origin origin;
	struct load_settings settings;
	struct load *load;
	struct load_thread t;
};

static void
publish(struct fixture *f, unsigned n)
{
	AUTO_FREE unsigned char *bytes = unit_bytes(3000, 7);
	AUTO_FREE char *text = mem_printf("version %u\n%.3000s", n, (const char *)bytes);

	published_put(&f->p, "a", text, false);
	f->version[n] = published_add(&f->p, "t", n);
}

static void
set_up(struct fixture *f)
{
	AUTO_FREE char *url = NULL;

	*f = (struct fixture){0};
	published_set_up(&f->p);
	publish(f, 1);
	url = mem_printf("file://%s", f->p.path);
	ck_assert_int_eq(origin_parse(url, &f->origin, NULL), 0);
	f->settings = (struct load_settings){.server = &f->origin,
		.type = "t",
		.clients = 8,
		.interval_s = INTERVAL_S,
		.speed = SPEED,
		.threads = 1};
	f->load = mem_new(1, sizeof(*f->load));
	(void)pthread_mutex_init(&f->load->lock, NULL);
	f->load->settings = &f->settings;
	f->load->newest = LOAD_NONE;
	f->t.load = f->load;
	f->t.heap = mem_new(8, sizeof(*f->t.heap));
	ck_assert_int_eq(upstream_new(&f->t.upstream, NULL), 0);
}

static void
tear_down(struct fixture *f)
{
	upstream_free(f->t.upstream);
	free(f->t.heap);
	free(f->load);
	origin_free(&f->origin);
	published_tear_down(&f->p);
}

/* It is due now, and has this version: NULL: none. */
static void
add_client(struct fixture *f, const struct ident *has)
{
	struct load_client client = {.edition = LOAD_NONE};

	if (has != NULL)
		load_visit_set_edition(
			f->load, &client, load_visit_edition(f->load, &has->edition));
	load_visit_wait(&f->t, &client, 0);
}

/* The one that is due first comes, and its visit goes on to its end. */
static void
visit(struct fixture *f)
{
	load_visit_ask(load_visit_new(&f->t));
	ck_assert_uint_eq(f->t.visits, 1);
	while (f->t.visits > 0) {
		upstream_run(f->t.upstream, 1);
		load_visit_go_on(&f->t);
	}
	ck_assert_uint_eq(f->t.count, 1);
}

/* How many requests of each step there were. */
static void
check_asked(const struct fixture *f, const unsigned asked[LOAD_STEPS])
{
	for (int i = 0; i < LOAD_STEPS; i++) {
		uint64_t noted = 0;

		for (size_t n = 0; n < LOAD_BUCKETS; n++)
			noted += f->t.counts.latency[i][n];
		ck_assert_msg(f->t.counts.status[i][0] == asked[i], "%d: %lu", i,
			(unsigned long)f->t.counts.status[i][0]);
		ck_assert_uint_eq(noted, asked[i]);
	}
}

static void
check_due(const struct fixture *f, double from_s, double to_s)
{
	/* Less what has passed since: a minute of theirs is six seconds. */
	const double left_s =
		((double)f->t.heap[0].due_ms - (double)load_visit_now_ms(f->load)) * SPEED / 1000;

	ck_assert_msg(left_s > from_s - 60 && left_s <= to_s, "%f", left_s);
}

START_TEST(load_visit_new__who_is_due_first_comes_first)
{
	static const double due_s[] = {50, 10, 70, 30, 20, 80, 60, 40};
	uint64_t last_ms = 0;
	struct fixture f;

	set_up(&f);
	for (size_t i = 0; i < 8; i++) {
		struct load_client client = {.number = (uint32_t)i, .edition = LOAD_NONE};

		load_visit_wait(&f.t, &client, due_s[i]);
	}
	for (size_t i = 0; i < 8; i++) {
		struct load_visit *v = load_visit_new(&f.t);

		ck_assert_uint_gt(load_visit_due_ms(v), last_ms);
		last_ms = load_visit_due_ms(v);
		/* Ten times as fast as real time. */
		ck_assert_uint_ge(last_ms, (i + 1) * 1000);
		load_visit_free(v);
	}
	ck_assert_uint_eq(f.t.count, 0);
	ck_assert_uint_eq(f.t.visits, 0);
	tear_down(&f);
}
END_TEST

START_TEST(load_visit_edition__has_one_number_for_each_version)
{
	struct fixture f;
	struct edition e = {0, "00000001"};

	set_up(&f);
	for (unsigned i = 0; i < LOAD_EDITIONS_MAX; i++) {
		e.version = i + 1;
		ck_assert_uint_eq(load_visit_edition(f.load, &e), i);
	}
	ck_assert_uint_eq(load_visit_edition(f.load, &e), LOAD_EDITIONS_MAX - 1);
	e.version++;
	ck_assert_uint_eq(load_visit_edition(f.load, &e), LOAD_NONE);
	ck_assert_uint_eq(f.load->edition_count, LOAD_EDITIONS_MAX);
	tear_down(&f);
}
END_TEST

START_TEST(load_visit__a_first_installation_then_a_difference_then_nothing)
{
	struct fixture f;
	struct archive_ref full;
	struct archive_ref difference;

	set_up(&f);
	add_client(&f, NULL);
	visit(&f);
	check_asked(&f, (const unsigned[]){1, 1, 1, 1});
	full = published_archive(&f.p, &f.version[1], NULL, FORMAT_AR2);
	ck_assert_uint_eq(f.t.counts.bytes[LOAD_FILE], full.bytes);
	ck_assert_uint_gt(f.t.counts.bytes[LOAD_HEADER], 0);
	ck_assert_uint_gt(f.t.counts.bytes[LOAD_QUERY], 0);
	ck_assert_uint_eq(f.t.counts.updates, 1);
	ck_assert_uint_eq(f.load->has[0], 1);
	ck_assert_uint_eq(f.load->newest, 0);
	check_due(&f, 0.9 * INTERVAL_S, 1.1 * INTERVAL_S);
	for (int i = 0; i < LOAD_STEPS; i++) /* and not since the machine was started */
		ck_assert_uint_lt(
			load_stats_percentile_us(&f.t.counts, (enum load_step)i, 100), 60000000);
	publish(&f, 2);
	visit(&f);
	check_asked(&f, (const unsigned[]){2, 2, 2, 2});
	difference = published_archive(&f.p, &f.version[2], &f.version[1].edition, FORMAT_AR2);
	ck_assert_uint_eq(f.t.counts.bytes[LOAD_FILE], full.bytes + difference.bytes);
	ck_assert_uint_eq(f.load->has[0], 0);
	ck_assert_uint_eq(f.load->has[1], 1);
	ck_assert_uint_eq(f.load->newest, 1);
	visit(&f);
	check_asked(&f, (const unsigned[]){3, 2, 2, 2});
	ck_assert_uint_eq(f.t.counts.polls, 3);
	ck_assert_uint_eq(f.t.counts.updates, 2);
	ck_assert_uint_eq(f.t.counts.wrong, 0);
	ck_assert_uint_eq(f.t.counts.told_later, 0);
	ck_assert_str_eq(f.t.counts.error, "");
	check_due(&f, 0.9 * INTERVAL_S, 1.1 * INTERVAL_S);
	tear_down(&f);
}
END_TEST

START_TEST(load_visit__an_older_version_is_not_taken)
{
	struct fixture f;

	set_up(&f);
	publish(&f, 2);
	published_announce(&f.p, &f.version[1], 1);
	add_client(&f, &f.version[2]);
	visit(&f);
	check_asked(&f, (const unsigned[]){1, 0, 0, 0});
	ck_assert_uint_eq(f.t.counts.wrong, 0);
	ck_assert_uint_eq(f.load->newest, LOAD_NONE);
	tear_down(&f);
}
END_TEST

START_TEST(load_visit__what_is_left_out_of_the_answer_is_the_newest)
{
	struct fixture f;

	set_up(&f);
	published_announce(&f.p, NULL, 0);
	add_client(&f, &f.version[1]);
	visit(&f);
	check_asked(&f, (const unsigned[]){1, 0, 0, 0});
	ck_assert_uint_eq(f.load->newest, 0);
	ck_assert_uint_eq(f.t.counts.wrong, 0);
	check_due(&f, 0.9 * INTERVAL_S, 1.1 * INTERVAL_S);
	tear_down(&f);
}
END_TEST

static void
put(const struct fixture *f, const char *name, const char *text)
{
	ck_assert_int_eq(fs_put(f->p.dir, "stage/x", name, unit_text(text), NULL), 0);
}

/* Each at another step, and what was asked for up to there. */
START_TEST(load_visit__what_is_wrong_is_counted_by_its_name_and_tried_again)
{
	static const struct {
		unsigned asked[LOAD_STEPS];
		const char *error;
	} rows[] = {
		{{1, 0, 0, 0}, "q: the server does not know this type"},
		{{1, 0, 0, 0}, "q: "},
		{{1, 1, 0, 0}, "o;t=t"},
		{{1, 1, 1, 0}, "h;t=t"},
		{{1, 1, 1, 1}, "f/"},
		{{1, 1, 1, 1}, "the archive is not what its name says"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[IDENT_NAME_MAX];
		struct archive_ref ref;
		AUTO_BUF struct buf bytes = {0};
		struct fixture f;

		set_up(&f);
		ref = published_archive(&f.p, &f.version[1], NULL, FORMAT_AR2);
		(void)ident_file_name(&ref.id, name);
		ck_assert_int_eq(fs_read(f.p.dir, name, 1 << 20, &bytes, NULL), 0);
		if (i == 0)
			published_announce(&f.p, NULL, 0);
		else if (i == 1)
			put(&f, "q", "{");
		else if (i == 2)
			put(&f, ident_offer_name(&f.version[1], NULL, name), "{}");
		else if (i == 3)
			put(&f, ident_header_name(&f.version[1], name), "{}");
		else if (i == 4)
			put(&f, name, "short");
		bytes.at[bytes.len / 2] ^= 1;
		if (i == 5)
			ck_assert_int_eq(fs_put(f.p.dir, "stage/x", name,
						 span_of(bytes.at, bytes.len), NULL),
				0);
		add_client(&f, NULL);
		visit(&f);
		check_asked(&f, rows[i].asked);
		ck_assert_uint_eq(f.t.counts.wrong, 1);
		ck_assert_uint_eq(f.t.counts.updates, 0);
		ck_assert_msg(
			strstr(f.t.counts.error, rows[i].error) != NULL, "%s", f.t.counts.error);
		ck_assert_uint_eq(f.t.heap[0].edition, LOAD_NONE);
		check_due(&f, 10, 10);
		tear_down(&f);
	}
}
END_TEST

START_TEST(load_visit_give_up__what_had_no_answer_is_counted_with_its_age)
{
	struct fixture f;
	struct load_visit *v;

	set_up(&f);
	add_client(&f, NULL);
	v = load_visit_new(&f.t);
	load_visit_ask(v);
	unit_clock_advance_ms(5000);
	upstream_free(f.t.upstream);
	f.t.upstream = NULL;
	load_visit_give_up(v);
	ck_assert_uint_eq(f.t.visits, 0);
	ck_assert_uint_eq(f.t.counts.unanswered, 1);
	ck_assert_uint_ge(f.t.counts.unanswered_us, 5000000);
	ck_assert_str_eq(f.t.counts.error, "q: no answer until the end");
	check_asked(&f, (const unsigned[]){1, 0, 0, 0});
	ck_assert_uint_ge(load_stats_percentile_us(&f.t.counts, LOAD_QUERY, 100), 5000000);
	tear_down(&f);
}
END_TEST

/* Two, of one share of clients that have version 1. */
static void
set_threads(struct fixture *f, const struct load_share *share)
{
	f->settings.threads = 2;
	f->settings.editions = &f->version[1].edition;
	f->settings.edition_count = 1;
	f->settings.shares = share;
	f->settings.share_count = 1;
}

START_TEST(load_run__every_client_comes_and_all_is_added_up)
{
	struct fixture f;
	struct load_report report;
	const struct load_share share = {.index = 0, .weight = 1};
	struct err e = {0};
	AUTO_FREE void *samples = NULL;

	set_up(&f);
	publish(&f, 2);
	f.settings.interval_s = 1;
	f.settings.speed = 5;
	f.settings.seconds = 1;
	set_threads(&f, &share);
	ck_assert_msg(load_run(&f.settings, &report, &e) == 0, "%s", e.text);
	samples = (void *)report.samples;
	ck_assert_uint_eq(report.clients, 8);
	ck_assert_uint_eq(report.counts.updates, 8);
	ck_assert_uint_ge(report.counts.polls, 8);
	ck_assert_uint_eq(report.counts.bytes[LOAD_FILE],
		8 * published_archive(&f.p, &f.version[2], &f.version[1].edition, FORMAT_AR2)
				.bytes);
	ck_assert_uint_eq(report.counts.wrong + report.counts.unanswered, 0);
	ck_assert_uint_ge(report.sample_count, 1);
	ck_assert_uint_eq(report.samples[report.sample_count - 1].newest, 2);
	ck_assert(report.samples[report.sample_count - 1].share == 1);
	f.settings.edition_count = LOAD_EDITIONS_MAX;
	ck_assert_int_eq(load_run(&f.settings, &report, &e), -1);
	ck_assert_int_eq(e.code, ERR_LIMIT);
	tear_down(&f);
}
END_TEST

START_TEST(load_run__who_begins_with_the_newest_version_is_current)
{
	struct fixture f;
	struct load_report report;
	const struct load_share share = {.index = 0, .weight = 1};
	AUTO_FREE void *samples = NULL;

	set_up(&f);
	published_announce(&f.p, NULL, 0); /* nothing newer */
	f.settings.interval_s = 1;
	f.settings.speed = 5;
	f.settings.seconds = 1;
	set_threads(&f, &share);
	ck_assert_int_eq(load_run(&f.settings, &report, NULL), 0);
	samples = (void *)report.samples;
	ck_assert_uint_eq(report.counts.updates, 0);
	ck_assert_uint_eq(report.samples[report.sample_count - 1].newest, 1);
	ck_assert(report.samples[report.sample_count - 1].share == 1);
	tear_down(&f);
}
END_TEST

/* The test, and what the thread sanitizer has of its own once a thread was begun. */
#ifdef __SANITIZE_THREAD__
enum { OTHER_THREADS = 3 };
#else
enum { OTHER_THREADS = 1 };
#endif

/* In the place of the first pause of who watches: no thread of the run is there any more. */
static void
end_run(void *context)
{
	const uint64_t *after_ms = context;

	load_run_stopped = true;
	while (unit_count(AT_FDCWD, "/proc/self/task") > OTHER_THREADS)
		(void)sched_yield();
	unit_clock_advance_ms(*after_ms);
}

START_TEST(load_run__who_was_due_for_a_second_and_never_came_is_counted)
{
	/* Of eight, which are due within the first second. */
	static const struct {
		uint64_t after_ms, not_begun;
	} rows[] = {{1000, 0}, {2001, 8}};
	const struct load_share share = {.index = 0, .weight = 1};
	uint64_t after_ms;

	unit_clock_stop();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;
		struct load_report report;

		set_up(&f);
		f.settings.speed = INTERVAL_S;
		f.settings.seconds = 60;
		set_threads(&f, &share);
		after_ms = rows[i].after_ms;
		load_run_stopped = false;
		unit_clock_meanwhile(end_run, &after_ms);
		ck_assert_int_eq(load_run(&f.settings, &report, NULL), 0);
		free((void *)report.samples);
		ck_assert_uint_eq(report.counts.polls, 0);
		ck_assert_msg(report.counts.not_begun == rows[i].not_begun, "row %zu: %lu", i,
			(unsigned long)report.counts.not_begun);
		tear_down(&f);
	}
}
END_TEST

void
load_visit_tests(TCase *c)
{
	tcase_add_test(c, load_visit_new__who_is_due_first_comes_first);
	tcase_add_test(c, load_visit_edition__has_one_number_for_each_version);
	tcase_add_test(c, load_visit__a_first_installation_then_a_difference_then_nothing);
	tcase_add_test(c, load_visit__an_older_version_is_not_taken);
	tcase_add_test(c, load_visit__what_is_left_out_of_the_answer_is_the_newest);
	tcase_add_test(c, load_visit__what_is_wrong_is_counted_by_its_name_and_tried_again);
	tcase_add_test(c, load_visit_give_up__what_had_no_answer_is_counted_with_its_age);
	tcase_add_test(c, load_run__every_client_comes_and_all_is_added_up);
	tcase_add_test(c, load_run__who_begins_with_the_newest_version_is_current);
	tcase_add_test(c, load_run__who_was_due_for_a_second_and_never_came_is_counted);
}
