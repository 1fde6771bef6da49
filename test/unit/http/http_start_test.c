/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server that cannot begin to listen says why; it, and one that ends, leave nothing open. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "http/http.h"
#include "http/listen.h"
#include "http/site.h"
#include "logged.h"
#include "unit.h"

static struct site s;
static int rival = -1; /* begins to listen as soon as somebody else has bound its address */

/* In the place of the C library's. */
int
bind(int fd, const struct sockaddr *address, socklen_t len)
{
	int (*real)(int, const struct sockaddr *, socklen_t) =
		(int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
	int result = real(fd, address, len);

	if (rival >= 0)
		ck_assert_int_eq(listen(rival, 1), 0);
	return result;
}

static int only_v6 = -1; /* what was asked for; -1: nothing */

int
setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int (*real)(int, int, int, const void *, socklen_t) =
		(int (*)(int, int, int, const void *, socklen_t))dlsym(RTLD_NEXT, "setsockopt");

	if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY)
		only_v6 = *(const int *)value;
	return real(fd, level, name, value, len);
}

static void
set_up(void)
{
	site_set_up(&s);
	s.options.hostModuleAddress = (char *)(uintptr_t) "127.0.0.1";
	s.options.maxConnections = 64;
	s.options.maxConnectionsPerAddress = 64;
	logged_begin();
}

static void
check(enum err_code code, const char *text, unsigned left)
{
	unsigned open = unit_count(AT_FDCWD, "/proc/self/fd");
	struct http *http = NULL;
	struct err e = {0};

	ck_assert_int_eq(http_start(&s.c.parts, &http, &e), -1);
	ck_assert_ptr_null(http);
	ck_assert_msg(e.code == code, "%d: %s", e.code, e.text);
	ck_assert_msg(strncmp(e.text, text, strlen(text)) == 0, "%s", e.text);
	ck_assert_uint_eq(unit_count(AT_FDCWD, "/proc/self/fd"), open + left);
}

START_TEST(listen_open__one_socket_for_both_families_whatever_the_machine_does_by_itself)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd = listen_open("", 0, NULL);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	ck_assert_int_eq(only_v6, address.ss_family == AF_INET6 ? 0 : -1);
	fs_close(&fd);
	only_v6 = -1;
	fd = listen_open("127.0.0.1", 0, NULL);
	ck_assert_int_eq(only_v6, -1);
	fs_close(&fd);
}
END_TEST

START_TEST(http_start__an_address_that_is_not_ours)
{
	set_up();
	s.options.hostModuleAddress = (char *)(uintptr_t) "192.0.2.1";
	check(ERR_SYS, "", 0);
	site_tear_down(&s);
}
END_TEST

/* Bound to a port of the kernel's choice, which is the setting. */
static int
take_port(struct sockaddr_in *ret)
{
	socklen_t len = sizeof(*ret);
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)ret, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ret, &len), 0);
	s.options.hostModulePort = ntohs(ret->sin_port);
	return fd;
}

START_TEST(http_start__another_server_at_the_same_moment)
{
	struct sockaddr_in address;
	int fd;

	set_up();
	fd = take_port(&address);
	rival = fd;
	check(ERR_SYS, "hostModuleAddress 127.0.0.1 port ", 0);
	fs_close(&rival);
	site_tear_down(&s);
}
END_TEST

START_TEST(http_start__connections_of_the_run_before_are_no_hindrance)
{
	struct sockaddr_in address;
	struct http *http = NULL;
	struct err e = {0};
	int before;
	int client;
	int fd;

	set_up();
	before = take_port(&address);
	ck_assert_int_eq(listen(before, 1), 0);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	fd = accept4(before, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	/* Who closes first keeps the connection for a minute: TIME_WAIT. */
	fs_close(&fd);
	fs_close(&client);
	fs_close(&before);
	ck_assert_msg(http_start(&s.c.parts, &http, &e) == 0, "%s", e.text);
	http_stop(http, 0);
	site_tear_down(&s);
}
END_TEST

START_TEST(http_start__too_few_files)
{
	struct rlimit limit = {63, 63};

	set_up();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	check(ERR_LIMIT, "the process may open 63 files", 0);
	site_tear_down(&s);
}
END_TEST

START_TEST(http_start__no_threads)
{
	set_up();
	unit_no_threads();
	/* The library itself leaves one. */
	check(ERR_SYS, "the HTTP library does not start", 1);
	site_tear_down(&s);
}
END_TEST

static atomic_uint taken_out; /* of epoll sets */

/* In the place of the C library's. */
int
epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
	int (*real)(int, int, int, struct epoll_event *) =
		(int (*)(int, int, int, struct epoll_event *))dlsym(RTLD_NEXT, "epoll_ctl");

	taken_out += operation == EPOLL_CTL_DEL;
	return real(set, operation, fd, event);
}

/* Of two that take the listener out of a set the second one would end the process. */
START_TEST(http_stop__leaves_nothing_open_and_the_threads_their_sets)
{
	unsigned open;
	struct http *http;
	struct err e = {0};

	set_up();
	open = unit_count(AT_FDCWD, "/proc/self/fd");
	ck_assert_msg(http_start(&s.c.parts, &http, &e) == 0, "%s", e.text);
	taken_out = 0;
	http_stop(http, 0);
	ck_assert_uint_eq(taken_out, 0);
	ck_assert_uint_eq(unit_count(AT_FDCWD, "/proc/self/fd"), open);
	site_tear_down(&s);
}
END_TEST

void
http_start_tests(TCase *c)
{
	tcase_add_test(c, http_stop__leaves_nothing_open_and_the_threads_their_sets);
	tcase_add_test(
		c, listen_open__one_socket_for_both_families_whatever_the_machine_does_by_itself);
	tcase_add_test(c, http_start__an_address_that_is_not_ours);
	tcase_add_test(c, http_start__another_server_at_the_same_moment);
	tcase_add_test(c, http_start__connections_of_the_run_before_are_no_hindrance);
	tcase_add_test(c, http_start__too_few_files);
	tcase_add_test(c, http_start__no_threads);
}
