/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/conns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fs.h"
#include "logged.h"
#include "unit.h"

static struct peer somebody;

START_TEST(conns_reap__spares_an_answer_that_began_behind_its_clock)
{
	struct conns *c = conns_new(100);
	struct conn *conn;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	conn = conns_add(c, fds[0], &somebody, "somebody");
	conns_enter(conn, CONN_BODY);
	conns_enter(conn, CONN_SENDING);
	/* The timers looked at the clock, and other threads ran before they looked here. */
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() - 50, false), 0);
	/* Nothing is confirmed on this socket: a minute later it is too slow. */
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 59000, false), 0);
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 66000, false), 1);
	conns_remove(c, conn);
	conns_free(c);
	fs_close(&fds[0]);
	fs_close(&fds[1]);
}
END_TEST

START_TEST(conns_reap__an_idle_connection_has_its_time_for_the_next_head)
{
	struct conns *c = conns_new(100);
	struct conn *conn;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	conn = conns_add(c, fds[0], &somebody, "somebody");
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 9000, false), 0);
	conns_enter(conn, CONN_BODY);
	conns_enter(conn, CONN_SENDING);
	conns_enter(conn, CONN_IDLE);
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 70000, false), 0);
	conns_enter(conn, CONN_HEAD);
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 9000, false), 0);
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 11000, false), 1);
	conns_remove(c, conn);
	conns_free(c);
	fs_close(&fds[0]);
	fs_close(&fds[1]);
}
END_TEST

START_TEST(conns_reap__who_has_most_places_and_does_not_move_gives_one_up)
{
	struct conns *c = conns_new(100);
	struct peer greedy = {.places = 5};
	struct peer modest = {.places = 1};
	struct peer *peers[3] = {&modest, &greedy, &greedy};
	struct conn *conns[3];
	int fds[3][2];

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]), 0);
		conns[i] = conns_add(c, fds[i][0], peers[i], "somebody");
		conns_enter(conns[i], CONN_BODY);
		conns_enter(conns[i], CONN_SENDING);
		conns[i]->has_place = i < 2;
	}
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 9000, true), 0);   /* it may still move */
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 20000, false), 0); /* nobody wants it */
	ck_assert_uint_eq(conns_reap(c, clock_mono_ms() + 20000, true), 1);
	ck_assert(conns[1]->cut && !conns[0]->cut && !conns[2]->cut);
	for (int i = 0; i < 3; i++) {
		conns_remove(c, conns[i]);
		fs_close(&fds[i][0]);
		fs_close(&fds[i][1]);
	}
	conns_free(c);
}
END_TEST

START_TEST(conns_add__the_longest_idle_give_way_and_nobody_else)
{
	enum { LIMIT = 4, COUNT = LIMIT + 1 };
	struct conns *c = conns_new(LIMIT);
	struct conn *conns[COUNT];
	int fds[COUNT][2];

	for (int i = 0; i < COUNT; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]), 0);
		if (i == LIMIT) {
			/* The first one is busy, of the others the third is idle for longest. */
			conns_enter(conns[0], CONN_BODY);
			conns[2]->since_ms -= 5000;
		}
		conns[i] = conns_add(c, fds[i][0], &somebody, "somebody");
	}
	for (int i = 0; i < COUNT; i++)
		ck_assert_msg(conns[i]->cut == (i == 2), "connection %d", i);
	ck_assert(conns_has_room(c, 1));
	/* The server ends: one on which an answer is on its way stays. */
	conns_enter(conns[0], CONN_SENDING);
	ck_assert_uint_eq(conns_drain(c, false), COUNT);
	for (int i = 0; i < COUNT; i++)
		ck_assert_msg(conns[i]->cut == (i != 0), "connection %d", i);
	for (int i = 0; i < COUNT; i++) {
		conns_remove(c, conns[i]);
		fs_close(&fds[i][0]);
		fs_close(&fds[i][1]);
	}
	conns_free(c);
}
END_TEST

START_TEST(conns_limit_address__its_own_idle_ones_give_way_or_else_the_new_one)
{
	struct conns *c = conns_new(100);
	struct peer other = {0};
	struct conn *conns[4];
	int fds[4][2];

	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]), 0);
		conns[i] = conns_add(c, fds[i][0], i == 0 ? &other : &somebody, "somebody");
		conns[i]->since_ms -= 5000 - (uint64_t)i;
		if (i == 1)
			conns_enter(conns[i], CONN_BODY);
	}
	conns_limit_address(c, conns[3], 3, 2);
	ck_assert(conns[2]->cut && !conns[0]->cut && !conns[1]->cut && !conns[3]->cut);
	conns_limit_address(c, conns[3], 3, 2); /* one is about to go already */
	ck_assert(!conns[3]->cut);
	conns_limit_address(c, conns[3], 3, 1); /* nobody else of it is idle */
	ck_assert(conns[3]->cut && !conns[0]->cut && !conns[1]->cut);
	/* It was the first of its address, and two that came after it go before it was looked at.
	 */
	conns_limit_address(c, conns[1], 1, 2);
	ck_assert(!conns[1]->cut);
	for (int i = 0; i < 4; i++) {
		conns_remove(c, conns[i]);
		fs_close(&fds[i][0]);
		fs_close(&fds[i][1]);
	}
	conns_free(c);
}
END_TEST

START_TEST(conns_has_room__the_last_of_it_is_for_addresses_that_have_few)
{
	enum { LIMIT = 64, SPARE = 40, COUNT = LIMIT + SPARE / 2 };
	struct conns *c = conns_new(LIMIT);
	struct conn *conns[COUNT];

	/* Those that had to give way are there until their threads have looked. */
	for (int i = 0; i < COUNT; i++)
		conns[i] = conns_add(c, -1, &somebody, "somebody");
	ck_assert(!conns_has_room(c, 2));
	ck_assert(conns_has_room(c, 1));
	for (int i = 0; i < COUNT; i++)
		conns_remove(c, conns[i]);
	conns_free(c);
}
END_TEST

START_TEST(conns_reap__each_state_has_its_time_to_the_millisecond)
{
	static const struct {
		enum conn_state way[3]; /* from CONN_NEW, until CONN_NEW */
		uint64_t last_ms;	/* that it may take; 0: it has no end of its own */
	} rows[] = {{{CONN_NEW}, 10000}, {{CONN_BODY, CONN_NEW}, 60000},
		{{CONN_IDLE, CONN_NEW}, 75000}, {{CONN_IDLE, CONN_HEAD, CONN_NEW}, 10000},
		{{CONN_BODY, CONN_SENDING, CONN_NEW}, 60000},
		{{CONN_BODY, CONN_HELD, CONN_NEW}, 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint64_t late = 0; late < 2; late++) {
			uint64_t age_ms = rows[i].last_ms != 0 ? rows[i].last_ms : 1ULL << 32;
			bool goes = rows[i].last_ms != 0 && late;
			struct conns *c = conns_new(100);
			struct peer peer = {0};
			struct conn *conn = conns_add(c, -1, &peer, "somebody");

			for (size_t k = 0; k < 3 && rows[i].way[k] != CONN_NEW; k++)
				conns_enter(conn, rows[i].way[k]);
			ck_assert_msg(conns_reap(c, conn->since_ms + age_ms + late, false) == goes,
				"row %zu", i);
			ck_assert(conn->cut == goes && peer.cut == goes);
			/* Who is about to go is not counted again. */
			ck_assert_uint_eq(conns_reap(c, conn->since_ms + age_ms + late, false), 0);
			conns_remove(c, conn);
			ck_assert_uint_eq(peer.cut, 0);
			conns_free(c);
		}
}
END_TEST

/* It has a place for an answer, which moved last at that time. */
static struct conn *
add_sending(struct conns *c, struct peer *peer, uint64_t since_ms)
{
	struct conn *conn = conns_add(c, -1, peer, "somebody");

	conns_enter(conn, CONN_BODY);
	conns_enter(conn, CONN_SENDING);
	conn->since_ms = since_ms;
	conn->has_place = true;
	return conn;
}

START_TEST(conns_reap__of_as_many_places_the_one_that_moved_longest_ago)
{
	/* Of two answers of one address; how long ago each moved last. */
	static const struct {
		uint64_t ago_ms[2];
		int gone; /* -1: none */
	} rows[] = {{{30000, 20000}, 0}, {{20000, 30000}, 1}, {{9999, 9999}, -1},
		{{10000, 9999}, 0}, {{9999, 10000}, 1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conns *c = conns_new(100);
		struct peer peer = {.places = 2};
		struct conn *conns[2];
		uint64_t now_ms = clock_mono_ms();

		for (int k = 0; k < 2; k++) {
			conns[k] = add_sending(c, &peer, now_ms - rows[i].ago_ms[k]);
		}
		ck_assert_uint_eq(conns_reap(c, now_ms, true), rows[i].gone >= 0);
		for (int k = 0; k < 2; k++) {
			ck_assert_msg(conns[k]->cut == (k == rows[i].gone), "row %zu", i);
			conns_remove(c, conns[k]);
		}
		conns_free(c);
	}
}
END_TEST

START_TEST(conns_reap__one_that_is_about_to_go_is_not_chosen_again)
{
	struct conns *c = conns_new(100);
	struct peer peer = {.places = 2};
	struct conn *conns[2];
	uint64_t now_ms = clock_mono_ms();

	for (int k = 0; k < 2; k++) {
		conns[k] = add_sending(c, &peer, now_ms - 20000 - (unsigned)k);
	}
	/* Its thread has not looked yet, and it has its place until then. */
	ck_assert_uint_eq(conns_reap(c, now_ms, true), 1);
	ck_assert(conns[1]->cut && !conns[0]->cut);
	ck_assert_uint_eq(conns_reap(c, now_ms, true), 1);
	ck_assert(conns[0]->cut);
	ck_assert_uint_eq(conns_reap(c, now_ms, true), 0);
	for (int k = 0; k < 2; k++)
		conns_remove(c, conns[k]);
	conns_free(c);
}
END_TEST

START_TEST(conns_spare__an_eighth_and_some_and_no_more_than_there_are)
{
	static const unsigned rows[][2] = {
		{1, 1}, {35, 35}, {36, 36}, {37, 36}, {64, 40}, {1000, 157}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_uint_eq(conns_spare(rows[i][0]), rows[i][1]);
}
END_TEST

/* Each in a process of its own, whose limit it is. */
static const struct {
	rlim_t files;
	unsigned wanted, connections, other; /* connections 0: it does not start */
} limits[] = {{63, 1, 0, 0}, {64, 1, 1, 8}, {64, 1000, 21, 8}, {512, 1000, 270, 64},
	{1024, 626, 626, 128}, {1024, 627, 625, 128}, {1024, 1000, 625, 128}};
enum { LIMITS = sizeof(limits) / sizeof(limits[0]) };

START_TEST(conns_limit__shares_out_the_files_that_the_process_may_open)
{
	struct rlimit limit = {.rlim_cur = 40, .rlim_max = limits[_i].files};
	unsigned connections = 0;
	unsigned other = 0;
	struct err e = {0};

	logged_begin();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(conns_limit(limits[_i].wanted, &connections, &other, &e),
		limits[_i].connections != 0 ? 0 : -1);
	ck_assert_uint_eq(connections, limits[_i].connections);
	ck_assert_uint_eq(other, limits[_i].other);
	ck_assert_int_eq((int)e.code, limits[_i].connections != 0 ? 0 : ERR_LIMIT);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, limits[_i].files);
	/* Who does not get what was set is told. */
	ck_assert((strstr(logged(), " event=warning text=\"maxConnections ") != NULL) ==
		  (connections != 0 && connections != limits[_i].wanted));
}
END_TEST

START_TEST(conns__who_is_cut_off_hears_of_it)
{
	struct conns *c = conns_new(100);
	struct peer peer = {0};
	struct conn *conn;
	int fds[2];
	char byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	conn = conns_add(c, fds[0], &peer, "somebody");
	ck_assert_str_eq(conn->address, "somebody");
	unit_clock_advance_ms(5000);
	/* Its time begins anew with each state. */
	conns_enter(conn, CONN_BODY);
	ck_assert_uint_le(clock_mono_ms() - conn->since_ms, 4000);
	ck_assert_int_eq(recv(fds[1], &byte, 1, MSG_DONTWAIT), -1);
	ck_assert_uint_eq(conns_reap(c, conn->since_ms + 60001, false), 1);
	ck_assert_int_eq(recv(fds[1], &byte, 1, MSG_DONTWAIT), 0);
	conns_remove(c, conn);
	conns_free(c);
	fs_close(&fds[0]);
	fs_close(&fds[1]);
}
END_TEST

/* Two ends of a connection. */
static void
connect_both(int fds[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	AUTO_CLOSE int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(at);

	ck_assert_int_eq(bind(listening, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listening, 1), 0);
	ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&at, &len), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fds[1], (struct sockaddr *)&at, sizeof(at)), 0);
	fds[0] = accept(listening, NULL, NULL);
	ck_assert_int_ge(fds[0], 0);
}

START_TEST(conns__what_a_slow_reader_has_not_taken_goes_with_its_connection)
{
	for (int sending = 0; sending < 2; sending++) {
		struct conns *c = conns_new(100);
		struct peer peer = {0};
		struct conn *conn;
		char byte;
		int fds[2];

		connect_both(fds);
		conn = conns_add(c, fds[0], &peer, "somebody");
		if (sending) {
			conns_enter(conn, CONN_BODY);
			conns_enter(conn, CONN_SENDING);
		}
		ck_assert_uint_eq(conns_drain(c, true), 1);
		conns_remove(c, conn);
		fs_close(&fds[0]);
		/* Who was not in the middle of an answer hears of an end, and of no error. */
		if (!sending)
			ck_assert_int_eq(recv(fds[1], &byte, 1, 0), 0);
		errno = 0;
		(void)send(fds[1], "", 1, MSG_NOSIGNAL);
		ck_assert(!sending || errno == ECONNRESET || errno == EPIPE);
		conns_free(c);
		fs_close(&fds[1]);
	}
}
END_TEST

START_TEST(conns_drain__who_is_being_answered_stays_unless_all_are_to_go)
{
	struct conns *c = conns_new(100);
	struct peer peer = {0};
	struct conn *conns[6];
	static const enum conn_state last[] = {
		CONN_NEW, CONN_BODY, CONN_HELD, CONN_SENDING, CONN_SENDING, CONN_SENDING};

	for (int i = 0; i < 6; i++) {
		conns[i] = conns_add(c, -1, &peer, "somebody");
		if (i > 0)
			conns_enter(conns[i], CONN_BODY);
		if (i > 1)
			conns_enter(conns[i], last[i]);
	}
	/* Of the last two the rest is not here, and will not come. */
	conns[4]->arriving = conns[5]->arriving = true;
	conns_enter(conns[5], CONN_HELD);
	ck_assert_uint_eq(conns_drain(c, false), 6);
	for (int i = 0; i < 6; i++)
		ck_assert(conns[i]->cut == (i < 2 || i > 3));
	ck_assert_uint_eq(conns_drain(c, true), 6);
	for (int i = 0; i < 6; i++) {
		ck_assert(conns[i]->cut);
		conns_remove(c, conns[i]);
	}
	ck_assert_uint_eq(conns_drain(c, true), 0);
	conns_free(c);
}
END_TEST

void
conns_tests(TCase *c)
{
	tcase_add_test(c, conns_reap__each_state_has_its_time_to_the_millisecond);
	tcase_add_test(c, conns_reap__of_as_many_places_the_one_that_moved_longest_ago);
	tcase_add_test(c, conns_reap__one_that_is_about_to_go_is_not_chosen_again);
	tcase_add_test(c, conns_spare__an_eighth_and_some_and_no_more_than_there_are);
	tcase_add_loop_test(
		c, conns_limit__shares_out_the_files_that_the_process_may_open, 0, LIMITS);
	tcase_add_test(c, conns__who_is_cut_off_hears_of_it);
	tcase_add_test(c, conns__what_a_slow_reader_has_not_taken_goes_with_its_connection);
	tcase_add_test(c, conns_drain__who_is_being_answered_stays_unless_all_are_to_go);
	tcase_add_test(c, conns_reap__spares_an_answer_that_began_behind_its_clock);
	tcase_add_test(c, conns_reap__an_idle_connection_has_its_time_for_the_next_head);
	tcase_add_test(c, conns_reap__who_has_most_places_and_does_not_move_gives_one_up);
	tcase_add_test(c, conns_add__the_longest_idle_give_way_and_nobody_else);
	tcase_add_test(c, conns_limit_address__its_own_idle_ones_give_way_or_else_the_new_one);
	tcase_add_test(c, conns_has_room__the_last_of_it_is_for_addresses_that_have_few);
}
