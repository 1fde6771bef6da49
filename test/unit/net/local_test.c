/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/local.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

START_TEST(local_listen__for_our_own_user_and_nobody_is_there_after_it)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int first = local_listen(dir, "socket", NULL);
	int second;
	int other;
	struct stat st;

	ck_assert_int_ge(first, 0);
	ck_assert_int_eq(fstatat(dir, "socket", &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	/* What a run left that was killed is replaced. */
	second = local_listen(dir, "socket", NULL);
	ck_assert_int_ge(second, 0);
	other = local_connect(dir, "socket");
	ck_assert_int_ge(other, 0);
	ck_assert(local_is_ours(other));
	fs_close(&other);
	local_unlisten(dir, "socket", &second);
	ck_assert_int_eq(local_connect(dir, "socket"), -1);
	ck_assert(!fs_exists(dir, "socket"));
	ck_assert(!local_is_ours(-1));
}
END_TEST

/* Who the process is from now on; only root can be somebody else. */
static void
become(uid_t user)
{
	ck_assert(geteuid() == user || seteuid(0) == 0);
	ck_assert(geteuid() == user || seteuid(user) == 0);
}

START_TEST(local_is_ours__root_and_the_servers_own_user_and_nobody_else)
{
	enum { SERVER = 65534, OTHER = 1 };
	static const struct {
		uid_t server;
		uid_t asks;
		bool may;
	} rows[] = {{0, 0, true}, {0, OTHER, false}, {SERVER, 0, true}, {SERVER, SERVER, true},
		{SERVER, OTHER, false}};
	const bool root = geteuid() == 0;

	for (size_t i = 0; root && i < sizeof(rows) / sizeof(rows[0]); i++) {
		int pair[2];

		/* The kernel notes on both sides who made it. */
		become(rows[i].asks);
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		become(rows[i].server);
		ck_assert_msg(local_is_ours(pair[0]) == rows[i].may, "row %zu", i);
		fs_close(&pair[0]);
		fs_close(&pair[1]);
	}
	if (root)
		become(0);
}
END_TEST

/* Another kind of socket, one whose queue is full, and what is no socket are somebody's. */
START_TEST(local_is_free__only_what_nobody_listens_on_any_more)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE char *other = mem_printf("%s/other", path);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	AUTO_CLOSE int datagrams = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd = local_listen(dir, "socket", NULL);

	ck_assert(local_is_free(dir, "none"));
	ck_assert(!local_is_free(dir, "socket"));
	ck_assert_int_eq(listen(fd, 0), 0);
	/* Who asked before waits there still: there is room for nobody else. */
	ck_assert(!local_is_free(dir, "socket"));
	ck_assert(!local_is_free(dir, "socket"));
	fs_close(&fd);
	ck_assert(local_is_free(dir, "socket"));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", other);
	ck_assert_int_eq(bind(datagrams, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert(!local_is_free(dir, "other"));
	ck_assert_int_eq(fs_put(dir, "x", "file", unit_text("f"), NULL), 0);
	ck_assert(!local_is_free(dir, "file"));
}
END_TEST

void
local_tests(TCase *c)
{
	tcase_add_test(c, local_is_free__only_what_nobody_listens_on_any_more);
	tcase_add_test(c, local_listen__for_our_own_user_and_nobody_is_there_after_it);
	tcase_add_test(c, local_is_ours__root_and_the_servers_own_user_and_nobody_else);
}
