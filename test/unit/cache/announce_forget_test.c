/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is announced is forgotten, and what the cloud says holds again. */
#include "cache/announced.h"
#include "faults.h"
#include "logged.h"
#include "unit.h"

START_TEST(announce_forget__what_the_cloud_says_holds_again)
{
	/* What is forgotten, and whether it was announced. */
	static const struct {
		const char *type;
		uint64_t version;
		const char *announced;
	} rows[] = {{"t", 4, "a/5 t/5 "}, {"u", 0, "a/5 t/5 "}, {"t", 5, "a/5 "}, {"t", 0, "a/5 "},
		{"a", 0, "t/5 "}};

	logged_begin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool gone = strlen(rows[i].announced) < strlen("a/5 t/5 ");
		struct err e = {0};
		struct kept k;

		kept_set_up(&k, NULL);
		(void)announced_poll(&k, "a/5 t/5 ");
		(void)announced_note_absent(&k);
		ck_assert_int_eq(announced_forget(&k, rows[i].type, rows[i].version, &e), 0);
		ck_assert_str_eq(kept_announced(&k), rows[i].announced);
		ck_assert(announced_due(&k) == gone);
		ck_assert(announced_is_absent(&k) != gone);
		/* The cloud has said what holds, be it the same as what is left. */
		(void)announced_poll(&k, rows[i].announced);
		ck_assert(!announced_due(&k));
		ck_assert_str_eq(kept_announced(&k), rows[i].announced);
		kept_tear_down(&k);
	}
}
END_TEST

START_TEST(announce_forget__what_was_refused_for_it_is_announced_at_once)
{
	struct err e = {0};
	struct kept k;

	kept_set_up(&k, NULL);
	logged_begin();
	(void)announced_poll(&k, "a/5 t/900 ");
	(void)announced_poll(&k, "a/5 t/6 ");
	ck_assert_str_eq(kept_announced(&k), "a/5 t/900 ");
	ck_assert_int_eq(announced_forget(&k, "t", 900, &e), 0);
	ck_assert_str_eq(kept_announced(&k), "a/5 t/6 ");
	ck_assert(announced_due(&k));
	kept_tear_down(&k);
}
END_TEST

START_TEST(announce_forget__what_could_not_be_stored_is_said_and_nothing_else_goes)
{
	struct err e = {0};
	bool failed = true;

	logged_begin();
	for (unsigned n = 1; failed; n++) {
		struct kept k;

		kept_set_up(&k, NULL);
		(void)announced_poll(&k, "a/5 t/5 ");
		faults_begin(n);
		failed = faults_end(announced_forget(&k, "t", 0, &e), &e);
		ck_assert_str_eq(kept_announced(&k), failed ? "a/5 t/5 " : "a/5 ");
		/* Whatever is announced next, it is still what the cloud said last. */
		announce_policy(k.announce);
		ck_assert_str_eq(kept_announced(&k), failed ? "a/5 t/5 " : "a/5 ");
		ck_assert(announced_due(&k) != failed);
		kept_tear_down(&k);
	}
}
END_TEST

/* The cloud said so before the last thing was forgotten. */
static bool
poll_outdated(struct kept *k, const char *text, unsigned number)
{
	AUTO_IDENTS struct idents fetched = {0};
	enum announce_result result;

	announced_list(text, &fetched);
	ck_assert_int_eq(announce_query(k->announce, &fetched, NULL, number, &result, NULL), 0);
	return result == ANNOUNCE_OUTDATED;
}

START_TEST(announce_query__what_was_asked_for_before_something_was_forgotten_does_not_count)
{
	struct kept k;
	unsigned number;

	kept_set_up(&k, NULL);
	logged_begin();
	number = announce_number(k.announce);
	(void)announced_poll(&k, "a/5 t/900 ");
	ck_assert_uint_eq(announce_number(k.announce), number);
	ck_assert_int_eq(announced_forget(&k, "t", 0, NULL), 0);
	ck_assert(poll_outdated(&k, "a/6 t/900 ", number));
	ck_assert_str_eq(kept_announced(&k), "a/5 ");
	ck_assert(announced_due(&k));
	(void)announced_poll(&k, "a/5 t/6 ");
	ck_assert_str_eq(kept_announced(&k), "a/5 t/6 ");
	/* Nor before the policy changed; nor where what was forgotten was not announced. */
	number = announce_number(k.announce);
	announce_policy(k.announce);
	ck_assert(poll_outdated(&k, "a/6 t/6 ", number));
	number = announce_number(k.announce);
	ck_assert_int_eq(announced_forget(&k, "u", 0, NULL), 0);
	ck_assert(poll_outdated(&k, "a/6 t/6 ", number));
	ck_assert_str_eq(kept_announced(&k), "a/5 t/6 ");
	kept_tear_down(&k);
}
END_TEST

/* A version of another type that waits is announced from what was fetched last. */
START_TEST(announce_forget__where_it_fails_what_waits_takes_nothing_with_it)
{
	struct err e = {0};
	struct job *jobs[2];
	struct kept k;

	announced_set_up_prefetch(&k);
	ck_assert(announced_poll(&k, "a/5 t/5 "));
	jobs[0] = jobs_take(k.jobs, QUEUE_ARCHIVES);
	jobs[1] = jobs_take(k.jobs, QUEUE_METADATA);
	faults_begin(1);
	ck_assert(faults_end(announced_forget(&k, "a", 0, &e), &e));
	jobs_done(k.jobs, jobs[0]);
	jobs_done(k.jobs, jobs[1]);
	kept_settle(&k);
	ck_assert_str_eq(kept_announced(&k), "a/5 t/5 ");
	ck_assert(!announced_due(&k));
	kept_tear_down(&k);
}
END_TEST

void
announce_forget_tests(TCase *c)
{
	tcase_add_test(c, announce_forget__what_the_cloud_says_holds_again);
	tcase_add_test(c, announce_forget__what_was_refused_for_it_is_announced_at_once);
	tcase_add_test(c, announce_forget__what_could_not_be_stored_is_said_and_nothing_else_goes);
	tcase_add_test(c,
		announce_query__what_was_asked_for_before_something_was_forgotten_does_not_count);
	tcase_add_test(c, announce_forget__where_it_fails_what_waits_takes_nothing_with_it);
}
