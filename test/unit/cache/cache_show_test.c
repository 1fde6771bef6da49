/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_show.h"

#include "base/fs.h"
#include "base/mem.h"
#include "cache/cached.h"
#include "unit.h"

static json_t *
show(const struct cached *f, uint64_t version)
{
	unit_listen();
	ck_assert_int_eq(cache_show(&f->c, "t", version, true), 0);
	return cached_output();
}

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static json_int_t
number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* Of so many files of version 1, and without bases. */
static void
check_full_entry(const struct cached *f, const json_t *entry, size_t count)
{
	const json_t *files = json_object_get(entry, "files");
	unsigned found = 0;

	ck_assert_str_eq(text_of(entry, "encoding"), count == 1 ? "BZIP2" : "ZSTD");
	ck_assert_int_eq(number_of(entry, "decoded"), 60000 * (json_int_t)count);
	ck_assert_int_gt(number_of(entry, "encoded"), 0);
	ck_assert_uint_eq(json_array_size(files), count);
	for (size_t i = 0; i < count; i++)
		found += header_find(f->v.header[0], json_string_value(json_array_get(files, i))) !=
			 NULL;
	ck_assert_uint_eq(found, count);
	ck_assert(json_is_array(json_object_get(entry, "bases")));
	ck_assert_uint_eq(json_array_size(json_object_get(entry, "bases")), 0);
}

START_TEST(cache_show__files_and_archives_of_a_version)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	const json_t *part;
	char hex[DIGEST_HEX + 1];

	cached_set_up(&f);
	got = show(&f, 1);
	ck_assert_str_eq(text_of(got, "type"), "t");
	ck_assert_int_eq(number_of(got, "version"), 1);
	ck_assert_str_eq(text_of(got, "title"), "T");
	ck_assert_str_eq(text_of(got, "cookie"), f.v.header[0]->ident.edition.cookie);
	part = json_object_get(got, "files");
	ck_assert_uint_eq(json_array_size(part), 3);
	for (size_t i = 0; i < 3; i++) {
		const json_t *file = json_array_get(part, i);

		ck_assert_str_eq(text_of(file, "path"), f.v.header[0]->files[i].path);
		ck_assert_str_eq(
			text_of(file, "sha256"), digest_hex(&f.v.header[0]->files[i].digest, hex));
		ck_assert_int_eq(number_of(file, "size"), 60000);
		ck_assert(json_is_false(json_object_get(file, "executable")));
	}
	part = json_object_get(got, "archives");
	ck_assert_uint_eq(json_array_size(part), 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *archive = json_array_get(part, i);
		const json_t *entries = json_object_get(archive, "entries");

		ck_assert_str_eq(text_of(archive, "format"), i == 0 ? "guts2ar1" : "guts2ar2");
		ck_assert_str_eq(text_of(archive, "id"), digest_hex(&f.full[i].ref.id, hex));
		ck_assert_ptr_null(json_object_get(archive, "error"));
		/* Each file is an entry, or all are a group. */
		ck_assert_uint_eq(json_array_size(entries), i == 0 ? 3 : 1);
		check_full_entry(&f, json_array_get(entries, 0), i == 0 ? 1 : 3);
	}
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_show__an_entry_of_a_difference_names_its_bases)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	const json_t *archive;
	const json_t *entry;
	const json_t *part;
	bool named = false;

	cached_set_up(&f);
	got = show(&f, 2);
	archive = json_array_get(json_object_get(got, "archives"), 0);
	ck_assert_int_eq(number_of(archive, "version"), 1);
	ck_assert_uint_eq(json_array_size(json_object_get(archive, "entries")), 1);
	entry = json_array_get(json_object_get(archive, "entries"), 0);
	part = json_object_get(entry, "files");
	ck_assert_uint_eq(json_array_size(part), 2);
	ck_assert_str_eq(json_string_value(json_array_get(part, 0)), "d/1");
	ck_assert_str_eq(json_string_value(json_array_get(part, 1)), "d/2");
	ck_assert_int_eq(number_of(entry, "decoded"), 2 * 60000);
	part = json_object_get(entry, "bases");
	for (size_t i = 0; i < json_array_size(part); i++) {
		const json_t *base = json_array_get(part, i);

		ck_assert_int_eq(number_of(base, "version"), 1);
		named = named || strcmp(text_of(base, "path"), "d/1") == 0;
	}
	ck_assert(named);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_show__the_table_says_the_same)
{
	struct cached f;

	cached_set_up(&f);
	ck_assert_int_eq(cache_show(&f.c, "t", 1, false), 0);
	ck_assert_ptr_nonnull(strstr(unit_output(), "  T\n  3 files\n"));
	ck_assert_ptr_nonnull(strstr(unit_output(), "  60.0 kB   d/0\n"));
	ck_assert_ptr_nonnull(strstr(unit_output(), "  full archive, guts2ar1, "));
	ck_assert_ptr_nonnull(strstr(unit_output(), " of   60.0 kB  d/0\n"));
	ck_assert_ptr_null(strstr(unit_output(), "difference from"));
	ck_assert_int_eq(cache_show(&f.c, "t", 2, false), 0);
	ck_assert_ptr_nonnull(strstr(unit_output(), "  difference from 1 "));
	ck_assert_ptr_nonnull(strstr(unit_output(), " of    120 kB  d/1 and 1 more  from d/"));
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_show__a_version_that_is_not_there)
{
	static const uint64_t versions[] = {4, 0};
	struct cached f;

	cached_set_up(&f);
	for (size_t i = 0; i < 2; i++) {
		unit_listen();
		ck_assert_int_eq(cache_show(&f.c, "t", versions[i], true), 1);
		ck_assert_str_eq(unit_output(), "");
		ck_assert_ptr_nonnull(strstr(unit_complaints(), ": not in the cache"));
	}
	ck_assert_int_eq(cache_show(&f.c, "u", 1, true), 1);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_show__a_damaged_archive_as_far_as_it_goes)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	AUTO_BUF struct buf bytes = {0};
	const json_t *archive;
	char name[IDENT_NAME_MAX];

	cached_set_up(&f);
	(void)ident_file_name(&f.full[FORMAT_AR1].ref.id, name);
	ck_assert_int_eq(fs_read(f.v.dir, name, 1 << 20, &bytes, NULL), 0);
	bytes.at[bytes.len - 1] ^= 1; /* of the terminator */
	ck_assert_int_eq(fs_put(f.v.dir, "stage/x", name, span_of(bytes.at, bytes.len), NULL), 0);
	got = show(&f, 1);
	archive = json_array_get(json_object_get(got, "archives"), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(archive, "entries")), 3);
	ck_assert_str_ne(text_of(archive, "error"), "");
	(void)cache_show(&f.c, "t", 1, false);
	ck_assert_ptr_nonnull(strstr(unit_complaints(), name));
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_show__without_a_header_the_archives_alone)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	const json_t *archive;
	char name[IDENT_NAME_MAX];

	cached_set_up(&f);
	(void)ident_header_name(&f.v.header[1]->ident, name);
	ck_assert_int_eq(fs_remove(f.v.dir, name, NULL), 0);
	cached_open_again(&f);
	got = show(&f, 2);
	ck_assert_uint_eq(json_array_size(json_object_get(got, "files")), 0);
	archive = json_array_get(json_object_get(got, "archives"), 0);
	archive = json_array_get(json_object_get(archive, "entries"), 0);
	ck_assert_str_ne(text_of(archive, "encoding"), "");
	ck_assert_int_gt(number_of(archive, "encoded"), 0);
	ck_assert(json_is_null(json_object_get(archive, "decoded")));
	ck_assert(json_is_null(json_object_get(archive, "files")));
	ck_assert(json_is_null(json_object_get(archive, "bases")));
	(void)cache_show(&f.c, "t", 2, false);
	ck_assert_ptr_nonnull(strstr(unit_output(), "  ?\n"));
	ck_assert_ptr_nonnull(strstr(unit_output(), "  0 files: its header is not here\n"));
	cached_tear_down(&f);
}
END_TEST

void
cache_show_tests(TCase *c)
{
	tcase_add_test(c, cache_show__files_and_archives_of_a_version);
	tcase_add_test(c, cache_show__an_entry_of_a_difference_names_its_bases);
	tcase_add_test(c, cache_show__the_table_says_the_same);
	tcase_add_test(c, cache_show__a_version_that_is_not_there);
	tcase_add_test(c, cache_show__a_damaged_archive_as_far_as_it_goes);
	tcase_add_test(c, cache_show__without_a_header_the_archives_alone);
}
