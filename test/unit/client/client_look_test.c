/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_look.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

/* A directory with the files of a header, looked at. */
struct fixture {
	char *path;
	int dir;
	struct header *header;
	struct look look;
};

static void
put(const struct fixture *f, const char *name, const char *text)
{
	ck_assert_int_eq(fs_put(f->dir, "x", name, unit_text(text), NULL), 0);
}

static size_t
look(struct fixture *f, bool all)
{
	const char *first;
	size_t damaged;

	f->look.news = false;
	damaged = client_look_files(f->dir, f->header, &f->look, all, &first);
	ck_assert((damaged > 0) == (first != NULL));
	return damaged;
}

static void
set_up(struct fixture *f)
{
	static const struct {
		char *path;
		const char *text;
		bool executable;
	} files[] = {{"a", "first", false}, {"b", "second", true}, {"c", "", false}};

	*f = (struct fixture){.header = header_new()};
	f->dir = unit_dir(&f->path);
	for (size_t i = 0; i < 3; i++) {
		struct span text = unit_text(files[i].text);
		struct header_file file = {.path = files[i].path,
			.size = text.len,
			.executable = files[i].executable,
			.digest = digest_of(text)};

		put(f, files[i].path, files[i].text);
		ck_assert_int_eq(header_add(f->header, &file, NULL), 0);
	}
	ck_assert_int_eq(header_seal(f->header, NULL), 0);
	client_look_new(&f->look, f->header->count);
	ck_assert_uint_eq(look(f, false), 0); /* it knows nothing: all are digested */
	ck_assert(f->look.news);
}

static void
tear_down(struct fixture *f)
{
	client_look_free(&f->look);
	header_free(f->header);
	fs_close(&f->dir);
	free(f->path);
}

static unsigned
mode_of(const struct fixture *f, const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(f->dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

/* As a program does that writes into a file, and sets its time back. */
static void
overwrite(const struct fixture *f, const char *name, const char *text, bool quietly)
{
	AUTO_CLOSE int fd = openat(f->dir, name, O_WRONLY | O_CLOEXEC);
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(fs_write(fd, text, strlen(text), NULL), 0);
	if (quietly)
		ck_assert_int_eq(futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim}), 0);
	else
		ck_assert_int_eq(futimens(fd, NULL), 0);
}

START_TEST(client_look_files__what_is_as_it_was_is_no_news)
{
	struct fixture f;

	set_up(&f);
	ck_assert_uint_eq(look(&f, false), 0);
	ck_assert(!f.look.news);
	ck_assert_uint_eq(mode_of(&f, "a"), 0644);
	ck_assert_uint_eq(mode_of(&f, "b"), 0755);
	tear_down(&f);
}
END_TEST

START_TEST(client_look_files__a_file_that_was_only_touched_is_whole)
{
	struct fixture f;

	set_up(&f);
	ck_assert_int_eq(utimensat(f.dir, "a", (struct timespec[]){{1, 0}, {1, 5}}, 0), 0);
	ck_assert_uint_eq(look(&f, false), 0);
	ck_assert(f.look.news);
	ck_assert_uint_eq(f.look.files[0].changed_ns, 1000000005);
	tear_down(&f);
}
END_TEST

START_TEST(client_look_files__finds_what_is_missing_changed_or_something_else)
{
	struct fixture f;

	set_up(&f);
	overwrite(&f, "a", "FIRST", false);
	ck_assert_uint_eq(look(&f, false), 1);
	ck_assert_uint_eq(look(&f, false), 1); /* and finds it again, though it is as it was */
	overwrite(&f, "a", "first", false);
	ck_assert_uint_eq(look(&f, false), 0);
	overwrite(&f, "a", "first and more", true); /* its size tells */
	ck_assert_uint_eq(look(&f, false), 1);
	ck_assert_int_eq(unlinkat(f.dir, "a", 0), 0);
	ck_assert_uint_eq(look(&f, false), 1);
	ck_assert_int_eq(symlinkat("b", f.dir, "a"), 0);
	ck_assert_int_eq(unlinkat(f.dir, "c", 0), 0);
	ck_assert_int_eq(mkdirat(f.dir, "c", 0755), 0);
	ck_assert_uint_eq(look(&f, false), 2);
	tear_down(&f);
}
END_TEST

/* Files of one size, mode and time: by their inodes they are told apart. */
START_TEST(client_look_files__finds_files_that_changed_places)
{
	static const struct timespec same[] = {{5, 0}, {5, 0}};
	struct fixture f;

	set_up(&f);
	put(&f, "b", "FIRST");
	f.header->files[1].size = 5;
	f.header->files[1].executable = false;
	f.header->files[1].digest = digest_of(unit_text("FIRST"));
	ck_assert_int_eq(utimensat(f.dir, "a", same, 0), 0);
	ck_assert_int_eq(utimensat(f.dir, "b", same, 0), 0);
	ck_assert_uint_eq(look(&f, false), 0);
	ck_assert_int_eq(renameat2(f.dir, "a", f.dir, "b", RENAME_EXCHANGE), 0);
	ck_assert_uint_eq(look(&f, false), 2);
	ck_assert_int_eq(renameat2(f.dir, "a", f.dir, "b", RENAME_EXCHANGE), 0);
	ck_assert_uint_eq(look(&f, false), 0);
	ck_assert_int_eq(unlinkat(f.dir, "a", 0), 0);
	ck_assert_int_eq(linkat(f.dir, "b", f.dir, "a", 0), 0);
	ck_assert_uint_eq(look(&f, false), 1);
	tear_down(&f);
}
END_TEST

START_TEST(client_look_files__digests_find_what_kept_its_time)
{
	struct fixture f;

	set_up(&f);
	overwrite(&f, "a", "FIRST", true);
	ck_assert_uint_eq(look(&f, false), 0);
	ck_assert_uint_eq(look(&f, true), 1);
	ck_assert_uint_eq(look(&f, false), 1); /* it is known from then on */
	tear_down(&f);
}
END_TEST

START_TEST(client_look_files__a_mode_is_put_right)
{
	static const mode_t modes[] = {04644, 0666, 0600, 0755};
	struct fixture f;

	set_up(&f);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(fchmodat(f.dir, "a", modes[i], 0), 0);
		ck_assert_uint_eq(look(&f, false), 0);
		ck_assert_uint_eq(mode_of(&f, "a"), 0644);
	}
	ck_assert_int_eq(fchmodat(f.dir, "b", 06777, 0), 0);
	ck_assert_uint_eq(look(&f, false), 0);
	ck_assert_uint_eq(mode_of(&f, "b"), 0755);
	tear_down(&f);
}
END_TEST

START_TEST(client_look_read__a_damaged_record_knows_nothing)
{
	AUTO_BUF struct buf text = {0};
	AUTO_LOOK struct look got = {0};
	struct err e = {0};
	struct fixture f;

	set_up(&f);
	f.look.verified_s = 1234567890;
	f.look.header = digest_of(unit_text("h"));
	ck_assert_int_eq(client_look_write(f.dir, "r", &f.look, NULL), 0);
	client_look_new(&got, 3);
	ck_assert_int_eq(client_look_read(f.dir, "r", &got, NULL), 0);
	ck_assert_uint_eq(got.verified_s, 1234567890);
	ck_assert(digest_equal(&got.header, &f.look.header));
	ck_assert_mem_eq(got.files, f.look.files, 3 * sizeof(*got.files));

	ck_assert_int_eq(fs_read(f.dir, "r", 1000, &text, NULL), 0);
	/* Cut before the last line's number, a byte of zeros, or of another number of files. */
	for (size_t len = 0; len + 20 < text.len; len++) {
		ck_assert_int_eq(fs_put(f.dir, "x", "r", span_of(text.at, len), NULL), 0);
		ck_assert_int_eq(client_look_read(f.dir, "r", &got, &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_str_eq(e.text, "r: damaged");
		ck_assert_uint_eq(got.files[0].changed_ns + got.files[1].inode + got.verified_s, 0);
	}
	/* Its header is said by what is no digest. */
	text.at[strlen("seen 1\nheader ")] = 'g';
	ck_assert_int_eq(fs_put(f.dir, "x", "r", span_of(text.at, text.len), NULL), 0);
	ck_assert_int_eq(client_look_read(f.dir, "r", &got, NULL), -1);
	text.at[strlen("seen 1\nheader ")] = 'a';
	ck_assert_int_eq(fs_put(f.dir, "x", "r", span_of(text.at, text.len), NULL), 0);
	ck_assert_int_eq(client_look_read(f.dir, "r", &got, NULL), 0);
	text.at[text.len - 5] = '\0';
	ck_assert_int_eq(fs_put(f.dir, "x", "r", span_of(text.at, text.len), NULL), 0);
	ck_assert_int_eq(client_look_read(f.dir, "r", &got, NULL), -1);
	ck_assert_int_eq(client_look_write(f.dir, "r", &f.look, NULL), 0);
	client_look_free(&got);
	client_look_new(&got, 2);
	ck_assert_int_eq(client_look_read(f.dir, "r", &got, NULL), -1);
	ck_assert_int_eq(client_look_read(f.dir, "none", &got, NULL), -1);
	tear_down(&f);
}
END_TEST

/* Bytes that this process has read so far: proc(5). */
static unsigned long long
bytes_read(void)
{
	FILE *io = fopen("/proc/self/io", "re");
	unsigned long long bytes = 0;

	ck_assert_ptr_nonnull(io);
	ck_assert_int_eq(fscanf(io, "rchar: %llu", &bytes), 1);
	(void)fclose(io);
	return bytes;
}

START_TEST(client_look_files__a_file_of_many_names_is_read_once)
{
	enum { NAMES = 50, BYTES = 1 << 20 };
	AUTO_FREE unsigned char *bytes = unit_bytes(BYTES, 1);
	struct header_file file = {.path = NULL, .size = BYTES};
	struct fixture f;
	char name[16];
	unsigned long long before;

	set_up(&f);
	header_free(f.header);
	client_look_free(&f.look);
	f.header = header_new();
	file.digest = digest_of(span_of(bytes, BYTES));
	ck_assert_int_eq(fs_put(f.dir, "x", "n0", span_of(bytes, BYTES), NULL), 0);
	for (int i = 0; i < NAMES; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		if (i > 0)
			ck_assert_int_eq(linkat(f.dir, "n0", f.dir, name, 0), 0);
		file.path = name;
		ck_assert_int_eq(header_add(f.header, &file, NULL), 0);
	}
	ck_assert_int_eq(header_seal(f.header, NULL), 0);
	client_look_new(&f.look, NAMES);
	before = bytes_read();
	ck_assert_uint_eq(look(&f, true), 0);
	ck_assert_uint_lt(bytes_read() - before, 2 * BYTES);
	overwrite(&f, "n7", "damage", false);
	before = bytes_read();
	ck_assert_uint_eq(look(&f, false), NAMES);
	ck_assert_uint_lt(bytes_read() - before, 2 * BYTES);
	/* Of one that has a file of its own the others say nothing. */
	ck_assert_int_eq(fs_put(f.dir, "x", "n1", span_of(bytes, BYTES), NULL), 0);
	ck_assert_uint_eq(look(&f, true), NAMES - 1);
	tear_down(&f);
}
END_TEST

/* Right content behind a link in the place of a directory; below it the last file is a twin. */
START_TEST(client_look_files__a_directory_that_is_a_link_is_damage)
{
	static char *const paths[] = {"d.x", "d/e/f", "d/e/g", "d/h", "z"};
	struct header_file file = {.size = 5, .digest = digest_of(unit_text("right"))};
	struct fixture f;

	set_up(&f);
	header_free(f.header);
	client_look_free(&f.look);
	f.header = header_new();
	fs_close(&(int){fs_make_dirs(f.dir, "d/e", NULL)});
	for (size_t i = 0; i < 5; i++) {
		put(&f, paths[i], "right");
		file.path = paths[i];
		ck_assert_int_eq(header_add(f.header, &file, NULL), 0);
	}
	ck_assert_int_eq(header_seal(f.header, NULL), 0);
	client_look_new(&f.look, 5);
	ck_assert_uint_eq(look(&f, false), 0);
	ck_assert_int_eq(renameat(f.dir, "d/e", f.dir, "elsewhere"), 0);
	ck_assert_int_eq(symlinkat("../elsewhere", f.dir, "d/e"), 0);
	ck_assert_int_eq(fchmodat(f.dir, "elsewhere/f", 0600, 0), 0);
	ck_assert_uint_eq(look(&f, false), 2);
	ck_assert_uint_eq(look(&f, true), 2);
	ck_assert_uint_eq(mode_of(&f, "elsewhere/f"), 0600);
	ck_assert_int_eq(renameat(f.dir, "d", f.dir, "away"), 0);
	ck_assert_int_eq(symlinkat("away", f.dir, "d"), 0);
	ck_assert_uint_eq(look(&f, false), 3);
	tear_down(&f);
}
END_TEST

void
client_look_tests(TCase *c)
{
	tcase_add_test(c, client_look_files__a_directory_that_is_a_link_is_damage);
	tcase_add_test(c, client_look_files__a_file_of_many_names_is_read_once);
	tcase_add_test(c, client_look_files__what_is_as_it_was_is_no_news);
	tcase_add_test(c, client_look_files__a_file_that_was_only_touched_is_whole);
	tcase_add_test(c, client_look_files__finds_what_is_missing_changed_or_something_else);
	tcase_add_test(c, client_look_files__finds_files_that_changed_places);
	tcase_add_test(c, client_look_files__digests_find_what_kept_its_time);
	tcase_add_test(c, client_look_files__a_mode_is_put_right);
	tcase_add_test(c, client_look_read__a_damaged_record_knows_nothing);
}
