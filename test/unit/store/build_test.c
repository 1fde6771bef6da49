/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/build.h"

#include <fcntl.h>

#include "base/fs.h"
#include "store/versions.h"
#include "unit.h"

/* 1 -> 2 while both contents are there; 2 -> 3 from the archive of 2, which is built as well. */
static void
build_both(struct versions *f, enum format format, struct record *full, struct record difference[2])
{
	struct build_difference what = {.format = format, .full_bytes = 1 << 30};
	struct err e = {0};

	versions_put_content(f, 2);
	what.ident = f->header[1]->ident;
	what.base = f->header[0]->ident.edition;
	ck_assert_msg(build_difference(&f->build, &what, &difference[0], &e) == 0, "%s", e.text);
	versions_drop_content(f, 1);
	ck_assert_msg(build_full(&f->build, &(struct build_full){what.ident, format, NULL, 0}, full,
			      &e) == 0,
		"%s", e.text);
	versions_drop_content(f, 2);
	versions_put_content(f, 3);
	what.ident = f->header[2]->ident;
	what.base = f->header[1]->ident.edition;
	what.old_full = full;
	ck_assert_msg(build_difference(&f->build, &what, &difference[1], &e) == 0, "%s", e.text);
	versions_drop_content(f, 3);
	/* the small change of file 1 is a small delta in the newer format */
	if (format == FORMAT_AR2)
		ck_assert_uint_lt(difference[1].ref.bytes, full->ref.bytes / 2);
	ck_assert_uint_eq(versions_count_files(f, "c"), 0);
}

static void
check_content(struct versions *f, const struct build_way *way)
{
	const struct record *culprit;
	struct record content;
	struct err e = {0};

	ck_assert_msg(build_content(&f->build, way, &content, &culprit, &e) == 0, "%s", e.text);
	ck_assert_int_eq(depot_check(f->depot, &content, NULL), 0);
	ck_assert(!fs_exists(repo_stage_dir(depot_repo(f->depot)), "work"));
}

START_TEST(build__full_archives_differences_and_contents_go_round)
{
	for (int format = 0; format < FORMAT_COUNT; format++) {
		struct record content = {.kind = RECORD_CONTENT};
		struct record difference[2];
		struct record full;
		struct versions f;
		struct err e = {0};

		versions_set_up(&f);
		build_both(&f, (enum format)format, &full, difference);
		/* from the archive of 2 to the content of 3 */
		check_content(&f, &(struct build_way){&full, &difference[1], 1});
		versions_drop_content(&f, 3);
		/* from the content of 1 over both differences */
		versions_put_content(&f, 1);
		content.ident = f.header[0]->ident;
		check_content(&f, &(struct build_way){&content, difference, 2});
		/* a full archive out of the streams of others, checked */
		ck_assert_msg(
			build_full(&f.build,
				&(struct build_full){f.header[2]->ident, FORMAT_AR1, difference, 2},
				&full, &e) == 0,
			"%s", e.text);
		ck_assert_int_eq(depot_check(f.depot, &full, NULL), 0);
		versions_tear_down(&f);
	}
}
END_TEST

static void
damage(struct versions *f, const char *name)
{
	AUTO_CLOSE int fd = openat(f->dir, name, O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(pwrite(fd, "damage", 6, 100), 6);
}

START_TEST(build__a_damaged_source_is_not_built_on)
{
	struct versions f;
	struct record content = {.kind = RECORD_CONTENT};
	struct record full;
	struct record all;
	const struct record *culprit;
	struct err e = {0};
	char name[IDENT_NAME_MAX];

	versions_set_up(&f);
	content.ident = f.header[0]->ident;
	ck_assert_int_eq(depot_check(f.depot, &content, NULL), 0);
	damage(&f, ident_blob_name(&f.header[0]->files[1].digest, name));
	ck_assert_int_eq(
		build_full(&f.build, &(struct build_full){content.ident, FORMAT_AR2, NULL, 0},
			&full, &e),
		-1);
	ck_assert_int_eq(e.code, ERR_DIGEST);
	ck_assert_int_eq(
		build_content(&f.build, &(struct build_way){&content, NULL, 0}, &all, &culprit, &e),
		-1);
	ck_assert_int_eq(depot_check(f.depot, &content, &e), -1);
	ck_assert(depot_is_damage(&e));
	ck_assert_int_eq(depot_quarantine(f.depot, &content, NULL), 0);
	ck_assert_uint_eq(versions_count_files(&f, "quarantine"), 1);
	ck_assert_uint_eq(versions_count_files(&f, "c"), 0);
	versions_tear_down(&f);
}
END_TEST

void
build_tests(TCase *c)
{
	tcase_add_test(c, build__full_archives_differences_and_contents_go_round);
	tcase_add_test(c, build__a_damaged_source_is_not_built_on);
}
