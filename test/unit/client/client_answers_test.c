/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client asks a server, and what its answers mean. */
#include "base/mem.h"
#include "client/client_fetch.h"
#include "client/installed.h"
#include "net/answers.h"
#include "unit.h"

/* Version 1 is installed, and a server is asked from then on. */
struct fixture {
	struct installed at;
	struct answers answers;
	struct origin origin;
	struct source source;
};

static void
set_up(struct fixture *f)
{
	AUTO_FREE char *url = NULL;

	*f = (struct fixture){0};
	installed_set_up(&f->at);
	ck_assert_int_eq(installed_run(&f->at), UPDATE_UPDATED);
	answers_begin(&f->answers);
	url = mem_printf("http://127.0.0.1:%u", f->answers.port);
	ck_assert_int_eq(origin_parse(url, &f->origin, NULL), 0);
	f->source.origin = &f->origin;
	f->at.session.client.source = &f->source;
}

static void
tear_down(struct fixture *f)
{
	upstream_free(
		f->at.session.client.upstream); /* whose connection the other side waits for */
	f->at.session.client.upstream = NULL;
	answers_end(&f->answers);
	origin_free(&f->origin);
	installed_tear_down(&f->at);
}

/* 200 with an announcement of this; NULL: of nothing. The caller frees. */
static char *
announcement(const struct ident *ident)
{
	AUTO_IDENTS struct idents query = {0};
	AUTO_BUF struct buf bytes = {0};

	if (ident != NULL)
		idents_add(&query, ident);
	wire_query_format(&query, &bytes);
	return mem_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%.*s", bytes.len,
		(int)bytes.len, bytes.at);
}

/* The last question said that the client has this version; NULL: it did not say. */
static void
check_said(struct fixture *f, const struct ident *has)
{
	AUTO_IDENTS struct idents list = {0};
	AUTO_BUF struct buf says = {0};

	if (has != NULL)
		idents_add(&list, has);
	wire_inventory_format("unit", has != NULL ? &list : NULL, &says);
	ck_assert_msg(strstr(answers_asked(&f->answers), says.at) != NULL, "%s not %s",
		answers_asked(&f->answers), says.at);
}

START_TEST(client_answers__what_is_installed_goes_along_with_the_question)
{
	struct fixture f;
	AUTO_FREE char *first = NULL;
	AUTO_FREE char *none = announcement(NULL);

	set_up(&f);
	first = announcement(&f.at.version[1]);
	answers_say(&f.answers, first, NULL);
	/* Who is not asked for has no say. */
	f.at.session.updates[1] = (struct update){.type = "u", .to = {1, "00000001"}, .open = true};
	ck_assert_int_eq(installed_run(&f.at), UPDATE_CURRENT);
	ck_assert_uint_eq(answers_requests(&f.answers), 1);
	check_said(&f, &f.at.version[1]);
	/* What is left out is current, or withdrawn: the whole list tells. */
	answers_say(&f.answers, none, first);
	ck_assert_int_eq(installed_run(&f.at), UPDATE_CURRENT);
	ck_assert_uint_eq(answers_requests(&f.answers), 2);
	check_said(&f, NULL);
	answers_say(&f.answers, none, NULL);
	ck_assert_int_eq(installed_run(&f.at), UPDATE_WITHDRAWN);
	ck_assert_int_eq(f.at.u->why.code, ERR_MISSING);
	ck_assert_uint_eq(answers_requests(&f.answers), 2);
	/* Of what is damaged there is nothing to say. */
	installed_write(&f.at, "current/same", "damaged");
	ck_assert_int_eq(installed_run(&f.at), UPDATE_FAILED);
	ck_assert_uint_eq(answers_requests(&f.answers), 1 + 2);
	check_said(&f, NULL);
	tear_down(&f);
}
END_TEST

START_TEST(client_answers__a_redirect_leads_to_a_newer_version_alone)
{
	struct fixture f;
	const struct edition *installed;

	set_up(&f);
	installed = &f.at.version[1].edition;
	for (uint64_t version = 1; version <= 2; version++) {
		const struct ident to = {"t", {version, "00000009"}};
		char name[IDENT_NAME_MAX];
		AUTO_FREE char *moved =
			mem_printf("HTTP/1.1 301 X\r\nLocation: /%s\r\nContent-Length: 0\r\n\r\n",
				ident_offer_name(&to, NULL, name));
		struct update u = {.from = *installed};
		struct fetch fetch = {
			.client = &f.at.session.client, .u = &u, .target = {"t", {3, "00000003"}}};
		struct archive_ref got;

		answers_say(&f.answers, moved, NULL);
		ck_assert_int_eq(client_fetch_offer(&fetch, installed, FORMAT_AR2, &got),
			version > 1 ? FETCH_ABSENT : FETCH_FAILED);
		ck_assert_uint_eq(fetch.target.edition.version, version > 1 ? version : 3);
		ck_assert_int_eq(u.why.code, version > 1 ? ERR_NONE : ERR_INPUT);
		ck_assert_int_eq(u.may_recover, version == 1);
		ck_assert(
			version > 1 || strstr(u.why.text, "redirect refused: version 1 00000009"));
	}
	tear_down(&f);
}
END_TEST

/* One behind the other, each to a newer version. */
START_TEST(client_answers__redirects_without_end_are_given_up)
{
	struct fixture f;
	AUTO_FREE char *query = NULL;
	AUTO_FREE char *moved = NULL;
	const struct ident to = {"t", {9, "00000009"}};
	char name[IDENT_NAME_MAX];

	set_up(&f);
	query = announcement(&to);
	moved = mem_printf("HTTP/1.1 301 X\r\nLocation: /%s\r\nContent-Length: 0\r\n\r\n",
		ident_offer_name(&to, NULL, name));
	answers_say(&f.answers, query, moved);
	ck_assert_int_eq(installed_run(&f.at), UPDATE_FAILED);
	ck_assert_int_eq(f.at.u->why.code, ERR_INPUT);
	ck_assert_str_eq(f.at.u->why.text, "redirected 5 times, at last to version 9");
	ck_assert(f.at.u->may_recover);
	/* The question, a difference, and five times the full archive. */
	ck_assert_uint_eq(answers_requests(&f.answers), 7);
	tear_down(&f);
}
END_TEST

START_TEST(client_answers__told_to_come_back_it_knows_when)
{
	static const struct {
		const char *answer;
		enum update_result result;
		uint32_t retry_s;
	} rows[] = {
		{"HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", UPDATE_RETRY, 7},
		{"HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", UPDATE_RETRY, 7},
		{"HTTP/1.1 500 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", UPDATE_FAILED, 0},
	};
	struct fixture f;

	set_up(&f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answers_say(&f.answers, rows[i].answer, NULL);
		ck_assert_int_eq(installed_run(&f.at), rows[i].result);
		ck_assert_uint_eq(f.at.u->retry_s, rows[i].retry_s);
		ck_assert_msg(strncmp(f.at.u->why.text, "q: ", 3) == 0, "%s", f.at.u->why.text);
	}
	tear_down(&f);
}
END_TEST

void
client_answers_tests(TCase *c)
{
	tcase_add_test(c, client_answers__what_is_installed_goes_along_with_the_question);
	tcase_add_test(c, client_answers__a_redirect_leads_to_a_newer_version_alone);
	tcase_add_test(c, client_answers__redirects_without_end_are_given_up);
	tcase_add_test(c, client_answers__told_to_come_back_it_knows_when);
}
