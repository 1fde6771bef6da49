/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/record.h"

#include "unit.h"

static struct record
record(const char *type, uint64_t version, const char *cookie, enum record_kind kind, uint64_t base,
	enum format format)
{
	struct record r = {.kind = kind, .format = format};

	(void)strcpy(r.ident.type, type);
	r.ident.edition.version = version;
	(void)strcpy(r.ident.edition.cookie, cookie);
	r.base.version = base;
	if (base > 0)
		(void)strcpy(r.base.cookie, "0000000b");
	return r;
}

/* In the order in which they sort; each differs from the one before in one thing. */
static size_t
in_order(struct record ret[16])
{
	size_t n = 0;

	ret[n++] = record("a", 5, "00000001", RECORD_HEADER, 0, FORMAT_AR1);
	ret[n++] = record("a", 5, "00000001", RECORD_CONTENT, 0, FORMAT_AR1);
	ret[n++] = record("a", 5, "00000001", RECORD_ARCHIVE, 0, FORMAT_AR1);
	ret[n++] = record("a", 5, "00000001", RECORD_ARCHIVE, 0, FORMAT_AR2);
	ret[n++] = record("a", 5, "00000001", RECORD_ARCHIVE, 4, FORMAT_AR1);
	ret[n++] = record("a", 5, "00000001", RECORD_ARCHIVE, 4, FORMAT_AR2);
	ret[n++] = record("a", 5, "00000001", RECORD_ARCHIVE, 3, FORMAT_AR2);
	ret[n++] = record("a", 5, "00000002", RECORD_HEADER, 0, FORMAT_AR1);
	ret[n++] = record("a", 4, "00000001", RECORD_CONTENT, 0, FORMAT_AR1);
	ret[n++] = record("a", 4, "00000001", RECORD_ARCHIVE, 3, FORMAT_AR1);
	ret[n++] = record("b", 9, "00000001", RECORD_HEADER, 0, FORMAT_AR1);
	return n;
}

START_TEST(record_compare__orders_by_all_that_names_a_record)
{
	struct record r[16];
	size_t n = in_order(r);

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			int order = record_compare(&r[i], &r[j]);

			ck_assert_msg(
				(order < 0) == (i < j) && (order > 0) == (i > j), "%zu %zu", i, j);
			ck_assert_int_eq(record_same(&r[i], &r[j]), i == j);
		}
	}
	r[1] = r[0];
	r[1].ref.bytes = r[1].served_ms = 7;
	ck_assert(record_same(&r[0], &r[1])); /* whatever its bytes are */
}
END_TEST

START_TEST(records__are_found_and_counted_where_they_are_sorted)
{
	AUTO_RECORDS struct records list = {0};
	struct record r[16];
	size_t n = in_order(r);

	ck_assert_ptr_null(records_find(&list, &r[0]));
	records_sort(&list);
	for (size_t i = 0; i < n; i++)
		records_add(&list, &r[(i * 7 + 3) % n]);
	records_sort(&list);
	for (size_t i = 0; i < n; i++)
		ck_assert_ptr_eq(records_find(&list, &r[i]), &list.at[i]);
	r[0].base.version = 1;
	r[0].kind = RECORD_ARCHIVE;
	ck_assert_ptr_null(records_find(&list, &r[0]));
	ck_assert_uint_eq(records_type_count(&list, 0), n - 1);
	ck_assert_uint_eq(records_type_count(&list, 3), n - 4);
	ck_assert_uint_eq(records_type_count(&list, n - 1), 1);
}
END_TEST

START_TEST(record__says_what_it_is)
{
	static const struct {
		enum record_kind kind;
		uint64_t base;
		bool full, difference, whole;
		const char *kind_name, *name;
	} rows[] = {
		{RECORD_HEADER, 0, false, false, false, "header", "h;t=a;v=5;c=00000001"},
		{RECORD_CONTENT, 0, false, false, true, "content", "c;t=a;v=5;c=00000001"},
		{RECORD_ARCHIVE, 0, true, false, true, "full", "o;t=a;v=5;c=00000001"},
		{RECORD_ARCHIVE, 4, false, true, false, "difference",
			"o;t=a;v=5;c=00000001;pv=4;pc=0000000b"},
	};
	char name[IDENT_NAME_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record r =
			record("a", 5, "00000001", rows[i].kind, rows[i].base, FORMAT_AR1);

		ck_assert_int_eq(record_is_full(&r), rows[i].full);
		ck_assert_int_eq(record_is_difference(&r), rows[i].difference);
		ck_assert_int_eq(record_is_whole(&r), rows[i].whole);
		ck_assert_str_eq(record_kind_name(&r), rows[i].kind_name);
		ck_assert_str_eq(record_name(&r, name), rows[i].name);
	}
}
END_TEST

/* The header itself, and so many records more. */
static bool
has_so_many(void *context, const struct record *first, size_t count)
{
	ck_assert_int_eq(first->kind, RECORD_HEADER);
	return count >= *(const size_t *)context;
}

START_TEST(records_newest__is_of_each_type_the_newest_that_is_enough)
{
	/* How many are enough: version 5 of a has 7 and 1, 4 has no header; b has 1. */
	static const struct {
		size_t enough;
		const char *types, *cookie;
	} rows[] = {{1, "ab", "00000001"}, {7, "a", "00000001"}, {8, "", ""}};
	AUTO_RECORDS struct records list = {0};
	struct record r[16];
	size_t n = in_order(r);

	for (size_t i = 0; i < n; i++)
		records_add(&list, &r[i]);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct idents found = {0};
		size_t enough = rows[i].enough;

		records_newest(&list, has_so_many, &enough, &found);
		ck_assert_uint_eq(found.count, strlen(rows[i].types));
		for (size_t k = 0; k < found.count; k++) {
			ck_assert_int_eq(found.at[k].type[0], rows[i].types[k]);
			ck_assert_str_eq(found.at[k].edition.cookie, rows[i].cookie);
		}
		idents_free(&found);
	}
}
END_TEST

void
record_tests(TCase *c)
{
	tcase_add_test(c, record_compare__orders_by_all_that_names_a_record);
	tcase_add_test(c, records__are_found_and_counted_where_they_are_sorted);
	tcase_add_test(c, record__says_what_it_is);
	tcase_add_test(c, records_newest__is_of_each_type_the_newest_that_is_enough);
}
