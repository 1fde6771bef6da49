/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/index.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "faults.h"
#include "unit.h"

static struct record
sound(void)
{
	return (struct record){.ident = {"t", {5, "00000005"}},
		.base = {4, "00000004"},
		.format = FORMAT_AR2,
		.ref = {{{7}}, 8},
		.landed_ms = 1,
		.served_ms = 2,
		.checked_ms = 3};
}

static int
collect(void *context, const struct record *r)
{
	records_add(context, r);
	return 0;
}

static struct index *
open_index(const char *path, bool trusted)
{
	struct index *c = NULL;
	struct err e = {0};
	bool is = !trusted;

	ck_assert_msg(index_open(path, &c, &is, &e) == 0, "%s", e.text);
	ck_assert_int_eq(is, trusted);
	return c;
}

START_TEST(index_each__a_row_that_cannot_be_ours_is_damage)
{
	static const struct {
		struct record r;
		bool good;
	} rows[] = {{{.ident = {"t", {IDENT_VERSION_MAX, "00000005"}}, .format = FORMAT_AR1}, true},
		{{.ident = {"t", {IDENT_VERSION_MAX + 1, "00000005"}}}, false},
		{{.ident = {"t", {5, "00000005"}}, .base = {IDENT_VERSION_MAX, "00000004"}}, true},
		{{.ident = {"t", {5, "00000005"}}, .base = {IDENT_VERSION_MAX + 1, "00000004"}},
			false},
		{{.ident = {"t", {5, "00000005"}}, .ref = {.bytes = WIRE_ARCHIVE_BYTES_MAX}}, true},
		{{.ident = {"t", {5, "00000005"}}, .ref = {.bytes = WIRE_ARCHIVE_BYTES_MAX + 1}},
			false},
		{{.ident = {"T", {5, "00000005"}}}, false},
		{{.ident = {"t", {5, "0000000"}}}, false},
		{{.ident = {"t", {5, "00000005"}}, .kind = RECORD_HEADER}, true},
		{{.ident = {"t", {5, "00000005"}}, .kind = RECORD_CONTENT}, true},
		{{.ident = {"t", {5, "00000005"}}, .format = (enum format)4}, false},
		{{.ident = {"t", {5, "00000005"}}, .format = (enum format) - 1}, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_RECORDS struct records all = {0};
		struct index *c = open_index(":memory:", false);
		struct err e = {0};

		ck_assert_int_eq(index_put(c, &rows[i].r, NULL), 0);
		ck_assert_msg(index_each(c, collect, &all, &e) == (rows[i].good ? 0 : -1),
			"row %zu: %s", i, e.text);
		ck_assert_int_eq(e.code, rows[i].good ? ERR_NONE : ERR_INPUT);
		ck_assert_uint_eq(all.count, rows[i].good);
		if (rows[i].good)
			ck_assert(all.at[0].kind == rows[i].r.kind &&
				  all.at[0].format == rows[i].r.format);
		index_close(c, true);
	}
	ck_assert(!fs_exists(AT_FDCWD, ":memory:"));
}
END_TEST

static int
refuse(void *context, const struct record *r)
{
	(void)r;
	++*(int *)context;
	return 7;
}

START_TEST(index__keeps_all_of_a_record_and_its_times_alone_are_written)
{
	AUTO_RECORDS struct records all = {0};
	struct index *c = open_index(":memory:", false);
	struct record r = sound();
	struct record absent = sound();
	int visits = 0;

	ck_assert_int_eq(index_put(c, &r, NULL), 0);
	absent.base.version = 3;
	r.landed_ms = 10;
	r.served_ms = 20;
	r.checked_ms = 30;
	r.ref.bytes = 99; /* no time: it stays */
	ck_assert_int_eq(index_put_times(c, (struct record[]){absent, r}, 2, NULL), 0);
	r.ref.bytes = 8;
	ck_assert_int_eq(index_each(c, collect, &all, NULL), 0);
	ck_assert_uint_eq(all.count, 1);
	ck_assert(ident_equal(&all.at[0].ident, &r.ident));
	ck_assert(ident_edition_equal(&all.at[0].base, &r.base));
	ck_assert(digest_equal(&all.at[0].ref.id, &r.ref.id) && all.at[0].ref.bytes == 8);
	ck_assert(all.at[0].landed_ms == 10 && all.at[0].served_ms == 20 &&
		  all.at[0].checked_ms == 30);
	absent.format = FORMAT_AR1;
	ck_assert_int_eq(index_put(c, &absent, NULL), 0);
	ck_assert_int_eq(index_each(c, refuse, &visits, NULL), 7);
	ck_assert_int_eq(visits, 1);
	index_close(c, true);
}
END_TEST

START_TEST(index_uses__looks_at_the_other_archives_alone)
{
	struct index *c = open_index(":memory:", false);
	const struct record one = sound();
	struct record two = sound();
	const struct digest other = {{8}};
	bool used;

	two.kind = RECORD_HEADER;
	ck_assert_int_eq(index_put(c, &one, NULL), 0);
	ck_assert_int_eq(index_put(c, &two, NULL), 0);
	two.kind = RECORD_CONTENT;
	ck_assert_int_eq(index_put(c, &two, NULL), 0);
	ck_assert(index_uses(c, &one.ref.id, &one, &used, NULL) == 0 && !used);
	ck_assert(index_uses(c, &one.ref.id, NULL, &used, NULL) == 0 && used);
	ck_assert(index_uses(c, &other, NULL, &used, NULL) == 0 && !used);
	two = sound();
	two.format = FORMAT_AR1;
	ck_assert_int_eq(index_put(c, &two, NULL), 0);
	ck_assert(index_uses(c, &one.ref.id, &one, &used, NULL) == 0 && used);
	ck_assert_int_eq(index_remove(c, &two, NULL), 0);
	ck_assert(index_uses(c, &one.ref.id, &one, &used, NULL) == 0 && !used);
	index_close(c, true);
}
END_TEST

static void
sum(void *context, const char *name, uint64_t value)
{
	*(uint64_t *)context += value * strlen(name);
}

START_TEST(index_put_setting__the_last_one_holds)
{
	struct index *c = open_index(":memory:", false);
	uint64_t value = 1;

	ck_assert(!index_setting(c, "a", &value));
	ck_assert_int_eq(index_put_setting(c, "a", 3, NULL), 0);
	ck_assert_int_eq(index_put_setting(c, "a", 4, NULL), 0);
	ck_assert_int_eq(index_put_setting(c, "bb", 5, NULL), 0);
	ck_assert(index_setting(c, "a", &value) && value == 4);
	value = 0;
	ck_assert_int_eq(index_each_setting(c, sum, &value, NULL), 0);
	ck_assert_uint_eq(value, 14);
	/* They are of no file: they outlast the records. */
	ck_assert_int_eq(index_clear(c, NULL), 0);
	ck_assert(index_setting(c, "a", &value) && value == 4);
	index_close(c, true);
}
END_TEST

START_TEST(index_open__believes_only_what_was_closed_as_good)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE char *file = mem_printf("%s/index.sqlite", path);
	AUTO_RECORDS struct records all = {0};
	const struct record r = sound();
	struct index *c = open_index(file, false);
	struct index *reader = NULL;
	struct stat st;

	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {
			"index.sqlite", "index.sqlite-wal", "index.sqlite-shm"};

		ck_assert_int_eq(fstatat(dir, names[i], &st, 0), 0);
		ck_assert_int_eq(st.st_mode & 07777, 0600);
	}
	ck_assert_int_eq(index_put(c, &r, NULL), 0);
	index_close(c, false);
	c = open_index(file, false);
	ck_assert_int_eq(index_open_reading(file, &reader, NULL), 0);
	ck_assert_int_eq(index_each(reader, collect, &all, NULL), 0);
	ck_assert_uint_eq(all.count, 1);
	ck_assert_int_eq(index_put(reader, &r, NULL), -1); /* it has no way to */
	index_close(reader, true);
	index_close(c, true);
	c = open_index(file, true);
	/* Who opens it meanwhile, as after a kill, does not believe it. */
	index_close(open_index(file, false), false);
	ck_assert(!index_is_lost(c));
	ck_assert_int_eq(unlinkat(dir, "index.sqlite", 0), 0);
	ck_assert(index_is_lost(c));
	index_close(c, true);
}
END_TEST

START_TEST(index_open__another_versions_or_no_index_is_refused)
{
	/* Bytes 60 to 63 of the file: sqlite.org/fileformat2, user_version. */
	static const struct {
		unsigned char version;
		bool opens;
		bool reads;
	} rows[] = {{0, true, false}, {1, false, false}, {2, true, true}, {3, false, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_FREE char *file = mem_printf("%s/index.sqlite", path);
		AUTO_CLOSE int fd = -1;
		struct index *c = open_index(file, false);
		struct err e = {0};
		bool trusted;

		index_close(c, true);
		fd = openat(dir, "index.sqlite", O_WRONLY | O_CLOEXEC);
		ck_assert_int_eq(pwrite(fd, &rows[i].version, 1, 63), 1);
		ck_assert_int_eq(index_open_reading(file, &c, &e), rows[i].reads ? 0 : -1);
		ck_assert_int_eq(e.code, rows[i].reads ? ERR_NONE : ERR_INPUT);
		if (rows[i].reads)
			index_close(c, false);
		e.code = ERR_NONE;
		ck_assert_int_eq(index_open(file, &c, &trusted, &e), rows[i].opens ? 0 : -1);
		ck_assert_int_eq(e.code, rows[i].opens ? ERR_NONE : ERR_INPUT);
		ck_assert(rows[i].opens || strstr(e.text, "another version") != NULL);
		if (rows[i].opens)
			index_close(c, false);
	}
}
END_TEST

START_TEST(index_open__what_cannot_be_one_is_named)
{
	static const char *const names[] = {"index.sqlite", "index.sqlite-wal", "index.sqlite-shm"};

	for (size_t i = 0; i < 3; i++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_FREE char *file = mem_printf("%s/index.sqlite", path);
		struct index *c = NULL;
		struct err e = {0};
		bool trusted;

		ck_assert_int_eq(index_open_reading(file, &c, &e), -1);
		ck_assert_int_eq(e.code, ERR_SYS);
		ck_assert(!fs_exists(dir, "index.sqlite"));
		ck_assert_int_eq(mkdirat(dir, names[i], 0755), 0);
		ck_assert_int_eq(index_open(file, &c, &trusted, &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert(strstr(e.text, "is not a regular file") && strstr(e.text, names[i]));
		e.code = ERR_NONE;
		ck_assert_int_eq(index_open_reading(file, &c, &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
	}
}
END_TEST

START_TEST(index_open__what_is_another_users_is_named)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	static const mode_t modes[] = {0000, 0444}; /* of which the second may be read */

	for (int row = 0; row < 6; row++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_FREE char *file = mem_printf("%s/index.sqlite", path);
		AUTO_FREE char *odd = mem_printf("%s%s", file, suffixes[row / 2]);
		AUTO_FREE char *text = mem_printf("index: %s is closed to this user", odd);
		struct index *c = NULL;
		struct err e = {0};
		bool trusted;
		uid_t user = geteuid();

		ck_assert_int_eq(fchmodat(dir, "..", 0711, 0), 0);
		ck_assert_int_eq(fs_put(AT_FDCWD, odd, odd, unit_text(""), NULL), 0);
		ck_assert_int_eq(chmod(odd, modes[row % 2]), 0);
		ck_assert_int_eq(seteuid(user == 0 ? 65534 : user), 0);
		ck_assert_int_eq(index_open(file, &c, &trusted, &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_str_eq(e.text, text);
		e = (struct err){0};
		ck_assert_int_eq(index_open_reading(file, &c, &e), -1);
		ck_assert_int_eq(strcmp(e.text, text) == 0, row % 2 == 0);
		ck_assert_int_eq(seteuid(user), 0);
	}
}
END_TEST

/* ---- A disk that fails */

static int
open_again(struct index **c, const char *file, struct err *e)
{
	bool trusted;

	index_close(*c, true);
	*c = NULL;
	return index_open(file, c, &trusted, e);
}

static int
put_one(struct index **c, const char *file, struct err *e)
{
	struct record r = sound();

	(void)file;
	r.ref.bytes = 9;
	return index_put(*c, &r, e);
}

static int
put_times(struct index **c, const char *file, struct err *e)
{
	struct record r = sound();

	(void)file;
	return index_put_times(*c, &r, 1, e);
}

static int
remove_one(struct index **c, const char *file, struct err *e)
{
	const struct record r = sound();

	(void)file;
	return index_remove(*c, &r, e);
}

static int
put_setting(struct index **c, const char *file, struct err *e)
{
	(void)file;
	return index_put_setting(*c, "a", 1, e);
}

static int
clear(struct index **c, const char *file, struct err *e)
{
	(void)file;
	return index_clear(*c, e);
}

static int (*const operations[])(struct index **c, const char *file, struct err *e) = {
	open_again, put_one, put_times, remove_one, put_setting, clear};

static int
note_served(void *context, const struct record *r)
{
	*(uint64_t *)context = r->served_ms;
	return 0;
}

/* Of the only record. */
static uint64_t
served_ms_of(struct index *c)
{
	uint64_t ms = 0;

	ck_assert_int_eq(index_each(c, note_served, &ms, NULL), 0);
	return ms;
}

START_TEST(index__what_a_disk_stops_is_told_and_can_be_done_again)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE char *file = mem_printf("%s/index.sqlite", path);
	struct index *c = open_index(file, false);
	struct record r = sound();
	bool failed = true;

	(void)dir;
	ck_assert_int_eq(index_put(c, &r, NULL), 0);
	for (unsigned n = 1; failed; n++) {
		struct err e = {0};
		int result;

		faults_begin(n);
		result = operations[_i](&c, file, &e);
		failed = faults_stop();
		/* A close or a sync that fails is made good by the next one. */
		ck_assert(failed || result == 0);
		ck_assert_int_eq(e.code, result == 0 ? ERR_NONE : ERR_SYS);
		if (c == NULL)
			c = open_index(file, false);
		/* And what is put afterwards is there after the next start. */
		r.served_ms = n;
		ck_assert_int_eq(index_put(c, &r, NULL), 0);
		index_close(c, true);
		c = open_index(file, true);
		ck_assert_uint_eq(served_ms_of(c), n);
	}
	index_close(c, true);
}
END_TEST

/* An administrator's tool holds the file for a moment: nothing is left half done by that. */
START_TEST(index_put_times__who_was_locked_out_is_not_for_ever)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE char *file = mem_printf("%s/index.sqlite", path);
	struct index *c = open_index(file, false);
	struct index *other = open_index(file, false);
	struct record r = sound();

	(void)dir;
	ck_assert_int_eq(index_put(c, &r, NULL), 0);
	ck_assert_int_eq(index_begin(other, NULL), 0);
	ck_assert_int_eq(index_put_setting(other, "a", 1, NULL), 0);
	r.served_ms = 70;
	ck_assert_int_eq(index_put_times(c, &r, 1, NULL), -1);
	ck_assert_int_eq(index_commit(other, NULL), 0);
	ck_assert_int_eq(index_put_times(c, &r, 1, NULL), 0);
	ck_assert_uint_eq(served_ms_of(other), 70);
	index_close(other, false);
	index_close(c, true);
}
END_TEST

void
index_tests(TCase *c)
{
	tcase_add_test(c, index_each__a_row_that_cannot_be_ours_is_damage);
	tcase_add_test(c, index__keeps_all_of_a_record_and_its_times_alone_are_written);
	tcase_add_test(c, index_uses__looks_at_the_other_archives_alone);
	tcase_add_test(c, index_put_setting__the_last_one_holds);
	tcase_add_test(c, index_open__believes_only_what_was_closed_as_good);
	tcase_add_test(c, index_open__another_versions_or_no_index_is_refused);
	tcase_add_test(c, index_open__what_cannot_be_one_is_named);
	tcase_add_test(c, index_open__what_is_another_users_is_named);
	tcase_add_test(c, index_put_times__who_was_locked_out_is_not_for_ever);
	tcase_add_loop_test(c, index__what_a_disk_stops_is_told_and_can_be_done_again, 0,
		(int)(sizeof(operations) / sizeof(operations[0])));
}
