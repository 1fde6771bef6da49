/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a request has obtained that cannot be answered yet, and what is noted of who asks. */
#include <stdio.h>

#include "base/clock.h"
#include "http/site.h"
#include "unit.h"

#define OFFER "/o;t=t;v=5;c=00000005"
#define BASE ";pv=4;pc=00000004"

START_TEST(reply_make__what_is_not_here_is_asked_for_and_held_as_long_as_both_want)
{
	static const struct {
		const char *path;
		const char *prefer;
		bool may_hold;
		enum job_kind kind;
		uint64_t wish_of;
		uint64_t hold_ms; /* 0: a 503 */
	} rows[] = {{OFFER BASE, "wait=7", true, JOB_OFFER, 7, 7000},
		{OFFER BASE, "wait=31", true, JOB_OFFER, 7, 30000},
		{OFFER BASE, NULL, true, JOB_OFFER, 7, 0},
		{OFFER BASE, "wait=7", false, JOB_OFFER, 7, 0},
		{OFFER, "wait=7", true, JOB_BUILD, 0, 7000},
		{"/h;t=t;v=5;c=00000005", NULL, true, JOB_HEADER, 0, 5000},
		{"/h;t=t;v=5;c=00000005", "wait=3", true, JOB_HEADER, 0, 5000},
		{"/h;t=t;v=5;c=00000005", "wait=9", true, JOB_HEADER, 0, 9000},
		{"/h;t=t;v=5;c=00000005", NULL, false, JOB_HEADER, 0, 0}};
	struct record before_here;
	struct site s;

	site_set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct reply *r;

		s.facts.prefer = rows[i].prefer;
		r = site_ask(&s, rows[i].path, rows[i].may_hold);
		if (rows[i].hold_ms == 0) {
			ck_assert_msg(r->status == 503, "row %zu", i);
			ck_assert_str_eq(
				r->reason, rows[i].kind == JOB_BUILD ? "building" : "downloading");
			ck_assert_uint_eq(r->retry_after_s, 10);
			continue;
		}
		ck_assert_msg(r->status == 0, "row %zu: %u", i, r->status);
		ck_assert_uint_eq(r->hold_ms, rows[i].hold_ms);
		ck_assert_int_eq(r->job.kind, rows[i].kind);
		ck_assert_str_eq(r->job.ident.type, "t");
		ck_assert_uint_eq(r->job.ident.edition.version, 5);
		ck_assert_uint_eq(r->job.base.version, rows[i].kind == JOB_OFFER ? 4 : 0);
		ck_assert_uint_eq(r->job.wish_of, rows[i].wish_of);
		ck_assert_int_eq(jobs_look(s.c.parts.jobs, &r->job).state, JOB_QUEUED);
	}
	/* From a version of which something is here it is no question that was made up. */
	before_here = (struct record){.kind = RECORD_HEADER, .ident = {"t", site_before}};
	ck_assert_int_eq(stock_put_header(s.c.parts.stock, &before_here.ident, unit_text("{}"),
				 &before_here, NULL),
		0);
	s.facts.prefer = "wait=7";
	ck_assert_uint_eq(site_ask(&s, rows[0].path, true)->job.wish_of, 0);
	/* It may be the setting that nothing is held. */
	s.options.holdMax = 0;
	ck_assert_uint_eq(site_ask(&s, rows[0].path, true)->status, 503);
	site_tear_down(&s);
}
END_TEST

START_TEST(reply_make__how_far_it_is_is_said_and_never_more_than_all)
{
	static const struct {
		uint64_t done, total;
		const char *text;
	} rows[] = {{1, 4, "\"progress\":0.25,"}, {4, 4, "\"progress\":1.00,"},
		{8, 4, "\"progress\":1.00,"}, {0, 4, "\"progress\":0.00,"}};
	struct job *job;
	struct site s;

	site_set_up(&s);
	(void)site_ask(&s, "/h;t=t;v=5;c=00000005", false);
	ck_assert_ptr_nonnull(strstr(s.r.text.at, "\"progress\":null,"));
	job = jobs_take(s.c.parts.jobs, QUEUE_METADATA);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		job->progress.total_bytes = rows[i].total;
		job->progress.have_bytes = rows[i].done;
		ck_assert_msg(strstr(site_ask(&s, "/h;t=t;v=5;c=00000005", false)->text.at,
				      rows[i].text) != NULL,
			"%s", s.r.text.at);
	}
	jobs_failed(s.c.parts.jobs, job, JOB_UPSTREAM_UNAVAILABLE, 60000);
	/* It is not coming, so that nothing is held for it. */
	ck_assert_uint_eq(site_ask(&s, "/h;t=t;v=5;c=00000005", true)->status, 503);
	ck_assert_str_eq(s.r.reason, "upstream-unavailable");
	site_tear_down(&s);
}
END_TEST

START_TEST(reply_make__what_was_here_at_the_start_is_checked_before_it_is_sent)
{
	struct record record;
	const struct reply *r;
	struct site s;

	site_set_up(&s);
	record = site_put(&s, "t", &site_before, FORMAT_AR2);
	ck_assert_int_eq(stock_rebuild_index(s.c.parts.stock, &(size_t){0}, NULL), 0);
	s.facts.prefer = "wait=7";
	r = site_ask_file(&s, &record, true);
	ck_assert_uint_eq(r->status, 0);
	ck_assert_int_eq(r->job.kind, JOB_CHECK);
	ck_assert_int_eq(r->job.stored, RECORD_ARCHIVE);
	ck_assert_int_eq(r->job.format, FORMAT_AR2);
	ck_assert_uint_eq(r->job.base.version, 4);
	ck_assert_uint_eq(r->job.wish_of, 0);
	site_tear_down(&s);
}
END_TEST

/* How many clients are known to have a version of t. */
static size_t
known(struct site *s, uint64_t version, unsigned *ret_formats)
{
	struct usage_version top[8];
	size_t count = usage_top(s->c.parts.usage, "t", clock_mono_ms() / 1000, top, 8);
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		if (top[i].edition.version == version) {
			found++;
			*ret_formats = top[i].formats;
		}
	return found;
}

START_TEST(reply_make__a_client_is_told_what_is_newer_than_what_it_has)
{
	static const struct {
		const char *body;
		const char *text; /* NULL: the announcement as it is */
		const char *client;
	} rows[] = {{"", NULL, ""}, {"{\"client\":\"me\"}", NULL, "me"},
		{"{\"client\":\"me\",\"updates\":[{\"type\":\"t\",\"version\":4,"
		 "\"cookie\":\"00000004\"},{\"type\":\"x\",\"version\":4,\"cookie\":\"00000004\"}]"
		 "}",
			"{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}\n",
			"me"},
		/* Two behind one address are two where they say who they are. */
		{"{\"client\":\"you\",\"updates\":[{\"type\":\"t\",\"version\":3,"
		 "\"cookie\":\"00000003\"}]}",
			"{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}\n",
			"you"},
		{"{\"updates\":[{\"type\":\"t\",\"version\":5,\"cookie\":\"00000005\"}]}",
			"{\"updates\":[]}\n", ""}};
	unsigned formats;
	struct site s;

	site_set_up(&s);
	s.facts.method = "POST";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct reply *r;

		memset(s.client, 0, sizeof(s.client));
		s.facts.body = unit_text(rows[i].body);
		r = site_ask(&s, "/q", false);
		ck_assert_uint_eq(r->status, 200);
		ck_assert_str_eq(s.client, rows[i].client);
		ck_assert_int_eq(r->cache, REPLY_REVALIDATE);
		if (rows[i].text == NULL) {
			ck_assert(r->body == REPLY_PREPARED && r->prepared == &r->view->query);
			continue;
		}
		ck_assert_int_eq(r->body, REPLY_TEXT);
		ck_assert_str_eq(r->text.at, rows[i].text);
	}
	/* What they have is known from now on. */
	for (uint64_t version = 3; version <= 5; version++)
		ck_assert_uint_eq(known(&s, version, &formats), 1);
	site_tear_down(&s);
}
END_TEST

START_TEST(reply_make__who_asks_for_an_offer_has_its_base_or_will_have_its_version)
{
	/* ahead: where nothing is to be obtained before anybody asks, nothing is noted. */
	static const struct {
		uint64_t ahead;
		const char *path;
		bool there;
		uint64_t version; /* 0: none */
	} rows[] = {{1, OFFER BASE, true, 5}, {1, OFFER BASE, false, 4}, {1, OFFER, true, 5},
		{1, OFFER, false, 0}, {0, OFFER BASE, true, 0},
		{1, "/h;t=t;v=5;c=00000005", false, 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned formats = 0;
		struct site s;

		site_set_up(&s);
		s.options.prefetchDifferences = rows[i].ahead;
		s.facts.accept = "application/x-guts2ar2";
		if (rows[i].there) {
			(void)site_put(&s, "t", &site_before, FORMAT_AR2);
			(void)site_put(&s, "t", &site_full, FORMAT_AR2);
		}
		(void)site_ask(&s, rows[i].path, false);
		for (uint64_t version = 0; version <= 5; version++)
			ck_assert_msg((known(&s, version, &formats) == 1) ==
					      (version != 0 && version == rows[i].version),
				"row %zu", i);
		ck_assert_uint_eq(formats, rows[i].version != 0 ? 1U << FORMAT_AR2 : 0);
		/* Who asks for all of it says nothing of what it had. */
		if (!rows[i].there)
			(void)site_ask(&s, OFFER, false);
		ck_assert_msg((rows[i].version != 0) == (known(&s, rows[i].version, &formats) == 1),
			"row %zu", i);
		site_tear_down(&s);
	}
}
END_TEST

START_TEST(reply_make__a_legacy_client_has_the_next_archive_obtained_for_it)
{
	struct job_spec build = {
		.kind = JOB_BUILD, .ident = {"old", site_newest}, .format = FORMAT_AR1};
	struct site s;

	site_set_up(&s);
	s.options.legacyClientDays = 1;
	/* Nobody has asked: twice, since the first look only recalls what an earlier run knew. */
	legacy_tick(s.c.parts.legacy, 10000);
	legacy_tick(s.c.parts.legacy, 20000);
	ck_assert_int_eq(jobs_look(s.c.parts.jobs, &build).state, JOB_NONE);
	ck_assert_uint_eq(site_ask(&s, "/legacy/t", false)->status, 404);
	ck_assert_uint_eq(site_ask(&s, "/legacy/old", false)->status, 503);
	jobs_done(s.c.parts.jobs, jobs_take(s.c.parts.jobs, QUEUE_BUILDERS));
	ck_assert_int_eq(jobs_look(s.c.parts.jobs, &build).state, JOB_NONE);
	/* A look each two seconds. */
	legacy_tick(s.c.parts.legacy, 21999);
	ck_assert_int_eq(jobs_look(s.c.parts.jobs, &build).state, JOB_NONE);
	legacy_tick(s.c.parts.legacy, 22000);
	ck_assert_int_eq(jobs_look(s.c.parts.jobs, &build).state, JOB_QUEUED);
	jobs_done(s.c.parts.jobs, jobs_take(s.c.parts.jobs, QUEUE_BUILDERS));
	/* A day later none has been seen for so long. */
	unit_clock_advance_ms(86400000);
	legacy_tick(s.c.parts.legacy, 30000);
	ck_assert_int_eq(jobs_look(s.c.parts.jobs, &build).state, JOB_NONE);
	ck_assert_uint_eq(site_ask(&s, "/legacy/old", false)->status, 503);
	jobs_done(s.c.parts.jobs, jobs_take(s.c.parts.jobs, QUEUE_BUILDERS));
	(void)site_put(&s, "old", &site_full, FORMAT_AR1);
	legacy_tick(s.c.parts.legacy, 40000);
	ck_assert_int_eq(jobs_look(s.c.parts.jobs, &build).state, JOB_NONE);
	site_tear_down(&s);
}
END_TEST

void
reply_prepare_tests(TCase *c)
{
	tcase_add_test(c, reply_make__what_is_not_here_is_asked_for_and_held_as_long_as_both_want);
	tcase_add_test(c, reply_make__how_far_it_is_is_said_and_never_more_than_all);
	tcase_add_test(c, reply_make__what_was_here_at_the_start_is_checked_before_it_is_sent);
	tcase_add_test(c, reply_make__a_client_is_told_what_is_newer_than_what_it_has);
	tcase_add_test(c, reply_make__who_asks_for_an_offer_has_its_base_or_will_have_its_version);
	tcase_add_test(c, reply_make__a_legacy_client_has_the_next_archive_obtained_for_it);
}
