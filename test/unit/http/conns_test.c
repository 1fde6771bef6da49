/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/conns.h"

#include <sys/socket.h>

#include "base/clock.h"
#include "base/fs.h"
#include "unit.h"

START_TEST(conns_reap__spares_an_answer_that_began_behind_its_clock)
{
	struct conns *c = conns_new();
	struct conn *conn;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	conn = conns_add(c, fds[0], "somebody");
	conns_enter(conn, CONN_BODY);
	conns_enter(conn, CONN_SENDING);
	/* The timers looked at the clock, and other threads ran before they looked here. */
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() - 50), 0);
	/* Nothing is confirmed on this socket: a minute later it is too slow. */
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 59000), 0);
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 61000), 1);
	conns_remove(c, conn);
	conns_free(c);
	fs_close(&fds[0]);
	fs_close(&fds[1]);
}
END_TEST

START_TEST(conns_reap__an_idle_connection_has_its_time_for_the_next_head)
{
	struct conns *c = conns_new();
	struct conn *conn;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	conn = conns_add(c, fds[0], "somebody");
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 9000), 0);
	conns_enter(conn, CONN_BODY);
	conns_enter(conn, CONN_SENDING);
	conns_enter(conn, CONN_IDLE);
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 70000), 0);
	conns_enter(conn, CONN_HEAD);
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 9000), 0);
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 11000), 1);
	conns_remove(c, conn);
	conns_free(c);
	fs_close(&fds[0]);
	fs_close(&fds[1]);
}
END_TEST

void
conns_tests(TCase *c)
{
	tcase_add_test(c, conns_reap__spares_an_answer_that_began_behind_its_clock);
	tcase_add_test(c, conns_reap__an_idle_connection_has_its_time_for_the_next_head);
}
