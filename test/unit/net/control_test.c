/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/control.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

static json_t *
object(const char *text)
{
	json_t *doc = doc_parse(unit_text(text), NULL);

	ck_assert_msg(doc != NULL, "%s", text);
	return doc;
}

#define T "\"type\":\"t\",\"cookie\":\"00000005\",\"version\":5"

START_TEST(control_get_record__takes_what_names_a_record_and_nothing_else)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {{"{" T ",\"kind\":0,\"format\":0}", true},
		{"{" T ",\"kind\":2,\"format\":1}", true},
		{"{" T ",\"kind\":3,\"format\":1}", false},
		{"{" T ",\"kind\":2,\"format\":2}", false},
		{"{" T ",\"kind\":-1,\"format\":0}", false}, {"{" T ",\"kind\":0}", false},
		{"{" T ",\"format\":0}", false}, {"{\"kind\":0,\"format\":0}", false},
		{"{" T ",\"kind\":0,\"format\":0,\"pv\":1,\"pc\":\"00000001\"}", true},
		{"{" T ",\"kind\":0,\"format\":0,\"pv\":9007199254740991,\"pc\":\"00000001\"}",
			true},
		{"{" T ",\"kind\":0,\"format\":0,\"pv\":9007199254740992,\"pc\":\"00000001\"}",
			false},
		{"{" T ",\"kind\":0,\"format\":0,\"pv\":0,\"pc\":\"00000001\"}", false},
		{"{" T ",\"kind\":0,\"format\":0,\"pv\":1}", false},
		{"{" T ",\"kind\":0,\"format\":0,\"pv\":1,\"pc\":\"../../..\"}", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_DOC json_t *doc = object(rows[i].text);
		struct record r;
		struct err e = {0};

		ck_assert_msg(control_get_record(doc, &r, &e) == (rows[i].good ? 0 : -1), "%s: %s",
			rows[i].text, e.text);
		ck_assert_int_eq(e.code, rows[i].good ? ERR_NONE : ERR_INPUT);
	}
}
END_TEST

START_TEST(control_put_record__is_read_back_as_it_was)
{
	static const struct record all[] = {
		{.kind = RECORD_HEADER, .ident = {"t", {5, "00000005"}}},
		{.kind = RECORD_CONTENT, .ident = {"u", {6, "00000006"}}},
		{.kind = RECORD_ARCHIVE, .ident = {"t", {5, "00000005"}}, .format = FORMAT_AR2},
		{.kind = RECORD_ARCHIVE,
			.ident = {"t", {5, "00000005"}},
			.base = {4, "00000004"},
			.format = FORMAT_AR1}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		AUTO_DOC json_t *doc = json_object();
		struct record back;

		control_put_record(doc, &all[i]);
		ck_assert_int_eq(control_get_record(doc, &back, NULL), 0);
		ck_assert(back.kind == all[i].kind && back.format == all[i].format);
		ck_assert(ident_equal(&back.ident, &all[i].ident));
		ck_assert(ident_edition_equal(&back.base, &all[i].base));
	}
}
END_TEST

/* A message of len bytes, its newline included. */
static void
send_long(int fd, size_t len)
{
	AUTO_FREE char *text = mem_new(len + 1, 1);

	memset(text, ' ', len);
	memcpy(text, "{}", 2);
	text[len - 1] = '\n';
	ck_assert_int_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

START_TEST(control_receive__one_line_that_is_bounded)
{
	int pair[2];
	AUTO_DOC json_t *doc = NULL;
	AUTO_DOC json_t *longest = NULL;
	struct err e = {0};

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(control_send(pair[0], object("{\"a\":1}"), NULL), 0);
	doc = control_receive(pair[1], &e);
	ck_assert_int_eq(json_integer_value(json_object_get(doc, "a")), 1);
	send_long(pair[0], 4096);
	longest = control_receive(pair[1], &e);
	ck_assert_msg(longest != NULL, "%s", e.text);
	ck_assert_int_eq(e.code, ERR_NONE);
	/* More than that is not kept: its beginning is a document, and the rest is none. */
	send_long(pair[0], 4097);
	json_decref(longest);
	longest = control_receive(pair[1], NULL);
	ck_assert_ptr_nonnull(longest);
	ck_assert_ptr_null(control_receive(pair[1], &e));
	ck_assert_int_eq(e.code, ERR_INPUT);
	/* What ends without a newline. */
	e = (struct err){0};
	ck_assert_int_eq(send(pair[0], "{}", 2, MSG_NOSIGNAL), 2);
	fs_close(&pair[0]);
	ck_assert_ptr_null(control_receive(pair[1], &e));
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_str_eq(e.text, "control: cut short");
	/* Nobody hears it. */
	ck_assert_int_eq(control_send(pair[1], object("{}"), &e), -1);
	ck_assert_int_eq(e.code, ERR_SYS);
	fs_close(&pair[1]);
}
END_TEST

/* {"a":"..."} and the newline. */
static json_t *
document_of(size_t bytes)
{
	AUTO_FREE char *text = mem_new(bytes, 1);
	json_t *doc = json_object();

	memset(text, 'x', bytes - strlen("{\"a\":\"\"}\n"));
	(void)json_object_set_new(doc, "a", json_string(text));
	return doc;
}

START_TEST(control_send__no_longer_than_is_received)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int listener = control_listen(dir, NULL);
	struct err e = {0};
	int pair[2];

	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(control_send(pair[0], document_of((16 << 20) + 1), &e), -1);
	ck_assert_int_eq(e.code, ERR_LIMIT);
	ck_assert_ptr_null(control_ask(dir, document_of(4097), &e));
	ck_assert_int_eq(e.code, ERR_LIMIT);
	fs_close(&pair[0]);
	fs_close(&pair[1]);
}
END_TEST

/* A status of a server with thousands of types. */
static void *
answer_long(void *context)
{
	int fd = accept4(*(int *)context, NULL, NULL, SOCK_CLOEXEC);
	AUTO_DOC json_t *question = control_receive(fd, NULL);

	ck_assert_ptr_nonnull(question);
	ck_assert_int_eq(control_send(fd, document_of(3000000), NULL), 0);
	fs_close(&fd);
	return NULL;
}

START_TEST(control_ask__an_answer_may_be_long)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int listener = control_listen(dir, NULL);
	AUTO_DOC json_t *answer = NULL;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, answer_long, &listener), 0);
	answer = control_ask(dir, document_of(4096), NULL);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(strlen(json_string_value(json_object_get(answer, "a"))),
		3000000 - strlen("{\"a\":\"\"}\n"));
}
END_TEST

static int far; /* the other side, for who is interrupted */
static volatile sig_atomic_t signals;

/* Comes again and again; a few times later the other side does something. */
static void
interrupt(int number)
{
	static char text[65536];

	(void)number;
	if (++signals == 5)
		(void)send(far, "{}\n", 3, MSG_DONTWAIT);
	else if (signals > 5)
		(void)recv(far, text, sizeof(text), MSG_DONTWAIT);
}

static void
be_interrupted(bool so)
{
	const struct sigaction action = {.sa_handler = interrupt};
	const struct itimerval every_ms = {{0, 1000}, {0, 1000}};
	const struct itimerval never = {0};

	signals = 0;
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, so ? &every_ms : &never, NULL), 0);
}

START_TEST(control__a_signal_while_it_waits_is_no_error)
{
	AUTO_DOC json_t *doc = NULL;
	int pair[2];
	int result;
	struct err e = {0};

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	far = pair[0];
	be_interrupted(true);
	doc = control_receive(pair[1], &e);
	be_interrupted(false);
	ck_assert_msg(doc != NULL, "%s", e.text);
	/* Until nothing more goes in. */
	while (send(pair[1], "x", 1, MSG_DONTWAIT) == 1)
		;
	be_interrupted(true);
	result = control_send(pair[1], object("{}"), &e);
	be_interrupted(false);
	ck_assert_msg(result == 0, "%s", e.text);
	fs_close(&pair[0]);
	fs_close(&pair[1]);
}
END_TEST

struct server {
	int listener;
	const char *answer;
};

static void *
serve(void *context)
{
	const struct server *s = context;
	AUTO_CLOSE int fd = accept(s->listener, NULL, NULL);
	AUTO_DOC json_t *question = control_receive(fd, NULL);

	ck_assert_ptr_nonnull(json_object_get(question, "question"));
	ck_assert_int_eq(control_send(fd, object(s->answer), NULL), 0);
	return NULL;
}

START_TEST(control_ask__an_answer_or_the_servers_error)
{
	static const char *const answers[] = {"{\"good\":1}", "{\"error\":\"no\"}"};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct server s = {.listener = -1};
	struct err e = {0};
	struct stat st;

	ck_assert_ptr_null(control_ask(dir, object("{\"question\":1}"), &e));
	ck_assert_int_eq(e.code, ERR_MISSING);
	/* What an earlier server left is in nobody's way. */
	s.listener = control_listen(dir, NULL);
	fs_close(&s.listener);
	s.listener = control_listen(dir, &e);
	ck_assert_msg(s.listener >= 0, "%s", e.text);
	ck_assert_int_eq(fstatat(dir, "control", &st, 0), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	for (int i = 0; i < 2; i++) {
		AUTO_DOC json_t *answer = NULL;
		pthread_t thread;

		s.answer = answers[i];
		ck_assert_int_eq(pthread_create(&thread, NULL, serve, &s), 0);
		answer = control_ask(dir, object("{\"question\":1}"), &e);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		ck_assert_int_eq(json_object_get(answer, "good") != NULL, i == 0);
	}
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_str_eq(e.text, "the server says: no");
	control_unlisten(dir, &s.listener);
	ck_assert_int_eq(s.listener, -1);
	ck_assert(!fs_exists(dir, "control"));
	ck_assert_int_eq(control_listen(-1, &e), -1);
}
END_TEST

void
control_tests(TCase *c)
{
	tcase_add_test(c, control_get_record__takes_what_names_a_record_and_nothing_else);
	tcase_add_test(c, control_put_record__is_read_back_as_it_was);
	tcase_add_test(c, control_receive__one_line_that_is_bounded);
	tcase_add_test(c, control__a_signal_while_it_waits_is_no_error);
	tcase_add_test(c, control_send__no_longer_than_is_received);
	tcase_add_test(c, control_ask__an_answer_may_be_long);
	tcase_add_test(c, control_ask__an_answer_or_the_servers_error);
}
