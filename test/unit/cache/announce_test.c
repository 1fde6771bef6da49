/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the cloud says, and what clients are told of then. */
#include "cache/announce.h"

#include <stdio.h>

#include "base/clock.h"
#include "cache/announced.h"
#include "faults.h"
#include "logged.h"
#include "unit.h"

enum { MINUTE_MS = 60000 };

static const struct edition full = {0, ""};
static const struct edition three = {3, "00000000"};

START_TEST(announce_query__what_is_believed_is_announced_and_refused_once_aloud)
{
	/* What the cloud says, what is announced then, and what is said of it. */
	static const struct {
		const char *says, *announced, *reason;
	} rows[] = {
		{"a/5 t/5 ", "a/5 t/5 ", NULL},
		{"a/6 t/4 ", "a/6 t/5 ", "goes back"},
		{"a/6 t/4 ", "a/6 t/5 ", NULL},
		{"a/6 t/3 ", "a/6 t/5 ", "goes back"},
		{"a/6 t/3! ", "a/6 t/5 ", "goes back"},
		{"a/6 t/5! ", "a/6 t/5 ", "another cookie"},
		{"a/6 t/6 ", "a/6 t/6 ", NULL},
		/* Nothing of it is known that could be announced. */
		{"a/6 b/9000000000 t/6 ", "a/6 t/6 ", "in the future"},
		/* Of what comes and goes nothing is remembered. */
		{"a/6 t/6 ", "a/6 t/6 ", NULL},
		{"a/6 b/9000000000 t/6 ", "a/6 t/6 ", "in the future"},
		{"t/6 ", "t/6 ", NULL},
		{"", "", NULL},
	};
	struct kept k;

	kept_set_up(&k, NULL);
	logged_begin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *said;

		ck_assert(!announced_poll(&k, rows[i].says));
		ck_assert_str_eq(kept_announced(&k), rows[i].announced);
		said = logged();
		if (rows[i].reason == NULL)
			ck_assert_msg(strstr(said, "version-refused") == NULL, "%s", said);
		else
			ck_assert_msg(strstr(said, rows[i].reason) != NULL, "%zu: %s", i, said);
	}
	kept_tear_down(&k);
}
END_TEST

START_TEST(announce_query__a_refusal_names_both_versions_and_a_new_one_is_logged)
{
	struct kept k;
	const char *said;

	kept_set_up(&k, NULL);
	logged_begin();
	(void)announced_poll(&k, "t/5 ");
	ck_assert_ptr_nonnull(
		strstr(logged(), "event=metadata type=t version=5 cookie=00000000\n"));
	(void)announced_poll(&k, "t/4 ");
	said = logged();
	ck_assert_ptr_nonnull(strstr(
		said, "event=version-refused type=t version=4 cookie=00000000 known=5 reason="));
	ck_assert_ptr_null(strstr(said, "event=metadata"));
	(void)announced_poll(&k, "t/4 ");
	ck_assert_str_eq(logged(), "");
	(void)announced_poll(&k, "t/3 ");
	ck_assert_ptr_nonnull(strstr(logged(), "event=version-refused type=t version=3 "));
	(void)announced_poll(&k, "t/3 ");
	ck_assert_str_eq(logged(), "");
	(void)announced_poll(&k, "t/5 ");
	ck_assert_str_eq(logged(), "");
	kept_tear_down(&k);
}
END_TEST

START_TEST(announce_query__only_what_changes_has_what_is_absent_asked_for_again)
{
	struct kept k;

	kept_set_up(&k, NULL);
	logged_begin();
	(void)announced_poll(&k, "t/5 ");
	(void)announced_note_absent(&k);
	(void)announced_poll(&k, "t/5 ");
	ck_assert(announced_is_absent(&k));
	(void)announced_poll(&k, "t/6 ");
	ck_assert(!announced_is_absent(&k));
	/* Nothing is announced, for the first time. */
	kept_tear_down(&k);
	kept_set_up(&k, NULL);
	(void)announced_note_absent(&k);
	(void)announced_poll(&k, "");
	ck_assert(!announced_is_absent(&k));
	kept_tear_down(&k);
}
END_TEST

START_TEST(announce_query__types_in_use_get_the_header_of_a_new_version)
{
	struct kept k;

	kept_set_up(&k, NULL);
	logged_begin();
	(void)kept_put(&k, 4, &full, FORMAT_AR1);
	(void)announced_poll(&k, "a/5 t/4 ");
	ck_assert_str_eq(kept_taken(&k, QUEUE_METADATA), "t/4 ");
	/* It has come by itself. */
	ck_assert_int_eq(stock_put_header(k.stock, &(struct ident){"t", {6, "00000000"}},
				 unit_text("header"), &(struct record){0}, NULL),
		0);
	(void)announced_poll(&k, "a/6 t/6 ");
	ck_assert_str_eq(kept_taken(&k, QUEUE_METADATA), "");
	(void)announced_poll(&k, "a/6 t/7 ");
	ck_assert_str_eq(kept_taken(&k, QUEUE_METADATA), "t/7 ");
	/* It is not announced any more. */
	(void)announced_poll(&k, "a/6 ");
	ck_assert_str_eq(kept_taken(&k, QUEUE_METADATA), "");
	kept_tear_down(&k);
}
END_TEST

START_TEST(announce_query__what_could_not_be_stored_is_not_announced)
{
	AUTO_IDENTS struct idents fetched = {0};
	enum announce_result result;
	struct err e = {0};
	struct kept k;
	bool failed = true;

	kept_set_up(&k, NULL);
	logged_begin();
	(void)announced_poll(&k, "t/5 ");
	announced_list("t/6 ", &fetched);
	/* The first thing that is written is a line of the log. */
	for (unsigned n = 2; failed; n++) {
		(void)announced_note_absent(&k);
		faults_begin(n);
		failed = faults_end(announce_query(k.announce, &fetched, NULL, 0, &result, &e), &e);
		ck_assert_str_eq(kept_announced(&k), failed ? "t/5 " : "t/6 ");
		ck_assert(announced_is_absent(&k) == failed);
	}
	kept_tear_down(&k);
}
END_TEST

START_TEST(announce_query__a_version_waits_for_what_is_prefetched_of_it)
{
	struct job *offer;
	struct job *header;
	struct kept k;

	announced_set_up_prefetch(&k);
	ck_assert(announced_poll(&k, "t/5 "));
	ck_assert_str_eq(kept_announced(&k), "t/4 ");
	ck_assert_ptr_nonnull(strstr(logged(), "event=metadata type=t version=5"));
	offer = jobs_take(k.jobs, QUEUE_ARCHIVES);
	header = jobs_take(k.jobs, QUEUE_METADATA);
	ck_assert(offer != NULL && header != NULL);
	/* It is met once. */
	ck_assert(announced_poll(&k, "t/5 "));
	ck_assert_str_eq(kept_announced(&k), "t/4 ");
	ck_assert_str_eq(logged(), "");
	jobs_done(k.jobs, offer);
	kept_settle(&k);
	ck_assert_str_eq(kept_announced(&k), "t/4 ");
	jobs_done(k.jobs, header);
	kept_settle(&k);
	ck_assert_str_eq(kept_announced(&k), "t/5 ");
	ck_assert_ptr_null(strstr(logged(), "event=failed"));
	ck_assert(!announced_poll(&k, "t/5 "));
	kept_tear_down(&k);
}
END_TEST

START_TEST(announce_query__a_version_that_waited_and_could_not_be_stored_is_said)
{
	struct kept k;

	announced_set_up_prefetch(&k);
	ck_assert(announced_poll(&k, "t/5 "));
	jobs_done(k.jobs, jobs_take(k.jobs, QUEUE_ARCHIVES));
	kept_settle(&k);
	(void)logged();
	faults_begin(1);
	jobs_done(k.jobs, jobs_take(k.jobs, QUEUE_METADATA));
	kept_settle(&k);
	ck_assert(faults_stop());
	ck_assert_ptr_nonnull(strstr(logged(), "text=\"cannot store the announcement: "));
	ck_assert_str_eq(kept_announced(&k), "t/4 ");
	kept_tear_down(&k);
}
END_TEST

/* Nothing of what it waited for has come: the next run has to see it as new. */
START_TEST(announce_query__a_version_that_waits_at_the_end_is_not_announced)
{
	struct kept k;

	announced_set_up_prefetch(&k);
	ck_assert(announced_poll(&k, "t/5 "));
	jobs_stop(k.jobs);
	kept_settle(&k);
	ck_assert_str_eq(kept_announced(&k), "t/4 ");
	kept_tear_down(&k);
}
END_TEST

/* Nothing else of it could be announced meanwhile. */
START_TEST(announce_query__of_a_type_that_was_dropped_nothing_is_waited_for)
{
	struct kept k;

	announced_set_up_prefetch(&k);
	ck_assert(announced_poll(&k, "t/5 "));
	ck_assert(!announced_poll(&k, "u/1 "));
	ck_assert_str_eq(kept_announced(&k), "u/1 ");
	ck_assert(!announced_poll(&k, "t/5 u/1 "));
	ck_assert_str_eq(kept_announced(&k), "t/5 u/1 ");
	kept_tear_down(&k);
}
END_TEST

START_TEST(announce_query__what_cannot_be_had_is_not_waited_for)
{
	static const enum format formats[] = {FORMAT_AR1, FORMAT_AR2};
	struct job_spec spec = {.kind = JOB_HEADER, .ident = {"t", {5, "00000000"}}};
	struct kept k;

	announced_set_up_prefetch(&k);
	jobs_note_absent(k.jobs, &spec);
	for (size_t i = 0; i < 2; i++) {
		spec = (struct job_spec){.kind = JOB_OFFER,
			.ident = spec.ident,
			.base = {4, "00000000"},
			.format = formats[i]};
		jobs_note_absent(k.jobs, &spec);
	}
	ck_assert(!announced_poll(&k, "t/5 "));
	ck_assert_str_eq(kept_announced(&k), "t/5 ");
	/* Nor is a type that nobody has: its header is none that clients ask for yet. */
	ck_assert(!announced_poll(&k, "n/5 t/5 "));
	ck_assert_str_eq(kept_announced(&k), "n/5 t/5 ");
	kept_tear_down(&k);
}
END_TEST

START_TEST(announce_query__a_version_waits_for_ten_minutes_and_the_next_one_no_longer)
{
	uint64_t begin_ms;
	struct kept k;

	announced_set_up_prefetch(&k);
	begin_ms = clock_mono_ms();
	ck_assert(announced_poll(&k, "t/5 "));
	unit_clock_advance_ms(5 * MINUTE_MS);
	ck_assert(announced_poll(&k, "t/6 "));
	ck_assert_str_eq(kept_announced(&k), "t/4 ");
	jobs_tick(k.jobs, begin_ms + 10 * MINUTE_MS - 1);
	kept_settle(&k);
	ck_assert_str_eq(kept_announced(&k), "t/4 ");
	jobs_tick(k.jobs, begin_ms + 10 * MINUTE_MS + 1000);
	kept_settle(&k);
	ck_assert_str_eq(kept_announced(&k), "t/6 ");
	/* The time of another one begins anew. */
	(void)kept_put(&k, 6, &three, FORMAT_AR1);
	unit_clock_advance_ms(10 * MINUTE_MS);
	begin_ms = clock_mono_ms();
	ck_assert(announced_poll(&k, "t/7 "));
	jobs_tick(k.jobs, begin_ms + 10 * MINUTE_MS - 1);
	kept_settle(&k);
	ck_assert_str_eq(kept_announced(&k), "t/6 ");
	kept_tear_down(&k);
}
END_TEST

START_TEST(announce_query__one_that_another_has_replaced_is_not_announced_when_it_comes)
{
	struct job *first[2];
	struct job *second[2];
	struct kept k;

	announced_set_up_prefetch(&k);
	for (int i = 0; i < 2; i++) {
		struct job **jobs = i == 0 ? first : second;

		ck_assert(announced_poll(&k, i == 0 ? "t/5 " : "t/6 "));
		jobs[0] = jobs_take(k.jobs, QUEUE_ARCHIVES);
		jobs[1] = jobs_take(k.jobs, QUEUE_METADATA);
	}
	jobs_done(k.jobs, first[0]);
	jobs_done(k.jobs, first[1]);
	kept_settle(&k);
	ck_assert_str_eq(kept_announced(&k), "t/4 ");
	jobs_done(k.jobs, second[0]);
	jobs_done(k.jobs, second[1]);
	kept_settle(&k);
	ck_assert_str_eq(kept_announced(&k), "t/6 ");
	kept_tear_down(&k);
}
END_TEST

START_TEST(announce_policy__takes_away_and_gives_nothing_back)
{
	static const char without_t[] = "{\"types\":{\"t\":{\"enabled\":false}}}";
	struct kept k;

	kept_set_up(&k, NULL);
	logged_begin();
	/* No announcement has come yet. */
	announce_policy(k.announce);
	(void)announced_note_absent(&k);
	(void)announced_poll(&k, "a/5 t/5 ");
	kept_put_channels(&k, without_t);
	ck_assert(settings_reload(k.settings));
	ck_assert_str_eq(kept_announced(&k), "a/5 t/5 ");
	(void)logged();
	faults_begin(1);
	announce_policy(k.announce);
	ck_assert(faults_stop());
	ck_assert_ptr_nonnull(
		strstr(logged(), "event=failed text=\"cannot store the announcement: "));
	announce_policy(k.announce);
	ck_assert_str_eq(kept_announced(&k), "a/5 ");
	(void)announced_poll(&k, "a/6 t/6 ");
	ck_assert_str_eq(kept_announced(&k), "a/6 ");
	kept_put_channels(&k, "{}");
	ck_assert(settings_reload(k.settings));
	announce_policy(k.announce);
	ck_assert_str_eq(kept_announced(&k), "a/6 ");
	(void)announced_poll(&k, "a/6 t/6 ");
	ck_assert_str_eq(kept_announced(&k), "a/6 t/6 ");
	kept_tear_down(&k);
}
END_TEST

void
announce_tests(TCase *c)
{
	tcase_add_test(c, announce_query__what_is_believed_is_announced_and_refused_once_aloud);
	tcase_add_test(c, announce_query__a_refusal_names_both_versions_and_a_new_one_is_logged);
	tcase_add_test(c, announce_query__only_what_changes_has_what_is_absent_asked_for_again);
	tcase_add_test(c, announce_query__types_in_use_get_the_header_of_a_new_version);
	tcase_add_test(c, announce_query__what_could_not_be_stored_is_not_announced);
	tcase_add_test(c, announce_query__a_version_waits_for_what_is_prefetched_of_it);
	tcase_add_test(c, announce_query__a_version_that_waited_and_could_not_be_stored_is_said);
	tcase_add_test(c, announce_query__a_version_that_waits_at_the_end_is_not_announced);
	tcase_add_test(c, announce_query__of_a_type_that_was_dropped_nothing_is_waited_for);
	tcase_add_test(c, announce_query__what_cannot_be_had_is_not_waited_for);
	tcase_add_test(
		c, announce_query__a_version_waits_for_ten_minutes_and_the_next_one_no_longer);
	tcase_add_test(
		c, announce_query__one_that_another_has_replaced_is_not_announced_when_it_comes);
	tcase_add_test(c, announce_policy__takes_away_and_gives_nothing_back);
}
