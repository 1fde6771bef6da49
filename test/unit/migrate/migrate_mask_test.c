/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "migrate/migrate_mask.h"

#include <stdio.h>

#include "base/mem.h"
#include "unit.h"

START_TEST(migrate_mask_setting__a_value_is_shown_where_it_gives_nothing_away)
{
	static const struct {
		const char *name;
		const char *value;
		const char *shown;
	} rows[] = {
		{"hostModulePort", "8080", "hostModulePort=8080"},
		{"hostModulePort", "99999",
			"hostModulePort=99999"}, /* a number, though a wrong one */
		{"hostModulePort", "secret", "hostModulePort=***"},
		{"upstreamPmPort", "-1.5+", "upstreamPmPort=-1.5+"},
		{"upstreamPmPort", "1x", "upstreamPmPort=***"},
		{"adminModulePort", "1", "adminModulePort=1"},
		{"hostModuleHttpsPort", "1", "hostModuleHttpsPort=1"},
		{"poll_interval", "1", "poll_interval=1"}, {"wrPortNum", "1", "wrPortNum=1"},
		{"password", "1234", "password=***"}, {"password", "", "password="},
		{"password", NULL, "password"}, {"pass word", "x", "pass***=***"},
		{"pass word", NULL, "pass***"}, {"", "x", "=***"},
		{"guts2ServerUrl", "http://up/", "guts2ServerUrl=http://up/"},
		{"guts2ServerUrl", "http://me:secret@up/", "guts2ServerUrl=***"},
		{"guts2ServerUrl", "1", "guts2ServerUrl=***"}, /* a text may be any number */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *shown = migrate_mask_setting(rows[i].name, rows[i].value);

		ck_assert_str_eq(shown, rows[i].shown);
	}
}
END_TEST

START_TEST(migrate_mask_line__the_name_in_front_of_the_first_equals_sign)
{
	static const struct {
		const char *line;
		const char *shown;
	} rows[] = {
		{"name=secret", "name=***"},
		{"say name=secret=x", "name=***"},
		{"secret", "***"},
		{"secret name", "***"},
		{"=secret", "***"},
		{"secret =x", "***"},
		{"", "***"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *shown = migrate_mask_line(rows[i].line);

		ck_assert_str_eq(shown, rows[i].shown);
	}
}
END_TEST

START_TEST(migrate_mask_error__what_it_quotes_is_not_shown)
{
	static const struct {
		const char *text;
		const char *shown;
	} rows[] = {
		{"f: 'secret' is wrong", "f: '***' is wrong"},
		{"f: 'sec'ret' is wrong", "f: '***' is wrong"},
		{"f: 'secret", "f: '***'"},
		{"no word", "no word"},
	};
	struct err e = {0};
	size_t len = sizeof(e.text) - 1;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)err_set(&e, ERR_LIMIT, "%s", rows[i].text);
		migrate_mask_error(&e);
		ck_assert_str_eq(e.text, rows[i].shown);
		ck_assert_int_eq(e.code, ERR_LIMIT);
	}
	/* One that was cut within the quotes, at a quote of the value's own. */
	memset(e.text, 's', len);
	e.text[0] = e.text[10] = '\'';
	migrate_mask_error(&e);
	ck_assert_str_eq(e.text, "'***'");
	/* As long as it may be without having been cut. */
	memset(e.text, 's', len);
	e.text[len - 1] = '\0';
	e.text[0] = e.text[10] = '\'';
	migrate_mask_error(&e);
	ck_assert_uint_gt(strlen(e.text), 100);
}
END_TEST

void
migrate_mask_tests(TCase *c)
{
	tcase_add_test(c, migrate_mask_setting__a_value_is_shown_where_it_gives_nothing_away);
	tcase_add_test(c, migrate_mask_line__the_name_in_front_of_the_first_equals_sign);
	tcase_add_test(c, migrate_mask_error__what_it_quotes_is_not_shown);
}
