/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The line that the log has of each answer. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/mem.h"
#include "http/served.h"
#include "logged.h"
#include "unit.h"

#define HEADER "/h;t=t;v=5;c=00000005"

static struct served v;

static const struct {
	const char *line, *fields, *logged;
} rows[] = {
	{"GET " HEADER, "", "request=\"GET " HEADER "\" status=200 bytes=40000 ms="},
	{"HEAD " HEADER, "", "request=\"HEAD " HEADER "\" status=200 bytes=0 ms="},
	{"GET " HEADER, "Range: bytes=1-10\r\n",
		"request=\"GET " HEADER "\" status=206 bytes=10 ms="},
	{"GET /q", "If-None-Match: *\r\n", "request=\"GET /q\" status=304 bytes=0 ms="},
	{"GET /x", "", "request=\"GET /x\" status=400 reason=\"see the path\" bytes=46 ms="},
	{"GET /f/x", "Range: x\r\n",
		"request=\"GET /f/x\" status=400 reason=\"see the path\" bytes=46 ms="},
};

START_TEST(http__each_answer_has_its_line_in_the_log)
{
	const char *line;

	unit_clock_advance_ms(86400000); /* which is not the answers' */
	served_set_up(&v, 64);
	served_put_header(&v, 40000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		(void)served_ask(&v, rows[i].line, rows[i].fields);
	line = served_stop(&v);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = strstr(line, rows[i].logged);

		ck_assert_msg(found != NULL, "row %zu: %s", i, line);
		ck_assert_uint_lt(strtoull(found + strlen(rows[i].logged), NULL, 10), 86400000);
		ck_assert_ptr_null(memmem(found, (size_t)(strchr(found, '\n') - found), "aborted",
			strlen("aborted")));
	}
	served_tear_down(&v);
}
END_TEST

START_TEST(http__one_after_the_other_on_a_connection_have_a_line_each)
{
	static const char asks[] = "GET /q HTTP/1.1\r\nHost: a\r\n\r\n"
				   "GET " HEADER " HTTP/1.1\r\nHost: a\r\n\r\n"
				   "GET /q HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	const char *text;

	served_set_up(&v, 64);
	served_put_header(&v, 100);
	text = served_hear(&v, served_say(v.http, asks));
	ck_assert_ptr_nonnull(text = strstr(text, "\r\n\r\n{\"updates\""));
	ck_assert_ptr_nonnull(text = strstr(text, "\r\n\r\n{   "));
	ck_assert_ptr_nonnull(text = strstr(text, "\r\n\r\n{\"updates\""));
	text = served_stop(&v);
	ck_assert_ptr_nonnull(text = strstr(text, "\"GET /q\" status=200 bytes=106 ms="));
	ck_assert_ptr_nonnull(text = strstr(text, "\"GET " HEADER "\" status=200 bytes=100 ms="));
	ck_assert_ptr_nonnull(text = strstr(text, "\"GET /q\" status=200 bytes=106 ms="));
	served_tear_down(&v);
}
END_TEST

#define ASK "GET " HEADER " HTTP/1.1\r\nHost: a\r\n\r\n"

/* To its last byte, and no byte more. */
static void
read_answer(int fd, size_t len)
{
	AUTO_FREE char *bytes = mem_new(len, 1);
	char line[512];
	size_t at = 0;

	/* The head, a byte at a time. */
	do
		ck_assert_int_eq(recv(fd, line + at, 1, 0), 1);
	while (++at < sizeof(line) - 1 && (at < 4 || memcmp(line + at - 4, "\r\n\r\n", 4) != 0));
	ck_assert_int_eq(recv(fd, bytes, len, MSG_WAITALL), (ssize_t)len);
}

START_TEST(http__who_goes_in_the_middle_took_what_he_acknowledged)
{
	enum { LEN = 8 << 20, TAKEN = 1 << 18 }; /* of less he may owe the acknowledgement */
	const int small = 4096;
	const struct linger reset = {1, 0};
	AUTO_FREE char *bytes = mem_new(TAKEN, 1);
	const char *line;
	int fd;

	served_set_up(&v, 64);
	served_put_header(&v, LEN);
	fd = served_say(v.http, ASK);
	/* What he acknowledged of the answer before does not count. */
	if (_i == 1) {
		read_answer(fd, LEN);
		ck_assert_int_eq(send(fd, ASK, strlen(ASK), MSG_NOSIGNAL), (ssize_t)strlen(ASK));
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	ck_assert_int_eq(recv(fd, bytes, TAKEN, MSG_WAITALL), TAKEN);
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	fs_close(&fd);
	/* Who asks next is answered after that was noticed, or before: the stop waits for both. */
	line = strstr(served_stop(&v), "\"GET " HEADER "\" status=200 aborted=yes bytes=");
	ck_assert_ptr_nonnull(line);
	line = strstr(line, "bytes=") + strlen("bytes=");
	ck_assert_int_gt(atol(line), 0);
	ck_assert_int_lt(atol(line), LEN);
	served_tear_down(&v);
}
END_TEST

START_TEST(http__each_of_several_via_fields_counts)
{
	static const char *const fields[] = {"Via: 1.1 x\r\nVia: 1.1 guts2d-0123456789abcdef\r\n",
		"Via: 1.1 guts2d-0123456789abcdef\r\nvia: 1.1 x\r\nVIA: 1.1 y\r\n",
		"Vib: 1.1 guts2d-0123456789abcdef\r\nVia: 1.1 x\r\n"};

	served_set_up(&v, 64);
	for (int i = 0; i < 3; i++)
		ck_assert_msg(strncmp(served_ask(&v, "GET /o;t=t;v=5;c=00000005", fields[i]) + 9,
				      i < 2 ? "508" : "503", 3) == 0,
			"row %d: %s", i, v.got.at);
	served_tear_down(&v);
}
END_TEST

void
http_log_tests(TCase *c)
{
	tcase_add_test(c, http__each_answer_has_its_line_in_the_log);
	tcase_add_test(c, http__one_after_the_other_on_a_connection_have_a_line_each);
	tcase_add_loop_test(c, http__who_goes_in_the_middle_took_what_he_acknowledged, 0, 2);
	tcase_add_test(c, http__each_of_several_via_fields_counts);
}
