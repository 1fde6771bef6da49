/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/map.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

/* None, one, the largest that is read, the smallest that is mapped, more than a digest's step. */
static const size_t sizes[] = {0, 1, MAP_SMALL_BYTES, MAP_SMALL_BYTES + 1, 3000000};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

START_TEST(map_open__read_or_mapped_it_is_the_file)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	size_t len = sizes[_i];
	AUTO_FREE unsigned char *bytes = unit_bytes(len + 1, 1);
	struct digest expected = digest_of(span_of(bytes, len));
	AUTO_MAP struct map map = {0};
	AUTO_MAP struct map again = {0};
	struct digest got;

	ck_assert_int_eq(fs_put(dir, "s", "file", span_of(bytes, len), NULL), 0);
	ck_assert_int_eq(map_open(dir, "file", &map, NULL), 0);
	ck_assert_uint_eq(map.len, len);
	ck_assert(len == 0 || memcmp(map.at, bytes, len) == 0);
	ck_assert_int_eq(map.kind, len <= MAP_SMALL_BYTES ? MAP_OF_MEMORY : MAP_OF_FILE);
	map_let_go(&map);
	got = map_digest(&map, NULL);
	ck_assert(digest_equal(&got, &expected));
	ck_assert_int_eq(map_open_read(dir, "file", NULL, &again, &got, NULL), 0);
	ck_assert(digest_equal(&got, &expected));
	ck_assert(len == 0 || memcmp(again.at, bytes, len) == 0);
	/* Nobody wants to know the digest. */
	map_close(&again);
	ck_assert_int_eq(map_open_read(dir, "file", NULL, &again, NULL, NULL), 0);
	ck_assert(len == 0 || memcmp(again.at, bytes, len) == 0);
}
END_TEST

START_TEST(map_create__what_is_filled_in_is_in_the_file)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	size_t len = sizes[_i];
	AUTO_FREE unsigned char *bytes = unit_bytes(len + 1, 2);
	AUTO_BUF struct buf got = {0};
	struct map map = {0};

	ck_assert_int_eq(fs_put(dir, "s", "file", unit_text("an older one"), NULL), 0);
	ck_assert_int_eq(map_create(dir, "file", len, &map, NULL), 0);
	memcpy(map.at, bytes, len);
	map_close(&map);
	ck_assert_ptr_null(map.at);
	map_close(&map);
	ck_assert_int_eq(fs_read(dir, "file", len, &got, NULL), 0);
	ck_assert_uint_eq(got.len, len);
	ck_assert(len == 0 || memcmp(got.at, bytes, len) == 0);
}
END_TEST

START_TEST(map_open__what_is_no_file_is_named)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct map map = {0};
	struct err e = {0};

	ck_assert_int_eq(map_open(dir, "nothing", &map, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert_int_eq(map_open(dir, ".", &map, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_ptr_null(map.at);
}
END_TEST

/* The kernel's files say that they have a page. */
START_TEST(map_open__a_file_that_is_shorter_than_it_says_is_an_error)
{
	struct map map = {0};
	struct err e = {0};

	if (access("/sys/kernel/uevent_seqnum", R_OK) != 0)
		return;
	ck_assert_int_eq(map_open(AT_FDCWD, "/sys/kernel/uevent_seqnum", &map, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_ptr_nonnull(strstr(e.text, "became shorter"));
	ck_assert_ptr_null(map.at);
}
END_TEST

START_TEST(map_scratch__is_empty_and_leaves_no_name)
{
	static const size_t lens[] = {0, 1, 4 << 20, (4 << 20) + 1};

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_MAP struct map one = {0};
		AUTO_MAP struct map two = {0};

		ck_assert_int_eq(map_scratch(dir, lens[i], &one, NULL), 0);
		ck_assert_int_eq(map_scratch(dir, lens[i], &two, NULL), 0);
		ck_assert_int_eq(one.kind, lens[i] <= 4 << 20 ? MAP_OF_MEMORY : MAP_OF_FILE);
		ck_assert_uint_eq(one.len, lens[i]);
		memset(one.at, 1, lens[i]);
		memset(two.at, 2, lens[i]);
		ck_assert(lens[i] == 0 || (one.at[lens[i] - 1] == 1 && two.at[0] == 2));
		/* What was let go of is there again when it is looked at. */
		map_let_go(&one);
		ck_assert(lens[i] == 0 || one.at[0] == 1);
		/* A directory without entries can go. */
		ck_assert_int_eq(rmdir(path), 0);
	}
}
END_TEST

START_TEST(map_digest__ends_early_for_who_wants_it_to)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE unsigned char *bytes = unit_bytes(3000000, 4);
	struct stop stop = {true};
	AUTO_MAP struct map map = {0};
	struct digest whole = digest_of(span_of(bytes, 3000000));
	struct digest got = {0};
	struct err e = {0};

	ck_assert_int_eq(fs_put(dir, "s", "file", span_of(bytes, 3000000), NULL), 0);
	ck_assert_int_eq(map_open_read(dir, "file", &stop, &map, &got, &e), -1);
	ck_assert_int_eq((int)e.code, ERR_STOPPED);
	ck_assert_int_eq(map_open(dir, "file", &map, NULL), 0);
	got = map_digest(&map, &stop);
	ck_assert(!digest_equal(&got, &whole));
	got = map_digest(&map, NULL);
	ck_assert(digest_equal(&got, &whole));
}
END_TEST

/* Whoever is sent the old one has it to its end. */
START_TEST(map_create__a_file_that_is_open_stays_as_it_was)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE unsigned char *bytes = unit_bytes(100000, 5);
	AUTO_MAP struct map old = {0};
	AUTO_MAP struct map new = {0};
	struct stat st;

	ck_assert_int_eq(fs_put(dir, "s", "file", span_of(bytes, 100000), NULL), 0);
	ck_assert_int_eq(map_open(dir, "file", &old, NULL), 0);
	/* A link that somebody laid there leads nowhere. */
	ck_assert_int_eq(renameat(dir, "file", dir, "other"), 0);
	ck_assert_int_eq(symlinkat("other", dir, "file"), 0);
	ck_assert_int_eq(map_create(dir, "file", 100000, &new, NULL), 0);
	memset(new.at, 'x', 100000);
	ck_assert_mem_eq(old.at, bytes, 100000);
	ck_assert_int_eq(fstatat(dir, "file", &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(S_ISREG(st.st_mode) && (st.st_mode & 0133) == 0);
}
END_TEST

/* Touching what the disk has no room for would end the process. */
START_TEST(map_create__what_the_disk_has_no_room_for_is_an_error)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct map m = {0};
	struct err e = {0};

	ck_assert_int_eq(map_create(dir, "a", (size_t)1 << 60, &m, &e), -1);
	ck_assert(e.code == ERR_FULL || e.code == ERR_SYS);
	ck_assert_int_eq(strncmp(e.text, "a: ", 3), 0);
	ck_assert(!fs_exists(dir, "a"));
	ck_assert_int_eq(map_scratch(dir, (size_t)1 << 60, &m, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "scratch file"));
	ck_assert(e.code == ERR_FULL || e.code == ERR_SYS);
	ck_assert_int_eq(mkdirat(dir, "a", 0755), 0);
	ck_assert_int_eq(map_create(dir, "a", 1, &m, &e), -1);
	ck_assert_int_eq(e.code, ERR_SYS);
	ck_assert_str_eq(e.text, "a: Is a directory");
	ck_assert_int_eq(map_create(dir, "none/a", 1, &m, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert_str_eq(e.text, "none/a: No such file or directory");
	ck_assert_ptr_null(m.at);
	ck_assert_int_eq(map_open(dir, "none", &m, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
}
END_TEST

static int
open_part(void *context, size_t index, struct map *ret, struct err *e)
{
	const char *parts = context;

	if (parts[index] == '!')
		return err_set(e, ERR_MISSING, "part %zu", index);
	*ret = (struct map){
		(uint8_t *)mem_string("abc"), (size_t)(parts[index] - '0'), MAP_OF_MEMORY};
	return 0;
}

START_TEST(map_join__puts_files_behind_each_other_and_wants_all_bytes)
{
	static const struct {
		const char *parts; /* how many bytes each has */
		size_t bytes;
		const char *joined; /* NULL: an error */
		enum err_code code;
	} rows[] = {{"312", 6, "abcaab", ERR_NONE}, {"0300", 3, "abc", ERR_NONE},
		{"", 0, "", ERR_NONE}, {"31", 3, NULL, ERR_DIGEST}, {"31", 5, NULL, ERR_DIGEST},
		{"1!1", 3, NULL, ERR_MISSING}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_MAP struct map m = {0};
		struct err e = {0};
		int result = map_join(AT_FDCWD, rows[i].bytes, strlen(rows[i].parts), open_part,
			(void *)(uintptr_t)rows[i].parts, &m, &e);

		ck_assert_int_eq(result, rows[i].joined != NULL ? 0 : -1);
		ck_assert_int_eq(e.code, rows[i].code);
		if (result == 0)
			ck_assert_mem_eq(m.at, rows[i].joined, rows[i].bytes);
	}
}
END_TEST

void
map_tests(TCase *c)
{
	tcase_add_test(c, map_join__puts_files_behind_each_other_and_wants_all_bytes);
	tcase_add_test(c, map_create__what_the_disk_has_no_room_for_is_an_error);
	tcase_add_test(c, map_create__a_file_that_is_open_stays_as_it_was);
	tcase_add_test(c, map_open__a_file_that_is_shorter_than_it_says_is_an_error);
	tcase_add_test(c, map_scratch__is_empty_and_leaves_no_name);
	tcase_add_test(c, map_digest__ends_early_for_who_wants_it_to);
	tcase_add_loop_test(c, map_open__read_or_mapped_it_is_the_file, 0, SIZES);
	tcase_add_loop_test(c, map_create__what_is_filled_in_is_in_the_file, 0, SIZES);
	tcase_add_test(c, map_open__what_is_no_file_is_named);
}
