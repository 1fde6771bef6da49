/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "migrate/migrate_read.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "migrate/migrated.h"
#include "unit.h"

START_TEST(migrate_read_fsaua__the_first_proxy_of_the_last_list)
{
	static const struct migrated_case cases[] = {
		{"", ""},
		{"[section]\n# comment\nhttp_proxies=\n",
			"f:3: http_proxies=\n    -> no proxy: nothing to write\n"},
		{"http_proxies= , ,\n", "f:1: http_proxies=\n    -> no proxy: nothing to write\n"},
		{" http_proxies = a:1 , b:2\n",
			"f:1: http_proxies: a:1\n"
			"    -> data/fspms.proxy.config: http_proxy=http://a:1/\n"
			"f:1: http_proxies: b:2\n"
			"    !! not taken: there is one proxy, and it is the first of the list\n"},
		{"http_proxies=http://u:p@a/x\n", "f:1: http_proxies: ***\n    !! not taken: "},
		{"http_proxies=a\nhttp_proxies=http://u:p@b/\n",
			"f:1: http_proxies: a:80\n"
			"    !! not taken: f:2 sets http_proxies again\n"
			"f:2: http_proxies: ***@b:80\n"
			"    -> data/fspms.proxy.config: http_proxy=http://b:80/ with its user\n"},
		{"http_proxies=[::1]\n",
			"f:1: http_proxies: [::1]:80\n"
			"    -> data/fspms.proxy.config: http_proxy=http://[::1]:80/\n"},
		{"http_proxies=u:p%40w@[::1]:8\n", "f:1: http_proxies: ***@[::1]:8\n"
						   "    -> data/fspms.proxy.config: "
						   "http_proxy=http://[::1]:8/ with its user\n"},
		{"poll_interval=600\nother = x\nno line\n",
			"f:1: poll_interval=600\n"
			"    -- was a client's; a server's is updatePollingInterval\n"
			"f:2: other=***\n    -- has no meaning here\n"
			"f:3: ***\n    -- not name=value\n"},
	};

	migrated_set_up();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct migration m;
		size_t len = strlen(cases[i].table);

		ck_assert_int_eq(migrated_read(migrate_read_fsaua, cases[i].old, &m, NULL), 0);
		unit_listen();
		migrate_table_print(&m, false);
		/* Of what is no proxy the parser says why. */
		if (i != 4)
			ck_assert_str_eq(unit_output(), cases[i].table);
		ck_assert_msg(
			strncmp(unit_output(), cases[i].table, len) == 0, "%s", unit_output());
		ck_assert_ptr_null(strstr(unit_output(), "u:p"));
		ck_assert_int_eq(
			m.proxy.host != NULL, strstr(cases[i].table, "http_proxy=") != NULL);
		migrate_table_free(&m);
	}
}
END_TEST

START_TEST(migrate_read_channels__a_list_or_the_file_itself)
{
	static const struct {
		const char *old;
		const char *channels; /* NULL: as it was */
		const char *table;
	} rows[] = {
		{" [\"a\",\"b\"]", "{\"legacy\": [\"a\",\"b\"]}",
			"f: legacy a\n    -> config/channels.json: legacy\n"
			"f: legacy b\n    -> config/channels.json: legacy\n"},
		{"{\"legacy\":[\"a\"],\"types\":{\"x*\":{\"keep\":5}}}", NULL,
			"f: legacy a\n    -> config/channels.json: legacy\n"
			"f: types x*\n    -> config/channels.json: types\n"},
	};

	migrated_set_up();
	for (size_t i = 0; i < 2; i++) {
		struct migration m;

		ck_assert_int_eq(migrated_read(migrate_read_channels, rows[i].old, &m, NULL), 0);
		unit_listen();
		migrate_table_print(&m, false);
		ck_assert_str_eq(unit_output(), rows[i].table);
		ck_assert_str_eq(
			m.channels.at, rows[i].channels != NULL ? rows[i].channels : rows[i].old);
		migrate_table_free(&m);
	}
}
END_TEST

START_TEST(migrate_read_channels__what_it_cannot_be_is_an_error_without_its_words)
{
	struct migration m;
	struct err e = {0};

	migrated_set_up();
	/* The parser quotes what is no JSON. */
	ck_assert_int_eq(migrated_read(migrate_read_channels, "{\"kanari77", &m, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_msg(strstr(e.text, "kanari77") == NULL, "%s", e.text);
	ck_assert_uint_eq(m.channels.len, 0);
	ck_assert_uint_eq(m.row_count, 0);
	migrate_table_free(&m);
}
END_TEST

START_TEST(migrate_read_text__what_is_no_text_file_is_refused)
{
	static const char with_nul[] = "a\0b";
	AUTO_BUF struct buf text = {0};
	AUTO_FREE char *large = mem_new((1 << 20) + 1, 1);
	struct err e = {0};

	migrated_set_up();
	ck_assert_int_eq(migrate_read_text("none", &text, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert_int_eq(fs_put(AT_FDCWD, "x", "f", span_of(with_nul, 3), NULL), 0);
	ck_assert_int_eq(migrate_read_text("f", &text, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_ptr_nonnull(strstr(e.text, "f: has a NUL byte"));
	memset(large, 'a', (1 << 20) + 1);
	ck_assert_int_eq(fs_put(AT_FDCWD, "x", "f", span_of(large, (1 << 20) + 1), NULL), 0);
	buf_clear(&text);
	ck_assert_int_eq(migrate_read_text("f", &text, &e), -1);
	ck_assert_int_eq(e.code, ERR_LIMIT);
	ck_assert_int_eq(fs_put(AT_FDCWD, "x", "f", span_of(large, 1 << 20), NULL), 0);
	buf_clear(&text);
	ck_assert_int_eq(migrate_read_text("f", &text, &e), 0);
	/* With nothing in it there is an empty text. */
	ck_assert_int_eq(fs_put(AT_FDCWD, "x", "f", span_of("", 0), NULL), 0);
	buf_free(&text);
	ck_assert_int_eq(migrate_read_text("f", &text, &e), 0);
	ck_assert_str_eq(text.at, "");
}
END_TEST

void
migrate_read_tests(TCase *c)
{
	tcase_add_test(c, migrate_read_fsaua__the_first_proxy_of_the_last_list);
	tcase_add_test(c, migrate_read_channels__a_list_or_the_file_itself);
	tcase_add_test(c, migrate_read_channels__what_it_cannot_be_is_an_error_without_its_words);
	tcase_add_test(c, migrate_read_text__what_is_no_text_file_is_refused);
}
