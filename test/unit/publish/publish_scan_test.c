/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/publish_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "faults.h"
#include "unit.h"

/* What is published, and where its files go. */
struct fixture {
	char *from;
	char *to;
	int from_dir;
	int to_dir;
	struct header *header;
};

static void
put(const struct fixture *f, const char *name, const char *text, mode_t mode)
{
	ck_assert_int_eq(fs_put(f->from_dir, "stage", name, unit_text(text), NULL), 0);
	ck_assert_int_eq(fchmodat(f->from_dir, name, mode, 0), 0);
}

static void
set_up(struct fixture *f)
{
	f->from_dir = unit_dir(&f->from);
	f->to_dir = unit_dir(&f->to);
	f->header = header_new();
	fs_close(&(int){fs_make_dirs(f->from_dir, "sub/deep", NULL)});
	put(f, "sub/deep/z", "last", 0644);
	put(f, "a", "first", 0755);
}

static void
tear_down(struct fixture *f)
{
	header_free(f->header);
	fs_close(&f->from_dir);
	fs_close(&f->to_dir);
	free(f->from);
	free(f->to);
}

static void
check_refused(struct fixture *f, const char *words)
{
	struct err e = {0};

	ck_assert_int_eq(publish_scan(f->from, f->to_dir, f->header, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_msg(strstr(e.text, words) != NULL, "%s", e.text);
	ck_assert_msg(strncmp(e.text, f->from, strlen(f->from)) == 0, "%s", e.text);
}

START_TEST(publish_scan__every_file_is_listed_and_copied)
{
	static const struct {
		const char *path;
		const char *text;
		bool executable;
	} want[] = {{"a", "first", true}, {"empty", "", false}, {"group", "g", false},
		{"owner", "o", true}, {"sub/deep/z", "last", false}};
	struct fixture f;

	set_up(&f);
	put(&f, "empty", "", 0644);
	put(&f, "group", "g", 0654); /* who may execute it is the owner, or nobody */
	put(&f, "owner", "o", 0744);
	ck_assert_int_eq(publish_scan(f.from, f.to_dir, f.header, NULL), 0);
	ck_assert_uint_eq(f.header->count, 5);
	for (size_t i = 0; i < 5; i++) {
		const struct header_file *file = &f.header->files[i];
		const struct digest digest = digest_of(unit_text(want[i].text));
		AUTO_BUF struct buf got = {0};
		char hex[DIGEST_HEX + 1];

		ck_assert_str_eq(file->path, want[i].path);
		ck_assert(digest_equal(&file->digest, &digest));
		ck_assert_uint_eq(file->size, strlen(want[i].text));
		ck_assert_int_eq(file->executable, want[i].executable);
		ck_assert_int_eq(fs_read(f.to_dir, digest_hex(&digest, hex), 100, &got, NULL), 0);
		ck_assert_uint_eq(got.len, strlen(want[i].text));
	}
	tear_down(&f);
}
END_TEST

START_TEST(publish_scan__a_file_larger_than_a_block_is_copied_whole)
{
	enum { LEN = 1000000 };
	AUTO_FREE unsigned char *bytes = unit_bytes(LEN, 1);
	AUTO_BUF struct buf got = {0};
	char hex[DIGEST_HEX + 1];
	struct fixture f;

	set_up(&f);
	ck_assert_int_eq(fs_put(f.from_dir, "stage", "a", span_of(bytes, LEN), NULL), 0);
	ck_assert_int_eq(publish_scan(f.from, f.to_dir, f.header, NULL), 0);
	ck_assert_uint_eq(f.header->files[0].size, LEN);
	ck_assert_int_eq(
		fs_read(f.to_dir, digest_hex(&f.header->files[0].digest, hex), LEN, &got, NULL), 0);
	ck_assert_mem_eq(got.at, bytes, LEN);
	tear_down(&f);
}
END_TEST

/* Their sizes say nothing in /proc, so that each is read twice. */
START_TEST(publish_scan__what_is_the_same_twice_was_not_written_to_in_between)
{
	struct fixture f;

	set_up(&f);
	free(f.from);
	f.from = mem_string("/proc/sys/user");
	ck_assert_int_eq(publish_scan(f.from, f.to_dir, f.header, NULL), 0);
	ck_assert_uint_gt(f.header->count, 0);
	ck_assert_uint_gt(f.header->files[0].size, 0);
	free(f.from);
	f.from = mem_string("/proc/sys/kernel/random"); /* with a uuid for each who asks */
	check_refused(&f, "uuid: changed while it was read; nothing was published");
	tear_down(&f);
}
END_TEST

START_TEST(publish_scan__what_is_no_file_is_refused_by_its_path)
{
	struct fixture f;

	for (int i = 0; i < 4; i++) {
		set_up(&f);
		switch (i) {
		case 0:
			ck_assert_int_eq(symlinkat("z", f.from_dir, "sub/deep/odd"), 0);
			check_refused(&f, "sub/deep/odd: is a link, and links are not followed");
			break;
		case 1:
			ck_assert_int_eq(mkfifoat(f.from_dir, "sub/deep/odd", 0644), 0);
			check_refused(&f, "sub/deep/odd: not a regular file or directory");
			break;
		case 2:
			ck_assert_int_eq(mkdirat(f.from_dir, "sub/deep/odd", 0755), 0);
			check_refused(&f, "sub/deep/odd: an empty directory cannot be published");
			break;
		default:
			ck_assert_int_eq(
				mknodat(f.from_dir, "sub/deep/odd", S_IFSOCK | 0644, 0), 0);
			check_refused(&f, "sub/deep/odd: not a regular file or directory");
			break;
		}
		tear_down(&f);
	}
}
END_TEST

START_TEST(publish_scan__a_file_that_cannot_be_read_is_refused_with_the_reason)
{
	struct fixture f;
	struct err e = {0};

	set_up(&f);
	faults_refuse("z", 1, EACCES);
	ck_assert_int_eq(publish_scan(f.from, f.to_dir, f.header, &e), -1);
	ck_assert_int_eq(e.code, ERR_SYS);
	ck_assert_msg(strstr(e.text, "sub/deep/z: Permission denied") != NULL, "%s", e.text);
	tear_down(&f);
}
END_TEST

START_TEST(publish_scan__a_directory_without_any_file_is_refused)
{
	struct fixture f;
	struct err e = {0};

	set_up(&f);
	ck_assert_int_eq(fs_clear(f.from_dir, ".", NULL), 0);
	check_refused(&f, "an empty directory cannot be published");
	free(f.from);
	f.from = mem_string("/nowhere/at/all");
	ck_assert_int_eq(publish_scan(f.from, f.to_dir, f.header, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	tear_down(&f);
}
END_TEST

START_TEST(publish_scan__names_that_a_client_could_not_have_are_refused)
{
	static const struct {
		const char *name;
		const char *words;
	} rows[] = {
		{"A", "names that differ only in the case of letters"},
		{"sub/deep/Z", "names that differ only in the case of letters"},
		{"SUB", "names that differ only in the case of letters"},
		{"a\nb", "a"},
		{"\xff", "UTF-8"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;

		set_up(&f);
		put(&f, rows[i].name, "x", 0644);
		check_refused(&f, rows[i].words);
		tear_down(&f);
	}
}
END_TEST

void
publish_scan_tests(TCase *c)
{
	tcase_add_test(c, publish_scan__every_file_is_listed_and_copied);
	tcase_add_test(c, publish_scan__a_file_larger_than_a_block_is_copied_whole);
	tcase_add_test(c, publish_scan__what_is_the_same_twice_was_not_written_to_in_between);
	tcase_add_test(c, publish_scan__what_is_no_file_is_refused_by_its_path);
	tcase_add_test(c, publish_scan__a_file_that_cannot_be_read_is_refused_with_the_reason);
	tcase_add_test(c, publish_scan__a_directory_without_any_file_is_refused);
	tcase_add_test(c, publish_scan__names_that_a_client_could_not_have_are_refused);
}
