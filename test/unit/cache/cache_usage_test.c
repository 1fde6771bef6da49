/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_usage.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cache/cached.h"
#include "faults.h"
#include "unit.h"

static json_t *
usage(const struct cached *f)
{
	unit_listen();
	ck_assert_int_eq(cache_usage(&f->c, true), 0);
	return cached_output();
}

/* Of this type (NULL: none) and kind; -1: there is no such sum. */
static json_int_t
number_of(const json_t *document, const char *type, const char *kind, const char *what)
{
	const json_t *rows = json_object_get(document, "rows");

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *got = json_string_value(json_object_get(row, "type"));

		if ((type == NULL ? got == NULL : got != NULL && strcmp(type, got) == 0) &&
			strcmp(json_string_value(json_object_get(row, "kind")), kind) == 0)
			return json_integer_value(json_object_get(row, what));
	}
	return -1;
}

static void
put(const struct cached *f, const char *name)
{
	ck_assert_int_eq(fs_put(f->v.dir, "stage/x", name, unit_text("12345"), NULL), 0);
}

START_TEST(cache_usage__every_byte_has_a_type_and_a_kind)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	json_int_t sum = 0;
	const json_t *rows;

	cached_set_up(&f);
	got = usage(&f);
	ck_assert_int_eq(number_of(got, "t", "header", "files"), 3);
	ck_assert_int_eq(number_of(got, "t", "offer", "files"), 2);
	ck_assert_int_eq(number_of(got, "t", "full", "files"), 2);
	ck_assert_int_eq(number_of(got, "t", "full", "bytes"),
		(json_int_t)(f.full[0].ref.bytes + f.full[1].ref.bytes));
	ck_assert_int_eq(number_of(got, "t", "difference", "files"), 1);
	ck_assert_int_eq(
		number_of(got, "t", "difference", "bytes"), (json_int_t)f.difference.ref.bytes);
	/* Three files of c/, and the empty one at the top. */
	ck_assert_int_eq(number_of(got, "t", "content", "files"), 4);
	ck_assert_int_eq(number_of(got, "t", "content", "bytes"), (json_int_t)f.v.header[0]->bytes);
	ck_assert_int_eq(number_of(got, NULL, "announcement", "files"), 1);
	ck_assert_int_ge(number_of(got, NULL, "index", "files"), 1);
	ck_assert_int_eq(number_of(got, NULL, "lock", "files"), 1);
	ck_assert_int_eq(number_of(got, NULL, "stray", "files"), -1);
	ck_assert_int_eq(number_of(got, NULL, "foreign", "files"), -1);
	rows = json_object_get(got, "rows");
	for (size_t i = 0; i < json_array_size(rows); i++)
		sum += json_integer_value(json_object_get(json_array_get(rows, i), "bytes"));
	ck_assert_int_eq(json_integer_value(json_object_get(got, "bytes")), sum);
	cached_tear_down(&f);
}
END_TEST

/* Of no type first; what is of no type has a type of "" here. */
static const char *
text_of(const json_t *rows, size_t i, const char *what)
{
	const char *text = json_string_value(json_object_get(json_array_get(rows, i), what));

	return text != NULL ? text : "";
}

START_TEST(cache_usage__the_rows_are_sorted_by_type_and_kind)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	const json_t *rows;

	cached_set_up(&f);
	got = usage(&f);
	rows = json_object_get(got, "rows");
	ck_assert_uint_ge(json_array_size(rows), 8);
	for (size_t i = 1; i < json_array_size(rows); i++) {
		int order = strcmp(text_of(rows, i - 1, "type"), text_of(rows, i, "type"));

		ck_assert_int_le(order, 0);
		if (order == 0)
			ck_assert_int_lt(
				strcmp(text_of(rows, i - 1, "kind"), text_of(rows, i, "kind")), 0);
	}
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_usage__what_nothing_explains_is_stray_or_foreign)
{
	static const char *const names[] = {"f/readme",
		"f/0000000000000000000000000000000000000000000000000000000000000007_archive",
		"c/readme", "c/0000000000000000000000000000000000000000000000000000000000000007",
		"readme", "mine/deep/f", "mine/f/f"};
	struct cached f;
	AUTO_DOC json_t *got = NULL;

	cached_set_up(&f);
	fs_close(&(int){fs_make_dirs(f.v.dir, "mine/deep", NULL)});
	fs_close(&(int){fs_make_dirs(f.v.dir, "mine/f", NULL)});
	fs_close(&(int){fs_make_dirs(f.v.dir, "quarantine", NULL)});
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put(&f, names[i]);
	put(&f, "stage/left");
	put(&f, "quarantine/bad");
	ck_assert_int_eq(mkfifoat(f.v.dir, "control", 0600), 0);
	got = usage(&f);
	ck_assert_int_eq(number_of(got, NULL, "stray", "files"), 4);
	ck_assert_int_eq(number_of(got, NULL, "stray", "bytes"), 20);
	ck_assert_int_eq(number_of(got, NULL, "foreign", "files"), 3);
	ck_assert_int_eq(number_of(got, NULL, "stage", "files"), 1);
	ck_assert_int_eq(number_of(got, NULL, "quarantine", "files"), 1);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_usage__a_directory_that_goes_meanwhile_is_not_counted)
{
	static const struct {
		int error;
		int code;
	} rows[] = {{ENOENT, 0}, {EIO, 1}};
	struct cached f;

	cached_set_up(&f);
	fs_close(&(int){fs_make_dirs(f.v.dir, "stage/going", NULL)});
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unit_listen();
		faults_refuse("going", 1, rows[i].error);
		ck_assert_int_eq(cache_usage(&f.c, true), rows[i].code);
		ck_assert((strstr(unit_complaints(), "going") != NULL) == (rows[i].code != 0));
	}
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_usage__the_table_says_the_same)
{
	struct cached f;

	cached_set_up(&f);
	ck_assert_int_eq(cache_usage(&f.c, false), 0);
	ck_assert_ptr_nonnull(strstr(unit_output(), "     3 files  header        t\n"));
	ck_assert_ptr_nonnull(strstr(unit_output(), "     1 files  announcement  \n"));
	ck_assert_ptr_nonnull(strstr(unit_output(), "  in all\n"));
	cached_tear_down(&f);
}
END_TEST

void
cache_usage_tests(TCase *c)
{
	tcase_add_test(c, cache_usage__every_byte_has_a_type_and_a_kind);
	tcase_add_test(c, cache_usage__the_rows_are_sorted_by_type_and_kind);
	tcase_add_test(c, cache_usage__what_nothing_explains_is_stray_or_foreign);
	tcase_add_test(c, cache_usage__a_directory_that_goes_meanwhile_is_not_counted);
	tcase_add_test(c, cache_usage__the_table_says_the_same);
}
