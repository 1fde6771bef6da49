/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_walk.h"

#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

static ino_t
inode_of(int dir, const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(dir, name, &st, 0), 0);
	return st.st_ino;
}

START_TEST(client_walk_enter__gives_each_file_its_directory)
{
	static const struct {
		const char *path;
		const char *dir;
		const char *name;
	} files[] = {{"a", ".", "a"}, {"ab/c", "ab", "c"}, {"ab/d", "ab", "d"},
		{"ab/e/f", "ab/e", "f"}, {"ab/g", "ab", "g"}, {"abc/h", "abc", "h"},
		{"b", ".", "b"}};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int tree = unit_dir(&path);

	/* The first time they are made, the second they are there. */
	for (int make = 1; make >= 0; make--) {
		struct client_walk w = client_walk_begin(tree, make);

		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			const char *name = client_walk_enter(&w, files[i].path, NULL);

			ck_assert_str_eq(name, files[i].name);
			ck_assert(inode_of(w.dir, ".") == inode_of(tree, files[i].dir));
		}
		client_walk_end(&w);
		ck_assert_int_eq(w.dir, -1);
	}
}
END_TEST

START_TEST(client_walk_enter__what_is_missing_or_a_link_is_no_directory)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int tree = unit_dir(&path);
	struct client_walk w = client_walk_begin(tree, false);
	struct err e = {0};

	ck_assert_int_eq(mkdirat(tree, "there", 0755), 0);
	ck_assert_int_eq(symlinkat("there", tree, "link"), 0);
	ck_assert_ptr_null(client_walk_enter(&w, "gone/a", &e));
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert_ptr_null(client_walk_enter(&w, "gone/b", &e));
	ck_assert_ptr_null(client_walk_enter(&w, "link/a", &e));
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_str_eq(client_walk_enter(&w, "there/a", &e), "a");
	client_walk_end(&w);
	/* Nor is it made in the place of one. */
	w = client_walk_begin(tree, true);
	ck_assert_ptr_null(client_walk_enter(&w, "link/a", &e));
	client_walk_end(&w);
}
END_TEST

void
client_walk_tests(TCase *c)
{
	tcase_add_test(c, client_walk_enter__gives_each_file_its_directory);
	tcase_add_test(c, client_walk_enter__what_is_missing_or_a_link_is_no_directory);
}
