/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cache/cached.h"
#include "faults.h"
#include "store/index.h"
#include "unit.h"

START_TEST(cache_open__an_announcement_that_cannot_be_read_is_no_damage)
{
	struct cached f;
	struct cache c;
	AUTO_FREE char *root = NULL;
	struct err e = {0};

	cached_set_up(&f);
	root = mem_printf("%s/root", f.v.path);
	faults_refuse("q", 1, EIO);
	ck_assert_int_eq(cache_open(&c, root, f.v.path, &e), -1);
	ck_assert_int_eq(e.code, ERR_SYS);
	ck_assert_msg(strstr(e.text, ": q: ") != NULL, "%s", e.text);
	ck_assert_msg(strncmp(e.text, f.v.path, strlen(f.v.path)) == 0, "%s", e.text);
	ck_assert_uint_eq(c.bad_count, 0);
	cache_close(&c);
	cached_tear_down(&f);
}
END_TEST

static int
remove_document(void *context, int dir, const char *name, struct err *e)
{
	(void)context;
	return strchr(name, ';') != NULL ? fs_remove(dir, name, e) : 0;
}

START_TEST(cache_open__what_the_index_alone_knows_is_not_there)
{
	struct cached f;

	cached_set_up(&f);
	ck_assert_int_eq(fs_each(f.v.dir, ".", remove_document, NULL, NULL), 0);
	cached_open_again(&f);
	ck_assert_uint_eq(f.c.records.count, 0);
	ck_assert_uint_eq(f.c.indexed.count, CACHED_RECORDS);
	ck_assert_uint_eq(f.c.bad_count, 0);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_open__without_an_index_the_files_say_what_is_there)
{
	struct cached f;

	cached_set_up(&f);
	ck_assert_int_eq(f.c.unindexed.code, ERR_NONE);
	ck_assert_uint_eq(f.c.indexed.count, CACHED_RECORDS);
	ck_assert_int_eq(fs_remove(f.v.dir, "index.sqlite", NULL), 0);
	cached_open_again(&f);
	ck_assert_int_eq(f.c.unindexed.code, ERR_MISSING);
	ck_assert_str_eq(f.c.unindexed.text, "index.sqlite: there is none");
	ck_assert_uint_eq(f.c.indexed.count, 0);
	ck_assert_uint_eq(f.c.records.count, CACHED_RECORDS);
	cache_complain_unindexed(&f.c, "that is all");
	ck_assert_ptr_nonnull(
		strstr(unit_complaints(), "index.sqlite: there is none: that is all"));
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_open__half_an_index_says_nothing_of_the_other_half)
{
	struct cached f;
	AUTO_FREE char *path = NULL;
	struct record r;
	struct index *index;
	bool trusted;

	cached_set_up(&f);
	path = mem_printf("%s/index.sqlite", f.v.path);
	ck_assert_int_eq(index_open(path, &index, &trusted, NULL), 0);
	/* No row of ours, and it comes behind all others. */
	r = f.full[0];
	(void)strcpy(r.ident.type, "u");
	r.ref.bytes = UINT64_MAX;
	ck_assert_int_eq(index_put(index, &r, NULL), 0);
	index_close(index, true);
	cached_open_again(&f);
	ck_assert_int_eq(f.c.unindexed.code, ERR_INPUT);
	ck_assert_uint_eq(f.c.indexed.count, 0);
	ck_assert_uint_eq(f.c.records.count, CACHED_RECORDS);
	for (size_t i = 0; i < f.c.records.count; i++)
		ck_assert_uint_eq(f.c.records.at[i].landed_ms, 0);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_open__where_there_is_none_the_error_says_below_what)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *missing = NULL;
	struct cache c;
	struct err e = {0};

	fs_close(&(int){unit_dir(&path)});
	missing = mem_printf("%s/cache", path);
	ck_assert_int_eq(cache_open(&c, "ROOT", missing, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert_ptr_nonnull(strstr(e.text, "no cache below ROOT"));
	cache_close(&c);
}
END_TEST

void
cache_open_tests(TCase *c)
{
	tcase_add_test(c, cache_open__an_announcement_that_cannot_be_read_is_no_damage);
	tcase_add_test(c, cache_open__what_the_index_alone_knows_is_not_there);
	tcase_add_test(c, cache_open__without_an_index_the_files_say_what_is_there);
	tcase_add_test(c, cache_open__half_an_index_says_nothing_of_the_other_half);
	tcase_add_test(c, cache_open__where_there_is_none_the_error_says_below_what);
}
