/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "faults.h"
#include "unit.h"

/* DIR, and DIR/t opened. */
struct fixture {
	char *path;
	int dir;
	struct home h;
};

static void
set_up(struct fixture *f)
{
	*f = (struct fixture){0};
	f->dir = unit_dir(&f->path);
	ck_assert_int_eq(client_home_open(&f->h, f->path, "t", NULL), 0);
}

/* As another run does. */
static void
open_again(struct fixture *f)
{
	client_home_close(&f->h);
	ck_assert_int_eq(client_home_open(&f->h, f->path, "t", NULL), 0);
}

static void
tear_down(struct fixture *f)
{
	client_home_close(&f->h);
	fs_close(&f->dir);
	free(f->path);
}

static void
lead(struct fixture *f, const char *to)
{
	(void)unlinkat(f->h.dir, "current", 0);
	ck_assert_int_eq(symlinkat(to, f->h.dir, "current"), 0);
	open_again(f);
}

static void
put(int dir, const char *name, const char *text)
{
	ck_assert_int_eq(fs_put(dir, "stage", name, unit_text(text), NULL), 0);
}

/* So many seconds ago. */
static void
age(int dir, const char *name, int64_t seconds)
{
	time_t then = (time_t)((int64_t)(clock_wall_ms() / 1000) - seconds);

	ck_assert_int_eq(utimensat(dir, name, (struct timespec[]){{then, 0}, {then, 0}}, 0), 0);
}

START_TEST(client_home_open__one_run_at_a_time)
{
	struct fixture f;
	struct home other;
	struct err e = {0};

	set_up(&f);
	ck_assert_int_eq(client_home_open(&other, f.path, "t", &e), -1);
	ck_assert_int_eq(e.code, ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(e.text, "another run of guts2-client is at work"));
	ck_assert_ptr_nonnull(strstr(e.text, f.path));
	ck_assert_int_eq(client_home_open(&other, f.path, "u", NULL), 0);
	client_home_close(&other);
	client_home_close(&f.h);
	ck_assert_int_eq(client_home_open(&other, f.path, "t", NULL), 0);
	client_home_close(&other);
	tear_down(&f);
}
END_TEST

START_TEST(client_home_open__nobody_else_sees_its_state)
{
	struct fixture f;
	struct stat st;

	set_up(&f);
	ck_assert_int_eq(fchmod(f.h.state, 0755), 0);
	open_again(&f);
	ck_assert_int_eq(fstat(f.h.state, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	tear_down(&f);
}
END_TEST

START_TEST(client_home_open__what_cannot_be_a_directory_is_an_error_that_names_it)
{
	struct fixture f;
	struct home other;
	struct err e = {0};

	set_up(&f);
	put(f.dir, "file", "");
	ck_assert_int_eq(client_home_open(&other, f.path, "file", &e), -1);
	ck_assert_int_ne(e.code, ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(e.text, f.path));
	put(f.h.dir, "x", "");
	client_home_close(&f.h);
	ck_assert_int_eq(fs_remove(f.dir, "t/.state", NULL), 0);
	ck_assert_int_eq(symlinkat("/tmp", f.dir, "t/.state"), 0);
	ck_assert_int_eq(client_home_open(&other, f.path, "t", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, ".state"));
	ck_assert_int_eq(fs_remove(f.dir, "t/.state", NULL), 0);
	fs_close(&(int){fs_make_dirs(f.dir, "t/.state/lock", NULL)});
	ck_assert_int_eq(client_home_open(&other, f.path, "t", &e), -1);
	ck_assert_int_ne(e.code, ERR_BUSY);
	tear_down(&f);
}
END_TEST

START_TEST(client_home_open__current_says_which_version_by_its_name_alone)
{
	static const struct {
		const char *link;
		uint64_t version;
	} rows[] = {
		{"5-00000005", 5},
		{"9007199254740991-abcdef01", IDENT_VERSION_MAX},
		{"9007199254740992-abcdef01", 0},
		{"5-0000000", 0},
		{"5-000000055", 0},
		{"5-0000000G", 0},
		{"5_00000005", 0},
		{"05-00000005", 0},
		{"-00000005", 0},
		{"5", 0},
		{"./5-00000005", 0},
		{"5-00000005/", 0},
		{"elsewhere", 0},
	};
	struct fixture f;

	set_up(&f);
	ck_assert_uint_eq(f.h.named.version, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		lead(&f, rows[i].link);
		ck_assert_msg(f.h.named.version == rows[i].version, "%s", rows[i].link);
		if (rows[i].version > 0)
			ck_assert_str_eq(f.h.named.cookie, strchr(rows[i].link, '-') + 1);
	}
	ck_assert_int_eq(unlinkat(f.h.dir, "current", 0), 0);
	put(f.h.dir, "current", "5-00000005");
	open_again(&f);
	ck_assert_uint_eq(f.h.named.version, 0);
	tear_down(&f);
}
END_TEST

START_TEST(client_home_marked__for_a_day_and_not_from_the_future)
{
	static const struct {
		int64_t seconds;
		bool marked;
	} rows[] = {{0, true}, {HOME_MARKED_S - 60, true}, {HOME_MARKED_S, false},
		{HOME_MARKED_S + 60, false}, {-60, false}};
	struct fixture f;

	set_up(&f);
	ck_assert(!client_home_marked(&f.h, "a.bad"));
	put(f.h.state, "a.bad", "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		age(f.h.state, "a.bad", rows[i].seconds);
		ck_assert_msg(client_home_marked(&f.h, "a.bad") == rows[i].marked, "%lld",
			(long long)rows[i].seconds);
	}
	tear_down(&f);
}
END_TEST

static const char *const trees[] = {"1-00000001", "2-00000002", "3-00000003", "4-00000004"};
static const char *const others[] = {"mine", "3-0000000", "03-00000003", "3-00000003.old"};

static void
make_trees(const struct fixture *f)
{
	for (size_t i = 0; i < 4; i++) {
		AUTO_CLOSE int tree = fs_make_dirs(f->h.dir, trees[i], NULL);

		put(tree, "a", "a");
		put(f->h.dir, others[i], "mine");
	}
}

static void
check_trees(const struct fixture *f, const char *are)
{
	for (size_t i = 0; i < 4; i++) {
		ck_assert_msg(fs_exists(f->h.dir, trees[i]) == (strchr(are, trees[i][0]) != NULL),
			"%s of %s", trees[i], are);
		ck_assert_msg(fs_exists(f->h.dir, others[i]), "%s", others[i]);
	}
}

START_TEST(client_home_tidy__the_installed_version_and_the_one_before_stay)
{
	struct fixture f;

	set_up(&f);
	make_trees(&f);
	lead(&f, trees[2]);
	ck_assert_int_eq(client_home_tidy(&f.h, NULL, NULL), 0);
	check_trees(&f, "23");
	/* Of two under the number of the installed one the other goes. */
	fs_close(&(int){fs_make_dirs(f.h.dir, "3-0000000a", NULL)});
	ck_assert_int_eq(client_home_tidy(&f.h, NULL, NULL), 0);
	ck_assert(!fs_exists(f.h.dir, "3-0000000a"));
	/* With nothing installed there is nothing to keep. */
	ck_assert_int_eq(unlinkat(f.h.dir, "current", 0), 0);
	open_again(&f);
	ck_assert_int_eq(client_home_tidy(&f.h, NULL, NULL), 0);
	check_trees(&f, "");
	tear_down(&f);
}
END_TEST

START_TEST(client_home_tidy__what_is_of_use_in_its_state_stays)
{
	static const struct {
		const char *name;
		bool always;
		bool with_part; /* while a download goes on */
	} rows[] = {
		{"lock", true, true},
		{"h;t=t;v=3;c=00000003", true, true},
		{"3-00000003.seen", true, true},
		{"h;t=t;v=2;c=00000002", true, true},
		{"2-00000002.seen", true, true},
		{"h;t=t;v=1;c=00000001", false, false},
		{"1-00000001.seen", false, false},
		{"h;t=u;v=3;c=00000003", false, false},
		{"this.part", false, true},
		{"other.part", false, false},
		{"a.bad", false, true},
		{"old.bad", false, false},
		{"bad", false, false},
		{"a.bad.x", false, false},
		{"new", false, false},
	};
	struct fixture f;

	for (int part = 0; part < 2; part++) {
		set_up(&f);
		make_trees(&f);
		lead(&f, trees[2]);
		for (size_t i = 1; i < sizeof(rows) / sizeof(rows[0]); i++)
			put(f.h.state, rows[i].name, "");
		age(f.h.state, "old.bad", HOME_MARKED_S + 60);
		ck_assert_int_eq(client_home_tidy(&f.h, part ? "this.part" : NULL, NULL), 0);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			ck_assert_msg(fs_exists(f.h.state, rows[i].name) ==
					      (part ? rows[i].with_part : rows[i].always),
				"%s %d", rows[i].name, part);
		tear_down(&f);
	}
}
END_TEST

START_TEST(client_home_tidy__what_has_the_name_alone_goes)
{
	static const char *const names[] = {"3-00000003.seen", "this.part", "a.bad"};
	struct fixture f;

	set_up(&f);
	make_trees(&f);
	lead(&f, trees[2]);
	for (size_t i = 0; i < 3; i++)
		fs_close(&(int){fs_make_dirs(f.h.state, names[i], NULL)});
	ck_assert_int_eq(client_home_tidy(&f.h, "this.part", NULL), 0);
	for (size_t i = 0; i < 3; i++)
		ck_assert_msg(!fs_exists(f.h.state, names[i]), "%s", names[i]);
	tear_down(&f);
}
END_TEST

/* Who does not know which version was the one before removes none. */
START_TEST(client_home_tidy__what_cannot_be_looked_at_is_an_error_and_stays)
{
	struct fixture f;
	struct err e = {0};

	set_up(&f);
	make_trees(&f);
	lead(&f, trees[2]);
	faults_refuse(".", 1, EIO);
	ck_assert_int_eq(client_home_tidy(&f.h, NULL, &e), -1);
	ck_assert_int_eq(e.code, ERR_SYS);
	check_trees(&f, "1234");
	tear_down(&f);
}
END_TEST

START_TEST(client_home_drop_before__the_version_before_alone)
{
	struct fixture f;

	set_up(&f);
	make_trees(&f);
	ck_assert(!client_home_drop_before(&f.h));
	check_trees(&f, "1234");
	lead(&f, trees[2]);
	ck_assert(client_home_drop_before(&f.h));
	check_trees(&f, "134");
	lead(&f, trees[0]);
	ck_assert(!client_home_drop_before(&f.h));
	check_trees(&f, "134");
	tear_down(&f);
}
END_TEST

void
client_home_tests(TCase *c)
{
	tcase_add_test(c, client_home_open__one_run_at_a_time);
	tcase_add_test(c, client_home_open__nobody_else_sees_its_state);
	tcase_add_test(c, client_home_open__what_cannot_be_a_directory_is_an_error_that_names_it);
	tcase_add_test(c, client_home_open__current_says_which_version_by_its_name_alone);
	tcase_add_test(c, client_home_marked__for_a_day_and_not_from_the_future);
	tcase_add_test(c, client_home_tidy__the_installed_version_and_the_one_before_stay);
	tcase_add_test(c, client_home_tidy__what_is_of_use_in_its_state_stays);
	tcase_add_test(c, client_home_tidy__what_has_the_name_alone_goes);
	tcase_add_test(c, client_home_tidy__what_cannot_be_looked_at_is_an_error_and_stays);
	tcase_add_test(c, client_home_drop_before__the_version_before_alone);
}
