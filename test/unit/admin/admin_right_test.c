/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/admin_right.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

#define TOKEN "0123456789abcdef"

static char *
put_token(const char *text, mode_t mode)
{
	AUTO_FREE char *directory = NULL;
	AUTO_CLOSE int dir = unit_dir(&directory);

	ck_assert_int_eq(fs_put(dir, "new", "token", unit_text(text), NULL), 0);
	ck_assert_int_eq(fchmodat(dir, "token", mode, 0), 0);
	return mem_printf("%s/token", directory);
}

START_TEST(admin_right_open__a_word_that_its_owner_alone_can_read)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *error; /* NULL: it is taken */
	} rows[] = {{TOKEN "\n", 0600, NULL}, {TOKEN, 0400, NULL}, {TOKEN "\r\n", 0600, NULL},
		{TOKEN, 0640, "others can read it: chmod 600"},
		{TOKEN, 0604, "others can read it: chmod 600"},
		{"", 0600, "has no line of 16 to 256 characters"},
		{"0123456789abcde\n", 0600, "has no line of 16 to 256 characters"},
		{TOKEN "\n" TOKEN "\n", 0600, "has more than one word"},
		{"0123456789 abcdef", 0600, "has more than one word"},
		{"0123456789\xc3\xa4" TOKEN, 0600, "has more than one word"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *file = put_token(rows[i].text, rows[i].mode);
		struct admin_rights r;
		struct err e = {0};
		int result = admin_right_open(&r, false, file, &e);

		ck_assert_msg((result == 0) == (rows[i].error == NULL), "row %zu: %s", i, e.text);
		if (rows[i].error == NULL) {
			ck_assert_str_eq(r.token, TOKEN);
		} else {
			ck_assert_int_eq(e.code, ERR_INPUT);
			ck_assert_ptr_nonnull(strstr(e.text, file));
			ck_assert_ptr_nonnull(strstr(e.text, rows[i].error));
		}
		admin_right_close(&r);
	}
}
END_TEST

START_TEST(admin_right_of__by_the_token_alone_where_there_is_one)
{
	static const struct {
		const char *token;
		enum admin_right has;
	} rows[] = {{TOKEN, ADMIN_CHANGE}, {NULL, ADMIN_NOTHING}, {"", ADMIN_NOTHING},
		{TOKEN "0", ADMIN_NOTHING}, {"0123456789abcde", ADMIN_NOTHING},
		{"0123456789ABCDEF", ADMIN_NOTHING}, {TOKEN TOKEN, ADMIN_NOTHING}};
	struct admin_rights r = {.token = TOKEN};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct admin_asker asker = {-1, "127.0.0.1", rows[i].token};

		ck_assert_msg(admin_right_of(&r, &asker) == rows[i].has, "row %zu", i);
	}
}
END_TEST

/* What a browser says that was led here by a name of somebody else's. */
START_TEST(admin_right_of__without_a_token_who_means_this_machine_may_read)
{
	static const struct {
		const char *host;
		enum admin_right has;
	} rows[] = {{NULL, ADMIN_READ}, {"127.0.0.1", ADMIN_READ}, {"127.0.0.1:81", ADMIN_READ},
		{"localhost", ADMIN_READ}, {"LOCALHOST:81", ADMIN_READ}, {"[::1]:81", ADMIN_READ},
		{"[::1]", ADMIN_READ}, {"evil.example", ADMIN_NOTHING},
		{"127.0.0.1.evil.example:81", ADMIN_NOTHING},
		{"localhost.evil.example", ADMIN_NOTHING}, {"", ADMIN_NOTHING},
		{"off", ADMIN_NOTHING}, {"/", ADMIN_NOTHING}};
	struct admin_rights r = {.token = ""};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct admin_asker asker = {-1, rows[i].host, TOKEN};

		ck_assert_msg(admin_right_of(&r, &asker) == rows[i].has, "row %zu", i);
	}
}
END_TEST

START_TEST(admin_right_of__over_a_unix_socket_by_who_the_kernel_says_it_is)
{
	struct admin_rights r = {.local = true};
	struct admin_asker asker = {-1, "evil.example", NULL};
	int pair[2];

	ck_assert_int_eq(admin_right_of(&r, &asker), ADMIN_NOTHING);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	asker.fd = pair[0];
	ck_assert_int_eq(admin_right_of(&r, &asker), ADMIN_CHANGE);
	fs_close(&pair[0]);
	fs_close(&pair[1]);
}
END_TEST

void
admin_right_tests(TCase *c)
{
	tcase_add_test(c, admin_right_open__a_word_that_its_owner_alone_can_read);
	tcase_add_test(c, admin_right_of__by_the_token_alone_where_there_is_one);
	tcase_add_test(c, admin_right_of__without_a_token_who_means_this_machine_may_read);
	tcase_add_test(c, admin_right_of__over_a_unix_socket_by_who_the_kernel_says_it_is);
}
