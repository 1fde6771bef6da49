/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/freeze.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cache/announced.h"
#include "faults.h"
#include "logged.h"
#include "unit.h"

static struct kept k;
static struct freeze *freeze;

static void
start(void)
{
	struct err e = {0};

	ck_assert_msg(freeze_open(&k.options, k.announce, &freeze, &e) == 0, "%s", e.text);
}

static void
set_up(void)
{
	kept_set_up(&k, NULL);
	logged_begin();
	start();
	ck_assert(!announced_poll(&k, "a/5 t/5 "));
}

/* Over the cache that is there. */
static void
restart(void)
{
	AUTO_FREE char *path = mem_string(k.path);

	freeze_close(freeze);
	kept_tear_down(&k);
	kept_set_up_at(&k, path);
	start();
}

static void
tear_down(void)
{
	freeze_close(freeze);
	kept_tear_down(&k);
}

static bool
is_frozen(void)
{
	AUTO_DOC json_t *frozen = freeze_document(freeze);

	return json_is_object(frozen);
}

static char *
file_path(void)
{
	return mem_printf("%s/data/guts2/hold.json", k.path);
}

START_TEST(freeze_begin__nothing_newer_is_announced_until_it_is_released)
{
	set_up();
	ck_assert(!is_frozen());
	ck_assert_int_eq(freeze_begin(freeze, "a", "b", NULL), 0);
	ck_assert(is_frozen());
	/* Newer, new, and gone: what waits is announced when the last poll is older than that. */
	ck_assert(announced_poll(&k, "a/6 b/1 t/5 "));
	ck_assert_str_eq(kept_announced(&k), "a/5 t/5 ");
	ck_assert(announced_poll(&k, "a/7 b/1 "));
	ck_assert_str_eq(kept_announced(&k), "a/5 t/5 ");
	ck_assert_int_eq(freeze_end(freeze, "a", "b", NULL), 0);
	ck_assert(!is_frozen());
	ck_assert_str_eq(kept_announced(&k), "a/7 b/1 ");
	ck_assert(!announced_poll(&k, "a/8 b/1 "));
	ck_assert_str_eq(kept_announced(&k), "a/8 b/1 ");
	tear_down();
}
END_TEST

START_TEST(freeze_begin__what_an_administrator_takes_away_goes)
{
	set_up();
	ck_assert_int_eq(freeze_begin(freeze, "a", "b", NULL), 0);
	ck_assert_int_eq(announced_forget(&k, "t", 0, NULL), 0);
	ck_assert_str_eq(kept_announced(&k), "a/5 ");
	tear_down();
}
END_TEST

/* Nobody waits for what is being prefetched: it is the day that cannot wait. */
START_TEST(freeze_end__passes_what_is_waited_for)
{
	announced_set_up_prefetch(&k);
	logged_begin();
	start();
	ck_assert(announced_poll(&k, "t/5 "));
	ck_assert_str_eq(kept_announced(&k), "t/4 ");
	ck_assert_int_eq(freeze_end(freeze, "a", "b", NULL), 0);
	ck_assert_str_eq(kept_announced(&k), "t/5 ");
	tear_down();
}
END_TEST

/* Before anything was fetched in this run nothing is known to have come. */
START_TEST(freeze_open__a_restart_stays_frozen_and_releases_nothing_by_itself)
{
	AUTO_DOC json_t *frozen = NULL;

	set_up();
	ck_assert_int_eq(freeze_begin(freeze, "user 7", "\xc3\xa4", NULL), 0);
	restart();
	frozen = freeze_document(freeze);
	ck_assert_str_eq(json_string_value(json_object_get(frozen, "by")), "user 7");
	ck_assert_str_eq(json_string_value(json_object_get(frozen, "why")), "\xc3\xa4");
	ck_assert_int_eq(freeze_end(freeze, "a", "b", NULL), 0);
	ck_assert_str_eq(kept_announced(&k), "a/5 t/5 ");
	freeze_close(freeze);
	start();
	ck_assert(!is_frozen());
	tear_down();
}
END_TEST

/* The newest of what is kept would be announced then. */
START_TEST(freeze_open__a_lost_announcement_leads_to_nothing_newer)
{

	set_up();
	(void)kept_put(&k, 6, &(struct edition){0, ""}, FORMAT_AR1);
	ck_assert_int_eq(freeze_begin(freeze, "a", "b", NULL), 0);
	ck_assert_int_eq(unlinkat(repo_dir(stock_repo(k.stock)), "q", 0), 0);
	restart();
	ck_assert_str_eq(kept_announced(&k), "a/5 t/5 ");
	ck_assert(announced_poll(&k, "a/7 t/7 "));
	ck_assert_str_eq(kept_announced(&k), "a/5 t/5 ");
	tear_down();
}
END_TEST

START_TEST(freeze_open__what_was_taken_away_since_stays_away)
{

	set_up();
	ck_assert_int_eq(freeze_begin(freeze, "a", "b", NULL), 0);
	ck_assert_int_eq(announced_forget(&k, "t", 0, NULL), 0);
	restart();
	ck_assert_str_eq(kept_announced(&k), "a/5 ");
	tear_down();
}
END_TEST

/* Whoever removed it with all of data/guts2. */
START_TEST(freeze_begin__its_directory_is_made_again)
{
	AUTO_FREE char *gone = NULL;

	set_up();
	gone = mem_printf("%s/data", k.path);
	ck_assert_int_eq(fs_remove(AT_FDCWD, gone, NULL), 0);
	ck_assert_int_eq(freeze_begin(freeze, "a", "b", NULL), 0);
	freeze_close(freeze);
	start();
	ck_assert(is_frozen());
	ck_assert_int_eq(freeze_end(freeze, "a", "b", NULL), 0);
	tear_down();
}
END_TEST

START_TEST(freeze_begin__a_reason_of_any_length_would_not_be_read_again)
{
	char why[FREEZE_WHY_MAX + 2] = "";
	struct err e = {0};

	set_up();
	memset(why, 'x', FREEZE_WHY_MAX + 1);
	ck_assert_int_eq(freeze_begin(freeze, "a", why, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert(!is_frozen());
	why[FREEZE_WHY_MAX] = '\0';
	ck_assert_int_eq(freeze_begin(freeze, "a", why, NULL), 0);
	tear_down();
}
END_TEST

START_TEST(freeze_end__removes_a_file_and_nothing_else)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *precious = NULL;

	set_up();
	path = file_path();
	precious = mem_printf("%s/precious", path);
	fs_close(&(int){fs_make_dirs(AT_FDCWD, precious, NULL)});
	ck_assert_int_eq(freeze_end(freeze, "a", "b", NULL), -1);
	ck_assert(fs_exists(AT_FDCWD, precious));
	tear_down();
}
END_TEST

START_TEST(freeze_open__a_file_that_cannot_be_read_freezes)
{
	static const char *const texts[] = {
		"", "{", "[]", "{}", "{\"updates\":[],\"at\":\"x\",\"by\":\"a\",\"why\":\"b\"}"};

	set_up();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		AUTO_FREE char *path = file_path();
		AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		ck_assert_int_eq(fs_write(fd, texts[i], strlen(texts[i]), NULL), 0);
		freeze_close(freeze);
		start();
		ck_assert(is_frozen());
		ck_assert_ptr_nonnull(strstr(logged(), "hold.json"));
	}
	ck_assert_int_eq(freeze_end(freeze, "a", "b", NULL), 0);
	tear_down();
}
END_TEST

START_TEST(freeze_begin__a_disk_that_fails_changes_nothing)
{
	bool failed = true;
	unsigned failures = 0;

	set_up();
	for (unsigned n = 1; failed; n++) {
		int result;

		faults_begin(n);
		result = freeze_begin(freeze, "a", "b", NULL);
		failed = faults_stop();
		ck_assert(failed || result == 0);
		failures += result != 0;
		ck_assert_int_eq(is_frozen(), result == 0);
		ck_assert_int_eq(freeze_end(freeze, "a", "b", NULL), 0);
	}
	ck_assert_uint_gt(failures, 2);
	tear_down();
}
END_TEST

void
freeze_tests(TCase *c)
{
	tcase_add_test(c, freeze_begin__nothing_newer_is_announced_until_it_is_released);
	tcase_add_test(c, freeze_begin__what_an_administrator_takes_away_goes);
	tcase_add_test(c, freeze_end__passes_what_is_waited_for);
	tcase_add_test(c, freeze_open__a_restart_stays_frozen_and_releases_nothing_by_itself);
	tcase_add_test(c, freeze_open__a_lost_announcement_leads_to_nothing_newer);
	tcase_add_test(c, freeze_open__what_was_taken_away_since_stays_away);
	tcase_add_test(c, freeze_begin__its_directory_is_made_again);
	tcase_add_test(c, freeze_begin__a_reason_of_any_length_would_not_be_read_again);
	tcase_add_test(c, freeze_end__removes_a_file_and_nothing_else);
	tcase_add_test(c, freeze_open__a_file_that_cannot_be_read_freezes);
	tcase_add_test(c, freeze_begin__a_disk_that_fails_changes_nothing);
}
