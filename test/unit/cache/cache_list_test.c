/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_list.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"
#include "cache/cached.h"
#include "store/depot.h"
#include "store/depot_settings.h"
#include "unit.h"

static json_t *
list(const struct cached *f, const char *type)
{
	unit_listen();
	ck_assert_int_eq(cache_list(&f->c, type, true), 0);
	return cached_output();
}

static const json_t *
version_at(const json_t *document, size_t index)
{
	const json_t *type = json_array_get(json_object_get(document, "types"), 0);

	return json_array_get(json_object_get(type, "versions"), index);
}

static json_int_t
number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void
check_said(const struct cached *f, const char *text, bool said)
{
	unit_listen();
	ck_assert_int_eq(cache_list(&f->c, NULL, false), 0);
	ck_assert_msg((strstr(unit_output(), text) != NULL) == said, "%s", unit_output());
}

static void
put_served(struct cached *f, struct record r, uint64_t ago_ms)
{
	r.served_ms = clock_wall_ms() - ago_ms;
	ck_assert_int_eq(depot_put_times(cached_depot(f), &r, 1, NULL), 0);
}

START_TEST(cache_list__what_is_kept_of_each_version)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	const json_t *v;
	const json_t *archives;

	cached_set_up(&f);
	got = list(&f, NULL);
	ck_assert_uint_eq(json_array_size(json_object_get(got, "types")), 1);
	ck_assert(json_is_true(json_object_get(got, "index")));
	v = version_at(got, 0); /* the newest first */
	ck_assert_int_eq(number_of(v, "version"), 3);
	ck_assert(json_is_true(json_object_get(v, "header")));
	ck_assert_uint_eq(json_array_size(json_object_get(v, "full")), 0);
	v = version_at(got, 1);
	ck_assert_int_eq(number_of(v, "version"), 2);
	ck_assert(json_is_false(json_object_get(v, "content")));
	ck_assert(json_is_null(json_object_get(v, "last_served")));
	ck_assert_str_eq(json_string_value(json_object_get(v, "title")), "T");
	archives = json_object_get(v, "differences");
	ck_assert_uint_eq(json_array_size(archives), 1);
	ck_assert_int_eq(number_of(json_array_get(archives, 0), "version"), 1);
	ck_assert_int_eq(number_of(json_array_get(archives, 0), "bytes"),
		(json_int_t)f.difference.ref.bytes);
	v = version_at(got, 2);
	ck_assert_str_eq(json_string_value(json_object_get(v, "cookie")),
		f.v.header[0]->ident.edition.cookie);
	ck_assert(json_is_true(json_object_get(v, "content")));
	archives = json_object_get(v, "full");
	ck_assert_uint_eq(json_array_size(archives), 2);
	ck_assert_uint_eq(json_array_size(json_object_get(v, "differences")), 0);
	ck_assert_ptr_null(json_object_get(json_array_get(archives, 0), "version"));
	ck_assert_int_ge(number_of(v, "bytes"),
		(json_int_t)(f.full[0].ref.bytes + f.full[1].ref.bytes + f.v.header[0]->bytes));
	ck_assert_ptr_null(version_at(got, 3));
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_list__the_table_says_the_same)
{
	AUTO_FREE char *differences = NULL;
	AUTO_FREE char *full = NULL;
	char bytes[3][32];
	struct cached f;

	cached_set_up(&f);
	check_said(&f, "t\n  3  ", true);
	check_said(&f, "(for legacy clients alone)", false);
	(void)num_bytes_text(f.difference.ref.bytes, bytes[0], sizeof(bytes[0]));
	(void)num_bytes_text(f.full[0].ref.bytes, bytes[1], sizeof(bytes[1]));
	(void)num_bytes_text(f.full[1].ref.bytes, bytes[2], sizeof(bytes[2]));
	differences = mem_printf("\n    differences from 1 (%s)\n", bytes[0]);
	full = mem_printf(
		"\n    full             guts2ar1 (%s) guts2ar2 (%s)\n", bytes[1], bytes[2]);
	check_said(&f, differences, true);
	check_said(&f, full, true);
	/* A version without any has no line of them. */
	ck_assert_ptr_null(strstr(strstr(unit_output(), "    full ") + 1, "    full "));
	ck_assert_ptr_null(strstr(strstr(unit_output(), "    diff") + 1, "    diff"));
	check_said(&f, " header content\n", true);
	check_said(&f, " header\n", true);
	check_said(&f, "no use known", true);
	check_said(&f, "Legacy types", false);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_list__when_something_was_served_last)
{
	static const struct {
		uint64_t ago_ms;
		const char *text;
	} rows[] = {
		{119500, "served 119 s ago"},
		{120500, "served 2 min ago"},
		{7199500, "served 119 min ago"},
		{7200500, "served 2 h ago"},
		{172799500, "served 47 h ago"},
		{172800500, "served 2 days ago"},
	};
	struct cached f;
	AUTO_DOC json_t *got = NULL;

	cached_set_up(&f);
	for (size_t i = sizeof(rows) / sizeof(rows[0]); i-- > 0;) {
		put_served(&f, f.difference, rows[i].ago_ms);
		cached_open_again(&f);
		check_said(&f, rows[i].text, true);
	}
	/* The latest of its archives counts. */
	put_served(&f, f.full[0], 3000000);
	put_served(&f, f.full[1], 6000000);
	cached_open_again(&f);
	check_said(&f, "served 50 min ago", true);
	got = list(&f, "t");
	ck_assert_int_le(number_of(version_at(got, 2), "last_served"),
		(json_int_t)(clock_wall_ms() / 1000) - 2990);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_list__a_type_that_is_not_there_is_a_failure_and_an_empty_cache_is_none)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;

	cached_set_up(&f);
	ck_assert_int_eq(cache_list(&f.c, "u", false), 1);
	ck_assert_ptr_nonnull(strstr(unit_complaints(), "u: "));
	ck_assert_str_eq(unit_output(), "");
	for (size_t i = 0; i < f.c.records.count; i++)
		ck_assert_int_eq(depot_remove(cached_depot(&f), &f.c.records.at[i], NULL), 0);
	cached_open_again(&f);
	check_said(&f, "empty", true);
	ck_assert_str_eq(unit_complaints(), "");
	got = list(&f, NULL);
	ck_assert_uint_eq(json_array_size(json_object_get(got, "types")), 0);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_list__without_an_index_it_is_said_what_is_not_known)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;

	cached_set_up(&f);
	ck_assert_int_eq(fs_remove(f.v.dir, "index.sqlite", NULL), 0);
	cached_open_again(&f);
	check_said(&f, "use not known", true);
	ck_assert_ptr_nonnull(strstr(unit_complaints(), "index.sqlite: there is none: when"));
	check_said(&f, "no use known", false);
	got = list(&f, NULL);
	ck_assert(json_is_false(json_object_get(got, "index")));
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_list__of_a_header_that_cannot_be_read_there_is_no_title)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	char name[IDENT_NAME_MAX];

	cached_set_up(&f);
	(void)ident_header_name(&f.v.header[1]->ident, name);
	ck_assert_int_eq(fs_remove(f.v.dir, name, NULL), 0);
	cached_open_again(&f);
	got = list(&f, NULL);
	ck_assert(json_is_false(json_object_get(version_at(got, 1), "header")));
	ck_assert_str_eq(json_string_value(json_object_get(version_at(got, 1), "title")), "");
	ck_assert_uint_eq(json_array_size(json_object_get(version_at(got, 1), "differences")), 1);
	cached_tear_down(&f);
}
END_TEST

static void
put_legacy_seen(struct cached *f, const char *type)
{
	char name[DEPOT_SETTINGS_NAME_MAX];

	ck_assert_int_eq(depot_put_setting(cached_depot(f), depot_settings_legacy(type, name),
				 clock_wall_ms() - 200000, NULL),
		0);
}

START_TEST(cache_list__legacy_types_are_those_that_legacy_clients_asked_for)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	const json_t *type;

	cached_set_up(&f);
	cached_put_channels(&f, "{\"legacy\":[\"t\",\"u\"]}");
	put_legacy_seen(&f, "u");
	cached_open_again(&f);
	check_said(&f, "Legacy types, served whole:\n  u, asked for 3 min ago\n", true);
	check_said(&f, "(for legacy clients alone)", false);
	put_legacy_seen(&f, "t");
	put_served(&f, f.full[FORMAT_AR1], 1000);
	cached_open_again(&f);
	check_said(&f, "t  (for legacy clients alone)\n", true);
	check_said(&f, "whole:\n  t, asked for 3 min ago\n  u, asked for 3 min ago\n", true);
	got = list(&f, NULL);
	type = json_array_get(json_object_get(got, "types"), 0);
	ck_assert(json_is_true(json_object_get(type, "legacy")));
	ck_assert(json_is_true(json_object_get(type, "legacy_only")));
	ck_assert_int_gt(number_of(type, "legacy_seen"), 0);
	/* Somebody had more than those are given. */
	put_served(&f, f.full[FORMAT_AR2], 1000);
	cached_open_again(&f);
	check_said(&f, "(for legacy clients alone)", false);
	cached_tear_down(&f);
}
END_TEST

void
cache_list_tests(TCase *c)
{
	tcase_add_test(c, cache_list__what_is_kept_of_each_version);
	tcase_add_test(c, cache_list__the_table_says_the_same);
	tcase_add_test(c, cache_list__when_something_was_served_last);
	tcase_add_test(
		c, cache_list__a_type_that_is_not_there_is_a_failure_and_an_empty_cache_is_none);
	tcase_add_test(c, cache_list__without_an_index_it_is_said_what_is_not_known);
	tcase_add_test(c, cache_list__of_a_header_that_cannot_be_read_there_is_no_title);
	tcase_add_test(c, cache_list__legacy_types_are_those_that_legacy_clients_asked_for);
}
