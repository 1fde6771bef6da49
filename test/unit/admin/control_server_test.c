/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What guts2-cache asks of a running server, and what it is answered. */
#include "admin/control_server.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cloud/cloud.h"
#include "logged.h"
#include "net/control.h"
#include "unit.h"

static const struct edition full = {0, ""};
static const struct edition three = {3, "00000000"};

static struct cloud c;
static struct control_server *server;
static struct freeze *freeze;

static int
start(struct err *e)
{
	static const struct stop ending;
	const struct verbs_parts parts = {&c.k.options, c.k.stock, c.k.announce, freeze, c.k.jobs,
		c.pool.upstreams, &ending, 77};

	return control_server_start(&parts, &server, e);
}

static void
set_up(void)
{
	struct err e = {0};

	logged_begin();
	cloud_set_up(&c);
	ck_assert_int_eq(freeze_open(&c.k.options, c.k.announce, &freeze, NULL), 0);
	ck_assert_msg(start(&e) == 0, "%s", e.text);
}

static void
tear_down(void)
{
	control_server_stop(server);
	freeze_close(freeze);
	cloud_tear_down(&c);
}

static int
cache_dir(void)
{
	return repo_dir(stock_repo(c.k.stock));
}

/* Its error, where the answer is one. */
static json_t *
ask(const char *question, struct err *e)
{
	json_t *doc = doc_parse(unit_text(question), NULL);

	ck_assert_msg(doc != NULL, "%s", question);
	*e = (struct err){0};
	return control_ask(cache_dir(), doc, e);
}

/* The whole answer, or the error, is this. */
static void
check(const char *question, const char *answer)
{
	struct err e;
	AUTO_DOC json_t *got = ask(question, &e);
	AUTO_FREE char *text = got == NULL ? NULL : json_dumps(got, JSON_COMPACT | JSON_SORT_KEYS);

	ck_assert_msg(strcmp(text == NULL ? e.text : text, answer) == 0, "%s: %s, not %s", question,
		text == NULL ? e.text : text, answer);
}

static void
announce(uint64_t version)
{
	AUTO_IDENTS struct idents query = {0};

	idents_add(&query, &(struct ident){"t", {version, "00000000"}});
	ck_assert_int_eq(stock_put_query(c.k.stock, &query, false, NULL), 0);
}

#define T(version) "\"type\":\"t\",\"version\":" version ",\"cookie\":\"00000000\""
#define FULL "\"kind\":0,\"format\":0"
#define DIFFERENCE "\"kind\":0,\"format\":1,\"pv\":3,\"pc\":\"00000000\""

START_TEST(control_server__a_question_that_is_none_has_its_error)
{
	static const struct {
		const char *question, *error;
	} rows[] = {
		{"{}", "the server says: field do: a string is required"},
		{"{\"do\":5}", "the server says: field do: a string is required"},
		{"{\"do\":\"\"}", "the server says: do: not a known word"},
		{"{\"do\":\"stop\"}", "the server says: do: not a known word"},
		{"{\"do\":\"check\"}", "the server says: field type: a string is required"},
		{"{\"do\":\"check\"," T("5") "}",
			"the server says: field kind: a whole number from 0 to 2 is required"},
		{"{\"do\":\"drop\"}", "the server says: field type: a string is required"},
		{"{\"do\":\"drop\",\"type\":\"t\",\"version\":0}",
			"the server says: field version: a whole number from 1 to 9007199254740991 "
			"is required"},
		{"{\"do\":\"forget\",\"version\":5}",
			"the server says: field type: a string is required"},
		{"{\"do\":\"known\"," T("5") "}",
			"the server says: field kind: a whole number from 0 to 2 is required"},
	};

	set_up();
	(void)kept_put(&c.k, 5, &full, FORMAT_AR1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].question, rows[i].error);
	/* What none of them did. */
	check("{\"do\":\"check\"," T("5") "," FULL "}", "{\"result\":\"good\"}");
	tear_down();
}
END_TEST

START_TEST(control_server_check__by_what_the_cache_knows_of_it)
{
	char name[IDENT_NAME_MAX];
	AUTO_DOC json_t *none = NULL;
	struct record other;
	struct err e;

	set_up();
	other = kept_put(&c.k, 5, &full, FORMAT_AR1);
	(void)kept_put(&c.k, 4, &three, FORMAT_AR2);
	check("{\"do\":\"check\"," T("4") "," DIFFERENCE "}", "{\"result\":\"good\"}");
	check("{\"do\":\"check\"," T("5") "," DIFFERENCE "}", "{\"result\":\"absent\"}");
	check("{\"do\":\"check\"," T("4") "," FULL "}", "{\"result\":\"absent\"}");
	check("{\"do\":\"check\"," T("5") "," FULL "}", "{\"result\":\"good\"}");
	ck_assert_int_eq(fs_put(cache_dir(), "x", ident_file_name(&other.ref.id, name),
				 unit_text("GUTS2AR0"), NULL),
		0);
	check("{\"do\":\"check\"," T("5") "," FULL "}", "{\"result\":\"damaged\"}");
	check("{\"do\":\"check\"," T("5") "," FULL "}", "{\"result\":\"absent\"}");
	check("{\"do\":\"check\"," T("4") "," DIFFERENCE "}", "{\"result\":\"good\"}");
	/* One that could not be moved is not said to have gone. */
	other = kept_put(&c.k, 6, &full, FORMAT_AR1);
	ck_assert_int_eq(fs_put(cache_dir(), "x", ident_file_name(&other.ref.id, name),
				 unit_text("GUTS2AR0"), NULL),
		0);
	ck_assert_int_eq(fs_remove(cache_dir(), "quarantine", NULL), 0);
	ck_assert_int_eq(fs_put(cache_dir(), "x", "quarantine", unit_text(""), NULL), 0);
	none = ask("{\"do\":\"check\"," T("6") "," FULL "}", &e);
	ck_assert_ptr_null(none);
	ck_assert_ptr_nonnull(strstr(e.text, "quarantine"));
	tear_down();
}
END_TEST

/* What is announced, and whether the cloud is to be asked again. */
static void
check_announced(const char *announced, bool asked)
{
	static const struct job_spec query = {.kind = JOB_QUERY};

	ck_assert_str_eq(kept_announced(&c.k), announced);
	ck_assert_int_eq(jobs_look(c.k.jobs, &query).state, asked ? JOB_QUEUED : JOB_NONE);
}

START_TEST(control_server_drop__a_type_stays_announced_a_version_does_not)
{
	set_up();
	announce(6);
	(void)kept_put(&c.k, 4, &full, FORMAT_AR1);
	(void)kept_put(&c.k, 5, &three, FORMAT_AR2);
	(void)kept_put(&c.k, 6, &full, FORMAT_AR1);
	check("{\"do\":\"drop\",\"type\":\"u\"}", "{\"bytes\":0,\"removed\":0}");
	/* Another one has the same bytes: nothing is freed. */
	check("{\"do\":\"drop\",\"type\":\"t\",\"version\":4}", "{\"bytes\":0,\"removed\":1}");
	check_announced("t/6 ", true);
	ck_assert_str_eq(kept_taken(&c.k, QUEUE_METADATA), "/0 ");
	ck_assert_ptr_nonnull(strstr(logged(),
		"event=dropped type=t version=4 cookie=00000000 what=full format=guts2ar1 "
		"bytes=8\n"));
	check("{\"do\":\"check\"," T("4") "," FULL "}", "{\"result\":\"absent\"}");
	check("{\"do\":\"drop\",\"type\":\"t\"}", "{\"bytes\":16,\"removed\":2}");
	ck_assert_str_eq(kept_announced(&c.k), "t/6 ");
	ck_assert_str_eq(kept_taken(&c.k, QUEUE_METADATA), "");
	check("{\"do\":\"reindex\"}", "{\"records\":0}");
	tear_down();
}
END_TEST

START_TEST(control_server_drop__what_is_announced_and_is_dropped_by_its_version_is_asked_for_anew)
{
	set_up();
	announce(6);
	(void)kept_put(&c.k, 6, &full, FORMAT_AR1);
	(void)kept_put(&c.k, 6, &three, FORMAT_AR1);
	(void)kept_put(&c.k, 5, &full, FORMAT_AR2);
	check("{\"do\":\"reindex\"}", "{\"records\":3}");
	check("{\"do\":\"drop\",\"type\":\"t\",\"version\":6}", "{\"bytes\":8,\"removed\":2}");
	check_announced("", true);
	tear_down();
}
END_TEST

START_TEST(control_server_forget__all_of_a_type_and_its_announcement)
{
	set_up();
	announce(6);
	(void)kept_put(&c.k, 5, &full, FORMAT_AR1);
	check("{\"do\":\"forget\",\"type\":\"t\"}", "{\"bytes\":8,\"removed\":1}");
	check_announced("", true);
	tear_down();
}
END_TEST

START_TEST(control_server_drop__what_cannot_be_is_said)
{
	static const struct ident five = {"t", {5, "00000000"}};
	char stage[IDENT_NAME_MAX + 16];
	char name[IDENT_NAME_MAX];
	AUTO_DOC json_t *none = NULL;
	struct err e;

	set_up();
	announce(5);
	(void)kept_put(&c.k, 5, &full, FORMAT_AR1);
	(void)kept_put(&c.k, 5, &full, FORMAT_AR2);
	/* The offer has to be written anew, and where it is staged there is a directory. */
	(void)snprintf(stage, sizeof(stage), "stage/put;%s", ident_offer_name(&five, &full, name));
	ck_assert_int_eq(mkdirat(cache_dir(), stage, 0755), 0);
	none = ask("{\"do\":\"drop\",\"type\":\"t\",\"version\":5}", &e);
	ck_assert_ptr_null(none);
	ck_assert_ptr_nonnull(strstr(e.text, name));
	check_announced("t/5 ", false);
	ck_assert_ptr_null(strstr(logged(), "event=dropped"));
	tear_down();
}
END_TEST

/* What has become of it: 0 waits, 1 runs, 2 failed, 3 is not there, 4 is known. */
static void
become(const struct job_spec *spec, enum job_queue queue, int what)
{
	struct job *job;

	(void)jobs_ask(c.k.jobs, spec, NULL);
	if (what == 0)
		return;
	job = jobs_take(c.k.jobs, queue);
	ck_assert_ptr_nonnull(job);
	if (what == 2)
		jobs_failed(c.k.jobs, job, JOB_DISK_FULL, 1000000);
	else if (what == 3)
		jobs_absent(c.k.jobs, job);
	else if (what == 4)
		jobs_done(c.k.jobs, job);
}

static const char *const states[] = {"{\"announced\":false,\"state\":\"coming\"}",
	"{\"announced\":false,\"state\":\"coming\"}",
	"{\"announced\":false,\"reason\":\"disk-full\",\"state\":\"failed\"}",
	"{\"announced\":false,\"state\":\"absent\"}",
	"{\"announced\":false,\"state\":\"unknown\"}"};

START_TEST(control_server_known__what_has_become_of_what_is_asked_for)
{
	static const char unknown[] = "{\"announced\":false,\"state\":\"unknown\"}";
	static const struct {
		struct job_spec spec;
		enum job_queue queue;
		const char *question;
	} rows[] = {
		{{.kind = JOB_QUERY}, QUEUE_METADATA, "{\"do\":\"known\"}"},
		{{.kind = JOB_OFFER, .ident = {"t", {5, "00000000"}}, .format = FORMAT_AR1},
			QUEUE_ARCHIVES, "{\"do\":\"known\"," T("5") "," FULL "}"},
		{{.kind = JOB_BUILD, .ident = {"t", {5, "00000000"}}, .format = FORMAT_AR1},
			QUEUE_BUILDERS, "{\"do\":\"known\",\"build\":true," T("5") "," FULL "}"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up();
		become(&rows[i].spec, rows[i].queue, _i);
		for (size_t other = 0; other < sizeof(rows) / sizeof(rows[0]); other++)
			check(rows[other].question, other == i ? states[_i] : unknown);
		/* Nothing was begun for it. */
		check("{\"do\":\"known\"," T("4") "," FULL "}", unknown);
		(void)kept_taken(&c.k, QUEUE_METADATA);
		ck_assert_str_eq(kept_taken(&c.k, QUEUE_WISHES), "");
		tear_down();
	}
}
END_TEST

START_TEST(control_server_known__of_a_difference_it_is_the_difference)
{
	static const struct job_spec spec = {.kind = JOB_OFFER,
		.ident = {"t", {5, "00000000"}},
		.base = {3, "00000000"},
		.format = FORMAT_AR2};

	set_up();
	jobs_note_absent(c.k.jobs, &spec);
	check("{\"do\":\"known\"," T("5") "," DIFFERENCE "}",
		"{\"announced\":false,\"state\":\"absent\"}");
	check("{\"do\":\"known\"," T("5") "," FULL "}",
		"{\"announced\":false,\"state\":\"unknown\"}");
	announce(5);
	check("{\"do\":\"known\"}", "{\"announced\":true,\"state\":\"unknown\"}");
	tear_down();
}
END_TEST

/* 0: another user's process was not heard. */
static int
ask_as_nobody(void)
{
	enum { NOBODY = 65534 };
	struct err e;
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (setresuid(NOBODY, NOBODY, NOBODY) != 0 || prctl(PR_SET_DUMPABLE, 1) != 0)
			_exit(100);
		if (ask("{\"do\":\"drop\",\"type\":\"t\"}", &e) != NULL)
			_exit(101);
		/* It was let in, and the server hung up: before the question came, or after. */
		_exit(strstr(e.text, "reset by peer") == NULL &&
			strstr(e.text, "Broken pipe") == NULL &&
			strstr(e.text, "cut short") == NULL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

START_TEST(control_server__hears_no_other_user)
{
	if (geteuid() != 0) /* only root can become somebody else */
		return;
	set_up();
	(void)kept_put(&c.k, 5, &full, FORMAT_AR1);
	ck_assert_int_eq(fchmod(cache_dir(), 0777), 0);
	ck_assert_int_eq(fchmodat(cache_dir(), "control", 0777, 0), 0);
	ck_assert_int_eq(ask_as_nobody(), 0);
	check("{\"do\":\"check\"," T("5") "," FULL "}", "{\"result\":\"good\"}");
	tear_down();
}
END_TEST

START_TEST(control_server_start__takes_the_place_of_a_dead_one_and_says_why_it_cannot)
{
	struct control_server *first;
	unsigned open;
	struct err e = {0};

	set_up();
	first = server;
	open = unit_count(AT_FDCWD, "/proc/self/fd");
	ck_assert_msg(start(&e) == 0, "%s", e.text);
	check("{\"do\":\"reindex\"}", "{\"records\":0}");
	control_server_stop(server);
	ck_assert_uint_eq(unit_count(AT_FDCWD, "/proc/self/fd"), open);
	ck_assert(!fs_exists(cache_dir(), "control"));
	server = NULL;
	unit_limit_files(0);
	ck_assert_int_eq(start(&e), -1);
	unit_limit_files(UINT_MAX);
	ck_assert_ptr_null(server);
	ck_assert_str_eq(e.text, "control: Too many open files");
	control_server_stop(NULL);
	server = first;
	tear_down();
}
END_TEST

void
control_server_tests(TCase *t)
{
	tcase_add_test(t, control_server__a_question_that_is_none_has_its_error);
	tcase_add_test(t, control_server_check__by_what_the_cache_knows_of_it);
	tcase_add_test(t, control_server_drop__a_type_stays_announced_a_version_does_not);
	tcase_add_test(t,
		control_server_drop__what_is_announced_and_is_dropped_by_its_version_is_asked_for_anew);
	tcase_add_test(t, control_server_forget__all_of_a_type_and_its_announcement);
	tcase_add_test(t, control_server_drop__what_cannot_be_is_said);
	tcase_add_loop_test(t, control_server_known__what_has_become_of_what_is_asked_for, 0,
		(int)(sizeof(states) / sizeof(states[0])));
	tcase_add_test(t, control_server_known__of_a_difference_it_is_the_difference);
	tcase_add_test(t, control_server__hears_no_other_user);
	tcase_add_test(
		t, control_server_start__takes_the_place_of_a_dead_one_and_says_why_it_cannot);
}
