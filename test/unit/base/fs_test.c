/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/fs.h"

#include <fcntl.h>

#include "base/mem.h"
#include "unit.h"

START_TEST(fs__never_follows_links_and_bounds_reads)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_BUF struct buf bytes = {0};
	struct err e = {0};

	ck_assert_int_eq(symlinkat("/etc/passwd", dir, "link"), 0);
	ck_assert_int_eq(fs_open(dir, "link", NULL, &e), -1);
	ck_assert_int_eq(fs_put(dir, "x", "ten", unit_text("0123456789"), NULL), 0);
	ck_assert_int_eq(fs_read(dir, "ten", 9, &bytes, &e), -1);
	ck_assert_int_eq(e.code, ERR_LIMIT);
	ck_assert_int_eq(fs_read(dir, "none", 9, &bytes, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	fs_close(&(int){fs_make_dirs(dir, "a/b/c", NULL)});
	ck_assert_int_eq(symlinkat("/etc", dir, "a/b/c/etc"), 0);
	ck_assert_int_eq(fs_remove(dir, "a", NULL), 0);
	ck_assert(fs_exists(AT_FDCWD, "/etc/passwd"));
}
END_TEST

void
fs_tests(TCase *c)
{
	tcase_add_test(c, fs__never_follows_links_and_bounds_reads);
}
