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

	versions_stage_archive(f);
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
	const struct record r = versions_archive(f);

	return depot_put_archive(f->depot, &r, VERSIONS_STAGED, NULL, e);
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
	const struct record r = versions_archive(f);

	return depot_remove(f->depot, &r, e);
}

static int
quarantine_archive(struct versions *f, struct err *e)
{
	const struct record r = versions_archive(f);

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

/* The first four, which put something. */
START_TEST(depot_put__what_has_a_name_is_on_the_disk)
{
	struct versions f;

	versions_set_up(&f);
	faults_follow();
	stage(&f);
	ck_assert_int_eq(operations[_i].run(&f, NULL), 0);
	ck_assert(!faults_would_lose());
	versions_tear_down(&f);
}
END_TEST

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

/* Of an archive and its offer; the sync that failed may be that of either's name. */
static unsigned told;

/* As long as it is in stage/. */
static void
count_told(void *context)
{
	const struct versions *f = context;

	ck_assert(fs_exists(repo_stage_dir(depot_repo(f->depot)), VERSIONS_STAGED));
	told++;
}

START_TEST(depot_put_archive__tells_what_is_right_and_nothing_else)
{
	for (unsigned right = 0; right <= 1; right++) {
		struct versions f;
		const struct depot_checked checked = {count_told, &f};
		struct record r;

		versions_set_up(&f);
		versions_stage_archive(&f);
		r = versions_archive(&f);
		r.ref.id.byte[0] ^= !right;
		told = 0;
		ck_assert_int_eq(
			depot_put_archive(f.depot, &r, VERSIONS_STAGED, &checked, NULL) == 0,
			right);
		ck_assert_uint_eq(told, right);
		versions_tear_down(&f);
	}
}
END_TEST

START_TEST(depot_put_archive__what_was_not_synced_is_synced_by_the_next_try)
{
	bool failed = true;
	unsigned had_name = 0;

	for (unsigned n = 1; failed; n++) {
		struct versions f;
		struct record r;
		bool there;

		versions_set_up(&f);
		stage(&f);
		r = versions_archive(&f);
		faults_begin(n);
		(void)put_archive(&f, NULL);
		failed = faults_stop();
		there = repo_has_archive(depot_repo(f.depot), &r.ref);
		stage(&f);
		faults_follow();
		ck_assert_int_eq(put_archive(&f, NULL), 0);
		/* The archive's name begins with a digit of its digest. */
		ck_assert_str_eq(faults_named() + (there ? 0 : 1), "/o/");
		had_name += failed && there;
		versions_tear_down(&f);
	}
	ck_assert_uint_ge(had_name, 3);
}
END_TEST

/* Nobody tries again, and what is left is taken for what it looks like. */
START_TEST(depot_tidy__what_was_not_synced_is_synced_before_it_counts)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		struct versions f;
		bool rebuilt;

		versions_set_up(&f);
		ck_assert_int_eq(put_query(&f, NULL), 0);
		stage(&f);
		faults_follow();
		faults_begin(n);
		(void)operations[_i].run(&f, NULL);
		failed = faults_stop();
		ck_assert_int_eq(depot_tidy(f.depot, &rebuilt, NULL), 0);
		ck_assert_msg(!faults_would_lose(), "call %u: %s", n, faults_named());
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

START_TEST(depot_rebuild_index__what_a_disk_stops_is_done_by_the_next_look)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		struct versions f;
		struct err e = {0};
		uint64_t value = 0;
		bool rebuilt;
		int result;

		versions_set_up(&f);
		ck_assert_int_eq(depot_put_setting(f.depot, "a", 4, NULL), 0);
		ck_assert_int_eq(fs_put(f.dir, "x", "c/strange", unit_text("?"), NULL), 0);
		faults_begin(n);
		result = depot_rebuild_index(f.depot, &e);
		failed = faults_stop();
		ck_assert(failed || result == 0);
		ck_assert(result == 0 || e.code == ERR_SYS);
		ck_assert_int_eq(depot_tidy(f.depot, &rebuilt, NULL), 0);
		ck_assert(failed || !rebuilt);
		check_in_step(&f);
		/* What was done halfway is believed by no start. */
		depot_close(f.depot);
		ck_assert_int_eq(depot_open(f.path, &f.depot, &rebuilt, &e), 0);
		ck_assert(!rebuilt);
		ck_assert(depot_setting(f.depot, "a", &value) && value == 4);
		versions_tear_down(&f);
	}
}
END_TEST

START_TEST(depot_open__what_a_disk_stops_is_told_and_the_next_start_is_good)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		struct versions f;
		struct err e = {0};
		bool rebuilt;
		int result;

		versions_set_up(&f);
		depot_close(f.depot);
		f.depot = NULL;
		/* Half of them with an index that is of no use. */
		if (n % 2 == 0)
			ck_assert_int_eq(
				fs_put(f.dir, "x", "index.sqlite", unit_text("garbage"), NULL), 0);
		faults_begin(n / 2 + 1);
		result = depot_open(f.path, &f.depot, &rebuilt, &e);
		failed = faults_stop() || n % 2 == 1;
		ck_assert(result == 0 || (e.code == ERR_SYS && strncmp(e.text, "cache ", 6) == 0));
		if (result != 0)
			ck_assert_int_eq(depot_open(f.path, &f.depot, &rebuilt, &e), 0);
		check_in_step(&f);
		versions_tear_down(&f);
	}
}
END_TEST

START_TEST(depot_quarantine__a_content_leaves_what_is_good_to_others_alone)
{
	struct record r = {.kind = RECORD_CONTENT};
	char name[IDENT_NAME_MAX];
	struct versions f;
	struct err e = {0};

	versions_set_up(&f);
	versions_put_content(&f, 2);
	r.ident = f.header[0]->ident;
	/* Of version 1 a file that only it has. */
	for (size_t i = 0; i < f.header[0]->count; i++) {
		bool only = true;

		for (size_t k = 0; k < f.header[1]->count; k++)
			only &= !digest_equal(
				&f.header[0]->files[i].digest, &f.header[1]->files[k].digest);
		if (only)
			(void)ident_blob_name(&f.header[0]->files[i].digest, name);
	}
	ck_assert_int_eq(depot_check(f.depot, &r, &e), 0);
	ck_assert_int_eq(fs_put(f.dir, "x", name, unit_text("rotten"), NULL), 0);
	ck_assert_int_eq(depot_check(f.depot, &r, &e), -1);
	ck_assert_int_eq(e.code, ERR_DIGEST);
	ck_assert_int_eq(depot_quarantine(f.depot, &r, NULL), 0);
	ck_assert_uint_eq(versions_count_files(&f, "quarantine"), 1);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 3);
	check_in_step(&f);
	r.ident = f.header[1]->ident;
	ck_assert_int_eq(depot_check(f.depot, &r, &e), 0);
	/* A header's bytes as well, and its content is looked at no more. */
	r.kind = RECORD_HEADER;
	ck_assert_int_eq(depot_quarantine(f.depot, &r, NULL), 0);
	ck_assert_uint_eq(versions_count_files(&f, "quarantine"), 2);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 3);
	r.kind = RECORD_CONTENT;
	ck_assert_int_eq(depot_check(f.depot, &r, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert_int_eq(depot_quarantine(f.depot, &r, NULL), 0);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 0);
	versions_tear_down(&f);
}
END_TEST

START_TEST(depot_close__an_index_that_was_not_made_to_its_end_is_not_believed)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		struct versions f;
		bool rebuilt;
		int result;

		versions_set_up(&f);
		faults_begin(n);
		result = depot_rebuild_index(f.depot, NULL);
		failed = faults_stop();
		depot_close(f.depot);
		ck_assert_int_eq(depot_open(f.path, &f.depot, &rebuilt, NULL), 0);
		ck_assert_msg(rebuilt || result == 0, "after %u", n);
		versions_tear_down(&f);
	}
}
END_TEST

void
depot_faults_tests(TCase *c)
{
	tcase_add_loop_test(c, depot_put__what_has_a_name_is_on_the_disk, 0, 4);
	tcase_add_loop_test(c, depot__what_a_disk_stops_halfway_is_told_and_can_be_done_again, 0,
		(int)(sizeof(operations) / sizeof(operations[0])));
	tcase_add_test(c, depot_put_archive__tells_what_is_right_and_nothing_else);
	tcase_add_test(c, depot_put_archive__what_was_not_synced_is_synced_by_the_next_try);
	tcase_add_loop_test(c, depot_tidy__what_was_not_synced_is_synced_before_it_counts, 2, 4);
	tcase_add_test(c, depot_rebuild_index__what_a_disk_stops_is_done_by_the_next_look);
	tcase_add_test(c, depot_open__what_a_disk_stops_is_told_and_the_next_start_is_good);
	tcase_add_test(c, depot_quarantine__a_content_leaves_what_is_good_to_others_alone);
	/* put_archive and put_content */
	tcase_add_loop_test(c, depot_tidy__what_a_disk_stopped_halfway_leaves_nothing, 2, 4);
	tcase_add_test(c, depot_close__an_index_that_was_not_made_to_its_end_is_not_believed);
}
