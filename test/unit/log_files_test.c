/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log files, and the thread that writes them. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "faults.h"
#include "log.h"
#include "logged.h"
#include "unit.h"

#define DOWNLOAD "fspms-download-updates.log"
#define SERVE "fspms-serve-updates.log"

struct fixture {
	char *path;
	int dir;
};

static void
set_up(struct fixture *f)
{
	struct err e = {0};

	f->dir = unit_dir(&f->path);
	logged_begin();
	ck_assert_msg(log_start(f->path, &e) == 0, "%s", e.text);
}

static void
tear_down(struct fixture *f)
{
	fs_close(&f->dir);
	free(f->path);
}

static void
say(enum log_target target, const char *text)
{
	struct log_line l;

	log_begin(&l, EVENT_REQUEST);
	log_text(&l, "said", text);
	log_end(&l, target);
}

/* How many lines of a file say so. */
static size_t
count(const struct fixture *f, const char *name, const char *text)
{
	AUTO_BUF struct buf bytes = {0};
	AUTO_FREE char *wanted = mem_printf(" said=%s\n", text);
	size_t n = 0;

	ck_assert_int_eq(fs_read(f->dir, name, (size_t)1 << 26, &bytes, NULL), 0);
	buf_add(&bytes, "", 1);
	for (const char *at = bytes.at; (at = strstr(at, wanted)) != NULL; at++)
		n++;
	return n;
}

/* Until a line has come to a file; it takes as long as the writer does. */
static void
await(const struct fixture *f, const char *name, const char *text)
{
	for (int ms = 0; count(f, name, text) == 0; ms++) {
		ck_assert_int_lt(ms, 60000);
		(void)usleep(1000);
	}
}

START_TEST(log_end__each_target_has_its_lines)
{
	struct fixture f;
	const char *said;

	set_up(&f);
	say(LOG_PROCESS, "p");
	say(LOG_DOWNLOAD, "d");
	say(LOG_SERVE, "s");
	log_stop();
	said = logged();
	ck_assert_ptr_nonnull(strstr(said, " said=p\n"));
	ck_assert_ptr_null(strchr(strchr(said, '\n') + 1, '\n'));
	ck_assert_uint_eq(count(&f, DOWNLOAD, "d"), 1);
	ck_assert_uint_eq(count(&f, DOWNLOAD, "s"), 0);
	ck_assert_uint_eq(count(&f, SERVE, "s"), 1);
	ck_assert_uint_eq(count(&f, SERVE, "d"), 0);
	/* The files are closed: what comes now is said, not lost. */
	say(LOG_SERVE, "late");
	ck_assert_ptr_nonnull(strstr(logged(), " said=late\n"));
	log_stop();
	tear_down(&f);
}
END_TEST

START_TEST(log_start__goes_on_with_the_files_of_before)
{
	struct fixture f;
	struct err e = {0};

	f.dir = unit_dir(&f.path);
	ck_assert_int_eq(fs_put(f.dir, "x", DOWNLOAD, unit_text(" said=one\n"), NULL), 0);
	ck_assert_int_eq(log_start(f.path, &e), 0);
	say(LOG_DOWNLOAD, "two");
	log_stop();
	ck_assert_uint_eq(count(&f, DOWNLOAD, "one"), 1);
	ck_assert_uint_eq(count(&f, DOWNLOAD, "two"), 1);
	tear_down(&f);
}
END_TEST

START_TEST(log_start__a_file_that_cannot_be_opened_is_named)
{
	static const char *const names[] = {DOWNLOAD, SERVE};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		struct err e = {0};

		ck_assert_int_eq(symlinkat("elsewhere", dir, names[i]), 0);
		ck_assert_int_eq(log_start(path, &e), -1);
		ck_assert_ptr_nonnull(strstr(e.text, names[i]));
		ck_assert(!fs_exists(dir, "elsewhere"));
	}
}
END_TEST

START_TEST(log_end__a_quiet_line_comes_to_its_file_by_itself)
{
	struct fixture f;

	set_up(&f);
	say(LOG_SERVE, "quiet");
	await(&f, SERVE, "quiet");
	say(LOG_DOWNLOAD, "quiet");
	await(&f, DOWNLOAD, "quiet");
	log_stop();
	ck_assert_uint_eq(count(&f, SERVE, "quiet"), 1);
	tear_down(&f);
}
END_TEST

START_TEST(log_reopen__lines_go_on_in_a_new_file_and_those_before_stay)
{
	struct fixture f;
	unsigned open;

	set_up(&f);
	open = unit_count(AT_FDCWD, "/proc/self/fd");
	say(LOG_SERVE, "before");
	ck_assert_int_eq(renameat(f.dir, SERVE, f.dir, "moved"), 0);
	log_reopen();
	for (int ms = 0; !fs_exists(f.dir, SERVE); ms++) {
		ck_assert_int_lt(ms, 60000);
		(void)usleep(1000);
	}
	say(LOG_SERVE, "after");
	await(&f, SERVE, "after");
	ck_assert_uint_eq(unit_count(AT_FDCWD, "/proc/self/fd"), open);
	log_stop();
	ck_assert_uint_eq(count(&f, "moved", "before"), 1);
	ck_assert_uint_eq(count(&f, "moved", "after"), 0);
	ck_assert_uint_eq(count(&f, SERVE, "after"), 1);
	ck_assert_str_eq(logged(), "");
	tear_down(&f);
}
END_TEST

START_TEST(log_reopen__where_it_cannot_be_the_old_file_goes_on)
{
	AUTO_BUF struct buf said = {0};
	struct fixture f;

	set_up(&f);
	ck_assert_int_eq(renameat(f.dir, SERVE, f.dir, "moved"), 0);
	ck_assert_int_eq(mkdirat(f.dir, SERVE, 0755), 0);
	log_reopen();
	do
		buf_add_string(&said, logged());
	while (said.len == 0);
	say(LOG_SERVE, "after");
	log_stop();
	buf_add(&said, "", 1);
	ck_assert_ptr_nonnull(strstr(said.at, "event=failed text=\"log stays as it was: "));
	ck_assert_uint_eq(count(&f, "moved", "after"), 1);
	tear_down(&f);
}
END_TEST

enum { HALF_LINES = 10000 }; /* more than half of a buffer, and less than one */

static void
burst(enum log_target target, unsigned lines)
{
	for (unsigned i = 0; i < lines; i++)
		say(target, "burst");
}

START_TEST(log_end__half_a_buffer_is_written_at_once)
{
	struct fixture f;

	/* The writer would come by itself in half an hour. */
	unit_clock_advance_ms(1800000);
	set_up(&f);
	burst(LOG_SERVE, HALF_LINES);
	await(&f, SERVE, "burst");
	log_stop();
	ck_assert_uint_eq(count(&f, SERVE, "burst"), HALF_LINES);
	ck_assert_str_eq(logged(), "");
	tear_down(&f);
}
END_TEST

static void
burst_once(void *context)
{
	bool *done = context;

	if (*done)
		return;
	*done = true;
	burst(LOG_DOWNLOAD, HALF_LINES);
}

START_TEST(log_end__half_a_buffer_that_came_while_the_writer_wrote_is_written_at_once)
{
	struct fixture f;
	bool done = false;

	unit_clock_advance_ms(1800000);
	set_up(&f);
	/* The downloads' log has had its turn when the writer writes this. */
	faults_look(burst_once, &done);
	burst(LOG_SERVE, HALF_LINES);
	await(&f, DOWNLOAD, "burst");
	log_stop();
	faults_look(NULL, NULL);
	ck_assert_uint_eq(count(&f, DOWNLOAD, "burst"), HALF_LINES);
	tear_down(&f);
}
END_TEST

/* What comes out of a FIFO, until nobody writes to it any more. */
static void *
count_lines(void *context)
{
	AUTO_CLOSE int fd = open(context, O_RDONLY | O_CLOEXEC);
	char bytes[4096];
	size_t lines = 0;
	ssize_t got;

	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < got; i++)
			lines += bytes[i] == '\n';
	return (void *)(uintptr_t)lines;
}

START_TEST(log_end__lines_that_a_slow_disk_does_not_take_are_counted)
{
	enum { LINES = 60000 }; /* far more than two buffers */
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE char *fifo = mem_printf("%s/%s", path, SERVE);
	size_t lost = 0;
	const char *said;
	pthread_t reader;
	struct err e = {0};
	void *written;
	int hold;

	ck_assert_int_eq(mkfifoat(dir, SERVE, 0600), 0);
	hold = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	logged_begin();
	ck_assert_int_eq(log_start(path, &e), 0);
	burst(LOG_SERVE, LINES);
	/* It is read from here on. */
	ck_assert_int_eq(pthread_create(&reader, NULL, count_lines, fifo), 0);
	log_stop();
	(void)close(hold);
	ck_assert_int_eq(pthread_join(reader, &written), 0);
	said = logged();
	while ((said = strstr(said, "event=lines-lost text=\"")) != NULL) {
		said += strlen("event=lines-lost text=\"");
		lost += strtoul(said, NULL, 10);
	}
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_eq((uintptr_t)written + lost, LINES);
}
END_TEST

START_TEST(log_end__what_could_not_be_written_is_said)
{
	struct fixture f;

	set_up(&f);
	say(LOG_DOWNLOAD, "written");
	await(&f, DOWNLOAD, "written");
	faults_begin(1);
	say(LOG_DOWNLOAD, "lost");
	log_stop();
	ck_assert(faults_stop());
	ck_assert_uint_eq(count(&f, DOWNLOAD, "lost"), 0);
	ck_assert_ptr_nonnull(
		strstr(logged(), "event=lines-lost text=\"1 or more lines of " DOWNLOAD "\"\n"));
	tear_down(&f);
}
END_TEST

void
log_files_tests(TCase *c)
{
	tcase_add_test(c, log_end__each_target_has_its_lines);
	tcase_add_test(c, log_start__goes_on_with_the_files_of_before);
	tcase_add_test(c, log_start__a_file_that_cannot_be_opened_is_named);
	tcase_add_test(c, log_end__a_quiet_line_comes_to_its_file_by_itself);
	tcase_add_test(c, log_reopen__lines_go_on_in_a_new_file_and_those_before_stay);
	tcase_add_test(c, log_reopen__where_it_cannot_be_the_old_file_goes_on);
	tcase_add_test(c, log_end__half_a_buffer_is_written_at_once);
	tcase_add_test(
		c, log_end__half_a_buffer_that_came_while_the_writer_wrote_is_written_at_once);
	tcase_add_test(c, log_end__lines_that_a_slow_disk_does_not_take_are_counted);
	tcase_add_test(c, log_end__what_could_not_be_written_is_said);
}
