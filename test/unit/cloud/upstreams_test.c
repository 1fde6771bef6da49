/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/upstreams.h"

#include <stdio.h>
#include <stdlib.h>

#include "logged.h"
#include "unit.h"

enum { REST_MS = 60000, THRESHOLD = 3 };

static struct upstreams *
three(void)
{
	static char url[] = "http://one/guts2,http://two/guts2,http://three/guts2";
	struct options o = {.guts2ServerUrl = url,
		.upstreamFailureThreshold = THRESHOLD,
		.upstreamFailureHold = REST_MS};

	return upstreams_new(&o);
}

static struct source_request
asks_for(enum source_what what, unsigned number)
{
	struct source_request r = {.what = what, .ident = {"t", {number + 1, "00000001"}}};

	r.file.id.byte[0] = (uint8_t)number;
	return r;
}

static struct upstream_reply
reply(enum upstream_outcome outcome, uint32_t retry_after_s)
{
	return (struct upstream_reply){
		.outcome = outcome, .retry_after_s = retry_after_s, .why = {ERR_INPUT, "why"}};
}

/* One request at the first that may be asked, which is this one. */
static void
ask(struct upstreams *u, int wanted, enum source_what what, unsigned number,
	enum upstream_outcome outcome, uint32_t retry_after_s)
{
	struct source_request request = asks_for(what, number);
	struct upstream_reply answer = reply(outcome, retry_after_s);
	uint32_t tried = 0;
	int got = upstreams_choose(u, SOURCE_OFFER, &tried);

	ck_assert_int_eq(got, wanted);
	ck_assert_uint_eq(tried, 1U << wanted);
	upstreams_report(u, got, &request, &answer);
}

START_TEST(upstreams_choose__each_once_in_the_order_of_preference)
{
	struct upstreams *u = three();
	uint32_t tried = 0;

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(upstreams_choose(u, SOURCE_OFFER, &tried), i);
	ck_assert_int_eq(upstreams_choose(u, SOURCE_OFFER, &tried), -1);
	ck_assert_uint_eq(upstreams_wait_ms(u), 0);
	tried = 0;
	ck_assert_int_eq(upstreams_choose(u, SOURCE_OFFER, &tried), 0);
	upstreams_free(u);
	upstreams_free(NULL);
}
END_TEST

static int
chosen(struct upstreams *u, enum source_what what)
{
	uint32_t tried = 0;

	return upstreams_choose(u, what, &tried);
}

START_TEST(upstreams_choose__one_that_is_not_trusted_comes_last)
{
	struct upstreams *u = three();
	uint32_t tried = 0;

	unit_clock_stop();
	upstreams_note_trusted(u, 0, false);
	ck_assert_int_eq(upstreams_choose(u, SOURCE_OFFER, &tried), 1);
	ck_assert_int_eq(upstreams_choose(u, SOURCE_OFFER, &tried), 2);
	ck_assert_int_eq(upstreams_choose(u, SOURCE_OFFER, &tried), 0);
	ck_assert_int_eq(upstreams_choose(u, SOURCE_OFFER, &tried), -1);
	/* After ten minutes its announcement is asked for, and nothing else. */
	unit_clock_advance_ms(599999);
	ck_assert_int_eq(chosen(u, SOURCE_QUERY), 1);
	unit_clock_advance_ms(1);
	ck_assert_int_eq(chosen(u, SOURCE_QUERY), 0);
	ck_assert_int_eq(chosen(u, SOURCE_HEADER), 1);
	/* It is not to be trusted still; or again. */
	upstreams_note_trusted(u, 0, false);
	ck_assert_int_eq(chosen(u, SOURCE_QUERY), 1);
	upstreams_note_trusted(u, 0, true);
	ck_assert_int_eq(chosen(u, SOURCE_QUERY), 0);
	ck_assert_int_eq(chosen(u, SOURCE_HEADER), 0);
	upstreams_free(u);
}
END_TEST

START_TEST(upstreams__one_that_fails_is_left_alone_and_is_probed_after_its_rest)
{
	static const enum upstream_outcome failures[] = {UPSTREAM_UNREACHABLE, UPSTREAM_BROKEN};

	for (size_t i = 0; i < 2; i++) {
		struct upstreams *u = three();

		for (unsigned n = 0; n < THRESHOLD; n++)
			ask(u, 0, SOURCE_FILE, n, failures[i], 0);
		ask(u, 1, SOURCE_FILE, 9, UPSTREAM_FRESH, 0);
		ck_assert_uint_eq(upstreams_wait_ms(u), 0);
		unit_clock_advance_ms(REST_MS - 1000);
		ask(u, 1, SOURCE_FILE, 9, UPSTREAM_FRESH, 0);
		unit_clock_advance_ms(2000);
		ask(u, 0, SOURCE_FILE, 9, failures[i], 0); /* the probe */
		ask(u, 1, SOURCE_FILE, 9, UPSTREAM_FRESH, 0);
		unit_clock_advance_ms(4 * REST_MS);
		/* A probe that tells nothing leaves the question to the next one. */
		ask(u, 0, SOURCE_FILE, 9, UPSTREAM_BUSY, 30);
		ask(u, 0, SOURCE_FILE, 9, UPSTREAM_FRESH, 0);
		ask(u, 0, SOURCE_FILE, 9, UPSTREAM_FRESH, 0);
		upstreams_free(u);
	}
}
END_TEST

START_TEST(upstreams_report__one_document_that_is_wrong_again_and_again_counts_once)
{
	static const struct {
		enum source_what what;
		enum upstream_outcome outcome;
		bool once;
	} rows[] = {{SOURCE_HEADER, UPSTREAM_BROKEN, true}, {SOURCE_OFFER, UPSTREAM_BROKEN, true},
		{SOURCE_QUERY, UPSTREAM_BROKEN, false},
		{SOURCE_HEADER, UPSTREAM_UNREACHABLE, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct upstreams *u = three();
		uint32_t tried = 0;

		for (unsigned n = 0; n < THRESHOLD; n++)
			ask(u, 0, rows[i].what, 1, rows[i].outcome, 0);
		ck_assert_msg(upstreams_choose(u, SOURCE_OFFER, &tried) == (rows[i].once ? 0 : 1),
			"row %zu", i);
		upstreams_free(u);
	}
}
END_TEST

START_TEST(upstreams_report__a_success_between_begins_anew)
{
	struct upstreams *u = three();

	for (unsigned n = 0; n < 4 * THRESHOLD; n++)
		ask(u, 0, SOURCE_FILE, n,
			n % THRESHOLD == THRESHOLD - 1 ? UPSTREAM_FRESH : UPSTREAM_BROKEN, 0);
	/* What was wrong before the success is news after it. */
	ask(u, 0, SOURCE_HEADER, 1, UPSTREAM_BROKEN, 0);
	ask(u, 0, SOURCE_HEADER, 2, UPSTREAM_FRESH, 0);
	for (unsigned n = 0; n < THRESHOLD; n++)
		ask(u, 0, SOURCE_HEADER, n + 1, UPSTREAM_BROKEN, 0);
	ask(u, 1, SOURCE_HEADER, 1, UPSTREAM_FRESH, 0);
	upstreams_free(u);
}
END_TEST

START_TEST(upstreams_report__who_asks_to_be_left_alone_is)
{
	struct upstreams *u = three();

	ask(u, 0, SOURCE_HEADER, 1, UPSTREAM_BUSY, 30); /* that document alone */
	ask(u, 0, SOURCE_QUERY, 1, UPSTREAM_BUSY, 30);
	ask(u, 1, SOURCE_QUERY, 1, UPSTREAM_BUSY, 20);
	ask(u, 2, SOURCE_QUERY, 1, UPSTREAM_BUSY, 40);
	ck_assert_uint_gt(upstreams_wait_ms(u), 19000);
	ck_assert_uint_le(upstreams_wait_ms(u), 20000);
	unit_clock_advance_ms(21000);
	ask(u, 1, SOURCE_QUERY, 1, UPSTREAM_FRESH, 0);
	unit_clock_advance_ms(10000);
	ask(u, 0, SOURCE_QUERY, 1, UPSTREAM_FRESH, 0);
	upstreams_free(u);
}
END_TEST

START_TEST(upstreams_report__what_tells_nothing_of_it_is_no_failure)
{
	struct upstreams *u = three();

	for (unsigned n = 0; n < 3 * THRESHOLD; n++)
		ask(u, 0, SOURCE_FILE, n, n % 2 == 0 ? UPSTREAM_REFUSED : UPSTREAM_BUSY,
			n % 2 * 30);
	for (unsigned n = 0; n < THRESHOLD; n++) {
		struct source_request request = asks_for(SOURCE_FILE, n);
		struct upstream_reply answer = reply(UPSTREAM_BROKEN, 0);

		answer.why.code = ERR_FULL; /* here */
		upstreams_report(u, 0, &request, &answer);
	}
	ask(u, 0, SOURCE_FILE, 1, UPSTREAM_FRESH, 0);
	upstreams_free(u);
}
END_TEST

START_TEST(upstreams_may_help__where_another_can_have_it)
{
	static const struct {
		enum upstream_outcome outcome;
		const char *reason;
		bool may;
	} rows[] = {{UPSTREAM_PREPARING, "downloading", false},
		{UPSTREAM_PREPARING, "building", false}, {UPSTREAM_PREPARING, "busy", false},
		{UPSTREAM_PREPARING, "", false}, {UPSTREAM_PREPARING, "upstream-unavailable", true},
		{UPSTREAM_PREPARING, "disk-full", true}, {UPSTREAM_PREPARING, "restarting", true},
		{UPSTREAM_UNREACHABLE, "", true}, {UPSTREAM_BROKEN, "", true},
		{UPSTREAM_BUSY, "", true}, {UPSTREAM_REFUSED, "", true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct upstream_reply r = reply(rows[i].outcome, 0);

		(void)strcpy(r.reason, rows[i].reason);
		ck_assert_msg(upstreams_may_help(&r) == rows[i].may, "row %zu", i);
		r.why.code = ERR_FULL; /* another one's bytes would have no room either */
		ck_assert_msg(upstreams_may_help(&r) ==
				      (rows[i].may && rows[i].outcome != UPSTREAM_BROKEN),
			"row %zu", i);
	}
}
END_TEST

/*
 * What the log was told since it was asked last: the events, each of which is said to two of its
 * files, with their hold.
 */
static const char *
said(void)
{
	static char text[1000];
	size_t len = 0;
	unsigned lines = 0;

	text[0] = '\0';
	for (const char *at = logged(); (at = strstr(at, " event=")) != NULL; at += 7) {
		const char *hold = strstr(at, " hold=");

		if (lines++ % 2 == 1)
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s",
			(int)strcspn(at + 7, " ") + 1, at + 7);
		if (hold != NULL && hold < strchr(at, '\n'))
			len += (size_t)snprintf(
				text + len, sizeof(text) - len, "%d ", atoi(hold + 6));
	}
	ck_assert_uint_eq(lines % 2, 0);
	return text;
}

START_TEST(upstreams__the_log_says_once_what_becomes_of_one)
{
	struct upstreams *u = three();

	unit_clock_stop();
	logged_begin();
	ask(u, 0, SOURCE_FILE, 0, UPSTREAM_FRESH, 0);
	ck_assert_str_eq(said(), "");
	ask(u, 0, SOURCE_FILE, 1, UPSTREAM_UNREACHABLE, 0);
	ck_assert_str_eq(said(), "upstream-lost ");
	ask(u, 0, SOURCE_FILE, 2, UPSTREAM_UNREACHABLE, 0);
	ck_assert_str_eq(said(), "");
	ask(u, 0, SOURCE_FILE, 3, UPSTREAM_UNREACHABLE, 0);
	ck_assert_str_eq(said(), "upstream-held 60 ");
	/* One that was on its way all the while. */
	upstreams_report(u, 0, &(struct source_request){.what = SOURCE_FILE},
		&(struct upstream_reply){.outcome = UPSTREAM_UNREACHABLE});
	ck_assert_str_eq(said(), "");
	unit_clock_advance_ms(REST_MS);
	ask(u, 0, SOURCE_FILE, 5, UPSTREAM_FRESH, 0);
	ck_assert_str_eq(said(), "upstream-probe upstream-back ");
	ask(u, 0, SOURCE_FILE, 6, UPSTREAM_FRESH, 0);
	ck_assert_str_eq(said(), "");
	/* As it is asked to be left alone, it says nothing of a loss. */
	ask(u, 0, SOURCE_QUERY, 1, UPSTREAM_BUSY, 20);
	ck_assert_str_eq(said(), "upstream-held 20 ");
	upstreams_report(u, 0, &(struct source_request){.what = SOURCE_QUERY},
		&(struct upstream_reply){.outcome = UPSTREAM_BUSY, .retry_after_s = 20});
	ck_assert_str_eq(said(), "");
	unit_clock_advance_ms(20000);
	ask(u, 0, SOURCE_FILE, 1, UPSTREAM_BROKEN, 0);
	ck_assert_str_eq(said(), "upstream-probe upstream-held 60 ");
	/* One that was lost, and did not rest, is back. */
	for (unsigned n = 0; n < 2; n++)
		ask(u, 1, SOURCE_FILE, n, n == 0 ? UPSTREAM_UNREACHABLE : UPSTREAM_FRESH, 0);
	ck_assert_str_eq(said(), "upstream-lost upstream-back ");
	ask(u, 1, SOURCE_FILE, 1, UPSTREAM_BROKEN, 0);
	ask(u, 1, SOURCE_FILE, 2, UPSTREAM_FRESH, 0);
	ck_assert_str_eq(said(), "");
	upstreams_free(u);
}
END_TEST

void
upstreams_tests(TCase *c)
{
	tcase_add_test(c, upstreams_choose__each_once_in_the_order_of_preference);
	tcase_add_test(c, upstreams_choose__one_that_is_not_trusted_comes_last);
	tcase_add_test(c, upstreams__one_that_fails_is_left_alone_and_is_probed_after_its_rest);
	tcase_add_test(c, upstreams_report__one_document_that_is_wrong_again_and_again_counts_once);
	tcase_add_test(c, upstreams_report__a_success_between_begins_anew);
	tcase_add_test(c, upstreams_report__who_asks_to_be_left_alone_is);
	tcase_add_test(c, upstreams_report__what_tells_nothing_of_it_is_no_failure);
	tcase_add_test(c, upstreams_may_help__where_another_can_have_it);
	tcase_add_test(c, upstreams__the_log_says_once_what_becomes_of_one);
}
