/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_change.h"

#include <errno.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cache/cached.h"
#include "faults.h"
#include "store/depot.h"
#include "unit.h"

static json_int_t
number_of(const json_t *document, const char *name)
{
	return json_integer_value(json_object_get(document, name));
}

static size_t
count_records(struct cached *f)
{
	cached_open_again(f);
	return f->c.records.count;
}

START_TEST(cache_change_drop__one_version_and_what_announces_it)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;

	cached_set_up(&f);
	ck_assert_int_eq(cache_change_drop(&f.c, "t", 1, false, true), 0);
	got = cached_output();
	ck_assert_int_eq(number_of(got, "removed"), 4);
	ck_assert_int_ge(number_of(got, "bytes"),
		(json_int_t)(f.full[0].ref.bytes + f.full[1].ref.bytes + f.v.header[0]->bytes));
	ck_assert_uint_eq(count_records(&f), 3);
	ck_assert_uint_eq(f.c.query.count, 1);
	ck_assert_int_eq(cache_change_drop(&f.c, "t", 2, false, false), 0);
	ck_assert_int_eq(strncmp(unit_output(), "2 removed, ", 11), 0);
	ck_assert_uint_eq(count_records(&f), 1);
	ck_assert_uint_eq(f.c.query.count, 0);
	ck_assert_int_eq(cache_change_drop(&f.c, "t", 2, false, false), 1);
	ck_assert_str_eq(unit_output(), "");
	ck_assert_ptr_nonnull(strstr(unit_complaints(), "t 2: not in the cache"));
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_change_drop__all_of_a_type_with_its_announcement_where_it_is_forgotten)
{
	for (int forget = 0; forget < 2; forget++) {
		struct cached f;

		cached_set_up(&f);
		ck_assert_int_eq(cache_change_drop(&f.c, "t", 0, forget, false), 0);
		ck_assert_int_eq(strncmp(unit_output(), "7 removed, ", 11), 0);
		ck_assert_uint_eq(count_records(&f), 0);
		ck_assert_uint_eq(f.c.query.count, forget ? 0 : 1);
		/* Of what is announced alone there is nothing to drop, but to forget. */
		ck_assert_int_eq(cache_change_drop(&f.c, "t", 0, false, false), 1);
		ck_assert_ptr_nonnull(
			strstr(unit_complaints(), "t: nothing of this type is in the cache"));
		cached_open_again(&f);
		ck_assert_int_eq(cache_change_drop(&f.c, "t", 0, true, false), forget ? 1 : 0);
		cached_open_again(&f);
		ck_assert_uint_eq(f.c.query.count, 0);
		cached_tear_down(&f);
	}
}
END_TEST

START_TEST(cache_change_drop__a_version_that_is_announced_alone)
{
	struct cached f;

	cached_set_up(&f);
	ck_assert_int_eq(cache_change_drop(&f.c, "t", 0, false, false), 0);
	cached_open_again(&f);
	ck_assert_int_eq(cache_change_drop(&f.c, "t", 1, false, false), 1);
	cached_open_again(&f);
	ck_assert_uint_eq(f.c.query.count, 1);
	ck_assert_int_eq(cache_change_drop(&f.c, "t", 2, false, false), 0);
	ck_assert_ptr_nonnull(strstr(unit_output(), "0 removed"));
	cached_open_again(&f);
	ck_assert_uint_eq(f.c.query.count, 0);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_change_drop__an_announcement_that_cannot_be_read_is_told)
{
	struct cached f;

	cached_set_up(&f);
	faults_refuse("q", 1, EIO);
	ck_assert_int_eq(cache_change_drop(&f.c, "t", 2, false, false), 1);
	ck_assert_str_eq(unit_output(), "");
	ck_assert_ptr_nonnull(strstr(unit_complaints(), "q: "));
	cached_open_again(&f);
	ck_assert_uint_eq(f.c.query.count, 1);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_change_reindex__says_how_many_records_and_whether_something_was_lost)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;

	cached_set_up(&f);
	ck_assert_int_eq(cache_change_reindex(&f.c, true), 0);
	got = cached_output();
	ck_assert_int_eq(number_of(got, "records"), CACHED_RECORDS);
	ck_assert(json_is_false(json_object_get(got, "lost")));
	ck_assert_int_eq(cache_change_reindex(&f.c, false), 0);
	ck_assert_str_eq(unit_output(), "7 records\n");
	ck_assert_int_eq(fs_remove(f.v.dir, "index.sqlite", NULL), 0);
	cached_open_again(&f);
	ck_assert_int_eq(cache_change_reindex(&f.c, false), 0);
	ck_assert_ptr_nonnull(strstr(unit_output(), "7 records; when they were served"));
	ck_assert(fs_exists(f.v.dir, "index.sqlite"));
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_change__where_another_program_has_the_cache_it_is_for_later)
{
	struct cached f;

	cached_set_up(&f);
	(void)cached_depot(&f);
	ck_assert_int_eq(cache_change_drop(&f.c, "t", 0, false, false), 75);
	ck_assert_int_eq(cache_change_reindex(&f.c, false), 75);
	ck_assert_str_eq(unit_output(), "");
	ck_assert_uint_eq(count_records(&f), CACHED_RECORDS);
	cached_tear_down(&f);
}
END_TEST

void
cache_change_tests(TCase *c)
{
	tcase_add_test(c, cache_change_drop__one_version_and_what_announces_it);
	tcase_add_test(
		c, cache_change_drop__all_of_a_type_with_its_announcement_where_it_is_forgotten);
	tcase_add_test(c, cache_change_drop__a_version_that_is_announced_alone);
	tcase_add_test(c, cache_change_drop__an_announcement_that_cannot_be_read_is_told);
	tcase_add_test(
		c, cache_change_reindex__says_how_many_records_and_whether_something_was_lost);
	tcase_add_test(c, cache_change__where_another_program_has_the_cache_it_is_for_later);
}
