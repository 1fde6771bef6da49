/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk that fails in the middle of what a depot does: it is told, and can be done again. */
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/mem.h"
#include "faults.h"
#include "store/survey.h"
#include "store/versions.h"
#include "unit.h"

#define ARCHIVE "GUTS2AR2" /* the smallest there is */

static struct record
archive_of(const struct versions *f)
{
	return (struct record){.kind = RECORD_ARCHIVE,
		.ident = f->header[1]->ident,
		.base = f->header[0]->ident.edition,
		.format = FORMAT_AR2,
		.ref = {digest_of(unit_text(ARCHIVE)), strlen(ARCHIVE)}};
}

static int
link_one(void *context, int dir, const char *name, struct err *e)
{
	(void)e;
	(void)unlinkat(*(int *)context, name, 0);
	return linkat(dir, name, *(int *)context, name, 0);
}

/* What is put is staged: an archive, and the files of version 2. */
static void
stage(const struct versions *f)
{
	AUTO_CLOSE int from = fs_make_dirs(f->dir, "from", NULL);

	ck_assert_int_eq(fs_put(repo_stage_dir(depot_repo(f->depot)), "x", "archive",
				 unit_text(ARCHIVE), NULL),
		0);
	ck_assert_int_eq(fs_each(f->dir, "files/2", link_one, &from, NULL), 0);
}

static int
put_query(struct versions *f, struct err *e)
{
	AUTO_IDENTS struct idents query = {0};

	idents_add(&query, &f->header[0]->ident);
	return depot_put_query(f->depot, &query, e);
}

static int
put_header(struct versions *f, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	struct archive_ref ref;

	header_format(f->header[2], &bytes);
	return depot_put_header(
		f->depot, &f->header[2]->ident, span_of(bytes.at, bytes.len), &ref, e);
}

static int
put_archive(struct versions *f, struct err *e)
{
	const struct record r = archive_of(f);

	return depot_put_archive(f->depot, &r, "archive", e);
}

static int
put_content(struct versions *f, struct err *e)
{
	AUTO_CLOSE int from = fs_open_dir(f->dir, "from", NULL);
	struct record content;

	return depot_put_content(f->depot, f->header[1], from, &content, e);
}

static int
remove_content(struct versions *f, struct err *e)
{
	const struct record r = {.kind = RECORD_CONTENT, .ident = f->header[0]->ident};

	return depot_remove(f->depot, &r, e);
}

static int
remove_header(struct versions *f, struct err *e)
{
	const struct record r = {.kind = RECORD_HEADER, .ident = f->header[2]->ident};

	return depot_remove(f->depot, &r, e);
}

static int
remove_archive(struct versions *f, struct err *e)
{
	const struct record r = archive_of(f);

	return depot_remove(f->depot, &r, e);
}

static int
quarantine_archive(struct versions *f, struct err *e)
{
	const struct record r = archive_of(f);

	return depot_quarantine(f->depot, &r, e);
}

/* What the index has is what the files say; and in f/ and c/ is nothing that no record has. */
static void
check_in_step(struct versions *f)
{
	static const unsigned blobs[] = {0, 3, 5}; /* of so many contents */
	AUTO_RECORDS struct records index = {0};
	AUTO_RECORDS struct records files = {0};
	unsigned archives = 0;
	unsigned contents = 0;

	ck_assert_int_eq(depot_records(f->depot, &index, NULL), 0);
	ck_assert_int_eq(survey_read(depot_repo(f->depot), NULL, NULL, &files, NULL), 0);
	ck_assert_uint_eq(index.count, files.count);
	for (size_t i = 0; i < files.count; i++) {
		ck_assert_ptr_nonnull(records_find(&index, &files.at[i]));
		archives += files.at[i].kind == RECORD_ARCHIVE;
		contents += files.at[i].kind == RECORD_CONTENT;
	}
	ck_assert_uint_eq(versions_count_files(f, "f"), archives);
	ck_assert_uint_eq(versions_count_files(f, "c"), blobs[contents]);
}

static const struct {
	int (*run)(struct versions *f, struct err *e);
	bool stored; /* the archive is before */
} operations[] = {
	{put_query, false},
	{put_header, false},
	{put_archive, false},
	{put_content, false},
	{remove_content, false},
	{remove_header, false},
	{remove_archive, true},
	{quarantine_archive, true},
};

START_TEST(depot__what_a_disk_stops_halfway_is_told_and_can_be_done_again)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		struct versions f;
		struct err e = {0};
		bool rebuilt;
		int result;

		versions_set_up(&f);
		stage(&f);
		if (operations[_i].stored)
			ck_assert_int_eq(put_archive(&f, NULL), 0);
		faults_begin(n);
		result = operations[_i].run(&f, &e);
		failed = faults_end(result, &e);
		if (failed) {
			stage(&f);
			ck_assert_int_eq(depot_tidy(f.depot, &rebuilt, NULL), 0);
			ck_assert_int_eq(operations[_i].run(&f, NULL), 0);
		}
		check_in_step(&f);
		versions_tear_down(&f);
	}
}
END_TEST

/* The job that brought it may never come again. */
START_TEST(depot_tidy__what_a_disk_stopped_halfway_leaves_nothing)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		struct versions f;
		struct err e = {0};
		bool rebuilt;
		int result;

		versions_set_up(&f);
		stage(&f);
		faults_begin(n);
		result = operations[_i].run(&f, &e);
		failed = faults_end(result, &e);
		ck_assert_int_eq(depot_tidy(f.depot, &rebuilt, NULL), 0);
		if (failed) {
			ck_assert(rebuilt);
			ck_assert_int_eq(depot_tidy(f.depot, &rebuilt, NULL), 0);
			ck_assert(!rebuilt);
			check_in_step(&f);
		}
		versions_tear_down(&f);
	}
}
END_TEST

void
depot_faults_tests(TCase *c)
{
	tcase_add_loop_test(c, depot__what_a_disk_stops_halfway_is_told_and_can_be_done_again, 0,
		(int)(sizeof(operations) / sizeof(operations[0])));
	/* put_archive and put_content */
	tcase_add_loop_test(c, depot_tidy__what_a_disk_stopped_halfway_leaves_nothing, 2, 4);
}
