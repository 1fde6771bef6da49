/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/view.h"

#include <stdio.h>

#include "unit.h"

static struct record
record(const char *type, uint64_t version, uint64_t from, int kind, unsigned char id)
{
	struct record vr = {.kind = kind == FORMAT_COUNT ? RECORD_HEADER : RECORD_ARCHIVE};

	(void)snprintf(vr.ident.type, sizeof(vr.ident.type), "%s", type);
	vr.ident.edition.version = version;
	memcpy(vr.ident.edition.cookie, "00000000", 9);
	vr.base.version = from;
	if (vr.kind != RECORD_HEADER)
		vr.format = (enum format)kind;
	vr.ref.id.byte[0] = id;
	vr.ref.bytes = 100;
	return vr;
}

START_TEST(view__an_old_view_stays_as_it_was)
{
	struct view_holder *h = view_holder_new();
	struct record one = record("t", 5, 0, FORMAT_AR2, 1);
	struct view *before = view_take(h);
	struct view *with;
	struct view *after;

	view_add(h, &one, true);
	with = view_take(h);
	view_remove(h, &one);
	after = view_take(h);
	ck_assert_ptr_null(view_find_id(before, &one.ref.id));
	ck_assert_ptr_nonnull(view_find_id(with, &one.ref.id));
	ck_assert_ptr_null(view_find_id(after, &one.ref.id));
	ck_assert_uint_eq(view_find_type(after, "t")->count, 0);
	view_release(after);
	view_release(before);
	view_release(with);
	view_holder_free(h);
}
END_TEST

START_TEST(view_load__gives_versions_newest_first_and_finds_all)
{
	struct record records[] = {record("a", 3, 0, FORMAT_COUNT, 9),
		record("a", 5, 3, FORMAT_AR1, 1), record("a", 4, 0, FORMAT_AR2, 2),
		record("b", 7, 1, FORMAT_AR2, 3)};
	struct view_holder *h = view_holder_new();
	const struct view_type *a;
	struct view *v;

	view_load(h, records, 4);
	v = view_take(h);
	ck_assert_uint_eq(v->count, 2);
	a = view_find_type(v, "a");
	ck_assert_uint_eq(a->count, 3);
	ck_assert_uint_eq(a->versions[0].edition.version, 5);
	ck_assert_uint_eq(a->versions[2].edition.version, 3);
	ck_assert_ptr_nonnull(a->versions[2].header);
	for (size_t i = 1; i < 4; i++)
		ck_assert_ptr_nonnull(view_find_id(v, &records[i].ref.id));
	ck_assert_ptr_null(view_find_id(v, &records[0].ref.id)); /* headers are no archives */
	ck_assert(!view_find_id(v, &records[1].ref.id)->checked);
	view_release(v);
	view_holder_free(h);
}
END_TEST

START_TEST(view_set_query__types_come_and_go)
{
	struct view_holder *h = view_holder_new();
	struct record kept = record("kept", 5, 0, FORMAT_AR2, 1);
	AUTO_IDENTS struct idents query = {0};
	struct idents none = {0};
	struct view *v;

	idents_add(&query, &(struct ident){"new", {8, "00000000"}});
	idents_add(&query, &(struct ident){"kept", {6, "00000000"}});
	(void)idents_sort(&query);
	view_add(h, &kept, true);
	view_set_query(h, &query, false);
	v = view_take(h);
	ck_assert(v->has_query && !v->query_due);
	ck_assert_uint_eq(view_find_type(v, "new")->announced.version, 8);
	ck_assert_uint_eq(view_find_type(v, "kept")->announced.version, 6);
	ck_assert_uint_eq(view_find_type(v, "kept")->count, 1);
	view_release(v);
	view_set_query(h, &none, true);
	v = view_take(h);
	ck_assert_uint_eq(view_find_type(v, "kept")->announced.version, 0);
	ck_assert_str_eq(v->query.bytes, "{\"updates\":[]}\n");
	view_release(v);
	/* It is one change of the announcement, and no other, that is to come. */
	view_add(h, &kept, true);
	v = view_take(h);
	ck_assert(v->query_due);
	view_release(v);
	view_set_query(h, &none, false);
	v = view_take(h);
	ck_assert(!v->query_due);
	view_release(v);
	view_holder_free(h);
}
END_TEST

void
view_tests(TCase *c)
{
	tcase_add_test(c, view__an_old_view_stays_as_it_was);
	tcase_add_test(c, view_load__gives_versions_newest_first_and_finds_all);
	tcase_add_test(c, view_set_query__types_come_and_go);
}
