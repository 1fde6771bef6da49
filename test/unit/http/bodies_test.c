/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies, and how they are sent. */
#include "http/bodies.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fs.h"
#include "unit.h"

static char bytes[BODIES_LEN_MAX + 1];

static void *
body_of(char byte, size_t len)
{
	memset(bytes, byte, len);
	return bodies_new(bytes, len);
}

/*
 * Two ends of a connection, which do not wait; small: there is room for less than a body on the
 * way.
 */
static void
connect_ends(int ret_ends[2], bool small)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	AUTO_CLOSE int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int room = 4096;

	ret_ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (small) {
		(void)setsockopt(listening, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
		(void)setsockopt(ret_ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	}
	ck_assert_int_eq(bind(listening, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listening, 1), 0);
	ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&at, &len), 0);
	ck_assert_int_eq(connect(ret_ends[0], (struct sockaddr *)&at, sizeof(at)), 0);
	ret_ends[1] = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(ret_ends[1], 0);
	ck_assert_int_eq(fcntl(ret_ends[0], F_SETFL, O_NONBLOCK), 0);
}

static ssize_t
send_parts(int fd, void *head, size_t head_len, void *body, size_t body_len)
{
	struct iovec parts[2] = {{head, head_len}, {body, body_len}};
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

START_TEST(bodies_new__keeps_what_is_neither_small_nor_large)
{
	static const struct {
		size_t len;
		bool kept;
	} rows[] = {{0, false}, {BODIES_LEN_MIN - 1, false}, {BODIES_LEN_MIN, true},
		{BODIES_LEN_MAX, true}, {BODIES_LEN_MAX + 1, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *body = body_of('a', rows[i].len);

		ck_assert_msg((body != NULL) == rows[i].kept, "row %zu", i);
		if (body == NULL)
			continue;
		ck_assert_mem_eq(body, bytes, rows[i].len);
		bodies_free(body);
	}
}
END_TEST

START_TEST(bodies_file__has_the_bytes_and_nobody_can_change_them)
{
	char *one = body_of('a', BODIES_LEN_MIN);
	char *two = body_of('b', BODIES_LEN_MAX);
	off_t offset;
	int fd = bodies_file(two + 5, &offset);
	char got[BODIES_LEN_MAX];

	ck_assert_int_ne(fd, bodies_file(one, &offset));
	ck_assert_int_eq(bodies_file(two + 5, &offset), fd);
	ck_assert_int_eq(offset, 5);
	ck_assert_int_eq(pread(fd, got, sizeof(got), 0), BODIES_LEN_MAX);
	ck_assert_mem_eq(got, bytes, BODIES_LEN_MAX);
	ck_assert_int_eq(pwrite(fd, "c", 1, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(fd, 1), -1);
	ck_assert_int_eq(bodies_file(bytes, &offset), -1);
	ck_assert_int_eq(bodies_file(NULL, &offset), -1);
	bodies_free(one);
	bodies_free(two);
}
END_TEST

START_TEST(bodies_new__there_are_so_many_and_no_more)
{
	static void *bodies[BODIES_COUNT];
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	unit_limit_files(BODIES_COUNT + 64);
	if (limit.rlim_max < BODIES_COUNT + 64)
		return; /* as many as can be opened are fewer than there may be */
	for (size_t i = 0; i < BODIES_COUNT; i++)
		ck_assert_ptr_nonnull(bodies[i] = body_of('a', BODIES_LEN_MIN));
	for (int round = 0; round < 3; round++) {
		ck_assert_ptr_null(body_of('b', BODIES_LEN_MIN));
		bodies_free(bodies[7]);
		ck_assert_ptr_nonnull(bodies[7] = body_of('b', BODIES_LEN_MIN));
	}
	ck_assert_int_eq(*(char *)bodies[7], 'b');
	for (size_t i = 0; i < BODIES_COUNT; i++)
		bodies_free(bodies[i]);
	/* Whoever gets none here sends from memory of his own. */
	unit_limit_files(0);
	ck_assert_ptr_null(body_of('a', BODIES_LEN_MIN));
	/* Who looks for leaks at the end opens files. */
	unit_limit_files((unsigned)limit.rlim_cur);
}
END_TEST

START_TEST(bodies_free__what_is_on_its_way_stays_as_it_was)
{
	char got[BODIES_LEN_MIN + 4];
	void *body = body_of('a', BODIES_LEN_MIN);
	void *next;
	int ends[2];

	connect_ends(ends, false);
	ck_assert_int_eq(send_parts(ends[0], (char[]){"head"}, 4, body, BODIES_LEN_MIN),
		(ssize_t)sizeof(got));
	bodies_free(body);
	next = body_of('b', BODIES_LEN_MIN);
	ck_assert_ptr_eq(next, body); /* in its place */
	ck_assert_int_eq(recv(ends[1], got, sizeof(got), MSG_WAITALL), (ssize_t)sizeof(got));
	ck_assert_mem_eq(got, "head", 4);
	for (size_t i = 4; i < sizeof(got); i++)
		ck_assert_int_eq(got[i], 'a');
	bodies_free(next);
	fs_close(&ends[0]);
	fs_close(&ends[1]);
}
END_TEST

START_TEST(sendmsg__says_how_much_has_gone_of_a_head_and_a_body)
{
	char head[20000];
	char *body = body_of('b', BODIES_LEN_MAX);
	static const struct {
		size_t head;
		bool kept;
	} rows[] = {{100, true}, {100, false}, {sizeof(head), true}, {sizeof(head), false}};

	memset(head, 'h', sizeof(head));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char got[sizeof(head) + BODIES_LEN_MAX];
		int ends[2];
		ssize_t sent;

		connect_ends(ends, true);
		sent = send_parts(
			ends[0], head, rows[i].head, rows[i].kept ? body : bytes, BODIES_LEN_MAX);
		ck_assert_msg(sent > 0 && sent < (ssize_t)rows[i].head + BODIES_LEN_MAX,
			"row %zu: %zd", i, sent);
		for (ssize_t at = 0; at < sent;)
			at += recv(ends[1], got + at, sizeof(got) - (size_t)at, 0);
		for (ssize_t at = 0; at < sent; at++)
			ck_assert_int_eq(got[at], at < (ssize_t)rows[i].head ? 'h' : 'b');
		/* No more than that: the end follows. */
		fs_close(&ends[0]);
		ck_assert_int_eq(recv(ends[1], got, 1, 0), 0);
		fs_close(&ends[1]);
	}
	bodies_free(body);
}
END_TEST

START_TEST(sendmsg__to_nobody_is_an_error)
{
	char *body = body_of('b', BODIES_LEN_MIN);
	int ends[2];

	connect_ends(ends, false);
	ck_assert_int_eq(shutdown(ends[0], SHUT_WR), 0);
	ck_assert_int_eq(send_parts(ends[0], (char[]){"head"}, 4, body, BODIES_LEN_MIN), -1);
	ck_assert_int_eq(errno, EPIPE);
	bodies_free(body);
	fs_close(&ends[0]);
	fs_close(&ends[1]);
}
END_TEST

void
bodies_tests(TCase *c)
{
	tcase_add_test(c, bodies_new__keeps_what_is_neither_small_nor_large);
	tcase_add_test(c, bodies_file__has_the_bytes_and_nobody_can_change_them);
	tcase_add_test(c, bodies_new__there_are_so_many_and_no_more);
	tcase_add_test(c, bodies_free__what_is_on_its_way_stays_as_it_was);
	tcase_add_test(c, sendmsg__says_how_much_has_gone_of_a_head_and_a_body);
	tcase_add_test(c, sendmsg__to_nobody_is_an_error);
}
