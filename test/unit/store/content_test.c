/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/content.h"

#include "store/versions.h"
#include "unit.h"

START_TEST(content__files_are_shared_and_go_with_the_last_version)
{
	struct versions f;

	versions_set_up(&f);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 3);
	versions_put_content(&f, 2);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 5);
	versions_drop_content(&f, 1);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 3);
	ck_assert(content_is_complete(depot_repo(f.depot), f.header[1]));
	ck_assert(!content_is_complete(depot_repo(f.depot), f.header[0]));
	versions_drop_content(&f, 2);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 0);
	versions_tear_down(&f);
}
END_TEST

void
content_tests(TCase *c)
{
	tcase_add_test(c, content__files_are_shared_and_go_with_the_last_version);
}
