/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The workflow against a repository in memory: what it wants in which order, what it takes, and for
 * which reason it takes no more.
 */
#include "trust/trust.h"

#include <string.h>

#include "base/mem.h"
#include "trust/vouched.h"
#include "unit.h"

static const char first_time[] = "2.root.json timestamp.json 1.snapshot.json 1.targets.json ";

START_TEST(trust__asks_in_order_and_only_for_what_is_not_kept)
{
	vouched_set_up();
	ck_assert_int_eq(vouched_refresh(), VERDICT_GOOD);
	ck_assert_str_eq(vouched_asked, first_time);
	ck_assert_int_eq(vouched_refresh(), VERDICT_GOOD);
	ck_assert_str_eq(vouched_asked, "2.root.json timestamp.json ");
	vouched_publish("2.targets.json", "3", vouched_targets(2, VOUCHED_SOON, NULL, ""));
	vouched_publish("2.snapshot.json", "2", vouched_snapshot(2, 2, 1, 1));
	vouched_publish("timestamp.json", "1", vouched_timestamp(2, 2, VOUCHED_SOON));
	ck_assert_int_eq(vouched_refresh(), VERDICT_GOOD);
	ck_assert_str_eq(
		vouched_asked, "2.root.json timestamp.json 2.snapshot.json 2.targets.json ");
	vouched_tear_down();
}
END_TEST

/* One document after another is as it should not be. */
START_TEST(trust__says_why_it_takes_no_more)
{
	static const struct {
		const char *name, *by, *words;
		enum verdict reason;
	} rows[] = {
		{"timestamp.json", "0",
			"timestamp: signed by 0 of the keys that may, 1 are required",
			VERDICT_UNSIGNED},
		{"timestamp.json", "", "timestamp: signed by 0 ", VERDICT_UNSIGNED},
		{"1.snapshot.json", "1", "snapshot: signed by 0 ", VERDICT_UNSIGNED},
		{"1.targets.json", "2", "targets: signed by 0 ", VERDICT_UNSIGNED},
		{"timestamp.json", NULL, "timestamp: it is not there", VERDICT_MISSING},
		{"1.snapshot.json", NULL, "snapshot: it is not there", VERDICT_MISSING},
		{"1.targets.json", NULL, "targets: it is not there", VERDICT_MISSING},
		{"timestamp.json", "<", "timestamp: not JSON: ", VERDICT_MALFORMED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why;

		vouched_set_up();
		if (rows[i].by == NULL)
			vouched_put(&vouched_repository, rows[i].name, unit_text(""));
		else if (strcmp(rows[i].by, "<") == 0)
			vouched_put(&vouched_repository, rows[i].name, unit_text("<html>"));
		else
			vouched_publish(rows[i].name, rows[i].by,
				rows[i].name[0] == 't' ? vouched_timestamp(1, 1, VOUCHED_SOON)
				: rows[i].name[2] == 's'
					? vouched_snapshot(1, 1, 1, 1)
					: vouched_targets(1, VOUCHED_SOON, NULL, ""));
		ck_assert_int_eq(vouched_refresh_at(vouched_now_s, &why), rows[i].reason);
		ck_assert_msg(strncmp(why, rows[i].words, strlen(rows[i].words)) == 0, "%s", why);
		vouched_tear_down();
	}
}
END_TEST

START_TEST(trust__what_another_role_says_is_not_taken_for_it)
{
	vouched_set_up();
	/* The same key may sign both. */
	vouched_publish("1.root.json", "0", vouched_root(1, VOUCHED_SOON, "0113"));
	vouched_put(&vouched_kept, "root.json",
		signed_span(&vouched_get(&vouched_repository, "1.root.json")->bytes));
	vouched_publish("timestamp.json", "1", vouched_snapshot(1, 1, 1, 1));
	ck_assert_int_eq(vouched_refresh(), VERDICT_MALFORMED);
	vouched_tear_down();
}
END_TEST

START_TEST(trust__nothing_goes_back)
{
	static const struct {
		unsigned timestamp, snapshot, in_snapshot, targets, a;
		enum verdict reason;
	} rows[] = {
		{6, 5, 5, 5, 5, VERDICT_GOOD},	      /* a new timestamp alone */
		{4, 5, 5, 5, 5, VERDICT_ROLLED_BACK}, /* an old one */
		{6, 4, 4, 5, 5, VERDICT_ROLLED_BACK}, /* an old snapshot under a new one */
		{6, 6, 6, 4, 5, VERDICT_ROLLED_BACK}, /* old targets under a new snapshot */
		{6, 6, 6, 5, 4, VERDICT_ROLLED_BACK}, /* an old role that was delegated to */
		{6, 6, 6, 5, 0, VERDICT_ROLLED_BACK}, /* one that is not listed any more */
		{6, 6, 5, 5, 5, VERDICT_MIXED},	      /* a snapshot that is not the one listed */
		{6, 6, 6, 5, 6, VERDICT_GOOD},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *name = mem_printf("%u.snapshot.json", rows[i].snapshot);

		vouched_set_up();
		vouched_publish("5.targets.json", "3", vouched_targets(5, VOUCHED_SOON, NULL, ""));
		vouched_publish("4.targets.json", "3", vouched_targets(4, VOUCHED_SOON, NULL, ""));
		vouched_publish("5.snapshot.json", "2", vouched_snapshot(5, 5, 5, 1));
		vouched_publish("timestamp.json", "1", vouched_timestamp(5, 5, VOUCHED_SOON));
		ck_assert_int_eq(vouched_refresh(), VERDICT_GOOD);
		vouched_publish(name, "2",
			vouched_snapshot(rows[i].in_snapshot, rows[i].targets, rows[i].a, 1));
		vouched_publish("timestamp.json", "1",
			vouched_timestamp(rows[i].timestamp, rows[i].snapshot, VOUCHED_SOON));
		ck_assert_msg(vouched_refresh() == rows[i].reason, "row %zu", i);
		/* What was trusted before is: as soon as the repository behaves again. */
		vouched_publish("9.snapshot.json", "2", vouched_snapshot(9, 5, 9, 1));
		vouched_publish("timestamp.json", "1", vouched_timestamp(9, 9, VOUCHED_SOON));
		ck_assert_msg(vouched_refresh() == VERDICT_GOOD, "row %zu", i);
		vouched_tear_down();
	}
}
END_TEST

/* Its bytes may be longer than those that are listed now. */
START_TEST(trust__what_is_kept_is_not_measured_by_what_is_listed)
{
	struct trust_want want;
	struct trust *t;

	vouched_set_up();
	ck_assert_int_eq(vouched_refresh(), VERDICT_GOOD);
	vouched_publish("timestamp.json", "1",
		mem_printf("{\"_type\":\"timestamp\",\"spec_version\":\"1.0\",\"version\":2,"
			   "\"expires\":\"" VOUCHED_SOON
			   "\",\"meta\":{\"snapshot.json\":{\"version\":2,"
			   "\"length\":10}}}"));
	t = trust_new(
		signed_span(&vouched_get(&vouched_kept, "root.json")->bytes), vouched_now_s, NULL);
	ck_assert(trust_next(t, &want));
	trust_absent(t); /* root */
	ck_assert(trust_next(t, &want));
	trust_absent(t); /* kept timestamp */
	ck_assert(trust_next(t, &want));
	ck_assert(trust_take(
		t, signed_span(&vouched_get(&vouched_repository, "timestamp.json")->bytes)));
	ck_assert(trust_next(t, &want));
	ck_assert(want.kept);
	ck_assert_uint_eq(want.max_bytes, TRUST_SNAPSHOT_BYTES_MAX);
	trust_absent(t);
	ck_assert(trust_next(t, &want));
	ck_assert(!want.kept);
	ck_assert_uint_eq(want.max_bytes, 10);
	trust_free(t);
	vouched_tear_down();
}
END_TEST

/* Of what is listed the length is known; of the others how long they can be at all. */
START_TEST(trust_oversized__is_no_more_than_a_reason)
{
	static const enum verdict verdicts[] = {
		VERDICT_MALFORMED, VERDICT_MALFORMED, VERDICT_MIXED, VERDICT_MIXED};

	for (int role = 0; role < ROLE_COUNT; role++) {
		struct trust_want want;
		struct trust *t;

		vouched_set_up();
		t = trust_new(signed_span(&vouched_get(&vouched_kept, "root.json")->bytes),
			vouched_now_s, NULL);
		while (trust_next(t, &want) && (want.kept || (int)want.role < role)) {
			const struct vouched_file *f = vouched_get(&vouched_repository, want.file);

			if (want.kept)
				trust_oversized(t);
			else if (f != NULL)
				ck_assert(trust_take(t, signed_span(&f->bytes)));
			else
				trust_absent(t);
		}
		ck_assert_int_eq(want.role, role);
		trust_oversized(t);
		ck_assert(!trust_next(t, &want));
		ck_assert_int_eq(trust_verdict(t), verdicts[role]);
		trust_free(t);
		vouched_tear_down();
	}
}
END_TEST

START_TEST(trust__of_a_timestamp_of_the_same_version_the_first_stays)
{
	AUTO_FREE char *before = NULL;

	vouched_set_up();
	ck_assert_int_eq(vouched_refresh(), VERDICT_GOOD);
	before = mem_string(vouched_get(&vouched_kept, "timestamp.json")->bytes.at);
	vouched_publish("timestamp.json", "1", vouched_timestamp(1, 100, VOUCHED_SOON));
	ck_assert_int_eq(vouched_refresh(), VERDICT_GOOD);
	ck_assert_str_eq(vouched_asked, "2.root.json timestamp.json ");
	ck_assert_str_eq(vouched_get(&vouched_kept, "timestamp.json")->bytes.at, before);
	vouched_tear_down();
}
END_TEST

START_TEST(trust__what_has_expired_is_not_taken)
{
	const char *why;

	vouched_set_up();
	/* The second in which it expires is past its life. */
	ck_assert_int_eq(vouched_refresh_at(1801353600 - 1, NULL), VERDICT_GOOD);
	ck_assert_int_eq(vouched_refresh_at(1801353600, &why), VERDICT_EXPIRED);
	ck_assert_str_eq(why, "root: version 1 expired 0 hours ago by the clock of this machine: "
			      "if that is right nobody signs any "
			      "more, or somebody keeps back what is newer");
	vouched_publish("2.root.json", "0", vouched_root(2, "2028-01-01T00:00:00Z", "0123"));
	ck_assert_int_eq(vouched_refresh_at(1801353600 + 7200, &why), VERDICT_EXPIRED);
	ck_assert_str_eq(why, "timestamp: version 1 expired 2 hours ago by the clock of this "
			      "machine: if that is right nobody signs any "
			      "more, or somebody keeps back what is newer");
	ck_assert_ptr_nonnull(
		strstr(vouched_get(&vouched_kept, "root.json")->bytes.at, "\"version\":2"));
	vouched_publish("timestamp.json", "1", vouched_timestamp(2, 1, "2028-01-01T00:00:00Z"));
	ck_assert_int_eq(vouched_refresh_at(1801353600, &why), VERDICT_EXPIRED);
	ck_assert_str_eq(why, "snapshot: version 1 expired 0 hours ago by the clock of this "
			      "machine: if that is right nobody signs any "
			      "more, or somebody keeps back what is newer");
	vouched_tear_down();
}
END_TEST

START_TEST(trust__targets_that_have_expired_are_not_taken)
{
	const char *why;

	vouched_set_up();
	vouched_publish("1.targets.json", "3", vouched_targets(1, VOUCHED_PAST, NULL, ""));
	ck_assert_int_eq(vouched_refresh_at(vouched_now_s, &why), VERDICT_EXPIRED);
	ck_assert_msg(strncmp(why, "targets: version 1 expired ", 27) == 0, "%s", why);
	vouched_tear_down();
}
END_TEST

/* Years behind: each root by the one before it and by itself, and expired ones on the way. */
START_TEST(trust__goes_from_root_to_root)
{
	vouched_set_up();
	vouched_publish("2.root.json", "04", vouched_root(2, VOUCHED_PAST, "4123"));
	vouched_publish("3.root.json", "45", vouched_root(3, VOUCHED_PAST, "5123"));
	vouched_publish("4.root.json", "5", vouched_root(4, VOUCHED_SOON, "5123"));
	ck_assert_int_eq(vouched_refresh(), VERDICT_GOOD);
	ck_assert_str_eq(vouched_asked,
		"2.root.json 3.root.json 4.root.json 5.root.json timestamp.json "
		"1.snapshot.json 1.targets.json ");
	vouched_tear_down();
}
END_TEST

START_TEST(trust__a_root_is_signed_by_the_one_before_and_by_itself)
{
	static const struct {
		unsigned version;
		const char *by, *who;
		enum verdict reason;
	} rows[] = {
		{2, "04", "4123", VERDICT_GOOD},
		{2, "0", "4123", VERDICT_UNSIGNED},
		{2, "4", "4123", VERDICT_UNSIGNED},
		{3, "0", "0123", VERDICT_MIXED},
		{1, "0", "0123", VERDICT_MIXED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		vouched_set_up();
		vouched_publish("2.root.json", rows[i].by,
			vouched_root(rows[i].version, VOUCHED_SOON, rows[i].who));
		ck_assert_msg(vouched_refresh() == rows[i].reason, "row %zu", i);
		ck_assert_msg((strcmp(vouched_asked, "2.root.json ") == 0) ==
				      (rows[i].reason != VERDICT_GOOD),
			"row %zu: %s", i, vouched_asked);
		vouched_tear_down();
	}
}
END_TEST

/* What an attacker with the old keys drove to the end of all numbers counts no more. */
START_TEST(trust__with_other_keys_numbers_may_begin_again)
{
	vouched_set_up();
	vouched_publish("100.snapshot.json", "2", vouched_snapshot(100, 1, 1, 1));
	vouched_publish("timestamp.json", "1", vouched_timestamp(100, 100, VOUCHED_SOON));
	ck_assert_int_eq(vouched_refresh(), VERDICT_GOOD);
	vouched_publish("timestamp.json", "1", vouched_timestamp(2, 2, VOUCHED_SOON));
	vouched_publish("2.snapshot.json", "2", vouched_snapshot(2, 1, 1, 1));
	ck_assert_int_eq(vouched_refresh(), VERDICT_ROLLED_BACK);
	vouched_publish("2.root.json", "0", vouched_root(2, VOUCHED_SOON, "0453"));
	vouched_publish("timestamp.json", "4", vouched_timestamp(2, 2, VOUCHED_SOON));
	vouched_publish("2.snapshot.json", "5", vouched_snapshot(2, 1, 1, 1));
	ck_assert_int_eq(vouched_refresh(), VERDICT_GOOD);
	vouched_tear_down();
}
END_TEST

START_TEST(trust_new__takes_a_root_that_is_signed_by_itself_alone)
{
	struct err e = {0};

	vouched_set_up();
	vouched_publish("x", "1", vouched_root(1, VOUCHED_SOON, "0123"));
	ck_assert_ptr_null(trust_new(
		signed_span(&vouched_get(&vouched_repository, "x")->bytes), vouched_now_s, &e));
	ck_assert_str_eq(e.text, "signed by 0 of the keys that may, 1 are required");
	ck_assert_ptr_null(
		trust_new(signed_span(&vouched_get(&vouched_repository, "timestamp.json")->bytes),
			vouched_now_s, &e));
	ck_assert_ptr_null(trust_new(unit_text("x"), vouched_now_s, &e));
	vouched_tear_down();
}
END_TEST

START_TEST(trust__of_roots_there_is_an_end)
{
	struct trust_want want;
	struct trust *t;
	unsigned n = 1;

	vouched_set_up();
	t = trust_new(
		signed_span(&vouched_get(&vouched_kept, "root.json")->bytes), vouched_now_s, NULL);
	while (trust_next(t, &want) && want.role == ROLE_ROOT) {
		AUTO_FREE char *content = vouched_root(++n, VOUCHED_SOON, "0123");
		AUTO_BUF struct buf bytes = {0};

		signed_document(&vouched_keys, content, "0", &bytes);
		ck_assert(trust_take(t, signed_span(&bytes)));
	}
	ck_assert_uint_eq(n, TRUST_ROOTS_MAX + 1);
	ck_assert_int_eq(want.role, ROLE_TIMESTAMP);
	ck_assert(trust_more_roots(t));
	while (trust_next(t, &want))
		trust_absent(t);
	/* Clients and people are not to think that somebody lies. */
	ck_assert_ptr_nonnull(strstr(trust_why(t), "after 256 roots"));
	trust_free(t);
	vouched_tear_down();
}
END_TEST

void
trust_tests(TCase *c)
{
	signed_use(c);
	tcase_add_test(c, trust__asks_in_order_and_only_for_what_is_not_kept);
	tcase_add_test(c, trust__says_why_it_takes_no_more);
	tcase_add_test(c, trust__what_another_role_says_is_not_taken_for_it);
	tcase_add_test(c, trust__nothing_goes_back);
	tcase_add_test(c, trust__what_is_kept_is_not_measured_by_what_is_listed);
	tcase_add_test(c, trust_oversized__is_no_more_than_a_reason);
	tcase_add_test(c, trust__of_a_timestamp_of_the_same_version_the_first_stays);
	tcase_add_test(c, trust__what_has_expired_is_not_taken);
	tcase_add_test(c, trust__targets_that_have_expired_are_not_taken);
	tcase_add_test(c, trust__goes_from_root_to_root);
	tcase_add_test(c, trust__a_root_is_signed_by_the_one_before_and_by_itself);
	tcase_add_test(c, trust__with_other_keys_numbers_may_begin_again);
	tcase_add_test(c, trust_new__takes_a_root_that_is_signed_by_itself_alone);
	tcase_add_test(c, trust__of_roots_there_is_an_end);
}
