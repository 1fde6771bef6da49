/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server that cannot begin to listen says why, and leaves nothing open. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "http/http.h"
#include "http/site.h"
#include "logged.h"
#include "unit.h"

static struct site s;

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

START_TEST(http_start__an_address_that_is_not_ours)
{
	set_up();
	s.options.hostModuleAddress = (char *)(uintptr_t) "192.0.2.1";
	check(ERR_SYS, "", 0);
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
	pthread_attr_t vast;

	set_up();
	ck_assert_int_eq(pthread_attr_init(&vast), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&vast, (size_t)1 << 47), 0);
	ck_assert_int_eq(pthread_setattr_default_np(&vast), 0);
	/* The library itself leaves one. */
	check(ERR_SYS, "the HTTP library does not start", 1);
	site_tear_down(&s);
}
END_TEST

void
http_start_tests(TCase *c)
{
	tcase_add_test(c, http_start__an_address_that_is_not_ours);
	tcase_add_test(c, http_start__too_few_files);
	tcase_add_test(c, http_start__no_threads);
}
