/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/ident.h"
#include "unit.h"

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
		{"/f/" ID "_archive", "f/" ID "_archive", false}};
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
		"/f/0_archive", "/f/../q", "/c/" ID, "/h;t=a;v=1;c=00000000/x",
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

void
ident_tests(TCase *c)
{
	tcase_add_test(c, ident_target_parse__accepts_the_closed_grammar);
	tcase_add_test(c, ident_target_parse__refuses_everything_else);
}
