/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which roles are asked for a target, and which of them are believed. */
#include <string.h>

#include "base/mem.h"
#include "trust/vouched.h"
#include "unit.h"

static const char *
find(const char *path, enum verdict *ret_reason)
{
	static char found[64];
	struct trust *t = trust_new(
		signed_span(&vouched_get(&vouched_kept, "root.json")->bytes), vouched_now_s, NULL);
	const char *result = NULL;

	vouched_run(t);
	ck_assert_int_eq(trust_verdict(t), VERDICT_GOOD);
	vouched_asked[0] = '\0';
	trust_find(t, path);
	vouched_run(t);
	*ret_reason = trust_verdict(t);
	if (trust_found(t) != NULL)
		result = strcpy(found, trust_found(t)->name);
	trust_free(t);
	return result;
}

START_TEST(trust_find__goes_to_the_roles_that_a_path_is_left_to)
{
	static const struct {
		const char *path;
		bool found;
		const char *asked;
	} rows[] = {
		{"top", true, ""},
		{"xa", true, "1.a.json "},
		{"xb", true, "1.a.json 1.b.json "},
		{"xc", false, "1.a.json 1.b.json "},
		{"y", false, ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum verdict reason;
		const char *found;

		vouched_set_up();
		found = find(rows[i].path, &reason);
		ck_assert_int_eq(reason, VERDICT_GOOD);
		ck_assert(rows[i].found ? found != NULL && strcmp(found, rows[i].path) == 0
					: found == NULL);
		ck_assert_str_eq(vouched_asked, rows[i].asked);
		/* The second time they are kept. */
		found = find(rows[i].path, &reason);
		ck_assert_str_eq(vouched_asked, "");
		ck_assert_int_eq(found != NULL, rows[i].found);
		vouched_tear_down();
	}
}
END_TEST

START_TEST(trust_find__behind_a_role_that_terminates_is_nothing)
{
	enum verdict reason;

	vouched_set_up();
	vouched_publish("1.targets.json", "3",
		vouched_targets(1, VOUCHED_SOON, "top", VOUCHED_A("true") "," VOUCHED_B));
	ck_assert_ptr_null(find("xb", &reason));
	ck_assert_int_eq(reason, VERDICT_GOOD);
	ck_assert_str_eq(vouched_asked, "1.a.json ");
	vouched_tear_down();
}
END_TEST

/* a leaves the same path to b: whom b is signed by is looked at for each who leaves it. */
START_TEST(trust_find__a_role_is_verified_by_who_delegates_to_it)
{
	static const char other_b[] = "{\"name\":\"b\",\"keyids\":[\"k2\"],\"threshold\":1,"
				      "\"terminating\":false,\"paths\":[\"*\"]}";
	enum verdict reason;

	vouched_set_up();
	vouched_publish("1.a.json", "0", vouched_targets(1, VOUCHED_SOON, "xa", other_b));
	ck_assert_ptr_null(find("xb", &reason));
	ck_assert_int_eq(reason, VERDICT_UNSIGNED);
	vouched_tear_down();
}
END_TEST

START_TEST(trust_find__refuses_a_role_for_a_reason)
{
	static const struct {
		const char *by;
		unsigned version;
		const char *expires;
		enum verdict reason;
	} rows[] = {
		{"1", 1, VOUCHED_SOON, VERDICT_UNSIGNED},
		{"0", 2, VOUCHED_SOON, VERDICT_MIXED},
		{"0", 1, VOUCHED_PAST, VERDICT_EXPIRED},
		{NULL, 1, VOUCHED_SOON, VERDICT_MISSING},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum verdict reason;

		vouched_set_up();
		if (rows[i].by == NULL)
			vouched_put(&vouched_repository, "1.a.json", unit_text(""));
		else
			vouched_publish("1.a.json", rows[i].by,
				vouched_targets(rows[i].version, rows[i].expires, "xa", ""));
		ck_assert_ptr_null(find("xa", &reason));
		ck_assert_msg(reason == rows[i].reason, "row %zu", i);
		vouched_tear_down();
	}
}
END_TEST

START_TEST(trust_find__a_role_that_the_snapshot_does_not_list_is_not_asked_for)
{
	enum verdict reason;

	vouched_set_up();
	vouched_publish("1.snapshot.json", "2", vouched_snapshot(1, 1, 0, 1));
	ck_assert_ptr_null(find("xa", &reason));
	ck_assert_int_eq(reason, VERDICT_NOT_LISTED);
	ck_assert_str_eq(vouched_asked, "");
	vouched_tear_down();
}
END_TEST

/* One type's trouble is its own. */
START_TEST(trust_find__what_failed_of_one_target_says_nothing_of_another)
{
	struct trust *t;

	vouched_set_up();
	vouched_publish("1.targets.json", "3",
		vouched_targets(1, VOUCHED_SOON, "top", VOUCHED_A("true") "," VOUCHED_B));
	vouched_put(&vouched_repository, "1.a.json", unit_text(""));
	t = trust_new(
		signed_span(&vouched_get(&vouched_kept, "root.json")->bytes), vouched_now_s, NULL);
	vouched_run(t);
	trust_find(t, "xa");
	vouched_run(t);
	ck_assert_int_eq(trust_verdict(t), VERDICT_MISSING);
	ck_assert_str_eq(trust_why(t), "a: it is not there");
	trust_find(t, "top");
	vouched_run(t);
	ck_assert_int_eq(trust_verdict(t), VERDICT_GOOD);
	ck_assert_str_eq(trust_why(t), "");
	ck_assert_ptr_nonnull(trust_found(t));
	ck_assert_ptr_null(trust_visited(t));
	trust_free(t);
	vouched_tear_down();
}
END_TEST

/* Two that leave everything to each other. */
START_TEST(trust_find__a_search_that_was_given_up_is_forgotten)
{
	struct trust_want want;
	struct trust *t;

	vouched_set_up();
	t = trust_new(
		signed_span(&vouched_get(&vouched_kept, "root.json")->bytes), vouched_now_s, NULL);
	vouched_run(t);
	trust_find(t, "xb");
	ck_assert(trust_next(t, &want)); /* and nobody can be asked */
	trust_find(t, "top");
	ck_assert(!trust_next(t, &want));
	ck_assert_str_eq(trust_found(t)->name, "top");
	trust_find(t, "xb");
	vouched_run(t);
	ck_assert_str_eq(trust_found(t)->name, "xb");
	trust_free(t);
	vouched_tear_down();
}
END_TEST

START_TEST(trust_find__a_circle_has_an_end)
{
	static const char to_b[] = "{\"name\":\"b\",\"keyids\":[\"k1\"],\"threshold\":1,"
				   "\"terminating\":false,\"paths\":[\"*\"]}";
	static const char to_a[] = "{\"name\":\"a\",\"keyids\":[\"k0\"],\"threshold\":1,"
				   "\"terminating\":false,\"paths\":[\"*\"]}";
	enum verdict reason;

	vouched_set_up();
	vouched_publish("1.a.json", "0", vouched_targets(1, VOUCHED_SOON, NULL, to_b));
	vouched_publish("1.b.json", "1", vouched_targets(1, VOUCHED_SOON, NULL, to_a));
	ck_assert_ptr_null(find("xc", &reason));
	ck_assert_int_eq(reason, VERDICT_GOOD);
	ck_assert_str_eq(vouched_asked, "1.a.json 1.b.json ");
	vouched_tear_down();
}
END_TEST

/* A name is a name: it leads out of no directory, and is one component of a URL. */
START_TEST(trust_next__names_files_by_what_a_role_is_called)
{
	static const struct {
		const char *role, *file;
	} rows[] = {
		{"../a", "1...%2Fa.json"},
		{"?", "1.%3F.json"},
		{"t-a_b.c~", "1.t-a_b.c~.json"},
		{"\xc3\xa4", "1.%C3%A4.json"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *head = vouched_common("snapshot", 1, VOUCHED_SOON);
		AUTO_FREE char *roles =
			mem_printf("{\"name\":\"%s\",\"keyids\":[\"k0\"],\"threshold\":1,"
				   "\"terminating\":false,\"paths\":[\"x*\"]}",
				rows[i].role);
		enum verdict reason;

		vouched_set_up();
		vouched_publish(
			"1.targets.json", "3", vouched_targets(1, VOUCHED_SOON, NULL, roles));
		vouched_publish("1.snapshot.json", "2",
			mem_printf("{%s,\"meta\":{\"targets.json\":{\"version\":1},"
				   "\"%s.json\":{\"version\":1}}}",
				head, rows[i].role));
		vouched_publish(rows[i].file, "0", vouched_targets(1, VOUCHED_SOON, "xa", ""));
		ck_assert_ptr_nonnull(find("xa", &reason));
		ck_assert_ptr_nonnull(vouched_get(&vouched_kept, rows[i].file + 2));
		vouched_tear_down();
	}
}
END_TEST

START_TEST(trust_next__a_name_too_long_for_a_file_is_refused)
{
	for (int more = 0; more <= 1; more++) {
		AUTO_FREE char *head = vouched_common("snapshot", 1, VOUCHED_SOON);
		AUTO_FREE char *name = mem_new(300, 1);
		AUTO_FREE char *roles = NULL;
		enum verdict reason;

		/* With "1." in front, ".json" and room for an encoded letter. */
		memset(name, 'n', ROLE_FILE_MAX - 10 + (size_t)more);
		roles = mem_printf("{\"name\":\"%s\",\"keyids\":[\"k0\"],\"threshold\":1,"
				   "\"terminating\":false,\"paths\":[\"x*\"]}",
			name);
		vouched_set_up();
		vouched_publish(
			"1.targets.json", "3", vouched_targets(1, VOUCHED_SOON, NULL, roles));
		vouched_publish("1.snapshot.json", "2",
			mem_printf("{%s,\"meta\":{\"targets.json\":{\"version\":1},"
				   "\"%s.json\":{\"version\":1}}}",
				head, name));
		ck_assert_ptr_null(find("xa", &reason));
		ck_assert_int_eq(reason, more == 0 ? VERDICT_MISSING : VERDICT_MALFORMED);
		vouched_tear_down();
	}
}
END_TEST

void
trust_find_tests(TCase *c)
{
	signed_use(c);
	tcase_add_test(c, trust_find__goes_to_the_roles_that_a_path_is_left_to);
	tcase_add_test(c, trust_find__behind_a_role_that_terminates_is_nothing);
	tcase_add_test(c, trust_find__a_role_is_verified_by_who_delegates_to_it);
	tcase_add_test(c, trust_find__refuses_a_role_for_a_reason);
	tcase_add_test(c, trust_find__a_role_that_the_snapshot_does_not_list_is_not_asked_for);
	tcase_add_test(c, trust_find__what_failed_of_one_target_says_nothing_of_another);
	tcase_add_test(c, trust_find__a_search_that_was_given_up_is_forgotten);
	tcase_add_test(c, trust_find__a_circle_has_an_end);
	tcase_add_test(c, trust_next__names_files_by_what_a_role_is_called);
	tcase_add_test(c, trust_next__a_name_too_long_for_a_file_is_refused);
}
