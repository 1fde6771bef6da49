/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a request is answered with that needs nothing else. */
#include "http/fields.h"
#include "http/site.h"
#include "logged.h"
#include "unit.h"

#define OFFER "/o;t=t;v=5;c=00000005"
#define BASE ";pv=4;pc=00000004"

START_TEST(reply_make__what_is_misunderstood_closes_and_what_is_not_there_does_not)
{
	static const struct {
		const char *method;
		const char *path;
		const char *via;
		unsigned status;
		const char *text; /* that the body has */
		const char *allow;
		bool close;
	} rows[] = {{"GET", "/nothing", NULL, 400, "\"malformed\",\"reason\":\"see the path\"",
			    NULL, true},
		{"POST", OFFER, NULL, 405, "\"method-not-allowed\",\"reason\":\"POST is for q\"",
			"GET, HEAD", true},
		{"GET", "/h;t=t;v=5;c=00000005", "1.1 guts2d-0123456789abcdef", 508,
			"\"loop\",\"reason\":\"this server is above itself\"", NULL, false},
		{"GET", "/h;t=t;v=5;c=00000005",
			"1.1 guts2d-1000000000000000,1.1 guts2d-2000000000000000,"
			"1.1 guts2d-3000000000000000,1.1 guts2d-4000000000000000,"
			"1.1 guts2d-5000000000000000,1.1 guts2d-6000000000000000,"
			"1.1 guts2d-7000000000000000,1.1 guts2d-8000000000000000",
			508, "\"loop\",\"reason\":\"more than 8 servers\"", NULL, false},
		{"GET", "/h;t=x;v=5;c=00000005", "1.1 guts2d-1000000000000000", 404,
			"\"not-found\",\"reason\":\"unknown type\"", NULL, false},
		{"GET", "/legacy/t", NULL, 404, "\"not a legacy type\"", NULL, false},
		{"POST", "/q", NULL, 200, NULL, NULL, false},
		{"HEAD", "/q", NULL, 200, NULL, NULL, false}};
	struct site s;

	site_set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct reply *r;

		s.facts.method = rows[i].method;
		s.facts.via = rows[i].via;
		r = site_ask(&s, rows[i].path, true);
		ck_assert_msg(r->status == rows[i].status && r->close == rows[i].close,
			"row %zu: %u", i, r->status);
		ck_assert_pstr_eq(r->allow, rows[i].allow);
		if (rows[i].text == NULL)
			continue;
		ck_assert_int_eq(r->body, REPLY_TEXT);
		ck_assert_int_eq(r->cache, REPLY_NO_STORE);
		ck_assert_msg(strstr(r->text.at, rows[i].text) != NULL, "%s", r->text.at);
		ck_assert_ptr_nonnull(strstr(r->text.at, r->reason));
	}
	site_tear_down(&s);
}
END_TEST

START_TEST(reply_make__a_loop_is_said_every_ten_seconds_and_nothing_is_begun_for_it)
{
	struct site s;

	unit_clock_stop();
	site_set_up(&s);
	logged_begin();
	s.facts.method = "GET";
	s.facts.via = "1.1 guts2d-0123456789abcdef";
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(site_ask(&s, "/h;t=t;v=5;c=00000005", false)->status, 508);
		ck_assert_int_eq(
			strstr(logged(), "event=loop path=\"1.1 guts2d-0123456789abcdef\" "
					 "id=guts2d-0123456789abcdef "
					 "reason=\"this server is above itself\"\n") != NULL,
			i != 1);
		ck_assert_ptr_null(jobs_take(s.c.parts.jobs, QUEUE_METADATA));
		unit_clock_advance_ms(i == 0 ? 9999 : 1);
	}
	site_tear_down(&s);
}
END_TEST

START_TEST(reply_malformed__a_method_that_is_none_is_told_which_are)
{
	struct reply r;

	reply_malformed(405, "why", &r);
	ck_assert_str_eq(r.allow, "GET, HEAD, POST");
	ck_assert(r.close && r.status == 405);
	ck_assert_str_eq(r.text.at, "{\"error\":\"method-not-allowed\",\"reason\":\"why\"}\n");
	reply_clear(&r);
	reply_malformed(413, "why", &r);
	ck_assert_ptr_null(r.allow);
	ck_assert_str_eq(r.text.at, "{\"error\":\"malformed\",\"reason\":\"why\"}\n");
	reply_clear(&r);
	ck_assert_ptr_null(r.text.at);
}
END_TEST

START_TEST(reply_make__a_file_is_sent_as_the_fields_ask_for_it)
{
	static const struct {
		const char *method, *range, *if_range, *etag;
		unsigned status;
		uint64_t first, len;
		bool whole, octets, sends;
	} rows[] = {{"GET", NULL, NULL, NULL, 200, 0, 8, false, true, true},
		{"HEAD", NULL, NULL, NULL, 200, 0, 8, false, true, false},
		{"GET", "bytes=2-4", NULL, NULL, 206, 2, 3, true, true, true},
		{"HEAD", "bytes=2-4", NULL, NULL, 200, 0, 8, false, true, false},
		{"GET", "bytes=2-4", "\"other\"", NULL, 200, 0, 8, false, true, true},
		{"GET", "pages=2-4", NULL, NULL, 200, 0, 8, false, true, true},
		{"GET", "bytes=8-", NULL, NULL, 416, 0, 8, true, false, false},
		{"GET", "bytes=2-4", NULL, "*", 304, 0, 0, false, true, false},
		{"GET", NULL, NULL, "\"other\"", 200, 0, 8, false, true, true}};
	struct record record;
	struct site s;

	site_set_up(&s);
	record = site_put(&s, "t", &site_before, FORMAT_AR1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct reply *r;

		s.facts.method = rows[i].method;
		s.facts.range = rows[i].range;
		s.facts.if_range = rows[i].if_range;
		s.facts.if_none_match = rows[i].etag;
		r = site_ask_file(&s, &record, false);
		ck_assert_msg(r->status == rows[i].status, "row %zu: %u", i, r->status);
		ck_assert_uint_eq(r->first, rows[i].first);
		if (r->status < 300)
			ck_assert_uint_eq(r->len, rows[i].len);
		ck_assert_msg(r->whole_file_size == rows[i].whole, "row %zu", i);
		ck_assert_msg(r->octets == rows[i].octets, "row %zu", i);
		ck_assert_int_eq(r->body, r->status < 300 ? REPLY_FILE : REPLY_TEXT);
		ck_assert_int_eq(r->cache, r->status == 416 ? REPLY_NO_STORE : REPLY_IMMUTABLE);
		ck_assert_str_eq(r->etag, site_shown(&s, &record)->etag);
		ck_assert_msg(r->sending == rows[i].sends, "row %zu", i);
		ck_assert_uint_eq(site_shown(&s, &record)->sending, rows[i].sends);
		/* A difference takes no place. */
		ck_assert(!r->holds_place && s.places == 0);
		ck_assert(!r->alone && r->last_modified_s == 0);
	}
	site_tear_down(&s);
}
END_TEST

START_TEST(reply_make__a_file_is_being_sent_until_its_reply_is_gone)
{
	struct record record;
	struct view *view;
	struct site s;

	site_set_up(&s);
	record = site_put(&s, "t", &site_before, FORMAT_AR1);
	s.facts.method = "HEAD";
	ck_assert_uint_eq(site_ask_file(&s, &record, false)->status, 200);
	ck_assert_uint_eq(site_shown(&s, &record)->served_ms, 0);
	s.facts.method = "GET";
	ck_assert_uint_eq(site_ask_file(&s, &record, false)->status, 200);
	ck_assert_uint_gt(site_shown(&s, &record)->served_ms, 0);
	ck_assert_uint_eq(site_shown(&s, &record)->sending, 1);
	reply_clear(&s.r);
	view = stock_view(s.c.parts.stock);
	ck_assert_uint_eq(view_find_record(view, &record)->sending, 0);
	view_release(view);
	site_tear_down(&s);
}
END_TEST

START_TEST(reply_make__a_header_is_json_and_comes_the_way_of_who_asked_for_it)
{
	static const char via[] = "1.1 guts2d-1000000000000000";
	const struct ident ident = {"t", site_newest};
	struct record record;
	struct job *job;
	struct site s;

	site_set_up(&s);
	s.facts.via = via;
	ck_assert_uint_eq(site_ask(&s, "/h;t=t;v=5;c=00000005", false)->status, 503);
	job = jobs_take(s.c.parts.jobs, QUEUE_METADATA);
	ck_assert_str_eq(job->via, via);
	ck_assert_int_eq(
		stock_put_header(s.c.parts.stock, &ident, unit_text("{}"), &record, NULL), 0);
	jobs_done(s.c.parts.jobs, job);
	ck_assert_uint_eq(site_ask(&s, "/h;t=t;v=5;c=00000005", false)->status, 200);
	ck_assert(s.r.body == REPLY_FILE && s.r.len == 2 && !s.r.octets);
	ck_assert_int_eq(s.r.cache, REPLY_IMMUTABLE);
	site_tear_down(&s);
}
END_TEST

START_TEST(reply_make__a_full_archive_without_a_place_is_a_503_with_nothing_of_the_file)
{
	struct record record;
	const struct reply *r;
	struct site s;

	site_set_up(&s);
	record = site_put(&s, "old", &site_full, FORMAT_AR1);
	ck_assert(site_ask_file(&s, &record, false)->holds_place);
	ck_assert_uint_eq(s.places, 1);
	ck_assert_uint_eq(s.c.limiter.busy, 1);
	/* The address has its share. */
	s.facts.range = "bytes=2-4";
	r = site_ask_file(&s, &record, false);
	ck_assert_uint_eq(r->status, 503);
	ck_assert_str_eq(r->reason, "busy");
	ck_assert_uint_eq(r->retry_after_s, 10);
	ck_assert_ptr_null(r->etag);
	ck_assert(!r->octets && !r->whole_file_size && !r->sending && !r->holds_place);
	ck_assert_int_eq(r->body, REPLY_TEXT);
	ck_assert_int_eq(r->cache, REPLY_NO_STORE);
	ck_assert_str_eq(r->text.at,
		"{\"error\":\"preparing\",\"reason\":\"busy\",\"progress\":null,"
		"\"retry_after\":10}\n");
	r = site_ask(&s, "/legacy/old", false);
	ck_assert_uint_eq(r->status, 503);
	ck_assert_int_eq(r->cache, REPLY_NO_STORE);
	ck_assert(r->last_modified_s == 0 && !r->alone);
	/* What sends nothing needs none. */
	s.facts.method = "HEAD";
	ck_assert_uint_eq(site_ask_file(&s, &record, false)->status, 200);
	site_tear_down(&s);
}
END_TEST

START_TEST(reply_make__the_archive_at_an_old_address_is_looked_at_anew_each_time)
{
	/* unmodified: since ten seconds after it came. */
	static const struct {
		bool since;
		int64_t behind_s;
		const char *etag;
		unsigned status;
	} rows[] = {{false, 0, NULL, 200}, {true, 10, NULL, 304}, {true, 0, NULL, 304},
		{true, -1, NULL, 200}, {true, 10, "\"other\"", 200}, {true, -1, "*", 304}};
	struct record record;
	struct site s;

	site_set_up(&s);
	s.c.limiter.max = 100;
	record = site_put(&s, "old", &site_full, FORMAT_AR1);
	unit_clock_advance_ms(60000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char date[FIELDS_DATE];
		const struct reply *r = site_ask(&s, "/legacy/old", false);
		uint64_t modified_s = (site_shown(&s, &record)->record.landed_ms + 999) / 1000;

		ck_assert_uint_eq(r->last_modified_s, modified_s);
		s.facts.if_modified_since =
			rows[i].since
				? fields_date_text(
					  (uint64_t)((int64_t)modified_s + rows[i].behind_s), date)
				: NULL;
		s.facts.if_none_match = rows[i].etag;
		r = site_ask(&s, "/legacy/old", false);
		ck_assert_msg(r->status == rows[i].status, "row %zu: %u", i, r->status);
		ck_assert_int_eq(r->cache, REPLY_REVALIDATE);
		ck_assert(r->alone && r->octets);
		ck_assert_uint_eq(r->last_modified_s, modified_s);
		/* The same bytes at their own address know nothing of dates. */
		s.facts.if_none_match = NULL;
		ck_assert_uint_eq(site_ask_file(&s, &record, false)->status, 200);
		s.facts.if_modified_since = NULL;
	}
	site_tear_down(&s);
}
END_TEST

START_TEST(reply_make__an_offer_depends_on_what_the_client_accepts)
{
	struct record one;
	struct record two;
	const struct reply *r;
	struct site s;

	site_set_up(&s);
	one = site_put(&s, "t", &site_before, FORMAT_AR1);
	two = site_put(&s, "t", &site_before, FORMAT_AR2);
	r = site_ask(&s, OFFER BASE, false);
	ck_assert_uint_eq(r->status, 200);
	ck_assert(r->vary_accept && r->vr == site_shown(&s, &one) && r->prepared == &r->vr->offer);
	ck_assert_int_eq(r->body, REPLY_PREPARED);
	ck_assert_int_eq(r->cache, REPLY_REVALIDATE);
	ck_assert_uint_eq(r->len, r->prepared->len);
	ck_assert_uint_gt(site_shown(&s, &one)->offered_ms, 0);
	ck_assert_uint_eq(site_shown(&s, &two)->offered_ms, 0);
	s.facts.accept = "application/x-guts2ar2";
	r = site_ask(&s, OFFER BASE, false);
	ck_assert(r->vr == site_shown(&s, &two));
	s.facts.if_none_match = site_shown(&s, &two)->etag;
	r = site_ask(&s, OFFER BASE, false);
	ck_assert(r->status == 304 && r->body == REPLY_TEXT && r->vary_accept);
	ck_assert_str_eq(r->etag, site_shown(&s, &two)->etag);
	site_tear_down(&s);
}
END_TEST

START_TEST(reply_make__without_a_difference_it_leads_to_the_full_archive)
{
	struct job_spec spec = {.kind = JOB_OFFER,
		.ident = {"t", site_newest},
		.base = site_before,
		.format = FORMAT_AR1};
	const struct reply *r;
	struct site s;

	site_set_up(&s);
	jobs_note_absent(s.c.parts.jobs, &spec);
	r = site_ask(&s, "/guts2" OFFER BASE, true);
	ck_assert_uint_eq(r->status, 301);
	ck_assert_str_eq(r->reason, "no-difference");
	ck_assert_str_eq(r->location, "/guts2" OFFER);
	ck_assert_ptr_nonnull(strstr(r->text.at, "\"moved\""));
	ck_assert_str_eq(site_ask(&s, OFFER BASE, true)->location, OFFER);
	/* Where one is absent in the better format, it is asked for in the other. */
	s.facts.accept = "application/x-guts2ar2";
	ck_assert_uint_eq(site_ask(&s, OFFER BASE, false)->status, 503);
	jobs_absent(s.c.parts.jobs, jobs_take(s.c.parts.jobs, QUEUE_WISHES));
	ck_assert_uint_eq(site_ask(&s, OFFER BASE, false)->status, 301);
	site_tear_down(&s);
}
END_TEST

void
reply_tests(TCase *c)
{
	tcase_add_test(c, reply_make__what_is_misunderstood_closes_and_what_is_not_there_does_not);
	tcase_add_test(c, reply_make__a_loop_is_said_every_ten_seconds_and_nothing_is_begun_for_it);
	tcase_add_test(c, reply_malformed__a_method_that_is_none_is_told_which_are);
	tcase_add_test(c, reply_make__a_file_is_sent_as_the_fields_ask_for_it);
	tcase_add_test(c, reply_make__a_file_is_being_sent_until_its_reply_is_gone);
	tcase_add_test(c, reply_make__a_header_is_json_and_comes_the_way_of_who_asked_for_it);
	tcase_add_test(
		c, reply_make__a_full_archive_without_a_place_is_a_503_with_nothing_of_the_file);
	tcase_add_test(c, reply_make__the_archive_at_an_old_address_is_looked_at_anew_each_time);
	tcase_add_test(c, reply_make__an_offer_depends_on_what_the_client_accepts);
	tcase_add_test(c, reply_make__without_a_difference_it_leads_to_the_full_archive);
}
