/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an administrator reads of each upstream. */
#include "cloud/probe.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
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
	good = mem_printf("file://%s\n  q         ok: 0 types\n  tuf       not signed\nfile://%s\n "
			  " q         ok: 0 types\n",
		c.path[0], c.path[1]);
	check(&c, 0, good);
	for (int i = 0; i < CLOUDS; i++)
		cloud_put(&c, i, "q", ANNOUNCES);
	cloud_put_header(&c, 0, &five.ident);
	cloud_put_offer(&c, 0, &five, only_2);
	bad = mem_printf(
		"file://%s\n  q         ok: 1 types\n  h         ok\n  o         ok\n"
		"  tuf       not signed\nfile://%s\n  q         ok: 1 types\n  h         FAILED: ",
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
	cloud_set_url(&c, mem_printf("http://127.0.0.1:%u", a.port));
	ok = mem_printf("http://127.0.0.1:%u\n  way       directly: no proxy is named\n"
			"  name      ok\n  connect   ok: 127.0.0.1 port %u\n",
		a.port, a.port);
	answers_say(&a, "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n", NULL);
	report = mem_printf("%s  q         FAILED: ", ok);
	check(&c, -1, report);
	free(report);
	answers_say(&a,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		"Connection: close\r\n\r\n{\"updates\":[]}",
		NULL);
	report = mem_printf("%s  q         ok: 0 types\n", ok);
	check(&c, 0, report);
	answers_end(&a);
	cloud_tear_down(&c);
}
END_TEST

/* What of all that is said of one upstream has these words. */
static void
check_says(struct cloud *c, const char *url, const char *words)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	cloud_set_url(c, mem_string(url));
	ck_assert_int_eq(probe_upstreams(&c->k.options, c->k.settings, to), -1);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_msg(strstr(text, words) != NULL, "%s: %s", words, text);
	free(text);
}

static const struct {
	const char *answer, *words;
} advices[] = {
	{"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n",
		"To do: look whether the path in guts2ServerUrl is right; a proxy or a portal may"},
	{"HTTP/1.1 301 x\r\nLocation: http://b/guts2/q\r\nContent-Length: 0\r\n\r\n",
		"To do: name the new address in guts2ServerUrl"},
	{"HTTP/1.1 503 x\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n", "To do: come back later"},
	{"HTTP/1.1 429 x\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n", "To do: come back later"},
};

START_TEST(probe_upstreams__says_what_may_be_done_about_it)
{
	AUTO_FREE char *url = NULL;
	AUTO_FREE char *secret = NULL;
	AUTO_FREE char *directory = NULL;
	struct answers a;
	struct cloud c;

	cloud_set_up(&c);
	answers_begin(&a);
	url = mem_printf("http://127.0.0.1:%u", a.port);
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		answers_say(&a, advices[i].answer, NULL);
		check_says(&c, url, advices[i].words);
	}
	/* What steers a terminal does not come to it. */
	answers_say(&a,
		"HTTP/1.1 301 x\r\nLocation: http://b/\x1b\x7f\x80 ~\r\nContent-Length: "
		"0\r\n\r\n",
		NULL);
	check_says(&c, url, "http://b/??? ~");
	/* It does not speak TLS. */
	secret = mem_printf("https://127.0.0.1:%u", a.port);
	check_says(&c, secret, "  TLS       FAILED: ");
	check_says(&c, secret, "To do: look whether this machine's clock is right");
	answers_end(&a);
	check_says(&c, url, "  connect   FAILED: ");
	check_says(&c, url, "To do: look whether the server runs");
	ck_assert_int_eq(unlinkat(c.dir[0], "q", 0), 0);
	directory = mem_printf("file://%s", c.path[0]);
	check_says(&c, directory, "To do: look whether the directory is a published repository");
	cloud_tear_down(&c);
}
END_TEST

START_TEST(probe_upstreams__behind_a_proxy_the_proxy_is_looked_at)
{
	AUTO_FREE char *file = NULL;
	struct answers a;
	struct cloud c;
	int data;

	cloud_set_up(&c);
	answers_begin(&a);
	data = fs_make_dirs(c.k.dir, "data", NULL);
	file = mem_printf("http_proxy=http://me:secret@127.0.0.1:%u/\n", a.port);
	ck_assert_int_eq(fs_put(data, "w", "fspms.proxy.config", unit_text(file), NULL), 0);
	ck_assert_int_eq(fchmodat(data, "fspms.proxy.config", 0600, 0), 0);
	fs_close(&data);
	ck_assert(settings_reload(c.k.settings));
	answers_say(&a, "HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n", NULL);
	check_says(&c, "http://a.example", "  way       through http://127.0.0.1:");
	check_says(&c, "http://a.example", ", as me\n");
	check_says(&c, "http://a.example", "To do: look at user and password in data/fspms.proxy");
	answers_end(&a);
	check_says(&c, "http://a.example", "To do: look whether the proxy runs");
	cloud_tear_down(&c);
}
END_TEST

START_TEST(probe_upstreams__what_is_being_prepared_is_as_good_as_there)
{
	AUTO_FREE char *query = NULL;
	AUTO_FREE char *report = NULL;
	struct answers a;
	struct cloud c;

	cloud_set_up(&c);
	answers_begin(&a);
	cloud_set_url(&c, mem_printf("http://127.0.0.1:%u", a.port));
	query = mem_printf(
		"HTTP/1.1 200 x\r\nContent-Length: %zu\r\n\r\n" ANNOUNCES, strlen(ANNOUNCES));
	answers_say(&a, query,
		"HTTP/1.1 503 x\r\nRetry-After: 5\r\nContent-Length: 73\r\n\r\n"
		"{\"error\":\"preparing\",\"reason\":\"building\",\"progress\":null,\"retry_"
		"after\":5}");
	report = mem_printf("http://127.0.0.1:%u\n  way       directly: no proxy is named\n"
			    "  name      ok\n  connect   ok: 127.0.0.1 port %u\n"
			    "  q         ok: 1 types\n  h         ok: it is being prepared there\n"
			    "  o         ok: it is being prepared there\n",
		a.port, a.port);
	check(&c, 0, report);
	answers_end(&a);
	cloud_tear_down(&c);
}
END_TEST

START_TEST(probe_upstreams__says_what_is_wrong_with_their_name)
{
	struct cloud c;

	cloud_set_up(&c);
	cloud_set_url(&c, mem_string("gopher://a"));
	check(&c, -1, "");
	cloud_tear_down(&c);
}
END_TEST

void
probe_tests(TCase *c)
{
	tcase_add_test(c, probe_upstreams__says_of_each_how_far_it_got);
	tcase_add_test(c, probe_upstreams__says_which_step_of_a_server_failed);
	tcase_add_test(c, probe_upstreams__says_what_may_be_done_about_it);
	tcase_add_test(c, probe_upstreams__behind_a_proxy_the_proxy_is_looked_at);
	tcase_add_test(c, probe_upstreams__what_is_being_prepared_is_as_good_as_there);
	tcase_add_test(c, probe_upstreams__says_what_is_wrong_with_their_name);
}
