/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server is asked: by which method, with which fields, and what its answer means. */
#include "base/mem.h"
#include "net/asker.h"
#include "net/source.h"
#include "unit.h"

#define OK(body_len, body) "HTTP/1.1 200 X\r\nContent-Length: " body_len "\r\n\r\n" body
#define QUERY OK("14", "{\"updates\":[]}")
#define SAYS(status) "HTTP/1.1 " status " X\r\nContent-Length: 0\r\n\r\n"

struct fixture {
	struct asker a; /* its server, and its transfers */
	struct source source;
	struct source_request request;
	struct upstream_reply reply;
	unsigned restarts;
};

static void
set_up(struct fixture *f)
{
	*f = (struct fixture){0};
	asker_set_up(&f->a);
	f->source.origin = &f->a.origin;
	f->request.ident = (struct ident){"t", {5, "00000005"}};
}

static void
tear_down(struct fixture *f)
{
	source_clear(&f->request);
	asker_tear_down(&f->a);
}

static enum upstream_outcome
ask(struct fixture *f, enum source_what what, const char *first, const char *second)
{
	answers_say(&f->a.answers, first, second);
	f->request.what = what;
	source_fetch(f->a.upstream, &f->source, &f->request, &f->reply);
	return f->reply.outcome;
}

static bool
asked(struct fixture *f, const char *words)
{
	return strstr(answers_asked(&f->a.answers), words) != NULL;
}

START_TEST(source__the_other_method_is_tried_once_where_one_is_refused)
{
	static const struct {
		const char *inventory;
		bool by_post; /* known before */
		const char *first;
		const char *second;
		enum upstream_outcome outcome;
		unsigned requests;
		const char *last; /* how the last request began */
		bool learnt;	  /* known now */
	} rows[] = {
		{NULL, false, QUERY, SAYS("500"), UPSTREAM_FRESH, 1, "GET /q ", false},
		{NULL, false, SAYS("404"), QUERY, UPSTREAM_FRESH, 2, "POST /q ", true},
		{NULL, false, SAYS("405"), QUERY, UPSTREAM_FRESH, 2, "POST /q ", true},
		{NULL, false, SAYS("501"), QUERY, UPSTREAM_FRESH, 2, "POST /q ", true},
		{NULL, false, SAYS("403"), QUERY, UPSTREAM_REFUSED, 1, "GET /q ", false},
		{NULL, false, SAYS("410"), QUERY, UPSTREAM_BROKEN, 1, "GET /q ", false},
		{NULL, false, SAYS("500"), QUERY, UPSTREAM_BROKEN, 1, "GET /q ", false},
		{NULL, false, SAYS("404"), SAYS("404"), UPSTREAM_BROKEN, 2, "POST /q ", true},
		{NULL, true, QUERY, SAYS("500"), UPSTREAM_FRESH, 1, "POST /q ", true},
		{NULL, true, SAYS("404"), QUERY, UPSTREAM_BROKEN, 1, "POST /q ", true},
		{"{\"a\":1}", false, QUERY, SAYS("500"), UPSTREAM_FRESH, 1, "POST /q ", false},
		{"{\"a\":1}", false, SAYS("400"), QUERY, UPSTREAM_FRESH, 2, "GET /q ", false},
		{"{\"a\":1}", false, SAYS("404"), QUERY, UPSTREAM_FRESH, 2, "GET /q ", false},
		{"{\"a\":1}", false, SAYS("501"), QUERY, UPSTREAM_FRESH, 2, "GET /q ", false},
		{"{\"a\":1}", false, SAYS("500"), QUERY, UPSTREAM_BROKEN, 1, "POST /q ", false},
		{"{\"a\":1}", false, SAYS("503"), QUERY, UPSTREAM_BUSY, 1, "POST /q ", false},
		{"{\"a\":1}", true, SAYS("405"), SAYS("405"), UPSTREAM_REFUSED, 2, "GET /q ", true},
	};
	struct fixture f;

	set_up(&f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *body = rows[i].inventory != NULL ? rows[i].inventory : "{}";

		f.source.query_by_post = rows[i].by_post;
		f.source.gave_query = false;
		f.request.inventory = rows[i].inventory;
		ck_assert_msg(
			ask(&f, SOURCE_QUERY, rows[i].first, rows[i].second) == rows[i].outcome,
			"row %zu: %d %s", i, (int)f.reply.outcome, f.reply.why.text);
		ck_assert_msg(answers_requests(&f.a.answers) == rows[i].requests, "row %zu", i);
		ck_assert_msg(strncmp(answers_asked(&f.a.answers), rows[i].last,
				      strlen(rows[i].last)) == 0,
			"row %zu: %s", i, answers_asked(&f.a.answers));
		ck_assert_msg(f.source.query_by_post == rows[i].learnt, "row %zu", i);
		ck_assert_msg(
			f.source.gave_query == (rows[i].outcome == UPSTREAM_FRESH), "row %zu", i);
		/* What is posted is the inventory, as JSON. */
		ck_assert(asked(&f, "\r\nContent-Type: application/json\r\n") ==
			  (rows[i].last[0] == 'P'));
		ck_assert(rows[i].last[0] != 'P' ||
			  strcmp(strstr(answers_asked(&f.a.answers), "\r\n\r\n") + 4, body) == 0);
	}
	tear_down(&f);
}
END_TEST

START_TEST(source__each_document_is_asked_for_with_its_fields)
{
	static const char both[] = "\r\nAccept: application/x-guts2ar2, application/json\r\n";
	static const char json[] = "\r\nAccept: application/json\r\n";
	static const struct {
		enum source_what what;
		enum format format;
		const char *accept;
		bool fresh;
	} rows[] = {{SOURCE_QUERY, FORMAT_AR2, json, true},
		{SOURCE_HEADER, FORMAT_AR2, json, false}, {SOURCE_OFFER, FORMAT_AR1, json, true},
		{SOURCE_OFFER, FORMAT_AR2, both, true}};
	struct fixture f;

	set_up(&f);
	f.request.if_none_match = "\"7\"";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f.request.format = rows[i].format;
		f.request.via = i % 2 ? "1.1 us" : NULL;
		f.request.wait_s = i % 2 ? 3 : 0;
		(void)ask(&f, rows[i].what, SAYS("500"), NULL);
		ck_assert_msg(asked(&f, rows[i].accept), "%s", answers_asked(&f.a.answers));
		ck_assert(asked(&f, "\r\nCache-Control: no-cache\r\n") == rows[i].fresh);
		ck_assert(asked(&f, "\r\nIf-None-Match: \"7\"\r\n") ==
			  (rows[i].what == SOURCE_QUERY));
		ck_assert(asked(&f, "\r\nVia: 1.1 us\r\n") == (i % 2 == 1));
		ck_assert(asked(&f, "\r\nPrefer: wait=3\r\n") == (i % 2 == 1));
		ck_assert(!asked(&f, "\r\nRange"));
	}
	/* A condition would be for the answer to GET. */
	f.source.query_by_post = true;
	(void)ask(&f, SOURCE_QUERY, SAYS("500"), NULL);
	ck_assert(!asked(&f, "If-None-Match"));
	tear_down(&f);
}
END_TEST

START_TEST(source__a_redirect_leads_to_a_full_archive_of_the_type_there)
{
	static const struct {
		const char *location;
		enum upstream_outcome outcome;
	} rows[] = {{"/o;t=t;v=4;c=00000004", UPSTREAM_MOVED},
		{"/o;t=t;v=4;c=00000004;pv=3;pc=00000003", UPSTREAM_BROKEN},
		{"/o;t=u;v=4;c=00000004", UPSTREAM_BROKEN},
		{"/h;t=t;v=4;c=00000004", UPSTREAM_BROKEN},
		{"http://elsewhere/o;t=t;v=4;c=00000004", UPSTREAM_BROKEN},
		{"/login", UPSTREAM_BROKEN}};
	struct fixture f;

	set_up(&f);
	f.request.base = (struct edition){3, "00000003"};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *answer =
			mem_printf("HTTP/1.1 301 X\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
				rows[i].location);

		f.request.moved = (struct ident){0};
		ck_assert_msg(ask(&f, SOURCE_OFFER, answer, NULL) == rows[i].outcome, "%s", answer);
		ck_assert_uint_eq(
			f.request.moved.edition.version, rows[i].outcome == UPSTREAM_MOVED ? 4 : 0);
		ck_assert((strncmp(f.reply.why.text, "redirect refused: ", 18) == 0) ==
			  (rows[i].outcome == UPSTREAM_BROKEN));
		ck_assert_int_eq(f.reply.why.code, ERR_INPUT);
	}
	/* Of nothing else; nor is anything unchanged for who knew nothing. */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
			ask(&f, SOURCE_HEADER,
				i == 0 ? "HTTP/1.1 301 X\r\nLocation: /o;t=t;v=4;c=00000004\r\n"
					 "Content-Length: 0\r\n\r\n"
				       : "HTTP/1.1 304 X\r\n\r\n",
				NULL),
			UPSTREAM_BROKEN);
		ck_assert_ptr_nonnull(strstr(f.reply.why.text, i == 0 ? "301" : "304"));
	}
	tear_down(&f);
}
END_TEST

START_TEST(source__what_is_no_document_is_told_apart)
{
	static const struct {
		const char *answer;
		const char *words;
	} rows[] = {{OK("0", ""), "answered with an empty document"},
		{OK("6", "<html>"), "answered with a web page: "},
		{OK("9", " \r\n<html>"), "answered with a web page: "}, {OK("2", "x<"), "not JSON"},
		{OK("2", "{}"), ""}};
	static const enum source_what what[] = {SOURCE_QUERY, SOURCE_OFFER, SOURCE_HEADER};
	struct fixture f;

	set_up(&f);
	for (size_t i = 0; i < 3 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct header *h = NULL;

		(void)ask(&f, what[i % 3], rows[i / 3].answer, NULL);
		if (i % 3 == 2)
			ck_assert_int_eq(source_header(&f.request, &h, &f.reply), -1);
		ck_assert_int_eq(f.reply.outcome, UPSTREAM_BROKEN);
		ck_assert_int_eq(f.reply.why.code, ERR_INPUT);
		ck_assert_msg(strstr(f.reply.why.text, rows[i / 3].words) != NULL, "%s",
			f.reply.why.text);
		ck_assert_msg((strstr(f.reply.why.text, "web page") != NULL) ==
				      (strstr(rows[i / 3].answer, "<html>") != NULL),
			"%s", f.reply.why.text);
	}
	tear_down(&f);
}
END_TEST

START_TEST(source__no_document_is_longer_than_its_kind)
{
	static const size_t most[] = {[SOURCE_QUERY] = WIRE_QUERY_BYTES_MAX,
		[SOURCE_HEADER] = HEADER_BYTES_MAX,
		[SOURCE_OFFER] = WIRE_OFFER_BYTES_MAX};
	static const enum source_what what[] = {SOURCE_QUERY, SOURCE_OFFER, SOURCE_HEADER};
	struct fixture f;

	set_up(&f);
	for (size_t i = 0; i < 6; i++) {
		AUTO_BUF struct buf answer = {0};
		size_t len = most[what[i / 2]] + i % 2;
		AUTO_FREE char *body = mem_new(len + 1, 1);

		memset(body, ' ', len);
		buf_printf(&answer, "HTTP/1.1 200 X\r\nContent-Length: %zu\r\n\r\n", len);
		buf_add(&answer, body, len);
		(void)ask(&f, what[i / 2], answer.at, NULL);
		ck_assert_msg(
			i % 2 == 1 ? f.reply.why.code == ERR_LIMIT : f.reply.why.code != ERR_LIMIT,
			"%zu bytes: %s", len, f.reply.why.text);
		ck_assert_uint_eq(f.request.bytes.len <= most[what[i / 2]], 1);
	}
	tear_down(&f);
}
END_TEST

static int
write_nothing(void *context, const void *bytes, size_t len, struct err *e)
{
	(void)context;
	(void)bytes;
	(void)len;
	(void)e;
	return 0;
}

static int
restart(void *context, struct err *e)
{
	(void)e;
	((struct fixture *)context)->restarts++;
	return 0;
}

START_TEST(source__a_part_goes_where_the_answer_says_that_it_is_wrong)
{
	static const struct {
		const char *answer;
		enum upstream_outcome outcome;
		unsigned restarts;
	} rows[] = {{OK("10", "0123456789"), UPSTREAM_FRESH, 0},
		{OK("9", "012345678"), UPSTREAM_BROKEN, 1},
		{OK("11", "01234567890"), UPSTREAM_BROKEN, 1},
		{"HTTP/1.1 200 X\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123",
			UPSTREAM_UNREACHABLE, 0},
		{"HTTP/1.1 206 X\r\nContent-Range: bytes 1-9/10\r\nContent-Length: 9\r\n\r\n"
		 "123456789",
			UPSTREAM_BROKEN, 1},
		{SAYS("416"), UPSTREAM_REFUSED, 1}, {SAYS("417"), UPSTREAM_REFUSED, 0},
		{SAYS("500"), UPSTREAM_BROKEN, 0}, {SAYS("404"), UPSTREAM_ABSENT, 0},
		{SAYS("503"), UPSTREAM_BUSY, 0}};
	struct fixture f;

	set_up(&f);
	f.request.file.bytes = 10;
	f.request.write = write_nothing;
	f.request.restart = restart;
	f.request.context = &f;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f.restarts = 0;
		ck_assert_msg(ask(&f, SOURCE_FILE, rows[i].answer, NULL) == rows[i].outcome,
			"row %zu: %s", i, f.reply.why.text);
		ck_assert_msg(f.restarts == rows[i].restarts, "row %zu", i);
		ck_assert(!asked(&f, "Cache-Control") && !asked(&f, "application"));
	}
	tear_down(&f);
}
END_TEST

START_TEST(source__what_is_forbidden_is_absent_where_the_announcement_is_not)
{
	struct fixture f;

	set_up(&f);
	ck_assert_int_eq(ask(&f, SOURCE_HEADER, SAYS("403"), NULL), UPSTREAM_REFUSED);
	/* The page of a portal is no announcement. */
	ck_assert_int_eq(ask(&f, SOURCE_QUERY, OK("6", "<html>"), NULL), UPSTREAM_BROKEN);
	ck_assert_int_eq(ask(&f, SOURCE_HEADER, SAYS("403"), NULL), UPSTREAM_REFUSED);
	ck_assert_int_eq(ask(&f, SOURCE_QUERY, QUERY, NULL), UPSTREAM_FRESH);
	ck_assert_int_eq(ask(&f, SOURCE_HEADER, SAYS("403"), NULL), UPSTREAM_ABSENT);
	ck_assert_int_eq(ask(&f, SOURCE_HEADER, SAYS("401"), NULL), UPSTREAM_REFUSED);
	ck_assert_int_eq(ask(&f, SOURCE_QUERY, SAYS("403"), NULL), UPSTREAM_REFUSED);
	/* Unchanged is an announcement, too. */
	f.source.gave_query = false;
	f.request.if_none_match = "\"7\"";
	ck_assert_int_eq(ask(&f, SOURCE_QUERY, SAYS("304"), NULL), UPSTREAM_UNCHANGED);
	ck_assert(f.source.gave_query);
	tear_down(&f);
}
END_TEST

void
source_ask_tests(TCase *c)
{
	tcase_add_test(c, source__the_other_method_is_tried_once_where_one_is_refused);
	tcase_add_test(c, source__each_document_is_asked_for_with_its_fields);
	tcase_add_test(c, source__a_redirect_leads_to_a_full_archive_of_the_type_there);
	tcase_add_test(c, source__what_is_no_document_is_told_apart);
	tcase_add_test(c, source__no_document_is_longer_than_its_kind);
	tcase_add_test(c, source__a_part_goes_where_the_answer_says_that_it_is_wrong);
	tcase_add_test(c, source__what_is_forbidden_is_absent_where_the_announcement_is_not);
}
