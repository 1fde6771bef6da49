/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an administrator reads of each upstream. */
#include "cloud/probe.h"

#include <stdlib.h>

#include "base/mem.h"
#include "cloud/cloud.h"
#include "net/answers.h"
#include "unit.h"

#define ANNOUNCES "{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}"

static const struct job_spec five = {.ident = {"t", {5, "00000005"}}};
static const char *const only_2[FORMAT_COUNT] = {[FORMAT_AR2] = "GUTS2AR2"};

/* How the report of all that the options name begins. */
static void
check(struct cloud *c, int result, const char *report)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_int_eq(probe_upstreams(&c->k.options, c->k.settings, to), result);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_msg(strncmp(text, report, strlen(report)) == 0, "%s", text);
	free(text);
}

START_TEST(probe_upstreams__says_of_each_how_far_it_got)
{
	AUTO_FREE char *good = NULL;
	AUTO_FREE char *bad = NULL;
	struct cloud c;

	cloud_set_up(&c);
	good = mem_printf("file://%s\n  q        ok: 0 types\nfile://%s\n  q        ok: 0 types\n",
		c.path[0], c.path[1]);
	check(&c, 0, good);
	for (int i = 0; i < CLOUDS; i++)
		cloud_put(&c, i, "q", ANNOUNCES);
	cloud_put_header(&c, 0, &five.ident);
	cloud_put_offer(&c, 0, &five, only_2);
	bad = mem_printf("file://%s\n  q        ok: 1 types\n  h        ok\n  o        ok\n"
			 "file://%s\n  q        ok: 1 types\n  h        FAILED: ",
		c.path[0], c.path[1]);
	check(&c, -1, bad);
	cloud_tear_down(&c);
}
END_TEST

START_TEST(probe_upstreams__says_which_step_of_a_server_failed)
{
	AUTO_FREE char *report = NULL;
	AUTO_FREE char *ok = NULL;
	struct answers a;
	struct cloud c;

	cloud_set_up(&c);
	answers_begin(&a);
	free(c.k.options.guts2ServerUrl);
	c.k.options.guts2ServerUrl = mem_printf("http://127.0.0.1:%u", a.port);
	ok = mem_printf("http://127.0.0.1:%u\n  way      directly: no proxy is named\n"
			"  name     ok\n  connect  ok: 127.0.0.1 port %u\n",
		a.port, a.port);
	answers_say(&a, "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n", NULL);
	report = mem_printf("%s  q        FAILED: ", ok);
	check(&c, -1, report);
	free(report);
	answers_say(&a,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		"Connection: close\r\n\r\n{\"updates\":[]}",
		NULL);
	report = mem_printf("%s  q        ok: 0 types\n", ok);
	check(&c, 0, report);
	answers_end(&a);
	cloud_tear_down(&c);
}
END_TEST

START_TEST(probe_upstreams__says_what_is_wrong_with_their_name)
{
	struct cloud c;

	cloud_set_up(&c);
	free(c.k.options.guts2ServerUrl);
	c.k.options.guts2ServerUrl = mem_string("gopher://a");
	check(&c, -1, "");
	cloud_tear_down(&c);
}
END_TEST

void
probe_tests(TCase *c)
{
	tcase_add_test(c, probe_upstreams__says_of_each_how_far_it_got);
	tcase_add_test(c, probe_upstreams__says_which_step_of_a_server_failed);
	tcase_add_test(c, probe_upstreams__says_what_is_wrong_with_their_name);
}
