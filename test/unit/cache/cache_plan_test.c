/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_plan.h"

#include "base/fs.h"
#include "base/mem.h"
#include "cache/cached.h"
#include "store/depot.h"
#include "unit.h"

static json_t *
plan(const struct cached *f)
{
	unit_listen();
	ck_assert_int_eq(cache_plan(&f->c, true), 0);
	return cached_output();
}

static void
set(struct cached *f, const char *name, uint64_t value)
{
	ck_assert_int_eq(depot_put_setting(cached_depot(f), name, value, NULL), 0);
}

static json_int_t
number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/* The action that does this with this; NULL: none. */
static const json_t *
find(const json_t *document, const char *what, json_int_t version)
{
	const json_t *actions = json_object_get(document, "actions");

	for (size_t i = 0; i < json_array_size(actions); i++) {
		const json_t *a = json_array_get(actions, i);

		if (strcmp(text_of(a, "what"), what) == 0 && number_of(a, "version") == version)
			return a;
	}
	return NULL;
}

START_TEST(cache_plan__by_the_settings_that_a_server_left_or_the_defaults)
{
	struct cached f;
	AUTO_DOC json_t *defaults = NULL;
	AUTO_DOC json_t *left = NULL;

	cached_set_up(&f);
	defaults = plan(&f);
	ck_assert_str_eq(text_of(defaults, "settings"), "defaults");
	ck_assert_int_eq(number_of(defaults, "keep"), 10);
	ck_assert_int_eq(number_of(defaults, "excess"), 0);
	(void)cache_plan(&f.c, false);
	ck_assert_ptr_nonnull(strstr(unit_complaints(), "no server has left its settings here"));
	set(&f, "keepGuts2UpdatesCount", 4);
	cached_open_again(&f);
	left = plan(&f);
	ck_assert_str_eq(text_of(left, "settings"), "server");
	ck_assert_int_eq(number_of(left, "keep"), 4);
	(void)cache_plan(&f.c, false);
	ck_assert_str_eq(unit_complaints(), "");
	ck_assert_ptr_nonnull(strstr(unit_output(),
		"Nothing is to be built or removed; 4 versions of each type are kept."));
	ck_assert_int_eq(fs_remove(f.v.dir, "index.sqlite", NULL), 0);
	cached_open_again(&f);
	(void)cache_plan(&f.c, false);
	ck_assert_ptr_nonnull(strstr(unit_complaints(), "the defaults are taken"));
	ck_assert_ptr_null(strstr(unit_complaints(), "no server has left"));
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_plan__what_is_built_removed_and_spared_and_why)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	const json_t *a;

	cached_set_up(&f);
	set(&f, "keepGuts2UpdatesCount", 1);
	cached_open_again(&f);
	got = plan(&f);
	a = find(got, "content", 2);
	a = a != NULL ? a : find(got, "content", 3);
	ck_assert_str_eq(text_of(a, "do"), "build");
	ck_assert_str_eq(text_of(a, "type"), "t");
	ck_assert_ptr_null(json_object_get(a, "bytes"));
	a = find(got, "version", 1);
	ck_assert_str_eq(text_of(a, "do"), "hold");
	ck_assert_str_eq(text_of(a, "cookie"), f.v.header[0]->ident.edition.cookie);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_plan__room_is_made_by_what_serves_nobody)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	const json_t *a;

	cached_set_up(&f);
	set(&f, "keepGuts2UpdatesCount", 10);
	set(&f, "cacheMaxBytes", 1);
	cached_open_again(&f);
	got = plan(&f);
	ck_assert_int_gt(number_of(got, "excess"), (json_int_t)f.full[0].ref.bytes);
	a = find(got, "difference", 2);
	ck_assert_str_eq(text_of(a, "do"), "remove");
	ck_assert_int_eq(number_of(a, "from"), 1);
	ck_assert_str_eq(text_of(a, "format"), "guts2ar2");
	ck_assert_int_ge(number_of(a, "bytes"), (json_int_t)f.difference.ref.bytes);
	a = find(got, "header", 3);
	if (a != NULL)
		ck_assert_ptr_null(json_object_get(a, "format"));
	a = find(got, "full", 1);
	ck_assert_str_eq(text_of(a, "do"), "remove");
	ck_assert_ptr_null(json_object_get(a, "from"));
	(void)cache_plan(&f.c, false);
	ck_assert_ptr_nonnull(strstr(unit_output(), "remove  t 1 full guts2ar1, "));
	ck_assert_ptr_nonnull(strstr(unit_output(), "remove  t 2 difference, "));
	cached_tear_down(&f);
}
END_TEST

/* What is free of the disk is less than that. */
START_TEST(cache_plan__a_default_is_fitted_to_the_disk_and_a_setting_is_not)
{
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	AUTO_DOC json_t *fitted = NULL;

	cached_set_up(&f);
	f.c.settings.cacheMinFreeBytes = UINT64_C(1) << 60;
	fitted = plan(&f);
	set(&f, "cacheMinFreeBytes", UINT64_C(1) << 60);
	cached_open_again(&f);
	got = plan(&f);
	ck_assert_int_gt(number_of(got, "excess"), 0);
	ck_assert_int_lt(number_of(fitted, "excess"), number_of(got, "excess"));
	cached_tear_down(&f);
}
END_TEST

/* Once something is announced; an announcement that was lost says nothing. */
START_TEST(cache_plan__of_a_type_that_is_not_announced_all_goes_first)
{
	struct cached f;
	struct ident other = {"u", {1, "00000001"}};
	AUTO_IDENTS struct idents query = {0};
	AUTO_DOC json_t *kept = NULL;
	AUTO_DOC json_t *got = NULL;

	cached_set_up(&f);
	set(&f, "cacheMaxBytes", 1);
	ck_assert_int_eq(depot_put_query(cached_depot(&f), &query, NULL), 0);
	cached_open_again(&f);
	kept = plan(&f);
	idents_add(&query, &other);
	ck_assert_int_eq(depot_put_query(cached_depot(&f), &query, NULL), 0);
	cached_open_again(&f);
	got = plan(&f);
	ck_assert_uint_gt(json_array_size(json_object_get(got, "actions")),
		json_array_size(json_object_get(kept, "actions")));
	cached_tear_down(&f);
}
END_TEST

void
cache_plan_tests(TCase *c)
{
	tcase_add_test(c, cache_plan__by_the_settings_that_a_server_left_or_the_defaults);
	tcase_add_test(c, cache_plan__what_is_built_removed_and_spared_and_why);
	tcase_add_test(c, cache_plan__room_is_made_by_what_serves_nobody);
	tcase_add_test(c, cache_plan__a_default_is_fitted_to_the_disk_and_a_setting_is_not);
	tcase_add_test(c, cache_plan__of_a_type_that_is_not_announced_all_goes_first);
}
