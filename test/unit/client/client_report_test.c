/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_report.h"

#include "model/doc.h"
#include "unit.h"

static const struct {
	enum update_result result;
	const char *name;
	int code;
} rows[] = {
	{UPDATE_UPDATED, "updated", 0},
	{UPDATE_REPAIRED, "repaired", 0},
	{UPDATE_CURRENT, "current", 0},
	{UPDATE_OLDER, "older", 3},
	{UPDATE_WITHDRAWN, "withdrawn", 3},
	{UPDATE_RETRY, "retry", 75},
	{UPDATE_FAILED, "failed", 1},
};

static struct update
update_of(enum update_result result)
{
	struct update u = {.type = "t", .result = result, .retry_s = 7};

	(void)err_set(&u.why, ERR_INPUT, "the reason");
	return u;
}

START_TEST(client_report__each_result_has_its_name_and_its_exit_code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct update u = update_of(rows[i].result);
		const char *heard;

		unit_listen();
		ck_assert_int_eq(client_report(&u, 0, false), rows[i].code);
		heard = unit_output();
		ck_assert_msg(strncmp(heard, "t: ", 3) == 0 &&
				      strncmp(heard + 3, rows[i].name, strlen(rows[i].name)) == 0 &&
				      strcmp(heard + 3 + strlen(rows[i].name), "\n") == 0,
			"%s", heard);
		/* The reason of what is no success; when to come back of what was told so. */
		heard = unit_complaints();
		ck_assert_int_eq(strstr(heard, "t: the reason") != NULL, rows[i].code != 0);
		ck_assert_int_eq(strstr(heard, "; come back in 7 s\n") != NULL,
			rows[i].result == UPDATE_RETRY);
	}
}
END_TEST

START_TEST(client_report__says_the_same_in_json)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct update u = update_of(rows[i].result);
		AUTO_DOC json_t *got = NULL;

		unit_listen();
		ck_assert_int_eq(client_report(&u, 0, true), rows[i].code);
		got = doc_parse(unit_text(unit_output()), NULL);
		ck_assert_str_eq(json_string_value(json_object_get(got, "result")), rows[i].name);
		ck_assert_int_eq(json_object_get(got, "error") != NULL, rows[i].code != 0);
		ck_assert_str_eq(unit_complaints(), "");
	}
}
END_TEST

START_TEST(client_report__what_was_installed_and_by_what)
{
	struct update u = update_of(UPDATE_UPDATED);
	AUTO_DOC json_t *got = NULL;

	u.from = (struct edition){5, "00000005"};
	u.to = (struct edition){6, "00000006"};
	u.verified_s = 86400;
	u.via = "difference";
	u.bytes = 1234;
	unit_listen();
	(void)client_report(&u, 2.5, false);
	ck_assert_str_eq(unit_output(), "t: updated, version 6 by difference of 1.2 kB in 2.5 s, "
					"verified 1970-01-02T00:00:00Z\n");
	unit_listen();
	(void)client_report(&u, 2.5, true);
	got = doc_parse(unit_text(unit_output()), NULL);
	ck_assert_str_eq(json_string_value(json_object_get(got, "type")), "t");
	ck_assert_int_eq(json_integer_value(json_object_get(got, "from")), 5);
	ck_assert_int_eq(json_integer_value(json_object_get(got, "to")), 6);
	ck_assert_int_eq(json_integer_value(json_object_get(got, "bytes")), 1234);
	ck_assert_int_eq(json_integer_value(json_object_get(got, "verified")), 86400);
	ck_assert_str_eq(json_string_value(json_object_get(got, "via")), "difference");
	ck_assert(json_real_value(json_object_get(got, "seconds")) == 2.5);
}
END_TEST

START_TEST(client_report__what_is_not_known_is_null)
{
	static const char *const names[] = {"from", "to", "via", "verified"};
	const struct update u = update_of(UPDATE_FAILED);
	AUTO_DOC json_t *got = NULL;

	unit_listen();
	(void)client_report(&u, 0, true);
	got = doc_parse(unit_text(unit_output()), NULL);
	for (size_t i = 0; i < 4; i++)
		ck_assert_msg(json_is_null(json_object_get(got, names[i])), "%s", names[i]);
	ck_assert_str_eq(json_string_value(json_object_get(got, "error")), "the reason");
}
END_TEST

START_TEST(client_report__no_time_is_told_where_none_was)
{
	struct update u = update_of(UPDATE_RETRY);

	u.retry_s = 0;
	unit_listen();
	(void)client_report(&u, 0, false);
	ck_assert_ptr_null(strstr(unit_complaints(), "come back"));
	u.retry_s = 1;
	(void)client_report(&u, 0, false);
	ck_assert_ptr_nonnull(strstr(unit_complaints(), "; come back in 1 s"));
}
END_TEST

START_TEST(client_report_worse__an_error_is_worst_then_what_never_comes)
{
	static const int order[] = {0, 75, 3, 1}; /* from best to worst */

	for (size_t a = 0; a < 4; a++)
		for (size_t b = 0; b < 4; b++)
			ck_assert_int_eq(
				client_report_worse(order[a], order[b]), order[a > b ? a : b]);
}
END_TEST

void
client_report_tests(TCase *c)
{
	tcase_add_test(c, client_report__each_result_has_its_name_and_its_exit_code);
	tcase_add_test(c, client_report__says_the_same_in_json);
	tcase_add_test(c, client_report__what_was_installed_and_by_what);
	tcase_add_test(c, client_report__what_is_not_known_is_null);
	tcase_add_test(c, client_report__no_time_is_told_where_none_was);
	tcase_add_test(c, client_report_worse__an_error_is_worst_then_what_never_comes);
}
