/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/index_rebuild.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>

#include "base/fs.h"
#include "faults.h"
#include "store/versions.h"
#include "unit.h"

START_TEST(index_rebuild__keeps_times_and_finds_what_does_not_fit)
{
	struct versions f;
	AUTO_RECORDS struct records all = {0};
	char name[IDENT_NAME_MAX];
	bool found = false;

	versions_set_up(&f);
	ck_assert_int_eq(depot_records(f.depot, &all, NULL), 0);
	ck_assert_uint_eq(all.count, 4);
	for (size_t i = 0; i < all.count; i++)
		all.at[i].served_ms = 1000 + i;
	ck_assert_int_eq(depot_put_times(f.depot, all.at, all.count, NULL), 0);
	/* a file of the content goes, a title changes, strange files lie about */
	ck_assert_int_eq(
		unlinkat(f.dir, ident_blob_name(&f.header[0]->files[0].digest, name), 0), 0);
	(void)ident_header_name(&f.header[1]->ident, name);
	{
		AUTO_BUF struct buf bytes = {0};

		ck_assert_int_eq(fs_read(f.dir, name, 10000, &bytes, NULL), 0);
		*strstr(bytes.at, "\"T\"") = '"';
		strstr(bytes.at, "\"T\"")[1] = 'X';
		ck_assert_int_eq(fs_put(f.dir, "x", name, span_of(bytes.at, bytes.len), NULL), 0);
	}
	ck_assert_int_eq(fs_put(f.dir, "x", "f/strange", unit_text("?"), NULL), 0);
	ck_assert_int_eq(depot_rebuild_index(f.depot, NULL), 0);
	records_free(&all);
	ck_assert_int_eq(depot_records(f.depot, &all, NULL), 0);
	ck_assert_uint_eq(all.count, 2);
	for (size_t i = 0; i < all.count; i++) {
		ck_assert_uint_ge(all.at[i].served_ms, 1000);
		found |= all.at[i].ident.edition.version == 2;
	}
	ck_assert(!found);
	ck_assert_uint_eq(versions_count_files(&f, "f"), 0);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 0);
	ck_assert_uint_eq(versions_count_files(&f, "quarantine"), 2);
	versions_tear_down(&f);
}
END_TEST

/* By their number all is as it was. */
START_TEST(depot_open__a_document_in_the_place_of_another_is_seen)
{
	struct versions f;
	struct ident other;
	char name[IDENT_NAME_MAX];
	char new[IDENT_NAME_MAX];
	bool rebuilt;

	versions_set_up(&f);
	other = f.header[1]->ident;
	other.edition.version += 100;
	depot_close(f.depot);
	ck_assert_int_eq(renameat(f.dir, ident_header_name(&f.header[1]->ident, name), f.dir,
				 ident_header_name(&other, new)),
		0);
	ck_assert_int_eq(depot_open(f.path, &f.depot, &rebuilt, NULL), 0);
	ck_assert(rebuilt);
	versions_tear_down(&f);
}
END_TEST

/*
 * In the place of SQLite's: so many steps until one fails as where a disk cannot be read; 0: none
 * does. Only those of statements with this text count; SQLite's own come here, too.
 */
static unsigned steps_left;
static const char *steps_of = "";
struct sqlite3_stmt;
int sqlite3_step(struct sqlite3_stmt *statement);
const char *sqlite3_sql(struct sqlite3_stmt *statement);

int
sqlite3_step(struct sqlite3_stmt *statement)
{
	int (*real)(struct sqlite3_stmt *) =
		(int (*)(struct sqlite3_stmt *))dlsym(RTLD_NEXT, "sqlite3_step");

	const char *sql = sqlite3_sql(statement);

	if (steps_left == 0 || strstr(sql != NULL ? sql : "", steps_of) == NULL)
		return real(statement);
	return --steps_left == 0 ? 10 /* SQLITE_IOERR */ : real(statement);
}

/* Who cannot ask the index whether somebody needs a file leaves it. */
START_TEST(depot_rebuild_index__an_index_that_cannot_be_read_takes_no_archive)
{
	bool failed = true;
	unsigned n;

	for (n = 1; failed; n++) {
		struct versions f;
		struct record archive;
		bool rebuilt;

		versions_set_up(&f);
		archive = versions_archive(&f);
		versions_stage_archive(&f);
		ck_assert_int_eq(
			depot_put_archive(f.depot, &archive, VERSIONS_STAGED, NULL, NULL), 0);
		steps_left = n;
		(void)depot_rebuild_index(f.depot, NULL);
		failed = steps_left == 0;
		steps_left = 0;
		ck_assert_msg(repo_has_archive(depot_repo(f.depot), &archive.ref), "step %u", n);
		ck_assert_int_eq(depot_tidy(f.depot, &rebuilt, NULL), 0);
		versions_tear_down(&f);
	}
	ck_assert_uint_gt(n, 5);
}
END_TEST

/* What it knows of use, and of what was looked at, no file says. */
START_TEST(depot_open__an_index_that_cannot_be_read_just_now_is_not_made_anew)
{
	bool failed = true;
	unsigned n;

	for (n = 1; failed; n++) {
		struct versions f;
		struct err e = {0};
		bool opened;
		bool rebuilt;

		versions_set_up(&f);
		depot_close(f.depot);
		steps_of = " FROM item";
		steps_left = n;
		opened = depot_open(f.path, &f.depot, &rebuilt, &e) == 0;
		failed = steps_left == 0;
		steps_left = 0;
		ck_assert_msg(!opened || !rebuilt, "step %u", n);
		steps_of = "";
		if (!opened)
			ck_assert_int_eq(depot_open(f.path, &f.depot, &rebuilt, NULL), 0);
		versions_tear_down(&f);
	}
	ck_assert_uint_gt(n, 5);
}
END_TEST

/* Whatever looks at it first. */
START_TEST(depot_rebuild_index__a_header_that_cannot_be_read_just_now_stays)
{
	bool refused = true;

	for (unsigned n = 1; refused; n++) {
		struct versions f;
		struct err e = {0};
		char name[IDENT_NAME_MAX];

		versions_set_up(&f);
		faults_refuse(ident_header_name(&f.header[1]->ident, name), n, EIO);
		refused = depot_rebuild_index(f.depot, &e) != 0;
		faults_refuse(NULL, 0, 0);
		ck_assert_msg(fs_exists(f.dir, name), "%s", e.text);
		ck_assert(n > 1 || (refused && e.code == ERR_SYS));
		versions_tear_down(&f);
	}
}
END_TEST

void
index_rebuild_tests(TCase *c)
{
	tcase_add_test(c, index_rebuild__keeps_times_and_finds_what_does_not_fit);
	tcase_add_test(c, depot_open__a_document_in_the_place_of_another_is_seen);
	tcase_add_test(c, depot_rebuild_index__an_index_that_cannot_be_read_takes_no_archive);
	tcase_add_test(c, depot_open__an_index_that_cannot_be_read_just_now_is_not_made_anew);
	tcase_add_test(c, depot_rebuild_index__a_header_that_cannot_be_read_just_now_stays);
}
