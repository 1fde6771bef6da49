/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_session.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "client/installed.h"
#include "unit.h"

START_TEST(client_session_next_ms__the_soonest_of_those_that_another_try_may_help)
{
	static const struct {
		struct {
			enum update_result result;
			uint32_t retry_s;
			bool may_recover;
		} updates[2];
		uint64_t left_ms;
		uint64_t next_ms; /* pauses last 1500 */
	} rows[] = {
		{{{UPDATE_CURRENT, 0, true}, {UPDATE_UPDATED, 0, true}}, 60000, 0},
		{{{UPDATE_REPAIRED, 0, true}, {UPDATE_OLDER, 0, true}}, 60000, 0},
		{{{UPDATE_WITHDRAWN, 0, true}, {UPDATE_CURRENT, 0, true}}, 60000, 0},
		{{{UPDATE_CURRENT, 0, false}, {UPDATE_RETRY, 3, false}}, 60000, 3000},
		{{{UPDATE_CURRENT, 0, false}, {UPDATE_RETRY, 60, false}}, 60000, 60000},
		{{{UPDATE_CURRENT, 0, false}, {UPDATE_RETRY, 61, false}}, 60000, 0},
		{{{UPDATE_RETRY, 5, false}, {UPDATE_RETRY, 3, false}}, 60000, 3000},
		{{{UPDATE_RETRY, 3, false}, {UPDATE_RETRY, 5, false}}, 60000, 3000},
		{{{UPDATE_RETRY, 61, false}, {UPDATE_RETRY, 5, false}}, 60000, 5000},
		{{{UPDATE_RETRY, 5, false}, {UPDATE_RETRY, 61, false}}, 60000, 5000},
		{{{UPDATE_RETRY, 0, false}, {UPDATE_CURRENT, 0, false}}, 60000, 1500},
		{{{UPDATE_RETRY, 1, false}, {UPDATE_RETRY, 0, false}}, 60000, 1000},
		{{{UPDATE_RETRY, 0, false}, {UPDATE_CURRENT, 0, false}}, 1200, 1200},
		{{{UPDATE_RETRY, 0, false}, {UPDATE_CURRENT, 0, false}}, 0, 0},
		{{{UPDATE_FAILED, 0, false}, {UPDATE_CURRENT, 0, false}}, 60000, 0},
		{{{UPDATE_FAILED, 0, true}, {UPDATE_CURRENT, 0, false}}, 60000, 1500},
		{{{UPDATE_FAILED, 0, false}, {UPDATE_RETRY, 5, false}}, 60000, 5000},
	};
	/* Who is not asked for has no say. */
	static struct client_session s = {
		.count = 2, .updates[2] = {.result = UPDATE_RETRY, .retry_s = 1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t n = 0; n < 2; n++)
			s.updates[n] = (struct update){.result = rows[i].updates[n].result,
				.retry_s = rows[i].updates[n].retry_s,
				.may_recover = rows[i].updates[n].may_recover};
		ck_assert_msg(client_session_next_ms(&s, 1500, rows[i].left_ms) == rows[i].next_ms,
			"row %zu", i);
	}
}
END_TEST

static const char *const types[] = {"other", "t"};

static enum update_result
result(const struct installed *f, unsigned type)
{
	return f->session.updates[type].result;
}

/* Both types, as often as it is tried. */
static void
set_up(struct installed *f)
{
	installed_set_up(f);
	(void)published_add(&f->cloud, "other", 1);
	client_session_begin(&f->session, f->path, types, 2);
}

START_TEST(client_session_try__what_another_run_has_is_tried_again_and_the_rest_is_not)
{
	struct installed f;
	struct home other;

	set_up(&f);
	ck_assert_int_eq(client_home_open(&other, f.path, "other", NULL), 0);
	client_session_try(&f.session);
	ck_assert_int_eq(result(&f, 0), UPDATE_RETRY);
	ck_assert_uint_eq(f.session.updates[0].retry_s, 0);
	ck_assert_ptr_nonnull(strstr(f.session.updates[0].why.text, "another run of guts2-client"));
	ck_assert_int_eq(result(&f, 1), UPDATE_UPDATED);
	client_home_close(&other);
	client_session_try(&f.session);
	ck_assert_int_eq(result(&f, 0), UPDATE_UPDATED);
	ck_assert_int_eq(result(&f, 1), UPDATE_UPDATED); /* as it was the first time */
	/* No lock is left behind. */
	for (size_t i = 0; i < 2; i++) {
		ck_assert_int_eq(client_home_open(&other, f.path, types[i], NULL), 0);
		client_home_close(&other);
	}
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_session_try__where_all_are_in_use_nobody_is_asked)
{
	struct installed f;
	struct home others[2];

	set_up(&f);
	ck_assert_int_eq(unlinkat(f.cloud.dir, "q", 0), 0);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(client_home_open(&others[i], f.path, types[i], NULL), 0);
	client_session_try(&f.session);
	ck_assert_int_eq(result(&f, 0), UPDATE_RETRY);
	ck_assert_int_eq(result(&f, 1), UPDATE_RETRY);
	for (size_t i = 0; i < 2; i++)
		client_home_close(&others[i]);
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_session_try__what_the_question_failed_at_failed_them_all)
{
	struct installed f;

	set_up(&f);
	ck_assert_int_eq(
		fs_put(f.cloud.dir, "stage/x", "q", unit_text("no announcement"), NULL), 0);
	client_session_try(&f.session);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(result(&f, i), UPDATE_FAILED);
		ck_assert(f.session.updates[i].may_recover);
		ck_assert_ptr_nonnull(strstr(f.session.updates[i].why.text, "q: "));
	}
	/* It was not the end of them. */
	published_announce(&f.cloud, &f.version[1], 1);
	client_session_try(&f.session);
	ck_assert_int_eq(result(&f, 0), UPDATE_FAILED);
	ck_assert_int_eq(result(&f, 1), UPDATE_UPDATED);
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_session_try__a_directory_that_cannot_be_used_fails_its_type_alone)
{
	struct installed f;
	AUTO_FREE char *other = NULL;

	set_up(&f);
	other = mem_printf("%s/other", f.path);
	ck_assert_int_eq(fs_put(f.dir, "x", "../other", unit_text("a file"), NULL), 0);
	client_session_try(&f.session);
	ck_assert_int_eq(result(&f, 0), UPDATE_FAILED);
	ck_assert(!f.session.updates[0].may_recover);
	ck_assert_ptr_nonnull(strstr(f.session.updates[0].why.text, other));
	ck_assert_int_eq(result(&f, 1), UPDATE_UPDATED);
	installed_tear_down(&f);
}
END_TEST

/* Where all goes well, and where the question itself fails. */
START_TEST(client_session_try__types_that_are_not_asked_for_are_left_alone)
{
	for (int fails = 0; fails < 2; fails++) {
		struct installed f;
		struct update *third;
		struct update before = {
			.type = "third", .result = UPDATE_RETRY, .open = true, .home = {.dir = -1}};

		set_up(&f);
		if (fails)
			ck_assert_int_eq(unlinkat(f.cloud.dir, "q", 0), 0);
		before.directory = f.path;
		third = &f.session.updates[2];
		memcpy(third, &before, sizeof(before));
		client_session_try(&f.session);
		ck_assert_int_eq(result(&f, 1), fails ? UPDATE_FAILED : UPDATE_UPDATED);
		ck_assert_int_eq(memcmp(third, &before, sizeof(before)), 0);
		installed_tear_down(&f);
	}
}
END_TEST

static unsigned
count_descriptors(void)
{
	struct installed self = {.dir = AT_FDCWD};

	return installed_count(&self, "/proc/self/fd");
}

/* With --daemon they would become more and more. */
START_TEST(client_session_try__leaves_nothing_open)
{
	struct installed f;
	unsigned before;

	set_up(&f);
	client_session_try(&f.session);
	before = count_descriptors();
	installed_publish(&f, 2);
	installed_write(&f, "../other/current/same", "damage");
	client_session_begin(&f.session, f.path, types, 2);
	client_session_try(&f.session);
	ck_assert_int_eq(result(&f, 0), UPDATE_REPAIRED);
	ck_assert_int_eq(result(&f, 1), UPDATE_UPDATED);
	ck_assert_uint_eq(count_descriptors(), before);
	installed_tear_down(&f);
}
END_TEST

/* Whoever said that it takes long may be ready when another run has ended. */
START_TEST(client_session_try__when_to_come_back_holds_for_one_try)
{
	struct installed f;
	struct home other;

	installed_set_up(&f);
	client_session_begin(&f.session, f.path, &types[1], 1);
	f.session.updates[0].retry_s = 50;
	ck_assert_int_eq(client_home_open(&other, f.path, "t", NULL), 0);
	client_session_try(&f.session);
	ck_assert_int_eq(result(&f, 0), UPDATE_RETRY);
	ck_assert_uint_eq(client_session_next_ms(&f.session, 1500, 60000), 1500);
	client_home_close(&other);
	installed_tear_down(&f);
}
END_TEST

void
client_session_tests(TCase *c)
{
	tcase_add_test(c, client_session_next_ms__the_soonest_of_those_that_another_try_may_help);
	tcase_add_test(
		c, client_session_try__what_another_run_has_is_tried_again_and_the_rest_is_not);
	tcase_add_test(c, client_session_try__where_all_are_in_use_nobody_is_asked);
	tcase_add_test(c, client_session_try__what_the_question_failed_at_failed_them_all);
	tcase_add_test(c, client_session_try__a_directory_that_cannot_be_used_fails_its_type_alone);
	tcase_add_test(c, client_session_try__types_that_are_not_asked_for_are_left_alone);
	tcase_add_test(c, client_session_try__leaves_nothing_open);
	tcase_add_test(c, client_session_try__when_to_come_back_holds_for_one_try);
}
