/* SPDX-License-Identifier: GPL-3.0-or-later */
/* content, survey and build over a real depot. */
#include "store/build.h"

#include <fcntl.h>
#include <stdio.h>

#include "store/content.h"
#include "base/fs.h"
#include "base/mem.h"
#include "store/survey.h"
#include "unit.h"

enum { FILES = 3, LEN = 60000 };

static int
each(void *context, size_t count, int (*run)(void *run_context, size_t index, struct err *e),
	void *run_context, struct err *e)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		if (run(run_context, i, e) != 0)
			return -1;
	return 0;
}

static void
begin(void *context, const char *what, uint64_t bytes)
{
	(void)context;
	(void)what;
	(void)bytes;
}

static void
add(void *context, uint64_t bytes)
{
	(void)context;
	(void)bytes;
}

static const struct encode_crew crew = {each, begin, add, NULL};

struct fixture {
	char *path;
	int dir;
	struct depot *depot;
	struct build build;
	struct header *header[3]; /* versions 1, 2, 3 */
};

/* Version n: file 0 is always the same, file 1 changes a little, file 2 is new each time. */
static void
make_version(struct fixture *f, unsigned n, int into)
{
	struct header *h = header_new();
	AUTO_BUF struct buf bytes = {0};
	struct archive_ref ref;

	(void)snprintf(h->ident.type, sizeof(h->ident.type), "t");
	h->ident.edition.version = n;
	h->title = mem_string("T");
	for (unsigned i = 0; i < FILES; i++) {
		AUTO_FREE unsigned char *file = unit_bytes(LEN, i == 2 ? 100 + n : i);
		AUTO_FREE char *path = mem_printf("d/%u", i);
		char hex[DIGEST_HEX + 1];
		struct header_file entry = {.path = path, .size = LEN};

		if (i == 1)
			file[n * 100] ^= 1;
		entry.digest = digest_of(span_of(file, LEN));
		ck_assert_int_eq(header_add(h, &entry, NULL), 0);
		ck_assert_int_eq(
			fs_put(into, "x", digest_hex(&entry.digest, hex), span_of(file, LEN), NULL),
			0);
	}
	ck_assert_int_eq(header_seal(h, NULL), 0);
	header_cookie(h, h->ident.edition.cookie);
	header_format(h, &bytes);
	ck_assert_int_eq(
		depot_put_header(f->depot, &h->ident, span_of(bytes.at, bytes.len), &ref, NULL), 0);
	f->header[n - 1] = h;
}

static int
link_one(void *context, int dir, const char *name, struct err *e)
{
	(void)e;
	return linkat(dir, name, *(int *)context, name, 0);
}

/* Storing takes the files away, so that it gets links. */
static void
put_content(struct fixture *f, unsigned n)
{
	AUTO_FREE char *name = mem_printf("files/%u", n);
	AUTO_CLOSE int from = fs_make_dirs(f->dir, "from", NULL);
	struct record content;
	struct err e = {0};

	ck_assert_int_eq(fs_each(f->dir, name, link_one, &from, NULL), 0);
	ck_assert_msg(depot_put_content(f->depot, f->header[n - 1], from, &content, &e) == 0, "%s",
		e.text);
	ck_assert_int_eq(fs_clear(f->dir, "from", NULL), 0);
}

/* Three versions, of which each has its content in `files`/N; version 1's is stored. */
static void
set_up(struct fixture *f)
{
	bool rebuilt;
	struct err e = {0};

	*f = (struct fixture){0};
	f->dir = unit_dir(&f->path);
	ck_assert_msg(depot_open(f->path, &f->depot, &rebuilt, &e) == 0, "%s", e.text);
	f->build = (struct build){f->depot, "work", &crew};
	for (unsigned n = 1; n <= 3; n++) {
		AUTO_FREE char *name = mem_printf("files/%u", n);
		AUTO_CLOSE int into = fs_make_dirs(f->dir, name, NULL);

		make_version(f, n, into);
	}
	put_content(f, 1);
}

static void
drop_content(struct fixture *f, unsigned n)
{
	struct record r = {.kind = RECORD_CONTENT, .ident = f->header[n - 1]->ident};

	ck_assert_int_eq(depot_remove(f->depot, &r, NULL), 0);
}

static void
tear_down(struct fixture *f)
{
	for (int i = 0; i < 3; i++)
		header_free(f->header[i]);
	depot_close(f->depot);
	fs_close(&f->dir);
	free(f->path);
}

static int
count_one(void *context, int dir, const char *name, struct err *e)
{
	(void)dir;
	(void)name;
	(void)e;
	(*(unsigned *)context)++;
	return 0;
}

static unsigned
count_files(struct fixture *f, const char *path)
{
	unsigned n = 0;

	ck_assert_int_eq(fs_each(f->dir, path, count_one, &n, NULL), 0);
	return n;
}

START_TEST(content__files_are_shared_and_go_with_the_last_version)
{
	struct fixture f;

	set_up(&f);
	ck_assert_uint_eq(count_files(&f, "c"), 3);
	put_content(&f, 2);
	ck_assert_uint_eq(count_files(&f, "c"), 5);
	drop_content(&f, 1);
	ck_assert_uint_eq(count_files(&f, "c"), 3);
	ck_assert(content_is_complete(depot_repo(f.depot), f.header[1]));
	ck_assert(!content_is_complete(depot_repo(f.depot), f.header[0]));
	drop_content(&f, 2);
	ck_assert_uint_eq(count_files(&f, "c"), 0);
	tear_down(&f);
}
END_TEST

START_TEST(build__full_archives_differences_and_contents_go_round)
{
	for (int format = 0; format < FORMAT_COUNT; format++) {
		struct build_difference what = {
			.format = (enum format)format, .full_bytes = 1 << 30};
		struct record full;
		struct record difference[2];
		struct record content;
		struct record again;
		const struct record *culprit;
		struct fixture f;
		struct err e = {0};

		set_up(&f);
		/* 1 -> 2 while both contents are there; 2 -> 3 from an archive of 2 */
		put_content(&f, 2);
		what.ident = f.header[1]->ident;
		what.base = f.header[0]->ident.edition;
		ck_assert_msg(
			build_difference(&f.build, &what, &difference[0], &e) == 0, "%s", e.text);
		drop_content(&f, 1);
		ck_assert_msg(build_full(&f.build, &f.header[1]->ident, (enum format)format, NULL,
				      0, &full, &e) == 0,
			"%s", e.text);
		drop_content(&f, 2);
		put_content(&f, 3);
		what.ident = f.header[2]->ident;
		what.base = f.header[1]->ident.edition;
		what.old_full = &full;
		ck_assert_msg(
			build_difference(&f.build, &what, &difference[1], &e) == 0, "%s", e.text);
		drop_content(&f, 3);
		/* the small change of file 1 is a small delta in the newer format */
		if (format == FORMAT_AR2)
			ck_assert_uint_lt(difference[1].ref.bytes, full.ref.bytes / 2);
		ck_assert_uint_eq(count_files(&f, "c"), 0);
		/* from the archive of 2 to the content of 3 */
		ck_assert_msg(build_content(&f.build, &(struct build_way){&full, &difference[1], 1},
				      &content, &culprit, &e) == 0,
			"%s", e.text);
		ck_assert_int_eq(depot_check(f.depot, &content, NULL), 0);
		drop_content(&f, 3);
		/* from the content of 1 over both differences */
		put_content(&f, 1);
		content.ident = f.header[0]->ident;
		ck_assert_msg(build_content(&f.build, &(struct build_way){&content, difference, 2},
				      &again, &culprit, &e) == 0,
			"%s", e.text);
		ck_assert_int_eq(depot_check(f.depot, &again, NULL), 0);
		ck_assert(!fs_exists(repo_stage_dir(depot_repo(f.depot)), "work"));
		/* a full archive out of the streams of others, checked */
		ck_assert_msg(build_full(&f.build, &f.header[2]->ident, FORMAT_AR1, difference, 2,
				      &full, &e) == 0,
			"%s", e.text);
		ck_assert_int_eq(depot_check(f.depot, &full, NULL), 0);
		tear_down(&f);
	}
}
END_TEST

static void
damage(struct fixture *f, const char *name)
{
	AUTO_CLOSE int fd = openat(f->dir, name, O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(pwrite(fd, "damage", 6, 100), 6);
}

START_TEST(build__a_damaged_source_is_not_built_on)
{
	struct fixture f;
	struct record content = {.kind = RECORD_CONTENT};
	struct record full;
	struct record all;
	const struct record *culprit;
	struct err e = {0};
	char name[IDENT_NAME_MAX];

	set_up(&f);
	content.ident = f.header[0]->ident;
	ck_assert_int_eq(depot_check(f.depot, &content, NULL), 0);
	damage(&f, ident_blob_name(&f.header[0]->files[1].digest, name));
	ck_assert_int_eq(build_full(&f.build, &content.ident, FORMAT_AR2, NULL, 0, &full, &e), -1);
	ck_assert_int_eq(e.code, ERR_DIGEST);
	ck_assert_int_eq(
		build_content(&f.build, &(struct build_way){&content, NULL, 0}, &all, &culprit, &e),
		-1);
	ck_assert_int_eq(depot_check(f.depot, &content, &e), -1);
	ck_assert(depot_is_damage(&e));
	ck_assert_int_eq(depot_quarantine(f.depot, &content, NULL), 0);
	ck_assert_uint_eq(count_files(&f, "quarantine"), 1);
	ck_assert_uint_eq(count_files(&f, "c"), 0);
	tear_down(&f);
}
END_TEST

START_TEST(depot_reindex__keeps_times_and_finds_what_does_not_fit)
{
	struct fixture f;
	AUTO_RECORDS struct records all = {0};
	char name[IDENT_NAME_MAX];
	bool found = false;

	set_up(&f);
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
	ck_assert_uint_eq(count_files(&f, "f"), 0);
	ck_assert_uint_eq(count_files(&f, "c"), 0);
	ck_assert_uint_eq(count_files(&f, "quarantine"), 2);
	tear_down(&f);
}
END_TEST

void
build_tests(TCase *c)
{
	tcase_add_test(c, content__files_are_shared_and_go_with_the_last_version);
	tcase_add_test(c, build__full_archives_differences_and_contents_go_round);
	tcase_add_test(c, build__a_damaged_source_is_not_built_on);
	tcase_add_test(c, depot_reindex__keeps_times_and_finds_what_does_not_fit);
}
