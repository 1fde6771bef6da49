/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/ident.h"

#include <stdio.h>

#include "unit.h"

#define LONGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

START_TEST(ident_target_parse__accepts_the_closed_grammar)
{
	static const struct {
		const char *path;
		const char *name; /* as a repository has it */
		bool prefixed;
	} rows[] = {{"/q", "q", false}, {"/guts2/q", "q", true},
		{"/h;t=a;v=1;c=00000000", "h;t=a;v=1;c=00000000", false},
		{"/guts2/o;t=a-b.c_d;v=9007199254740991;c=deadbeef",
			"o;t=a-b.c_d;v=9007199254740991;c=deadbeef", true},
		{"/o;pc=11111111;pv=1;c=22222222;v=2;t=x", "o;t=x;v=2;c=22222222;pv=1;pc=11111111",
			false},
		{"/f/" ID "_archive", "f/" ID "_archive", false}, {"/legacy/a", "legacy/a", false},
		{"/guts2/legacy/a-b.c_d", "legacy/a-b.c_d", true},
		{"/h;t=" LONGEST ";v=1;c=00000000", "h;t=" LONGEST ";v=1;c=00000000", false},
		{"/legacy/" LONGEST, "legacy/" LONGEST, false}};
	char name[IDENT_NAME_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target t;

		ck_assert_msg(ident_target_parse(rows[i].path, &t, NULL) == 0, "%s", rows[i].path);
		ck_assert_str_eq(ident_target_name(&t, name), rows[i].name);
		ck_assert(t.prefixed == rows[i].prefixed);
	}
}
END_TEST

START_TEST(ident_target_parse__refuses_everything_else)
{
	static const char *const rows[] = {"", "/", "q", "//q", "/q/", "/q;", "/q?x", "/Q",
		"/guts2", "/guts2/", "/guts2/guts2/q", "/guts2q", "/h", "/h;", "/h;t=a",
		"/h;t=a;v=1", "/h;t=a;v=1;c=0000000", "/h;t=a;v=1;c=000000000",
		"/h;t=a;v=1;c=0000000G", "/h;t=a;v=1;c=ABCDEF00", "/h;t=a;v=0;c=00000000",
		"/h;t=a;v=01;c=00000000", "/h;t=a;v=9007199254740992;c=00000000",
		"/h;t=A;v=1;c=00000000", "/h;t=.a;v=1;c=00000000", "/h;t=a/b;v=1;c=00000000",
		"/h;t=;v=1;c=00000000", "/h;t=a;v=1;c=00000000;t=a", "/h;t=a;v=1;c=00000000;x=1",
		"/h;t=a;v=1;c=00000000;", "/h;t=a;v=1;c=00000000;pv=1;pc=00000000",
		"/o;t=a;v=1;c=00000000;pv=1", "/o;t=a;v=1;c=00000000;pc=00000000",
		"/o;pv=1;pc=00000000", "/f/" ID, "/f/" ID "_archive2", "/f/" ID "_Archive",
		"/f/0_archive", "/f/g" ID "_archive",
		"/f/x123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef_archive",
		"/legacy", "/legacy/", "/legacy/A", "/legacy/a/b", "/legacy/" LONGEST "a",
		"/h;t=a;v=1;c=00000000;pv=1", "/o;t=a;v=1;pv=1;pc=00000000", "/h;t;v=1;c=00000000",
		"/o;t=a;v=1;c=00000000;pv=0;pc=00000000", "/o;t=a;v=1;c=00000000;pv=1;pc=0000000",
		"/h;;v=1;c=00000000", "/h;t=a;v=1;c=00000000;t", "/f/../q", "/c/" ID,
		"/h;t=a;v=1;c=00000000/x",
		"/h;t=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;v=1;c="
		"00000000"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct target t;
		struct err e;

		ck_assert_msg(ident_target_parse(rows[i], &t, &e) == -1, "%s", rows[i]);
		ck_assert_int_eq(e.code, ERR_INPUT);
	}
}
END_TEST

START_TEST(ident_target_parse_stored__knows_what_a_cache_has_by_name)
{
	static const struct {
		const char *name;
		int kind; /* -1: none of ours */
	} rows[] = {{"h;t=a;v=1;c=00000000", TARGET_HEADER}, {"o;t=a;v=1;c=00000000", TARGET_OFFER},
		{"o;t=a;v=1;c=00000000;pv=2;pc=00000001", TARGET_OFFER},
		{"c;t=a;v=1;c=00000000", TARGET_CONTENT}, {"x;t=a;v=1;c=00000000", -1},
		{"h;t=a;v=1;c=00000000;pv=2;pc=00000001", -1},
		{"c;t=a;v=1;c=00000000;pv=2;pc=00000001", -1}, {"h;t=a;v=1", -1}, {"q", -1},
		{"h", -1}, {"", -1}, {"ht=a;v=1;c=00000000", -1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[IDENT_NAME_MAX];
		struct target t;
		bool known = ident_target_parse_stored(rows[i].name, &t);

		ck_assert_msg(known == (rows[i].kind >= 0), "%s", rows[i].name);
		if (!known)
			continue;
		ck_assert_int_eq(t.kind, rows[i].kind);
		ck_assert_str_eq(ident_target_name(&t, name), rows[i].name);
	}
}
END_TEST

START_TEST(ident_name__each_thing_has_its_own)
{
	const struct ident ident = {"a", {1, "00000000"}};
	const struct edition base = {2, "00000001"};
	const struct digest id = {{0x12}};
	char name[IDENT_NAME_MAX];

	ck_assert_str_eq(ident_header_name(&ident, name), "h;t=a;v=1;c=00000000");
	ck_assert_str_eq(ident_content_name(&ident, name), "c;t=a;v=1;c=00000000");
	ck_assert_str_eq(ident_offer_name(&ident, NULL, name), "o;t=a;v=1;c=00000000");
	ck_assert_str_eq(
		ident_offer_name(&ident, &base, name), "o;t=a;v=1;c=00000000;pv=2;pc=00000001");
	ck_assert_str_eq(ident_file_name(&id, name),
		"f/1200000000000000000000000000000000000000000000000000000000000000_archive");
	ck_assert_str_eq(ident_blob_name(&id, name),
		"c/1200000000000000000000000000000000000000000000000000000000000000");
}
END_TEST

START_TEST(ident_type_valid__a_word_that_is_a_safe_name)
{
	static const char *const good[] = {"a", "0", "a.b", "a-b_c.9", LONGEST};
	static const char *const bad[] = {
		"", ".", "-a", "_a", ".a", "a/b", "A", "a b", LONGEST "a"};
	static const char *const cookies[] = {"", "0000000", "000000000", "0000000g", "ABCDEF00"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(ident_type_valid(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!ident_type_valid(bad[i]), "%s", bad[i]);
	ck_assert(ident_cookie_valid("09afdeb1"));
	for (size_t i = 0; i < sizeof(cookies) / sizeof(cookies[0]); i++)
		ck_assert_msg(!ident_cookie_valid(cookies[i]), "%s", cookies[i]);
}
END_TEST

static void
add(struct idents *list, const char *type, uint64_t version)
{
	struct ident ident = {.edition = {version, "00000000"}};

	(void)snprintf(ident.type, sizeof(ident.type), "%s", type);
	idents_add(list, &ident);
}

START_TEST(idents__are_sorted_found_and_removed)
{
	AUTO_IDENTS struct idents list = {0};
	AUTO_IDENTS struct idents same = {0};

	ck_assert(idents_sort(&list));
	ck_assert_ptr_null(idents_find(&list, "a"));
	add(&list, "c", 3);
	add(&list, "a", 1);
	add(&list, "b", 2);
	ck_assert(idents_sort(&list));
	ck_assert_uint_eq(idents_find(&list, "a")->edition.version, 1);
	ck_assert_uint_eq(idents_find(&list, "b")->edition.version, 2);
	ck_assert_uint_eq(idents_find(&list, "c")->edition.version, 3);
	ck_assert_ptr_null(idents_find(&list, "d"));
	add(&same, "a", 1);
	add(&same, "b", 2);
	ck_assert(!idents_equal(&list, &same) && !idents_equal(&same, &list));
	add(&same, "c", 3);
	ck_assert(idents_equal(&list, &same));
	same.at[2].edition.version = 4;
	ck_assert(!idents_equal(&list, &same));
	/* Of one version, of none that is there, of all. */
	add(&list, "c", 4);
	ck_assert(!idents_sort(&list));
	ck_assert(!idents_remove(&list, "c", 5) && list.count == 4);
	ck_assert(idents_remove(&list, "c", 4) && list.count == 3);
	ck_assert_uint_eq(idents_find(&list, "c")->edition.version, 3);
	ck_assert(!idents_remove(&list, "d", 0) && list.count == 3);
	ck_assert(idents_remove(&list, "a", 0) && list.count == 2);
	ck_assert_str_eq(list.at[0].type, "b");
}
END_TEST

void
ident_tests(TCase *c)
{
	tcase_add_test(c, ident_target_parse_stored__knows_what_a_cache_has_by_name);
	tcase_add_test(c, ident_name__each_thing_has_its_own);
	tcase_add_test(c, ident_type_valid__a_word_that_is_a_safe_name);
	tcase_add_test(c, idents__are_sorted_found_and_removed);
	tcase_add_test(c, ident_target_parse__accepts_the_closed_grammar);
	tcase_add_test(c, ident_target_parse__refuses_everything_else);
}
