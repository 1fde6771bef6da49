/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/admin_conns.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit.h"

static struct admin_conns *c;
static struct admin_conn *conns[40];
static int fds[40][2];

static void
add(size_t i)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]), 0);
	conns[i] = admin_conns_add(c, fds[i][0], 1000 + i);
}

/* Whether the other side notices that it was shut down. */
static bool
is_cut(size_t i)
{
	char byte;

	return recv(fds[i][1], &byte, 1, MSG_DONTWAIT) == 0;
}

START_TEST(admin_conns_add__the_longest_silent_makes_room)
{
	c = admin_conns_new();
	ck_assert_uint_eq(admin_conns_max(c), 32);
	for (size_t i = 0; i < 32; i++)
		add(i);
	admin_conns_set_deadline(c, conns[0], 0); /* it is being answered */
	for (size_t i = 0; i < 32; i++)
		ck_assert(!is_cut(i));
	add(32);
	ck_assert(!is_cut(0));
	ck_assert(is_cut(1));
	ck_assert(!is_cut(2));
	add(33);
	ck_assert(is_cut(2));
	/* Where one has gone by itself there is room. */
	admin_conns_remove(c, conns[5]);
	add(34);
	ck_assert(!is_cut(3));
	for (size_t i = 0; i < 35; i++)
		if (i != 5)
			admin_conns_remove(c, conns[i]);
	admin_conns_free(c);
}
END_TEST

START_TEST(admin_conns_reap__who_is_past_his_deadline_and_nobody_else)
{
	c = admin_conns_new();
	for (size_t i = 0; i < 3; i++)
		add(i);
	admin_conns_set_deadline(c, conns[0], 0);
	admin_conns_reap(c, 1001);
	ck_assert(!is_cut(0));
	ck_assert(is_cut(1));
	ck_assert(!is_cut(2));
	for (size_t i = 0; i < 3; i++)
		admin_conns_remove(c, conns[i]);
	admin_conns_free(c);
}
END_TEST

/* The process has as few files as it may have. */
START_TEST(admin_conns_max__a_share_of_the_files_that_may_be_open)
{
	unit_limit_files(64);
	c = admin_conns_new();
	ck_assert_uint_eq(admin_conns_max(c), 2);
	admin_conns_free(c);
}
END_TEST

void
admin_conns_tests(TCase *tc)
{
	tcase_add_test(tc, admin_conns_add__the_longest_silent_makes_room);
	tcase_add_test(tc, admin_conns_reap__who_is_past_his_deadline_and_nobody_else);
	tcase_add_test(tc, admin_conns_max__a_share_of_the_files_that_may_be_open);
}
