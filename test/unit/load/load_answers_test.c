/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client of the load generator makes of a server's answers. */
#include <stdio.h>

#include "base/mem.h"
#include "load/load_visit.h"
#include "model/wire.h"
#include "net/answers.h"
#include "unit.h"

static const struct ident versions[] = {
	{"t", {1, "00000001"}}, {"t", {2, "00000002"}}, {"t", {3, "00000003"}}};

/* One client, which has the version in the middle. */
struct fixture {
	struct answers answers;
	struct origin origin;
	struct load_settings settings;
	struct load *load;
	struct load_thread t;
};

static void
set_up(struct fixture *f)
{
	struct load_client client = {.edition = LOAD_NONE};
	AUTO_FREE char *url = NULL;

	*f = (struct fixture){0};
	answers_begin(&f->answers);
	url = mem_printf("http://127.0.0.1:%u", f->answers.port);
	ck_assert_int_eq(origin_parse(url, &f->origin, NULL), 0);
	f->settings = (struct load_settings){.server = &f->origin,
		.type = "t",
		.clients = 1,
		.interval_s = 1000,
		.speed = 10,
		.threads = 1};
	f->load = mem_new(1, sizeof(*f->load));
	(void)pthread_mutex_init(&f->load->lock, NULL);
	f->load->settings = &f->settings;
	f->load->newest = LOAD_NONE;
	f->t.load = f->load;
	f->t.heap = mem_new(1, sizeof(*f->t.heap));
	ck_assert_int_eq(upstream_new(&f->t.upstream, NULL), 0);
	load_visit_set_edition(f->load, &client, load_visit_edition(f->load, &versions[1].edition));
	load_visit_wait(&f->t, &client, 0);
}

static void
tear_down(struct fixture *f)
{
	upstream_free(f->t.upstream);
	answers_end(&f->answers);
	free(f->t.heap);
	free(f->load);
	origin_free(&f->origin);
}

/* 200 with an announcement of this version; the caller frees. */
static char *
announcement(const struct ident *ident)
{
	AUTO_IDENTS struct idents query = {0};
	AUTO_BUF struct buf bytes = {0};

	idents_add(&query, ident);
	wire_query_format(&query, &bytes);
	return mem_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%.*s", bytes.len,
		(int)bytes.len, bytes.at);
}

/* 301 to the full archive of this version; the caller frees. */
static char *
redirect(const struct ident *ident)
{
	char name[IDENT_NAME_MAX];

	return mem_printf("HTTP/1.1 301 X\r\nLocation: /%s\r\nContent-Length: 0\r\n\r\n",
		ident_offer_name(ident, NULL, name));
}

static void
visit(struct fixture *f)
{
	load_visit_ask(load_visit_new(&f->t));
	while (f->t.visits > 0) {
		upstream_run(f->t.upstream, 100);
		load_visit_go_on(&f->t);
	}
	ck_assert_uint_eq(f->t.count, 1);
	ck_assert_uint_eq(f->t.heap[0].edition, 0);
}

/* In seconds of the client, of which ten pass in one. */
static void
check_due(const struct fixture *f, double s)
{
	const double left_s =
		((double)f->t.heap[0].due_ms - (double)load_visit_now_ms(f->load)) / 100;

	ck_assert_msg(left_s <= s && left_s > s - 60, "%f", left_s);
}

START_TEST(load_visit__each_answer_to_a_poll_is_counted_by_its_status)
{
	static const struct {
		const char *answer;
		long status;
		bool later, wrong;
		double due_s;
		const char *error;
	} rows[] = {
		{"HTTP/1.1 503 X\r\nRetry-After: 70\r\nContent-Length: 0\r\n\r\n", 503, true, false,
			70, ""},
		{"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", 503, true, false, 10, ""},
		{"HTTP/1.1 429 X\r\nRetry-After: 70\r\nContent-Length: 0\r\n\r\n", 429, true, false,
			70, ""},
		{"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", 0, false, true, 10, "q: "},
		{"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n", 403, false, true, 10,
			"q: answered 403"},
		{"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", 0, false, true, 10,
			"q: answered 500"},
		{"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}", 0, false, true, 10, "q: "},
		{"", 0, false, true, 10, "q: "},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct load_counts *c;
		struct fixture f;

		set_up(&f);
		c = &f.t.counts;
		answers_say(&f.answers, rows[i].answer, NULL);
		visit(&f);
		ck_assert_msg(c->status[LOAD_QUERY][rows[i].status] == 1, "row %zu", i);
		ck_assert_uint_eq(c->polls, 1);
		ck_assert_uint_eq(c->told_later, rows[i].later);
		ck_assert(f.t.heap[0].told_later == rows[i].later);
		ck_assert_uint_eq(c->wrong, rows[i].wrong);
		ck_assert_msg(strncmp(c->error, rows[i].error, strlen(rows[i].error)) == 0, "%s",
			c->error);
		ck_assert(*rows[i].error != '\0' || *c->error == '\0');
		check_due(&f, rows[i].due_s);
		/* Who comes back waits no longer. */
		load_visit_free(load_visit_new(&f.t));
		tear_down(&f);
	}
}
END_TEST

START_TEST(load_visit__a_poll_says_who_comes_and_what_it_has)
{
	AUTO_IDENTS struct idents has = {0};

	idents_add(&has, &versions[1]);
	for (int installed = 0; installed < 2; installed++) {
		AUTO_BUF struct buf says = {0};
		struct fixture f;

		set_up(&f);
		f.t.heap[0].number = 12;
		if (!installed)
			f.t.heap[0].edition = LOAD_NONE;
		answers_say(&f.answers, "", NULL);
		load_visit_ask(load_visit_new(&f.t));
		while (f.t.visits > 0) {
			upstream_run(f.t.upstream, 100);
			load_visit_go_on(&f.t);
		}
		wire_inventory_format("load-12", installed ? &has : NULL, &says);
		ck_assert_msg(strstr(answers_asked(&f.answers), says.at) != NULL, "%s",
			answers_asked(&f.answers));
		ck_assert_int_eq(strncmp(answers_asked(&f.answers), "POST /q ", 8), 0);
		tear_down(&f);
	}
}
END_TEST

START_TEST(load_visit__a_redirect_leads_to_a_full_archive_of_what_is_newer)
{
	static const struct {
		int to;
		bool wrong; /* from the first */
	} rows[] = {{2, false}, {1, true}, {0, true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *query = announcement(&versions[2]);
		AUTO_FREE char *moved = redirect(&versions[rows[i].to]);
		AUTO_FREE char *asked = NULL;
		char name[IDENT_NAME_MAX];
		struct fixture f;

		set_up(&f);
		answers_say(&f.answers, query, moved);
		visit(&f);
		/* A full archive's offer that is a redirect itself leads nowhere. */
		ck_assert_uint_eq(f.t.counts.status[LOAD_OFFER][301], rows[i].wrong ? 1 : 2);
		asked = mem_printf("GET /%s ",
			rows[i].wrong ? ident_offer_name(&versions[2], &versions[1].edition, name)
				      : ident_offer_name(&versions[2], NULL, name));
		ck_assert_msg(strstr(answers_asked(&f.answers), asked) != NULL, "%s not %s", asked,
			answers_asked(&f.answers));
		ck_assert_uint_eq(f.t.counts.wrong, 1);
		ck_assert_ptr_nonnull(strstr(f.t.counts.error, "it leads nowhere"));
		ck_assert_uint_eq(f.load->newest, 1);
		tear_down(&f);
	}
}
END_TEST

START_TEST(load_visit__an_offer_without_a_known_format_is_wrong)
{
	AUTO_FREE char *query = announcement(&versions[2]);
	struct fixture f;

	set_up(&f);
	answers_say(&f.answers, query, "HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}");
	visit(&f);
	ck_assert_uint_eq(f.t.counts.wrong, 1);
	ck_assert_uint_eq(answers_requests(&f.answers), 2);
	tear_down(&f);
}
END_TEST

void
load_answers_tests(TCase *c)
{
	tcase_add_test(c, load_visit__each_answer_to_a_poll_is_counted_by_its_status);
	tcase_add_test(c, load_visit__a_poll_says_who_comes_and_what_it_has);
	tcase_add_test(c, load_visit__a_redirect_leads_to_a_full_archive_of_what_is_newer);
	tcase_add_test(c, load_visit__an_offer_without_a_known_format_is_wrong);
}
