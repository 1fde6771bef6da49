/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/fs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/mem.h"
#include "faults.h"
#include "unit.h"

START_TEST(fs__never_follows_links_and_bounds_reads)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_BUF struct buf bytes = {0};
	struct err e = {0};

	ck_assert_int_eq(symlinkat("/etc/passwd", dir, "link"), 0);
	ck_assert_int_eq(fs_open(dir, "link", NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "links are not followed"));
	ck_assert_int_eq(fs_lock(dir, "link", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "links are not followed"));
	ck_assert_int_eq(fs_put(dir, "link", "ten", unit_text(""), &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "links are not followed"));
	ck_assert_int_eq(fs_put(dir, "x", "ten", unit_text("0123456789"), NULL), 0);
	ck_assert_int_eq(fs_read(dir, "ten", 9, &bytes, &e), -1);
	ck_assert_int_eq(e.code, ERR_LIMIT);
	ck_assert_int_eq(fs_read(dir, "none", 9, &bytes, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	fs_close(&(int){fs_make_dirs(dir, "a/b/c", NULL)});
	ck_assert_int_eq(symlinkat("/etc", dir, "a/b/c/etc"), 0);
	ck_assert_int_eq(fs_remove(dir, "a", NULL), 0);
	ck_assert(fs_exists(AT_FDCWD, "/etc/passwd"));
}
END_TEST

/* One name for each kind; the socket's is given by its path. */
static void
make_kinds(int dir, const char *path)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", path);

	ck_assert_int_lt(len, (int)sizeof(address.sun_path));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(symlinkat("file", dir, "link"), 0);
	ck_assert_int_eq(symlinkat("nowhere", dir, "dangling link"), 0);
	ck_assert_int_eq(mkdirat(dir, "directory", 0755), 0);
	ck_assert_int_eq(mkfifoat(dir, "fifo", 0644), 0);
	ck_assert_int_eq(fs_put(dir, "x", "file", unit_text("kept"), NULL), 0);
}

START_TEST(fs_open__takes_regular_files_alone_and_says_so)
{
	static const struct {
		const char *name;
		const char *why;
	} rows[] = {
		{"link", "is a link, and links are not followed"},
		{"dangling link", "is a link, and links are not followed"},
		{"directory", "not a regular file"},
		{"fifo", "not a regular file"},
		{"socket", "not a regular file"},
		{"/dev/null", "not a regular file"},
	};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int fd = -1;
	uint64_t bytes;

	make_kinds(dir, path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *text = mem_printf("%s: %s", rows[i].name, rows[i].why);
		struct err e = {0};

		ck_assert_int_eq(fs_open(dir, rows[i].name, NULL, &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_str_eq(e.text, text);
	}
	fd = fs_open(dir, "file", &bytes, NULL);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(bytes, 4);
}
END_TEST

/* A fifo that nobody reads would hold an open for writing for ever; one with a reader takes it. */
START_TEST(fs_put__writes_into_regular_files_alone_and_waits_for_nobody)
{
	static const char *const stages[] = {"fifo", "socket"};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int reader = -1;

	make_kinds(dir, path);
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		struct err e = {0};

		ck_assert_int_eq(fs_put(dir, stages[i], "file", unit_text("new"), &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_ptr_nonnull(strstr(e.text, "not a regular file"));
		/* What was in the way is gone. */
		ck_assert_int_eq(fs_put(dir, stages[i], "file", unit_text("new"), NULL), 0);
	}
	ck_assert_int_eq(mkfifoat(dir, "fifo", 0644), 0);
	reader = openat(dir, "fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(reader, 0);
	ck_assert_int_eq(fs_put(dir, "fifo", "file", unit_text("new"), NULL), -1);
	fs_close(&reader);
	reader = fs_open(dir, "file", NULL, NULL);
	ck_assert_int_ge(reader, 0);
}
END_TEST

/* A directory "out" with a file, and links to it at the end and in the middle of paths. */
START_TEST(fs__no_directory_is_reached_through_a_link)
{
	static const char *const paths[] = {"link", "link/", "link/in", "a/link", "a/link/in"};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE char *linked = mem_printf("%s/link/in", path);

	fs_close(&(int){fs_make_dirs(dir, "out/in", NULL)});
	fs_close(&(int){fs_make_dirs(dir, "a", NULL)});
	ck_assert_int_eq(fs_put(dir, "x", "out/in/file", unit_text("kept"), NULL), 0);
	ck_assert_int_eq(symlinkat("out", dir, "link"), 0);
	ck_assert_int_eq(symlinkat("../out", dir, "a/link"), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct err e = {0};

		ck_assert_int_eq(fs_open_dir(dir, paths[i], &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_ptr_nonnull(strstr(e.text, "links are not followed"));
		ck_assert_int_eq(fs_make_dirs(dir, paths[i], NULL), -1);
	}
	ck_assert_int_eq(fs_make_dirs(dir, "link/new", NULL), -1);
	ck_assert(!fs_exists(dir, "out/new"));
	ck_assert_int_eq(fs_put(dir, "x", "link/file", unit_text("new"), NULL), -1);
	ck_assert(!fs_exists(dir, "out/file"));
	ck_assert_int_eq(fs_clear(dir, "link", NULL), -1);
	ck_assert(fs_exists(dir, "out/in/file"));
	/* What somebody says from the root on may lead over links. */
	fs_close(&(int){fs_open_dir(AT_FDCWD, linked, NULL)});
	ck_assert_int_eq(fs_remove(dir, "link", NULL), 0);
	ck_assert(fs_exists(dir, "out/in/file"));
}
END_TEST

START_TEST(fs_open_dir__says_what_is_missing_and_what_is_no_directory)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int deep = fs_make_dirs(dir, "a/b/c", NULL);
	AUTO_CLOSE int found = fs_open_dir(dir, "a/b/c", NULL);
	struct err e = {0};

	ck_assert_int_ge(deep, 0);
	ck_assert_int_ge(found, 0);
	ck_assert_int_eq(fs_open_dir(dir, "a/none/c", &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert_int_eq(fs_put(dir, "x", "a/file", unit_text(""), NULL), 0);
	ck_assert_int_eq(fs_open_dir(dir, "a/file", &e), -1);
	ck_assert_int_eq(fs_make_dirs(dir, "a/file/c", &e), -1);
}
END_TEST

static int
name_three(void *context, int dir, const char *name, struct err *e)
{
	(void)dir;
	(void)e;
	buf_add_string(context, name);
	return ((struct buf *)context)->len >= 3 ? 7 : 0;
}

START_TEST(fs_each__each_name_once_until_somebody_has_enough)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_BUF struct buf names = {0};
	struct err e = {0};

	ck_assert_int_eq(fs_put(dir, "x", "a", unit_text(""), NULL), 0);
	ck_assert_int_eq(fs_put(dir, "x", "b", unit_text(""), NULL), 0);
	ck_assert_int_eq(fs_each(dir, ".", name_three, &names, &e), 0);
	ck_assert(names.len == 2 && strchr(names.at, 'a') && strchr(names.at, 'b'));
	ck_assert_int_eq(fs_each(dir, ".", name_three, &names, &e), 7);
	ck_assert_uint_eq(names.len, 3);
	ck_assert_int_eq(fs_each(dir, "none", name_three, &names, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert_int_eq(fs_each(dir, "a", name_three, &names, &e), -1);
}
END_TEST

START_TEST(fs_lock__is_one_process_s_and_says_whose)
{
	static const char *const texts[] = {"12\n", "x", "", "7;rm -rf\n"};
	static const char *const words[] = {"in use by process 12", "in use by process ?",
		"in use by process ?", "in use by process 7"};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int first = -1;
	AUTO_FREE char *number = mem_printf("%ld\n", (long)getpid());
	AUTO_BUF struct buf text = {0};
	struct stat st;
	struct err e = {0};

	ck_assert_int_eq(
		fs_put(dir, "x", "lock", unit_text("123456789012345678901234567890"), NULL), 0);
	first = fs_lock(dir, "lock", NULL);
	ck_assert_int_ge(first, 0);
	ck_assert_int_eq(fs_read(dir, "lock", 100, &text, NULL), 0);
	ck_assert_str_eq(text.at, number);
	ck_assert_int_eq(fstatat(dir, "lock", &st, 0), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(ftruncate(first, 0), 0);
		ck_assert_int_eq(fs_write_at(first, 0, texts[i], strlen(texts[i]), NULL), 0);
		ck_assert_int_eq(fs_lock(dir, "lock", &e), -1);
		ck_assert_int_eq(e.code, ERR_BUSY);
		ck_assert_str_eq(e.text, words[i]);
	}
	fs_close(&first);
	ck_assert_int_eq(first, -1);
	first = fs_lock(dir, "lock", NULL);
	ck_assert_int_ge(first, 0);
}
END_TEST

/* The number of whoever had it before would send people after another process. */
START_TEST(fs_lock__without_room_for_the_number_names_nobody)
{
	struct rlimit all;
	struct rlimit none;
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int first = -1;
	struct err e = {0};

	ck_assert_int_eq(fs_put(dir, "x", "lock", unit_text("123456789012"), NULL), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &all), 0);
	none = (struct rlimit){0, all.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	first = fs_lock(dir, "lock", NULL);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
	ck_assert_int_ge(first, 0);
	ck_assert_int_eq(fs_lock(dir, "lock", &e), -1);
	ck_assert_str_eq(e.text, "in use by process ?");
}
END_TEST

START_TEST(fs_read__all_that_is_in_the_buffer_counts)
{
	enum { LEN = 40000 };
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE unsigned char *bytes = unit_bytes(LEN, 1);
	AUTO_BUF struct buf got = {0};
	struct err e = {0};
	const char *name;
	uint64_t size;

	ck_assert_int_eq(fs_put(dir, "x", "a", span_of(bytes, LEN), NULL), 0);
	ck_assert_int_eq(fs_read(dir, "a", LEN, &got, &e), 0);
	ck_assert_mem_eq(got.at, bytes, LEN);
	ck_assert_int_eq(fs_read(dir, "a", 2 * LEN, &got, &e), 0);
	ck_assert_uint_eq(got.len, 2 * LEN);
	ck_assert_mem_eq(got.at + LEN, bytes, LEN);
	ck_assert_int_eq(fs_read(dir, "a", 3 * LEN - 1, &got, &e), -1);
	ck_assert_int_eq(e.code, ERR_LIMIT);
	fs_close(&(int){fs_open(dir, "a", &size, NULL)});
	ck_assert_uint_eq(size, LEN);
	/* The directory of a file is where its name ends. */
	fs_close(&(int){fs_open_dir_of(dir, "a", &name, NULL)});
	ck_assert_str_eq(name, "a");
	fs_close(&(int){fs_open_dir_of(AT_FDCWD, "/tmp", &name, NULL)});
	ck_assert_str_eq(name, "tmp");
	ck_assert_int_eq(fs_open_dir_of(dir, "none/b", &name, &e), -1);
	ck_assert_int_eq(fs_make_dirs(AT_FDCWD, "", &e), -1);
}
END_TEST

/* ---- A disk that fails */

static int
try_put(int dir, struct err *e)
{
	return fs_put(dir, "x", "new", unit_text("bytes"), e);
}

static int
try_make_dirs(int dir, struct err *e)
{
	AUTO_CLOSE int fd = fs_make_dirs(dir, "a/b/c", e);

	return fd < 0 ? -1 : 0;
}

static int
try_clear(int dir, struct err *e)
{
	return fs_clear(dir, "full", e);
}

static int
try_remove(int dir, struct err *e)
{
	return fs_remove(dir, "full", e);
}

START_TEST(fs__what_the_disk_refuses_is_told_and_can_be_done_again)
{
	static const struct {
		int (*run)(int dir, struct err *e);
		const char *there; /* afterwards */
		const char *gone;
	} operations[] = {
		{try_put, "new", "x"},
		{try_make_dirs, "a/b/c", "new"},
		{try_clear, "full", "full/in"},
		{try_remove, "beside", "full"},
	};
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		struct err e = {0};
		int result;

		fs_close(&(int){fs_make_dirs(dir, "full/in/deep", NULL)});
		fs_close(&(int){fs_make_dirs(dir, "beside", NULL)});
		ck_assert_int_eq(fs_put(dir, "x", "full/in/file", unit_text(""), NULL), 0);
		faults_begin(n);
		result = operations[_i].run(dir, &e);
		failed = faults_end(result, &e);
		ck_assert(!fs_exists(dir, "x"));
		if (failed)
			ck_assert_int_eq(operations[_i].run(dir, NULL), 0);
		ck_assert(fs_exists(dir, operations[_i].there));
		ck_assert(!fs_exists(dir, operations[_i].gone));
	}
}
END_TEST

START_TEST(fs_write__what_cannot_be_written_is_an_error)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int fd = openat(dir, "x", O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
	struct err e = {0};

	ck_assert_int_eq(fs_write(fd, "bytes", 5, &e), -1);
	ck_assert_int_eq(e.code, ERR_SYS);
	e = (struct err){0};
	ck_assert_int_eq(fs_write_at(fd, 5, "bytes", 5, &e), -1);
	ck_assert_int_eq(e.code, ERR_SYS);
	ck_assert_int_eq(fs_write(fd, "", 0, NULL), 0);
	ck_assert_int_eq(fs_put(dir, "stage", "none/x", unit_text(""), &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert(!fs_exists(dir, "stage"));
}
END_TEST

START_TEST(fs_put_over__a_directory_in_its_place_goes)
{
	static const char *const in_place[] = {"", "name", "stage", "name stage", "other"};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);

	for (size_t i = 0; i < sizeof(in_place) / sizeof(in_place[0]); i++) {
		AUTO_BUF struct buf got = {0};
		struct err e = {0};

		for (int k = 0; k < 2; k++)
			if (strstr(in_place[i], k == 0 ? "name" : "stage") != NULL) {
				AUTO_CLOSE int in =
					fs_make_dirs(dir, k == 0 ? "name" : "stage", &e);

				ck_assert_int_eq(fs_put(in, "s", "file", unit_text("x"), &e), 0);
			}
		ck_assert_msg(fs_put_over(dir, "stage", "name", unit_text("bytes"), &e) == 0, "%s",
			e.text);
		ck_assert_int_eq(fs_read(dir, "name", 10, &got, &e), 0);
		ck_assert_uint_eq(got.len, 5);
		ck_assert(!fs_exists(dir, "stage"));
		ck_assert_int_eq(fs_remove(dir, "name", &e), 0);
	}
	ck_assert_int_eq(fs_put_over(dir, "none/stage", "name", unit_text("x"), NULL), -1);
}
END_TEST

START_TEST(fs_put__its_bytes_are_on_the_disk_and_then_its_name)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);

	fs_close(&(int){fs_make_dirs(dir, "sub", NULL)});
	faults_follow();
	ck_assert_int_eq(fs_put(dir, "x", "sub/new", unit_text("bytes"), NULL), 0);
	ck_assert(!faults_would_lose());
}
END_TEST

START_TEST(fs_open_standard__what_is_closed_leads_nowhere_and_what_is_open_stays)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct stat null;
	struct stat st;
	int fd = dup(dir);
	const int next = fd;

	fs_close(&fd);
	ck_assert_int_eq(stat("/dev/null", &null), 0);
	for (int only = STDIN_FILENO; only <= STDERR_FILENO; only++) {
		for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			(void)close(fd);
		ck_assert_int_eq(dup2(dir, only), only);
		ck_assert_int_eq(fs_open_standard(NULL), 0);
		for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
			ck_assert_int_eq(fstat(fd, &st), 0);
			ck_assert_msg(
				fd == only ? S_ISDIR(st.st_mode) != 0 : st.st_rdev == null.st_rdev,
				"%d of %d", fd, only);
		}
		/* Nothing more is open than these: the next has the number that is next. */
		fd = dup(only);
		ck_assert_int_eq(fd, next);
		fs_close(&fd);
	}
}
END_TEST

void
fs_tests(TCase *c)
{
	tcase_add_test(c, fs_put_over__a_directory_in_its_place_goes);
	tcase_add_test(c, fs_put__its_bytes_are_on_the_disk_and_then_its_name);
	tcase_add_test(c, fs_open_standard__what_is_closed_leads_nowhere_and_what_is_open_stays);
	tcase_add_test(c, fs__never_follows_links_and_bounds_reads);
	tcase_add_test(c, fs_open__takes_regular_files_alone_and_says_so);
	tcase_add_test(c, fs_put__writes_into_regular_files_alone_and_waits_for_nobody);
	tcase_add_test(c, fs__no_directory_is_reached_through_a_link);
	tcase_add_test(c, fs_open_dir__says_what_is_missing_and_what_is_no_directory);
	tcase_add_test(c, fs_each__each_name_once_until_somebody_has_enough);
	tcase_add_test(c, fs_lock__is_one_process_s_and_says_whose);
	tcase_add_test(c, fs_lock__without_room_for_the_number_names_nobody);
	tcase_add_test(c, fs_read__all_that_is_in_the_buffer_counts);
	tcase_add_loop_test(c, fs__what_the_disk_refuses_is_told_and_can_be_done_again, 0, 4);
	tcase_add_test(c, fs_write__what_cannot_be_written_is_an_error);
}
