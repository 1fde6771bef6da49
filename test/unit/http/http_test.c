/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests and answers as they are on the wire, and what the log has of them. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "http/served.h"
#include "logged.h"
#include "unit.h"

#define DIFFERENCE "5b5f08ec10f868d1aef2697f44a1f70241eb898de0f92d4d43427986a9c03fd5"
#define QUERY "a5bdfb01cc384ab9b61acc364762e48fa80df5675732d4a1b901b96836102a5f"
#define CLOSE "Host: a\r\nConnection: close\r\n"
#define HEADER "/h;t=t;v=5;c=00000005"

static struct served v;

static const struct {
	const char *line, *fields, *answer;
} answers[] = {
	{"POST /o;t=t;v=5;c=00000005", "Content-Length: 0\r\n",
		"HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n"
		"Cache-Control: no-store\r\nContent-Type: application/json\r\n"
		"Allow: GET, HEAD\r\nContent-Length: 56\r\n\r\n"
		"{\"error\":\"method-not-allowed\",\"reason\":\"POST is for q\"}\n"},
	{"GET /q", "",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nCache-Control: no-cache\r\n"
		"Content-Type: application/json\r\nETag: \"" QUERY "\"\r\n"
		"Content-Length: 106\r\n\r\n"
		"{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"old\",\"version\":5},"
		"{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}\n"},
	{"GET /q", "If-None-Match: \"" QUERY "\"\r\n",
		"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n"
		"Cache-Control: no-cache\r\nETag: \"" QUERY "\"\r\n"},
	{"HEAD /o;t=t;v=5;c=00000005;pv=4;pc=00000004", "",
		"HTTP/1.1 200 OK\r\nConnection: close\r\nCache-Control: no-cache\r\n"
		"Content-Type: application/json\r\nETag: \"" DIFFERENCE "\"\r\n"
		"Vary: Accept\r\nContent-Length: 104\r\n\r\n"},
	{"GET /f/" DIFFERENCE "_archive", "",
		"HTTP/1.1 200 OK\r\nConnection: close\r\n"
		"Cache-Control: public, max-age=31536000, immutable\r\n"
		"Content-Type: application/octet-stream\r\nETag: \"" DIFFERENCE "\"\r\n"
		"Accept-Ranges: bytes\r\nContent-Length: 8\r\n\r\nGUTS2AR1"},
	{"GET /f/" DIFFERENCE "_archive", "Range: bytes=2-4\r\n",
		"HTTP/1.1 206 Partial Content\r\nConnection: close\r\n"
		"Cache-Control: public, max-age=31536000, immutable\r\n"
		"Content-Type: application/octet-stream\r\nETag: \"" DIFFERENCE "\"\r\n"
		"Accept-Ranges: bytes\r\nContent-Range: bytes 2-4/8\r\n"
		"Content-Length: 3\r\n\r\nTS2"},
	{"GET /f/" DIFFERENCE "_archive", "Range: bytes=2-4\r\nIf-Range: \"x\"\r\n", "200"},
	{"GET /f/" DIFFERENCE "_archive", "Range: bytes=8-\r\n",
		"HTTP/1.1 416 Range Not Satisfiable\r\nConnection: close\r\n"
		"Cache-Control: no-store\r\nContent-Type: application/json\r\n"
		"ETag: \"" DIFFERENCE "\"\r\nContent-Range: bytes */8\r\n"
		"Content-Length: 57\r\n\r\n"
		"{\"error\":\"range\",\"reason\":\"range begins behind the end\"}\n"},
	{"GET /guts2/o;t=t;v=5;c=00000005;pv=4;pc=00000004",
		"Via: 1.1 guts2d-0123456789abcdef\r\nVia: 1.1 x\r\n", "508"},
	{"GET /o;t=t;v=5;c=00000005;pv=4;pc=00000004", "Accept: application/x-guts2ar2\r\n", "503"},
	{"GET /legacy/old", "If-Modified-Since: Fri, 31 Dec 2100 23:59:59 GMT\r\n", "304"},
};

START_TEST(http__an_answer_says_what_clients_and_caches_need_to_know)
{
	served_set_up(&v, 64);
	(void)site_put(&v.site, "t", &site_before, FORMAT_AR1);
	(void)site_put(&v.site, "old", &site_full, FORMAT_AR1);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const char *answer = served_ask(&v, answers[i].line, answers[i].fields);

		ck_assert_msg(strncmp(answer + (answers[i].answer[0] == 'H' ? 0 : 9),
				      answers[i].answer, strlen(answers[i].answer)) == 0,
			"row %zu: %s", i, answer);
	}
	ck_assert_ptr_nonnull(strstr(served_ask(&v, "GET /legacy/old", ""), "\r\nLast-Modified: "));
	ck_assert_ptr_nonnull(
		strstr(served_ask(&v, "GET /o;t=t;v=5;c=00000005", ""), "\r\nRetry-After: 10\r\n"));
	served_tear_down(&v);
}
END_TEST

START_TEST(http__a_head_or_a_body_that_is_not_to_be_believed_ends_the_connection)
{
	static const struct {
		const char *text, *status;
	} rows[] = {{"GET /q HTTP/1.1\r\n\r\n", "400"},
		{"GET /q HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", "400"},
		{"PUT /q HTTP/1.1\r\nHost: a\r\n\r\n", "405"},
		{"POST /q HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", "413"}};

	served_set_up(&v, 64);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(strncmp(served_hear(&v, served_say(v.http, rows[i].text)) + 9,
				      rows[i].status, 3) == 0,
			"row %zu: %s", i, v.got.at);
	served_tear_down(&v);
}
END_TEST

/* A request line, a head of so many bytes in all, or a body in one chunk. */
static unsigned
status_of_line(size_t bytes)
{
	AUTO_FREE char *text = mem_printf("GET /%0*d HTTP/1.1\r\n" CLOSE "\r\n",
		(int)(bytes - strlen("GET / HTTP/1.1\r\n")), 0);

	return (unsigned)atoi(served_hear(&v, served_say(v.http, text)) + 9);
}

static unsigned
status_of_head(size_t bytes)
{
	AUTO_FREE char *text = mem_printf("GET /q HTTP/1.1\r\n" CLOSE "X: %0*d\r\n\r\n",
		(int)(bytes - strlen("GET /q HTTP/1.1\r\n" CLOSE "X: \r\n\r\n")), 0);

	return (unsigned)atoi(served_hear(&v, served_say(v.http, text)) + 9);
}

static unsigned
status_of_body(unsigned bytes)
{
	AUTO_FREE char *text =
		mem_printf("POST /q HTTP/1.1\r\n" CLOSE
			   "Transfer-Encoding: chunked\r\n\r\n%x\r\n%0*d\r\n0\r\n\r\n",
			bytes, (int)bytes, 0);

	return (unsigned)atoi(served_hear(&v, served_say(v.http, text)) + 9);
}

START_TEST(http__lines_heads_and_bodies_have_their_bounds)
{
	served_set_up(&v, 64);
	ck_assert_uint_eq(status_of_line(1024), 400); /* there is no such path */
	ck_assert_uint_eq(status_of_line(1025), 414);
	ck_assert_uint_eq(status_of_head(3072), 200);
	ck_assert_uint_eq(status_of_head(3073), 431);
	ck_assert_uint_eq(status_of_body(65536), 200);
	ck_assert_uint_eq(status_of_body(65537), 413);
	served_tear_down(&v);
}
END_TEST

START_TEST(http__what_a_client_has_is_filtered_and_its_name_logged)
{
	static const char has[] = "{\"client\":\"me\",\"updates\":[{\"type\":\"t\",\"version\":4,"
				  "\"cookie\":\"00000004\"}]}";
	AUTO_FREE char *fields = mem_printf("Content-Length: %zu\r\n", strlen(has));
	AUTO_FREE char *text = mem_printf("POST /q HTTP/1.1\r\n" CLOSE "%s\r\n%s", fields, has);

	served_set_up(&v, 64);
	ck_assert_ptr_nonnull(strstr(served_hear(&v, served_say(v.http, text)),
		"{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}"));
	ck_assert_ptr_nonnull(
		strstr(served_stop(&v), " level=info event=request address=127.0.0.1 client=me "
					"request=\"POST /q\" status=200 bytes=59 ms="));
	served_tear_down(&v);
}
END_TEST

START_TEST(http__a_place_is_free_again_when_its_answer_has_gone)
{
	struct record full;
	AUTO_FREE char *line = NULL;
	char name[IDENT_NAME_MAX];

	served_set_up(&v, 64);
	full = site_put(&v.site, "old", &site_full, FORMAT_AR1);
	line = mem_printf("GET /%s", ident_file_name(&full.ref.id, name));
	/* One address has one of the two. */
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_nonnull(strstr(served_ask(&v, line, ""), "\r\n\r\nGUTS2AR1"));
	ck_assert_ptr_nonnull(strstr(served_stop(&v), "_archive\" status=200 bytes=8 ms="));
	served_tear_down(&v);
}
END_TEST

static struct job *
taken(void)
{
	struct job *job;

	while ((job = jobs_take(v.site.c.parts.jobs, QUEUE_METADATA)) == NULL)
		(void)sched_yield();
	return job;
}

/*
 * So many answers are held on the job. The list is read without its lock, which nobody has from
 * here: it only grows.
 */
__attribute__((no_sanitize("thread"))) static void
until_held(const struct job *job, int count)
{
	for (int held = -1; held != count;) {
		const struct waiter *w;

		(void)jobs_look(v.site.c.parts.jobs, &job->spec);
		held = 0;
		SLIST_FOREACH (w, &job->waiters, link)
			held++;
	}
}

START_TEST(http__an_address_has_some_of_its_answers_held_until_their_job_has_ended)
{
	enum { HELD = 64 / 16 + 1 };
	const struct ident ident = {"t", site_newest};
	struct record record;
	struct job *job;
	int fds[HELD];

	served_set_up(&v, 64);
	for (int round = 0; round < 2; round++) {
		fds[0] = served_say(v.http, "GET " HEADER " HTTP/1.1\r\n" CLOSE "\r\n");
		job = taken();
		for (int i = 1; i < HELD; i++) {
			until_held(job, i);
			fds[i] = served_say(v.http, "GET " HEADER " HTTP/1.1\r\n" CLOSE "\r\n");
		}
		until_held(job, HELD);
		ck_assert_ptr_nonnull(strstr(served_ask(&v, "GET " HEADER, ""), "503 "));
		jobs_failed(v.site.c.parts.jobs, job, JOB_UPSTREAM_UNAVAILABLE, 0);
		for (int i = 0; i < HELD; i++)
			ck_assert_ptr_nonnull(
				strstr(served_hear(&v, fds[i]), "\"upstream-unavailable\""));
		unit_clock_advance_ms(600000);
	}
	fds[0] = served_say(v.http, "GET " HEADER " HTTP/1.1\r\n" CLOSE "\r\n");
	job = taken();
	until_held(job, 1);
	ck_assert_int_eq(
		stock_put_header(v.site.c.parts.stock, &ident, unit_text("{}"), &record, NULL), 0);
	jobs_done(v.site.c.parts.jobs, job);
	ck_assert_ptr_nonnull(strstr(served_hear(&v, fds[0]), "\r\n\r\n{}"));
	served_tear_down(&v);
}
END_TEST

START_TEST(http__an_answer_is_held_as_long_as_its_client_wants_and_not_longer)
{
	struct job *job;
	int fd;

	served_set_up(&v, 64);
	fd = served_say(v.http, "GET " HEADER " HTTP/1.1\r\n" CLOSE "Prefer: wait=20\r\n\r\n");
	job = taken();
	until_held(job, 1);
	jobs_tick(v.site.c.parts.jobs, clock_mono_ms() + 19000);
	ck_assert_int_eq(recv(fd, &(char){0}, 1, MSG_DONTWAIT), -1);
	until_held(job, 1);
	unit_clock_advance_ms(20000);
	jobs_tick(v.site.c.parts.jobs, clock_mono_ms());
	ck_assert_ptr_nonnull(strstr(served_hear(&v, fd), "\"downloading\""));
	jobs_done(v.site.c.parts.jobs, job);
	/* It ends with the server, too. */
	unit_clock_advance_ms(1000);
	fd = served_say(v.http, "GET " HEADER " HTTP/1.1\r\n" CLOSE "Prefer: wait=20\r\n\r\n");
	job = taken();
	until_held(job, 1);
	(void)served_stop(&v);
	ck_assert_ptr_nonnull(strstr(served_hear(&v, fd), "503 "));
	served_tear_down(&v);
}
END_TEST

START_TEST(http__a_file_that_somebody_removed_or_cut_is_looked_at_again)
{
	static const struct {
		unsigned bytes;
		bool sent_before, cut;
		const char *status;
	} rows[] = {{32768, false, false, "503"}, {32768, false, true, "503"},
		{32768, true, true, "200"}, {32769, false, false, "503"},
		{32769, false, true, "503"}, {32769, true, true, "503"},
		{32769, true, false, "200"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[IDENT_NAME_MAX];
		const struct ident ident = {"t", site_newest};
		int dir;

		served_set_up(&v, 64);
		served_put_header(&v, rows[i].bytes);
		dir = repo_dir(stock_repo(v.site.c.parts.stock));
		if (rows[i].sent_before)
			ck_assert_str_eq(strstr(served_ask(&v, "GET " HEADER, ""), "\r\n\r\n{") +
						 rows[i].bytes + 3,
				"}");
		ident_header_name(&ident, name);
		if (rows[i].cut) {
			AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

			ck_assert_int_eq(ftruncate(fd, 100), 0);
		} else {
			ck_assert_int_eq(unlinkat(dir, name, 0), 0);
		}
		ck_assert_msg(
			strncmp(served_ask(&v, "GET " HEADER, "") + 9, rows[i].status, 3) == 0,
			"row %zu: %.300s", i, v.got.at);
		/* It says nothing of how many files are open. */
		ck_assert_ptr_null(strstr(v.got.at, "\"busy\""));
		served_tear_down(&v);
	}
}
END_TEST

START_TEST(http__an_archive_that_has_gone_keeps_no_place)
{
	served_set_up(&v, 64);
	for (int i = 0; i < 3; i++) {
		struct record full = site_put(&v.site, "old", &site_full, FORMAT_AR1);
		AUTO_FREE char *line = NULL;
		char name[IDENT_NAME_MAX];

		line = mem_printf("GET /%s", ident_file_name(&full.ref.id, name));
		ck_assert_int_eq(unlinkat(repo_dir(stock_repo(v.site.c.parts.stock)), name, 0), 0);
		ck_assert_msg(strstr(served_ask(&v, line, ""), "503 ") != NULL, "%s", v.got.at);
		ck_assert_ptr_null(strstr(v.got.at, "\"busy\""));
	}
	served_tear_down(&v);
}
END_TEST

START_TEST(http__a_part_of_a_file_is_that_part_however_large)
{
	static const struct {
		unsigned first, last;
	} rows[] = {{39999, 39999}, {1, 32768}, {1, 32769}, {0, 39998}};

	served_set_up(&v, 64);
	served_put_header(&v, 40000);
	/* However often: no file is left open. */
	unit_limit_files(60);
	for (int i = 0; i < 60; i++)
		ck_assert_ptr_nonnull(
			strstr(served_ask(&v, "GET " HEADER, "Range: bytes=0-0\r\n"), "206 "));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *range =
			mem_printf("Range: bytes=%u-%u\r\n", rows[i].first, rows[i].last);
		const char *bytes = strstr(served_ask(&v, "GET " HEADER, range), "\r\n\r\n") + 4;

		ck_assert_uint_eq(strlen(bytes), rows[i].last - rows[i].first + 1);
		ck_assert_int_eq(bytes[0], rows[i].first == 0	    ? '{'
					   : rows[i].first == 39999 ? '}'
								    : ' ');
	}
	served_tear_down(&v);
}
END_TEST

START_TEST(http__a_head_that_does_not_come_ends_its_connection)
{
	ssize_t got_one;
	char byte;
	uint64_t now_ms;
	int fd;

	unit_clock_stop();
	served_set_up(&v, 64);
	fd = served_say(v.http, "GET /");
	/* One that came after it has been answered: it is known by then. */
	(void)served_ask(&v, "GET /q", "");
	now_ms = clock_mono_ms();
	http_reap(v.http, now_ms + 10000);
	ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	do
		http_reap(v.http, now_ms + 10001);
	while ((got_one = recv(fd, &byte, 1, MSG_DONTWAIT)) < 0);
	ck_assert_int_eq(got_one, 0);
	fs_close(&fd);
	served_tear_down(&v);
}
END_TEST

START_TEST(http__an_address_that_has_enough_connections_loses_one_that_is_idle)
{
	static const char asks[] = "GET /q HTTP/1.1\r\nHost: a\r\n\r\n";
	char bytes[4096];
	ssize_t first;
	int fds[2];

	served_set_up(&v, 2);
	for (int i = 0; i < 2; i++) {
		fds[i] = served_say(v.http, asks);
		ck_assert_int_gt(recv(fds[i], bytes, sizeof(bytes), 0), 0);
	}
	ck_assert_int_eq(recv(fds[0], bytes, 1, MSG_DONTWAIT), -1);
	/* Where none is idle yet the new one goes. */
	do {
		int fd = served_say(v.http, asks);

		(void)recv(fd, bytes, sizeof(bytes), 0);
		first = recv(fds[0], bytes, 1, MSG_DONTWAIT);
		fs_close(&fd);
	} while (first < 0);
	ck_assert_int_eq(first, 0);
	fs_close(&fds[0]);
	fs_close(&fds[1]);
	served_tear_down(&v);
}
END_TEST

void
http_tests(TCase *c)
{
	tcase_add_test(c, http__an_answer_says_what_clients_and_caches_need_to_know);
	tcase_add_test(c, http__a_head_or_a_body_that_is_not_to_be_believed_ends_the_connection);
	tcase_add_test(c, http__lines_heads_and_bodies_have_their_bounds);
	tcase_add_test(c, http__what_a_client_has_is_filtered_and_its_name_logged);
	tcase_add_test(c, http__a_place_is_free_again_when_its_answer_has_gone);
	tcase_add_test(c, http__an_address_has_some_of_its_answers_held_until_their_job_has_ended);
	tcase_add_test(c, http__a_file_that_somebody_removed_or_cut_is_looked_at_again);
	tcase_add_test(c, http__an_archive_that_has_gone_keeps_no_place);
	tcase_add_test(c, http__a_part_of_a_file_is_that_part_however_large);
	tcase_add_test(c, http__an_answer_is_held_as_long_as_its_client_wants_and_not_longer);
	tcase_add_test(c, http__a_head_that_does_not_come_ends_its_connection);
	tcase_add_test(c, http__an_address_that_has_enough_connections_loses_one_that_is_idle);
}
