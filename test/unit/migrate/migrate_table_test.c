/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "migrate/migrate_table.h"

#include "base/mem.h"
#include "migrate/migrate_statement.h"
#include "model/doc.h"
#include "unit.h"

static void
add(struct migration *m, const char *origin, const char *name, const char *value)
{
	migrate_table_option(m, origin, mem_printf("%s: %s", origin, name), name, value);
}

START_TEST(migrate_table_option__the_last_of_a_name_is_taken)
{
	struct migration m = {0};

	add(&m, "f:1", "holdMax", "1s");
	add(&m, "f:2", "drainTime", "2s");
	add(&m, "f:3", "holdMax", "3s");
	add(&m, "f:4", "holdMax", "soon");
	ck_assert_uint_eq(m.option_count, 2);
	ck_assert_str_eq(m.options[0].setting, "drainTime=2s");
	ck_assert_str_eq(m.options[1].setting, "holdMax=3s");
	ck_assert_str_eq(m.options[1].origin, "f:3");
	unit_listen();
	migrate_table_print(&m, false);
	ck_assert_ptr_eq(
		strstr(unit_output(), "f:1: holdMax\n    !! not taken: f:3 sets holdMax again\n"
				      "f:2: drainTime\n    -> config/guts2d.conf: drainTime=2s\n"
				      "f:3: holdMax\n    -> config/guts2d.conf: holdMax=3s\n"
				      "f:4: holdMax\n    !! not taken: holdMax: "),
		unit_output());
	ck_assert_ptr_null(strstr(unit_output(), "soon"));
	migrate_table_free(&m);
}
END_TEST

START_TEST(migrate_table_settle__of_two_that_do_not_fit_the_first_stays)
{
	static const char *const left[] = {
		"holdMax=1s", "retryAfterMax=60s", "drainTime=2s", "maxConnections=100"};
	struct migration m = {0};

	add(&m, "f:1", "holdMax", "1s");
	add(&m, "f:2", "retryAfterMax", "60s");
	add(&m, "f:3", "drainTime", "2s");
	add(&m, "f:4", "retryAfterMin", "61s");
	add(&m, "f:5", "maxConnections", "100");
	migrate_table_settle(&m);
	/* Without one of the pair the rest is as it was. */
	ck_assert_uint_eq(m.option_count, 4);
	for (size_t i = 0; i < m.option_count; i++)
		ck_assert_str_eq(m.options[i].setting, left[i]);
	for (size_t i = 0; i < m.row_count; i++)
		ck_assert_int_eq(m.rows[i].result, i == 3 ? MIGRATE_WARNED : MIGRATE_TAKEN);
	ck_assert_ptr_nonnull(strstr(m.rows[3].text, "not taken: retryAfter"));
	migrate_table_free(&m);
}
END_TEST

START_TEST(migrate_table_print__json_has_the_same_rows)
{
	static const char *const results[] = {"taken", "warning", "no-meaning"};
	struct migration m = {0};
	AUTO_DOC json_t *got = NULL;
	const json_t *rows;

	for (int i = MIGRATE_TAKEN; i <= MIGRATE_NO_MEANING; i++)
		migrate_table_note(
			&m, (enum migrate_result)i, mem_printf("old %d", i), "text %d", i);
	unit_listen();
	migrate_table_print(&m, true);
	got = doc_parse(unit_text(unit_output()), NULL);
	rows = json_object_get(got, "settings");
	ck_assert_uint_eq(json_array_size(rows), 3);
	for (size_t i = 0; i < 3; i++) {
		const json_t *row = json_array_get(rows, i);
		AUTO_FREE char *old = mem_printf("old %zu", i);
		AUTO_FREE char *text = mem_printf("text %zu", i);

		ck_assert_str_eq(json_string_value(json_object_get(row, "result")), results[i]);
		ck_assert_str_eq(json_string_value(json_object_get(row, "old")), old);
		ck_assert_str_eq(json_string_value(json_object_get(row, "new")), text);
	}
	migrate_table_free(&m);
}
END_TEST

START_TEST(migrate_table_print__what_steers_a_terminal_is_replaced)
{
	struct migration m = {0};

	migrate_table_note(&m, MIGRATE_WARNED, mem_string("a\x1b[2J"), "%s", "b\x1b[2J");
	unit_listen();
	migrate_table_print(&m, false);
	ck_assert_str_eq(unit_output(), "a?[2J\n    !! b?[2J\n");
	migrate_table_free(&m);
}
END_TEST

START_TEST(migrate_statement_last__the_last_that_can_be_taken)
{
	struct migrate_statements all = {0};

	migrate_statement_add(&all, mem_string("f:1"), mem_string("a"), mem_string("1"));
	migrate_statement_add(&all, mem_string("f:2"), mem_string("b"), mem_string("2"));
	migrate_statement_add(&all, mem_string("f:3"), mem_string("a"), mem_string("3"));
	migrate_statement_add(&all, mem_string("f:4"), mem_string("a"), mem_string("$4"));
	all.at[3].depends = true;
	migrate_statement_add(&all, mem_string("f:5"), NULL, mem_string("a"));
	ck_assert_ptr_eq(migrate_statement_last(&all, "a"), &all.at[2]);
	ck_assert_ptr_eq(migrate_statement_last(&all, "b"), &all.at[1]);
	ck_assert_ptr_null(migrate_statement_last(&all, "c"));
	ck_assert_ptr_eq(migrate_statement_later(&all, &all.at[0]), &all.at[2]);
	ck_assert_ptr_null(migrate_statement_later(&all, &all.at[2]));
	ck_assert_ptr_null(migrate_statement_later(&all, &all.at[1]));
	migrate_statement_free(&all);
}
END_TEST

void
migrate_table_tests(TCase *c)
{
	tcase_add_test(c, migrate_table_option__the_last_of_a_name_is_taken);
	tcase_add_test(c, migrate_table_settle__of_two_that_do_not_fit_the_first_stays);
	tcase_add_test(c, migrate_table_print__json_has_the_same_rows);
	tcase_add_test(c, migrate_table_print__what_steers_a_terminal_is_replaced);
	tcase_add_test(c, migrate_statement_last__the_last_that_can_be_taken);
}
