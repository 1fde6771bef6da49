/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/repo.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "faults.h"
#include "unit.h"

static int
put(struct repo *r, struct err *e)
{
	return repo_put(r, "q", unit_text("new"), e);
}

static int
commit(struct repo *r, struct err *e)
{
	return repo_commit(r, "staged", "q", e);
}

static int
move(struct repo *r, struct err *e)
{
	return repo_move(r, "staged", "q", e) != 0 ? -1 : repo_sync(r, e);
}

START_TEST(repo__what_is_replaced_is_not_kept_as_damaged)
{
	static int (*const ways[])(struct repo * r, struct err * e) = {put, commit, move};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_REPO struct repo *r = NULL;

	ck_assert_int_eq(repo_open(path, true, &r, NULL), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(fs_put(dir, "stage/x", "stage/staged", unit_text("new"), NULL), 0);
		ck_assert_int_eq(ways[i](r, NULL), 0);
		ck_assert(fs_exists(dir, "q") && !fs_exists(dir, "quarantine"));
	}
}
END_TEST

/* ---- A disk that fails */

START_TEST(repo__a_name_that_is_not_on_the_disk_is_an_error)
{
	static int (*const ways[])(struct repo * r, struct err * e) = {put, commit, move};
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_REPO struct repo *r = NULL;
		AUTO_BUF struct buf bytes = {0};
		struct err e = {0};
		int result;

		ck_assert_int_eq(repo_open(path, true, &r, NULL), 0);
		ck_assert_int_eq(fs_put(dir, "stage/x", "stage/staged", unit_text("new"), NULL), 0);
		/* In its place is a directory, and one in quarantine/ where that goes to. */
		fs_close(&(int){fs_make_dirs(dir, "q/in", NULL)});
		fs_close(&(int){fs_make_dirs(dir, "quarantine/q/in", NULL)});
		faults_begin(n);
		result = ways[_i](r, &e);
		failed = faults_end(result, &e);
		if (failed) { /* and it is no hindrance the next time */
			ck_assert_int_eq(
				fs_put(dir, "stage/x", "stage/staged", unit_text("new"), NULL), 0);
			ck_assert_int_eq(ways[_i](r, NULL), 0);
		}
		ck_assert_int_eq(fs_read(dir, "q", 10, &bytes, NULL), 0);
		ck_assert_str_eq(bytes.at, "new");
	}
}
END_TEST

START_TEST(repo_open__what_cannot_be_made_is_an_error)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_FREE char *deep = mem_printf("%s/deep/er", path);
		AUTO_REPO struct repo *r = NULL;
		struct err e = {0};
		int result;

		faults_begin(n);
		result = repo_open(deep, true, &r, &e);
		failed = faults_end(result, &e);
		ck_assert(failed || fs_exists(dir, "deep/er/stage"));
	}
}
END_TEST

START_TEST(repo_mend__what_cannot_be_made_is_an_error)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_FREE char *deep = mem_printf("%s/deep", path);
		AUTO_REPO struct repo *r = NULL;
		struct err e = {0};
		bool mended;
		int result;

		ck_assert_int_eq(repo_open(deep, true, &r, NULL), 0);
		ck_assert_int_eq(fs_remove(dir, "deep", NULL), 0);
		faults_begin(n);
		result = repo_mend(r, &mended, &e);
		failed = faults_end(result, &e);
	}
}
END_TEST

void
repo_tests(TCase *c)
{
	tcase_add_test(c, repo__what_is_replaced_is_not_kept_as_damaged);
	tcase_add_loop_test(c, repo__a_name_that_is_not_on_the_disk_is_an_error, 0, 3);
	tcase_add_test(c, repo_open__what_cannot_be_made_is_an_error);
	tcase_add_test(c, repo_mend__what_cannot_be_made_is_an_error);
}
