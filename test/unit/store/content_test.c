/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/content.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/stop.h"
#include "faults.h"
#include "store/drop.h"
#include "store/versions.h"
#include "unit.h"

START_TEST(content__files_are_shared_and_go_with_the_last_version)
{
	struct versions f;

	versions_set_up(&f);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 3);
	versions_put_content(&f, 2);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 5);
	versions_drop_content(&f, 1);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 3);
	ck_assert(content_is_complete(depot_repo(f.depot), f.header[1]));
	ck_assert(!content_is_complete(depot_repo(f.depot), f.header[0]));
	versions_drop_content(&f, 2);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 0);
	versions_tear_down(&f);
}
END_TEST

START_TEST(content__what_is_missing_is_counted_to_the_byte)
{
	struct versions f;

	versions_set_up(&f);
	ck_assert_uint_eq(content_bytes(f.header[1]), 180000);
	ck_assert_uint_eq(content_missing_bytes(depot_repo(f.depot), f.header[0]), 0);
	ck_assert_uint_eq(content_missing_bytes(depot_repo(f.depot), f.header[1]), 120000);
	versions_tear_down(&f);
}
END_TEST

static void
put_strange(struct versions *f)
{
	for (int i = 0; i < 200; i++) {
		AUTO_FREE char *name = mem_printf("c/%d", i);

		ck_assert_int_eq(fs_put(f->dir, "x", name, unit_text(""), NULL), 0);
	}
}

static void
put_again(void *context)
{
	versions_put_content(context, 1);
}

/* It looked at who has which file before; and one that begins and ends within a moment counts. */
START_TEST(content_sweep__takes_nothing_from_a_content_that_is_put_meanwhile)
{
	struct versions f;
	bool rebuilt;

	versions_set_up(&f);
	put_strange(&f);
	unit_clock_meanwhile(put_again, &f);
	versions_drop_content(&f, 1);
	ck_assert(content_is_complete(depot_repo(f.depot), f.header[0]));
	ck_assert_uint_gt(versions_count_files(&f, "c"), 5);
	ck_assert_int_eq(depot_tidy(f.depot, &rebuilt, NULL), 0);
	ck_assert(!rebuilt);
	ck_assert(content_is_complete(depot_repo(f.depot), f.header[0]));
	ck_assert_uint_eq(versions_count_files(&f, "c"), 3);
	versions_tear_down(&f);
}
END_TEST

static void
ask(void *context)
{
	AUTO_RECORDS struct records all = {0};
	const struct versions *f = context;

	ck_assert_int_eq(depot_records(f->depot, &all, NULL), 0);
}

START_TEST(content_sweep__goes_on_where_others_only_asked)
{
	struct versions f;

	versions_set_up(&f);
	put_strange(&f);
	unit_clock_meanwhile(ask, &f);
	versions_drop_content(&f, 1);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 0);
	versions_tear_down(&f);
}
END_TEST

/* Thousands of files go a few at a time, and nobody who wants the end waits for all of them. */
START_TEST(content_sweep__ends_where_the_end_is_wanted_and_the_next_goes_on)
{
	struct record gone = {.kind = RECORD_CONTENT};
	struct stop stop = {.wanted = true};
	struct versions f;
	bool rebuilt;

	versions_set_up(&f);
	put_strange(&f);
	gone.ident = f.header[0]->ident;
	repo_set_stop(depot_repo(f.depot), &stop);
	ck_assert_int_eq(depot_remove(f.depot, &gone, NULL), 0);
	ck_assert_uint_gt(versions_count_files(&f, "c"), 100);
	repo_set_stop(depot_repo(f.depot), NULL);
	ck_assert_int_eq(depot_tidy(f.depot, &rebuilt, NULL), 0);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 0);
	versions_tear_down(&f);
}
END_TEST

START_TEST(content__a_file_of_another_length_is_not_there)
{
	AUTO_FREE char *path = NULL;
	struct versions f;
	char name[IDENT_NAME_MAX];

	versions_set_up(&f);
	path = mem_printf("%s/%s", f.path, ident_blob_name(&f.header[0]->files[0].digest, name));
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(truncate(path, (off_t)f.header[0]->files[0].size - 1), 0);
	ck_assert(!content_is_complete(depot_repo(f.depot), f.header[0]));
	ck_assert_uint_eq(content_missing_bytes(depot_repo(f.depot), f.header[0]),
		f.header[0]->files[0].size);
	versions_tear_down(&f);
}
END_TEST

START_TEST(content_put__what_is_not_all_there_has_no_marker)
{
	AUTO_CLOSE int from = -1;
	struct versions f;
	char name[IDENT_NAME_MAX];
	struct err e = {0};

	versions_set_up(&f);
	from = fs_make_dirs(f.dir, "stage/from", NULL);
	ck_assert_int_eq(content_put(depot_repo(f.depot), f.header[1], from, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert(!fs_exists(f.dir, ident_content_name(&f.header[1]->ident, name)));
	versions_tear_down(&f);
}
END_TEST

START_TEST(content_sweep__a_header_that_cannot_be_read_just_now_keeps_all_files)
{
	struct versions f;
	struct record gone = {.kind = RECORD_CONTENT};
	char name[IDENT_NAME_MAX];
	bool rebuilt;

	versions_set_up(&f);
	versions_put_content(&f, 2);
	gone.ident = f.header[1]->ident;
	faults_refuse(ident_header_name(&f.header[0]->ident, name), 1, EIO);
	(void)depot_remove(f.depot, &gone, NULL);
	faults_refuse(NULL, 0, 0);
	ck_assert(content_is_complete(depot_repo(f.depot), f.header[0]));
	ck_assert_uint_eq(versions_count_files(&f, "c"), 5);
	/* The next look does what is left. */
	ck_assert_int_eq(depot_tidy(f.depot, &rebuilt, NULL), 0);
	ck_assert(content_is_complete(depot_repo(f.depot), f.header[0]));
	ck_assert_uint_eq(versions_count_files(&f, "c"), 3);
	versions_tear_down(&f);
}
END_TEST

struct interrupted {
	struct depot *depot;
	unsigned left;
};

static int
remove_some(void *context, const struct record *r, struct err *e)
{
	struct interrupted *i = context;

	if (i->left == 0)
		return err_set(e, ERR_SYS, "interrupted");
	i->left--;
	return depot_remove(i->depot, r, e);
}

/* Without it nobody could say which files the content has, and no sweep would come to its end. */
START_TEST(drop_records__a_header_goes_after_the_content_that_it_explains)
{
	AUTO_RECORDS struct records all = {0};
	struct versions f;
	struct interrupted i = {.left = 1};
	struct drop d = {.remove = remove_some, .context = &i};
	char name[IDENT_NAME_MAX];

	versions_set_up(&f);
	i.depot = f.depot;
	d.type = f.header[0]->ident.type;
	d.version = f.header[0]->ident.edition.version;
	ck_assert_int_eq(depot_records(f.depot, &all, NULL), 0);
	ck_assert_int_eq(drop_records(&d, depot_repo(f.depot), &all, NULL), -1);
	ck_assert(!fs_exists(f.dir, ident_content_name(&f.header[0]->ident, name)));
	ck_assert(fs_exists(f.dir, ident_header_name(&f.header[0]->ident, name)));
	i.left = 1;
	records_free(&all);
	ck_assert_int_eq(depot_records(f.depot, &all, NULL), 0);
	ck_assert_int_eq(drop_records(&d, depot_repo(f.depot), &all, NULL), 0);
	ck_assert(!fs_exists(f.dir, name));
	ck_assert(fs_exists(f.dir, ident_header_name(&f.header[1]->ident, name)));
	versions_tear_down(&f);
}
END_TEST

void
content_tests(TCase *c)
{
	tcase_add_test(c, content__files_are_shared_and_go_with_the_last_version);
	tcase_add_test(c, content__what_is_missing_is_counted_to_the_byte);
	tcase_add_test(c, content_sweep__takes_nothing_from_a_content_that_is_put_meanwhile);
	tcase_add_test(c, content_sweep__goes_on_where_others_only_asked);
	tcase_add_test(c, content_sweep__ends_where_the_end_is_wanted_and_the_next_goes_on);
	tcase_add_test(c, content__a_file_of_another_length_is_not_there);
	tcase_add_test(c, content_put__what_is_not_all_there_has_no_marker);
	tcase_add_test(c, content_sweep__a_header_that_cannot_be_read_just_now_keeps_all_files);
	tcase_add_test(c, drop_records__a_header_goes_after_the_content_that_it_explains);
}
