/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/view.h"

#include <stdio.h>

#include "cache/view_decide.h"
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
	char etag[ETAG_MAX];
	struct digest digest;
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
	/* Its digest: after a restart it is the same. */
	digest = digest_of(span_of(v->query.bytes, v->query.len));
	view_record_etag(&digest, etag);
	ck_assert_str_eq(v->query.etag, etag);
	view_release(v);
	/* It is one change of the announcement, and no other, that is to come. */
	view_add(h, &kept, true);
	v = view_take(h);
	ck_assert(v->has_query && v->query_due);
	ck_assert_str_eq(v->query.bytes, "{\"updates\":[]}\n");
	ck_assert_uint_eq(v->query.len, strlen(v->query.bytes));
	ck_assert_str_eq(v->query.etag, etag);
	view_release(v);
	view_set_query(h, &none, false);
	v = view_take(h);
	ck_assert(!v->query_due);
	view_release(v);
	view_holder_free(h);
}
END_TEST

START_TEST(view__versions_and_cookies_stand_side_by_side_and_go_when_empty)
{
	struct view_holder *h = view_holder_new();
	struct record records[] = {record("t", 5, 3, FORMAT_AR1, 1),
		record("t", 5, 3, FORMAT_AR1, 2), record("t", 4, 0, FORMAT_COUNT, 3),
		record("t", 6, 5, FORMAT_AR2, 4)};
	const struct view_type *t;
	struct view *v;

	memcpy(records[1].ident.edition.cookie, "00000001", 9);
	for (size_t i = 0; i < 4; i++)
		view_add(h, &records[i], true);
	v = view_take(h);
	t = view_find_type(v, "t");
	ck_assert_uint_eq(t->count, 4);
	ck_assert_uint_eq(t->versions[0].edition.version, 6);
	ck_assert_uint_eq(t->versions[3].edition.version, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert(view_find_record(v, &records[i]) != NULL);
	view_release(v);
	for (size_t i = 0; i < 4; i++) {
		view_remove(h, &records[i]);
		v = view_take(h);
		ck_assert_uint_eq(view_find_type(v, "t")->count, 3 - i);
		for (size_t k = i + 1; k < 4; k++)
			ck_assert(view_find_record(v, &records[k]) != NULL);
		view_release(v);
	}
	view_holder_free(h);
}
END_TEST

/* A version stays while anything of it is here, whatever that is. */
START_TEST(view_remove__what_else_is_of_the_version_stays)
{
	struct record parts[] = {record("t", 5, 0, FORMAT_COUNT, 1),
		record("t", 5, 0, FORMAT_AR1, 2), record("t", 5, 0, FORMAT_AR2, 3),
		record("t", 5, 4, FORMAT_AR2, 4)};

	parts[3].kind = RECORD_CONTENT;
	for (size_t stays = 0; stays < 4; stays++) {
		struct view_holder *h = view_holder_new();
		AUTO_RECORDS struct records left = {0};
		struct view *v;

		for (size_t i = 0; i < 4; i++)
			view_add(h, &parts[i], true);
		for (size_t i = 0; i < 4; i++)
			if (i != stays)
				view_remove(h, &parts[i]);
		v = view_take(h);
		view_records(v, NULL, &left);
		ck_assert_uint_eq(left.count, 1);
		ck_assert(record_same(&left.at[0], &parts[stays]));
		ck_assert_ptr_nonnull(view_find_record(v, &parts[stays]));
		view_release(v);
		view_holder_free(h);
	}
}
END_TEST

START_TEST(view_find_record__these_very_bytes_and_no_others)
{
	struct view_holder *h = view_holder_new();
	struct record one = record("t", 5, 3, FORMAT_AR1, 1);
	struct record rows[] = {record("t", 5, 3, FORMAT_AR1, 2), record("t", 5, 3, FORMAT_AR2, 1),
		record("t", 5, 4, FORMAT_AR1, 1), record("t", 4, 3, FORMAT_AR1, 1),
		record("s", 5, 3, FORMAT_AR1, 1), record("t", 5, 0, FORMAT_COUNT, 1)};
	struct view *v;

	view_add(h, &one, true);
	v = view_take(h);
	ck_assert_ptr_nonnull(view_find_record(v, &one));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(view_find_record(v, &rows[i]) == NULL, "row %zu", i);
		ck_assert_msg((view_find_same(v, &rows[i]) != NULL) == (i == 0), "row %zu", i);
	}
	view_release(v);
	view_holder_free(h);
}
END_TEST

START_TEST(view_records__of_one_type_or_of_all)
{
	struct view_holder *h = view_holder_new();
	struct record records[] = {record("a", 5, 3, FORMAT_AR1, 1),
		record("b", 4, 0, FORMAT_COUNT, 2), record("b", 5, 3, FORMAT_AR1, 3)};
	AUTO_RECORDS struct records all = {0};
	AUTO_RECORDS struct records some = {0};
	AUTO_IDENTS struct idents query = {0};
	AUTO_IDENTS struct idents announced = {0};
	struct view *v;

	for (size_t i = 0; i < 3; i++)
		view_add(h, &records[i], true);
	idents_add(&query, &(struct ident){"b", {5, "00000000"}});
	view_set_query(h, &query, false);
	v = view_take(h);
	view_records(v, NULL, &all);
	view_records(v, "b", &some);
	view_announced(v, &announced);
	ck_assert_uint_eq(all.count, 3);
	ck_assert_uint_eq(some.count, 2);
	ck_assert_uint_eq(some.at[0].ident.edition.version, 5);
	ck_assert_str_eq(some.at[1].ident.type, "b");
	ck_assert(idents_equal(&announced, &query));
	ck_assert(view_announces(v, &query.at[0]));
	ck_assert(!view_announces(v, &(struct ident){"b", {4, "00000000"}}));
	ck_assert(!view_announces(v, &(struct ident){"a", {5, "00000000"}}));
	ck_assert(!view_announces(v, &(struct ident){"c", {5, "00000000"}}));
	view_release(v);
	view_holder_free(h);
}
END_TEST

START_TEST(view_set_query__what_is_neither_named_nor_kept_is_forgotten)
{
	struct view_holder *h = view_holder_new();
	struct record kept = record("kept", 5, 0, FORMAT_AR2, 1);
	AUTO_IDENTS struct idents query = {0};
	struct idents none = {0};
	struct view *v;

	idents_add(&query, &(struct ident){"empty", {8, "00000000"}});
	view_add(h, &kept, true);
	view_set_query(h, &query, false);
	view_set_query(h, &none, false);
	v = view_take(h);
	ck_assert_ptr_null(view_find_type(v, "empty"));
	ck_assert_ptr_nonnull(view_find_record(v, &kept));
	ck_assert_uint_eq(v->count, 1);
	view_release(v);
	view_holder_free(h);
}
END_TEST

START_TEST(view_decide__the_newest_full_archive_that_is_no_newer_than_the_announced)
{
	static const struct {
		uint64_t announced;
		const char *cookie;
		enum format format;
		unsigned char id; /* 0: none */
	} rows[] = {{7, "00000000", FORMAT_AR1, 1}, {6, "00000000", FORMAT_AR1, 2},
		{5, "00000000", FORMAT_AR1, 3}, {5, "00000001", FORMAT_AR1, 0},
		{8, "00000000", FORMAT_AR1, 1}, {4, "00000000", FORMAT_AR1, 0},
		{8, "00000000", FORMAT_AR2, 4}, {3, "00000000", FORMAT_AR2, 0}};
	struct record records[] = {record("t", 7, 0, FORMAT_AR1, 1),
		record("t", 6, 0, FORMAT_AR1, 2), record("t", 5, 0, FORMAT_AR1, 3),
		record("t", 4, 0, FORMAT_AR2, 4), record("t", 8, 7, FORMAT_AR1, 5)};
	struct view_holder *h = view_holder_new();
	struct decide_cache cache;
	struct view *v;

	for (size_t i = 0; i < 5; i++) {
		(void)snprintf(records[i].base.cookie, sizeof(records[i].base.cookie), "%s",
			records[i].base.version != 0 ? "00000000" : "");
		view_add(h, &records[i], i == 0);
	}
	v = view_take(h);
	cache = view_decide_cache(v);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct edition announced = {rows[i].announced, ""};
		const struct record *found;

		memcpy(announced.cookie, rows[i].cookie, 9);
		found = cache.newest_full(v, "t", &announced, rows[i].format);
		ck_assert_msg(
			(found != NULL ? found->ref.id.byte[0] : 0) == rows[i].id, "row %zu", i);
	}
	ck_assert_ptr_null(cache.newest_full(v, "s", &(struct edition){9, ""}, FORMAT_AR1));
	ck_assert(cache.has_version(v, &records[0].ident));
	ck_assert(!cache.has_version(v, &(struct ident){"t", {9, "00000000"}}));
	ck_assert(!cache.has_version(v, &(struct ident){"s", {7, "00000000"}}));
	ck_assert(!cache.has_query && !cache.announced(v, "t", &(struct edition){0}));
	ck_assert(cache.is_checked(v, cache.find_id(v, &records[0].ref.id)));
	ck_assert(!cache.is_checked(v, cache.find_id(v, &records[1].ref.id)));
	view_release(v);
	view_holder_free(h);
}
END_TEST

START_TEST(view_record_new__what_has_just_come_has_its_times)
{
	struct record r = record("t", 5, 3, FORMAT_AR2, 1);
	struct view_record *vr;

	r.landed_ms = 1;
	r.served_ms = 2;
	r.checked_ms = 3;
	vr = view_record_new(&r, false);
	ck_assert(!vr->checked && !vr->times_changed && vr->record.landed_ms == 1);
	ck_assert(vr->served_ms == 2 && vr->checked_ms == 3);
	ck_assert_str_eq(vr->offer.etag, vr->etag);
	ck_assert_uint_eq(strlen(vr->etag), DIGEST_HEX + 2);
	ck_assert_ptr_nonnull(strstr(vr->offer.bytes, "guts2ar2"));
	ck_assert_uint_eq(vr->offer.len, strlen(vr->offer.bytes));
	view_record_note_served(vr);
	ck_assert(vr->times_changed && vr->served_ms > 3 && vr->offered_ms == 0);
	view_record_note_offered(vr);
	ck_assert(vr->offered_ms > 0);
	view_record_release(vr);
	vr = view_record_new(&r, true);
	ck_assert(vr->checked && vr->times_changed && vr->record.landed_ms > 3);
	ck_assert(vr->served_ms == 2 && vr->checked_ms > 3);
	view_record_release(vr);
	r.kind = RECORD_HEADER;
	vr = view_record_new(&r, false);
	ck_assert_ptr_null(vr->offer.bytes);
	view_record_release(vr);
}
END_TEST

static unsigned files_freed;
static unsigned texts_freed;

static void
count_freed(void *response, bool is_file)
{
	ck_assert_ptr_eq(response, &files_freed);
	*(is_file ? &files_freed : &texts_freed) += 1;
}

START_TEST(view__what_http_keeps_goes_with_the_last_who_has_it)
{
	void (*before)(void *response, bool is_file) = view_record_response_free;
	struct view_holder *h = view_holder_new();
	struct record r = record("t", 5, 3, FORMAT_AR2, 1);
	AUTO_IDENTS struct idents query = {0};
	struct view_record *vr;
	struct view *v;

	r.kind = (enum record_kind)_i;
	view_record_response_free = count_freed;
	files_freed = texts_freed = 0;
	view_add(h, &r, true);
	view_set_query(h, &query, false);
	v = view_take(h);
	vr = view_find_record(v, &r);
	vr->response = &files_freed;
	vr->offer.response = &files_freed;
	v->query.response = &files_freed;
	view_remove(h, &r);
	ck_assert(files_freed == 0 && texts_freed == 0);
	view_record_take(vr);
	view_release(v);
	ck_assert(files_freed == 0 && texts_freed == 1);
	view_record_release(vr);
	ck_assert(files_freed == 1 && texts_freed == 2);
	view_holder_free(h);
	ck_assert(files_freed == 1 && texts_freed == 2);
	view_record_response_free = before;
}
END_TEST

void
view_tests(TCase *c)
{
	tcase_add_test(c, view__versions_and_cookies_stand_side_by_side_and_go_when_empty);
	tcase_add_test(c, view_remove__what_else_is_of_the_version_stays);
	tcase_add_test(c, view_find_record__these_very_bytes_and_no_others);
	tcase_add_test(c, view_records__of_one_type_or_of_all);
	tcase_add_test(c, view_set_query__what_is_neither_named_nor_kept_is_forgotten);
	tcase_add_test(c, view_decide__the_newest_full_archive_that_is_no_newer_than_the_announced);
	tcase_add_test(c, view_record_new__what_has_just_come_has_its_times);
	tcase_add_loop_test(c, view__what_http_keeps_goes_with_the_last_who_has_it, RECORD_ARCHIVE,
		RECORD_CONTENT + 1);
	tcase_add_test(c, view__an_old_view_stays_as_it_was);
	tcase_add_test(c, view_load__gives_versions_newest_first_and_finds_all);
	tcase_add_test(c, view_set_query__types_come_and_go);
}
