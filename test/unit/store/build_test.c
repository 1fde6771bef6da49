/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/build.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/pack.h"
#include "faults.h"
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
	ck_assert_msg(
		build_full(&f->build, &(struct build_full){.ident = what.ident, .format = format},
			full, &e) == 0,
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
		ck_assert_msg(build_full(&f.build,
				      &(struct build_full){.ident = f.header[2]->ident,
					      .donors = difference,
					      .count = 2},
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
	ck_assert_int_eq(build_full(&f.build,
				 &(struct build_full){.ident = content.ident, .format = FORMAT_AR2},
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

/* ---- Whose fault it is */

/* What all is built of: the archive of version 2, and the content of 3 from there on. */
static void
set_up(struct versions *f, struct record *full, struct record difference[2])
{
	versions_set_up(f);
	build_both(f, FORMAT_AR2, full, difference);
}

static void
check_refused(struct versions *f, const struct build_way *way, const struct record *culprit,
	enum err_code code)
{
	const struct record *got = way->start;
	char name[IDENT_NAME_MAX];
	struct record content;
	struct err e = {0};

	ck_assert_int_eq(build_content(&f->build, way, &content, &got, &e), -1);
	ck_assert_msg(e.code == code, "%d: %s", (int)e.code, e.text);
	ck_assert_msg(strncmp(e.text, "build: ", 7) == 0, "%s", e.text);
	ck_assert_msg(got == culprit, "%s", e.text);
	if (culprit != NULL)
		ck_assert_msg(
			strstr(e.text, record_name(culprit, name)) == e.text + 7, "%s", e.text);
	ck_assert_uint_eq(unit_count(repo_stage_dir(depot_repo(f->depot)), "."), 0);
}

START_TEST(build_content__names_the_archive_that_is_to_blame)
{
	struct stop stop = {.wanted = true};
	struct record content = {.kind = RECORD_CONTENT};
	struct record difference[2];
	struct record full;
	struct record other;
	struct versions f;
	struct build_way way = {&full, &difference[1], 1};
	char name[IDENT_NAME_MAX];

	set_up(&f, &full, difference);
	repo_set_stop(depot_repo(f.depot), &stop);
	check_refused(&f, &way, NULL, ERR_STOPPED);
	repo_set_stop(depot_repo(f.depot), NULL);
	/* Nobody has its header. */
	other = full;
	other.ident.edition.version = 9;
	way.start = &other;
	check_refused(&f, &way, NULL, ERR_MISSING);
	/* Another version's, and one that is whole only with what is in c/. */
	other.ident = f.header[2]->ident;
	check_refused(&f, &way, &other, ERR_DIGEST);
	versions_put_content(&f, 1);
	other.ident = f.header[1]->ident;
	other.ref = difference[0].ref;
	check_refused(&f, &way, &other, ERR_INPUT);
	/* Not with what is there by itself: that content goes no further. */
	content.ident = f.header[0]->ident;
	way = (struct build_way){&content, difference, 2};
	damage(&f, ident_file_name(&difference[1].ref.id, name));
	check_refused(&f, &way, &difference[1], ERR_DIGEST);
	ck_assert_int_eq(unlinkat(f.dir, ident_file_name(&difference[0].ref.id, name), 0), 0);
	check_refused(&f, &way, &difference[0], ERR_MISSING);
	way.count = 0;
	damage(&f, ident_blob_name(&f.header[0]->files[1].digest, name));
	check_refused(&f, &way, NULL, ERR_DIGEST);
	versions_tear_down(&f);
}
END_TEST

/* Nobody has checked it. */
START_TEST(build__does_not_go_on_with_what_an_earlier_one_left)
{
	struct record content = {.kind = RECORD_CONTENT};
	struct record difference[2];
	struct record full;
	struct versions f;
	const struct build_way ways[] = {{&full, &difference[1], 1}, {&content, NULL, 0}};

	set_up(&f, &full, difference);
	content.ident = f.header[2]->ident;
	for (int way = 0; way < 2; way++)
		for (int i = 0; i < 3; i++) {
			char hex[DIGEST_HEX + 1];
			AUTO_FREE char *left = mem_printf(
				"stage/work/%s", digest_hex(&f.header[2]->files[i].digest, hex));

			fs_close(&(int){fs_make_dirs(f.dir, "stage/work", NULL)});
			ck_assert_int_eq(fs_put(f.dir, left, left, unit_text("left"), NULL), 0);
			check_content(&f, &ways[way]);
		}
	versions_tear_down(&f);
}
END_TEST

/* ---- What is made */

START_TEST(build_difference__is_stored_only_where_it_spares_a_tenth)
{
	struct record difference[2];
	struct record full;
	struct versions f;
	struct build_difference what = {.format = FORMAT_AR2, .old_full = &full};

	set_up(&f, &full, difference);
	versions_put_content(&f, 3);
	what.ident = f.header[2]->ident;
	what.base = f.header[1]->ident.edition;
	ck_assert_int_eq(depot_remove(f.depot, &difference[1], NULL), 0);
	for (int more = 0; more <= 1; more++) {
		unsigned before = versions_count_files(&f, "f");
		struct record r;
		struct err e = {0};

		what.full_bytes = (difference[1].ref.bytes / 9 + (unsigned)more) * 10;
		ck_assert_msg(build_difference(&f.build, &what, &r, &e) == 0, "%s", e.text);
		ck_assert_uint_eq(r.ref.bytes, more ? difference[1].ref.bytes : 0);
		ck_assert_int_eq(digest_equal(&r.ref.id, &difference[1].ref.id), more);
		ck_assert(ident_equal(&r.ident, &what.ident));
		ck_assert(ident_edition_equal(&r.base, &what.base));
		ck_assert_uint_eq(versions_count_files(&f, "f"), before + (unsigned)more);
		ck_assert_uint_eq(versions_count_files(&f, "stage"), 0);
	}
	versions_tear_down(&f);
}
END_TEST

/* The best archive of version 1, which takes longer than a client would wait. */
static struct record
put_best(struct versions *f)
{
	int stage = repo_stage_dir(depot_repo(f->depot));
	AUTO_CLOSE int content = fs_open_dir(f->dir, "c", NULL);
	AUTO_CLOSE int streams = fs_make_dirs(f->dir, "streams", NULL);
	AUTO_CLOSE int fd = openat(stage, "best", O_WRONLY | O_CREAT, 0644);
	struct blobs_dirs dirs = {.dir = {content}, .count = 1};
	const struct encode_settings settings = {.blobs = blobs_in(&dirs), .stage = streams};
	struct pack *p = pack_new(f->header[0], &settings);
	size_t archive = pack_want(p, FORMAT_AR2, NULL);
	struct record r = {.ident = f->header[0]->ident, .format = FORMAT_AR2};
	struct err e = {0};

	ck_assert_msg(pack_encode(p, &e) == 0, "%s", e.text);
	ck_assert_int_eq(pack_write(p, archive, fd, &r.ref, NULL), 0);
	ck_assert_msg(depot_put_archive(f->depot, &r, "best", NULL, &e) == 0, "%s", e.text);
	pack_free(p);
	return r;
}

START_TEST(build_full__takes_the_streams_of_the_donors_that_are_there)
{
	struct record donors[3];
	struct record best;
	struct build_full what = {.format = FORMAT_AR2};
	struct record quick;
	struct record r;
	struct versions f;
	struct err e = {0};
	char name[IDENT_NAME_MAX];

	versions_set_up(&f);
	what.ident = f.header[0]->ident;
	ck_assert_msg(build_full(&f.build, &what, &quick, &e) == 0, "%s", e.text);
	what.donors = donors;
	what.count = 3;
	best = put_best(&f);
	ck_assert(!digest_equal(&quick.ref.id, &best.ref.id));
	/* The first is gone, and of the two others the last has them. */
	donors[0] = donors[1] = donors[2] = best;
	donors[0].ref.id.byte[0] ^= 1;
	donors[1].ref = quick.ref;
	ck_assert_msg(build_full(&f.build, &what, &r, &e) == 0, "%s", e.text);
	ck_assert(digest_equal(&r.ref.id, &best.ref.id));
	damage(&f, ident_file_name(&best.ref.id, name));
	ck_assert_msg(build_full(&f.build, &what, &r, &e) == 0, "%s", e.text);
	ck_assert(digest_equal(&r.ref.id, &quick.ref.id));
	versions_tear_down(&f);
}
END_TEST

/* From a full archive and a difference of one step, decoded or not, again and again. */
START_TEST(build_full__is_composed_where_all_of_it_is_there)
{
	for (int decoded = 0; decoded <= 1; decoded++) {
		bool both[2] = {decoded, decoded};
		struct record donors[2];
		struct record r = {0};
		struct versions f;
		struct err e = {0};

		versions_set_up_of(&f, 3000);
		versions_put_content(&f, 2);
		versions_put_content(&f, 3);
		donors[0] = put_best(&f);
		for (unsigned n = 1; n <= 2; n++) {
			struct build_full what = {.ident = f.header[n]->ident,
				.format = FORMAT_AR2,
				.donors = donors,
				.count = 2,
				.decoded = both,
				.roomy = true};
			const struct build_difference difference = {.ident = what.ident,
				.base = f.header[n - 1]->ident.edition,
				.format = FORMAT_AR2,
				.full_bytes = 1 << 30};

			ck_assert_int_eq(
				build_difference(&f.build, &difference, &donors[1], &e), 0);
			ck_assert_msg(build_full(&f.build, &what, &r, &e) == 0, "%s", e.text);
			/* One new file of noise more than before, which the difference has. */
			ck_assert_uint_gt(r.ref.bytes, donors[0].ref.bytes);
			ck_assert_uint_le(
				r.ref.bytes, donors[0].ref.bytes + donors[1].ref.bytes + 20);
			donors[0] = r;
		}
		for (unsigned n = 1; n <= 3; n++)
			versions_drop_content(&f, n);
		check_content(&f, &(struct build_way){&r, NULL, 0});
		versions_tear_down(&f);
	}
}
END_TEST

/* Without room for what comes of it, and where one of both is not what it says. */
START_TEST(build_full__is_encoded_where_it_cannot_be_composed)
{
	struct record donors[2];
	struct build_full what = {.format = FORMAT_AR2, .donors = donors, .count = 2};
	struct build_difference difference = {.format = FORMAT_AR2, .full_bytes = 1 << 30};
	struct record encoded;
	struct record r;
	struct versions f;
	struct err e = {0};
	char name[IDENT_NAME_MAX];

	versions_set_up_of(&f, 3000);
	versions_put_content(&f, 2);
	donors[0] = put_best(&f);
	what.ident = difference.ident = f.header[1]->ident;
	difference.base = f.header[0]->ident.edition;
	ck_assert_int_eq(build_difference(&f.build, &difference, &donors[1], &e), 0);
	ck_assert_msg(build_full(&f.build, &what, &encoded, &e) == 0, "%s", e.text);
	what.roomy = true;
	ck_assert_int_eq(build_full(&f.build, &what, &r, &e), 0);
	ck_assert(!digest_equal(&r.ref.id, &encoded.ref.id));
	damage(&f, ident_file_name(&donors[1].ref.id, name));
	ck_assert_msg(build_full(&f.build, &what, &r, &e) == 0, "%s", e.text);
	ck_assert(digest_equal(&r.ref.id, &encoded.ref.id));
	versions_tear_down(&f);
}
END_TEST

/* ---- A disk that fails */

static int
content_of_3(struct versions *f, const struct record *full, const struct record *difference,
	struct err *e)
{
	const struct build_way way = {full, difference, 1};
	const struct record *culprit = full;
	struct record r;
	int result = build_content(&f->build, &way, &r, &culprit, e);

	ck_assert_ptr_null(culprit);
	return result;
}

static int
full_of_1(struct versions *f, const struct record *full, const struct record *difference,
	struct err *e)
{
	const struct build_full what = {.ident = f->header[0]->ident, .donors = full, .count = 1};
	struct record r;

	(void)difference;
	return build_full(&f->build, &what, &r, e);
}

static int
difference_to_1(struct versions *f, const struct record *full, const struct record *difference,
	struct err *e)
{
	const struct build_difference what = {.ident = f->header[1]->ident,
		.base = f->header[0]->ident.edition,
		.format = FORMAT_AR2,
		.new_full = full,
		.full_bytes = 1 << 30};
	struct record r;

	(void)difference;
	return build_difference(&f->build, &what, &r, e);
}

static int (*const builds[])(struct versions *f, const struct record *full,
	const struct record *difference,
	struct err *e) = {content_of_3, full_of_1, difference_to_1};

static bool
is_whole(struct versions *f, unsigned version)
{
	const struct record r = {.kind = RECORD_CONTENT, .ident = f->header[version - 1]->ident};

	return depot_check(f->depot, &r, NULL) == 0;
}

START_TEST(build__what_a_disk_stops_is_no_archives_fault_and_can_be_done_again)
{
	struct record difference[2];
	struct record full;
	struct versions f;
	char hex[DIGEST_HEX + 1];
	AUTO_FREE char *left = NULL;
	bool failed = true;

	set_up(&f, &full, difference);
	versions_put_content(&f, 1);
	left = mem_printf("stage/work/%s", digest_hex(&f.header[2]->files[2].digest, hex));
	for (unsigned n = 1; failed; n++) {
		struct err e = {0};
		int result;

		/* What an earlier one left is not gone on with where it cannot be removed. */
		fs_close(&(int){fs_make_dirs(f.dir, "stage/work", NULL)});
		ck_assert_int_eq(fs_put(f.dir, left, left, unit_text("left"), NULL), 0);
		faults_begin(n);
		result = builds[_i](&f, &full, &difference[1], &e);
		failed = faults_stop();
		/* What cannot be cleared away the next one does. */
		ck_assert(failed || result == 0);
		ck_assert_int_eq(e.code, result == 0 ? ERR_NONE : ERR_SYS);
		ck_assert(result == 0 || strncmp(e.text, "build: ", 7) == 0);
		ck_assert(_i > 0 || result != 0 || is_whole(&f, 3));
	}
	ck_assert_uint_eq(versions_count_files(&f, "stage"), 0);
	versions_tear_down(&f);
}
END_TEST

/* Of either of the two: it may have gone since it was planned. */
START_TEST(build_difference__without_a_header_is_an_error)
{
	for (unsigned gone = 0; gone <= 1; gone++) {
		struct versions f;
		struct build_difference what = {.format = FORMAT_AR2, .full_bytes = 1 << 30};
		struct record r;
		struct err e = {0};
		char name[IDENT_NAME_MAX];

		versions_set_up(&f);
		versions_put_content(&f, 2);
		what.ident = f.header[1]->ident;
		what.base = f.header[0]->ident.edition;
		ck_assert_int_eq(
			unlinkat(f.dir, ident_header_name(&f.header[gone]->ident, name), 0), 0);
		ck_assert_int_eq(build_difference(&f.build, &what, &r, &e), -1);
		ck_assert_int_eq(e.code, ERR_MISSING);
		ck_assert_uint_eq(versions_count_files(&f, "stage"), 0);
		versions_tear_down(&f);
	}
}
END_TEST

void
build_tests(TCase *c)
{
	tcase_add_test(c, build_difference__without_a_header_is_an_error);
	tcase_add_test(c, build__full_archives_differences_and_contents_go_round);
	tcase_add_test(c, build__a_damaged_source_is_not_built_on);
	tcase_add_test(c, build_content__names_the_archive_that_is_to_blame);
	tcase_add_test(c, build__does_not_go_on_with_what_an_earlier_one_left);
	tcase_add_test(c, build_difference__is_stored_only_where_it_spares_a_tenth);
	tcase_add_test(c, build_full__takes_the_streams_of_the_donors_that_are_there);
	tcase_add_test(c, build_full__is_composed_where_all_of_it_is_there);
	tcase_add_test(c, build_full__is_encoded_where_it_cannot_be_composed);
	tcase_add_loop_test(
		c, build__what_a_disk_stops_is_no_archives_fault_and_can_be_done_again, 0, 3);
}
