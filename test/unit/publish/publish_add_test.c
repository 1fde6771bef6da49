/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/publish_add.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "faults.h"
#include "model/header.h"
#include "publish/published.h"
#include "unit.h"

/* Which version of "t" is announced; 0: none. */
static struct ident
announced(const struct published *p)
{
	AUTO_REPO struct repo *repo = NULL;
	AUTO_IDENTS struct idents query = {0};
	const struct ident *found;

	ck_assert_int_eq(repo_open(p->path, false, &repo, NULL), 0);
	ck_assert_int_eq(repo_read_query(repo, &query, NULL), 0);
	found = idents_find(&query, "t");
	return found != NULL ? *found : (struct ident){0};
}

static bool
has(const struct published *p, const char *name)
{
	return fs_exists(p->dir, name);
}

static bool
has_difference(const struct published *p, const struct ident *ident, const struct ident *base)
{
	char name[IDENT_NAME_MAX];

	return has(p, ident_offer_name(ident, &base->edition, name));
}

static int
check_archive(void *context, int dir, const char *name, struct err *e)
{
	struct digest want;
	struct digest got;
	uint64_t bytes;
	AUTO_CLOSE int fd = fs_open(dir, name, NULL, e);

	ck_assert(digest_parse(name, &want));
	ck_assert_int_eq(digest_of_file(fd, NULL, &got, &bytes, NULL), 0);
	ck_assert(digest_equal(&got, &want));
	(*(unsigned *)context)++;
	return 0;
}

/* Every archive and every file is what its name says. Returns how many there are. */
static unsigned
check_all(const struct published *p)
{
	unsigned n = 0;

	ck_assert_int_eq(fs_each(p->dir, "f", check_archive, &n, NULL), 0);
	ck_assert_int_eq(fs_each(p->dir, "c", check_archive, &n, NULL), 0);
	return n;
}

/* Whether all that a client needs of a version is there: its header, archives and files. */
static bool
is_whole(const struct published *p, const struct ident *ident)
{
	AUTO_REPO struct repo *repo = NULL;
	AUTO_HEADER struct header *h = NULL;
	char name[IDENT_NAME_MAX];
	bool whole = true;

	ck_assert_int_eq(repo_open(p->path, false, &repo, NULL), 0);
	if (repo_read_header(repo, ident, &h, NULL, NULL) != 0)
		return false;
	for (size_t i = 0; i < h->count; i++)
		whole = whole && has(p, ident_blob_name(&h->files[i].digest, name));
	for (int i = 0; i < FORMAT_COUNT; i++) {
		const struct archive_ref ref = published_archive(p, ident, NULL, (enum format)i);

		whole = whole && repo_has_archive(repo, &ref);
	}
	return whole;
}

static void
set_up(struct published *p)
{
	AUTO_FREE unsigned char *bytes = unit_bytes(3000, 3);
	AUTO_FREE char *text = mem_printf("%.3000s", (const char *)bytes);

	published_set_up(p);
	published_put(p, "big", text, false);
	published_put(p, "a", "one", true);
}

static void
change(const struct published *p, unsigned n)
{
	AUTO_FREE char *text = mem_printf("this is %u", n);

	published_put(p, "a", text, true);
}

START_TEST(publish_add__announces_what_is_there)
{
	struct published p;
	struct ident ident;
	struct ident got;
	AUTO_BUF struct buf bytes = {0};
	AUTO_HEADER struct header *h = NULL;
	char name[IDENT_NAME_MAX];

	set_up(&p);
	ident = published_add(&p, "t", 7);
	ck_assert_uint_eq(ident.edition.version, 7);
	got = announced(&p);
	ck_assert(ident_equal(&got, &ident));
	ck_assert_int_eq(
		fs_read(p.dir, ident_header_name(&ident, name), HEADER_BYTES_MAX, &bytes, NULL), 0);
	ck_assert_int_eq(header_parse_of(span_of(bytes.at, bytes.len), &ident, &h, NULL), 0);
	ck_assert_str_eq(h->title, "t");
	ck_assert_uint_eq(h->count, 2);
	ck_assert_uint_eq(check_all(&p), 4); /* two archives, two files */
	/* Other types beside it, in order: the first one stays announced. */
	(void)published_add(&p, "u", 1);
	(void)published_add(&p, "a", 1);
	got = announced(&p);
	ck_assert(ident_equal(&got, &ident));
	buf_clear(&bytes);
	ck_assert_int_eq(fs_read(p.dir, "q", WIRE_QUERY_BYTES_MAX, &bytes, NULL), 0);
	buf_add(&bytes, "", 1);
	ck_assert(strstr(bytes.at, "\"a\"") < strstr(bytes.at, "\"t\""));
	ck_assert(strstr(bytes.at, "\"t\"") < strstr(bytes.at, "\"u\""));
	published_tear_down(&p);
}
END_TEST

START_TEST(publish_add__the_title_is_the_one_that_was_given)
{
	struct published p;
	struct publish_request request;
	struct ident ident;
	AUTO_HEADER struct header *h = NULL;
	AUTO_REPO struct repo *repo = NULL;

	set_up(&p);
	request = published_request(&p, "t", 1);
	request.title = "A title";
	ck_assert_int_eq(published_try(&p, &request, &ident, NULL), 0);
	ck_assert_int_eq(repo_open(p.path, false, &repo, NULL), 0);
	ck_assert_int_eq(repo_read_header(repo, &ident, &h, NULL, NULL), 0);
	ck_assert_str_eq(h->title, "A title");
	published_tear_down(&p);
}
END_TEST

START_TEST(publish_add__a_version_is_the_time_and_larger_than_the_last)
{
	struct published p;
	struct publish_request request;
	struct ident ident;
	struct err e = {0};
	uint64_t now_s = clock_wall_ms() / 1000;
	const uint64_t ahead = now_s + 1000;

	set_up(&p);
	ident = published_add(&p, "t", 0);
	ck_assert_uint_ge(ident.edition.version, now_s);
	ck_assert_uint_le(ident.edition.version, clock_wall_ms() / 1000);
	ident = published_add(&p, "t", ahead);
	ident = published_add(&p, "t", 0); /* the clock was set back */
	ck_assert_uint_eq(ident.edition.version, ahead + 1);
	for (uint64_t version = ahead; version < ahead + 2; version++) {
		request = published_request(&p, "t", version);
		ck_assert_int_eq(published_try(&p, &request, &ident, &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_ptr_nonnull(strstr(e.text, "must be larger than the last one"));
	}
	ident = published_add(&p, "t", ahead + 2);
	request = published_request(&p, "t", IDENT_VERSION_MAX + 1);
	ck_assert_int_eq(published_try(&p, &request, &ident, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "larger than 2^53-1"));
	ident = published_add(&p, "t", IDENT_VERSION_MAX);
	ck_assert_uint_eq(announced(&p).edition.version, IDENT_VERSION_MAX);
	published_tear_down(&p);
}
END_TEST

START_TEST(publish_add__of_two_within_a_second_the_second_is_larger)
{
	struct published p;
	struct ident first;
	struct ident second;

	set_up(&p);
	unit_clock_stop();
	first = published_add(&p, "t", 0);
	ck_assert_uint_eq(first.edition.version, clock_wall_ms() / 1000);
	second = published_add(&p, "t", 0);
	ck_assert_uint_eq(second.edition.version, first.edition.version + 1);
	published_tear_down(&p);
}
END_TEST

/* Files, then archives, then the documents that refer to them, then the announcement. */
START_TEST(publish_add__what_refers_to_something_has_its_name_when_that_is_on_the_disk)
{
	struct published p;

	set_up(&p);
	(void)published_add(&p, "t", 1);
	change(&p, 1);
	faults_follow();
	(void)published_add(&p, "t", 2);
	ck_assert_str_eq(faults_named(), "|cf|oh|q/");
	published_tear_down(&p);
}
END_TEST

START_TEST(publish_add__differences_from_the_newest_so_many)
{
	struct published p;
	struct publish_request request;
	struct ident ident[4];

	set_up(&p);
	for (unsigned n = 0; n < 3; n++) {
		change(&p, n);
		ident[n] = published_add(&p, "t", n + 1);
	}
	change(&p, 3);
	(void)published_add(&p, "u", 1); /* no version of this type */
	request = published_request(&p, "t", 4);
	request.diffs = 2;
	ck_assert_int_eq(published_try(&p, &request, &ident[3], NULL), 0);
	ck_assert(has_difference(&p, &ident[3], &ident[2]));
	ck_assert(has_difference(&p, &ident[3], &ident[1]));
	ck_assert(!has_difference(&p, &ident[3], &ident[0]));
	ck_assert(has_difference(&p, &ident[2], &ident[0]));
	request = published_request(&p, "t", 5);
	request.diffs = 0;
	ck_assert_int_eq(published_try(&p, &request, &ident[0], NULL), 0);
	ck_assert(!has_difference(&p, &ident[0], &ident[3]));
	(void)check_all(&p);
	published_tear_down(&p);
}
END_TEST

/* Without the list there would be none. */
START_TEST(publish_add__versions_that_cannot_be_listed_are_an_error)
{
	struct published p;
	struct publish_request request;
	struct ident ident[2];

	for (unsigned n = 1; n <= 12; n++) {
		set_up(&p);
		ident[0] = published_add(&p, "t", 1);
		change(&p, 1);
		request = published_request(&p, "t", 2);
		faults_refuse(".", n, EIO);
		if (published_try(&p, &request, &ident[1], NULL) == 0)
			ck_assert_msg(has_difference(&p, &ident[1], &ident[0]), "open %u", n);
		else
			ck_assert_uint_eq(announced(&p).edition.version, 1);
		faults_refuse(NULL, 0, 0);
		published_tear_down(&p);
	}
}
END_TEST

/* Nothing in common, and nothing that could be smaller. */
START_TEST(publish_add__no_difference_that_saves_nothing)
{
	struct published p;
	struct ident first;
	struct ident second;
	unsigned before;

	published_set_up(&p);
	published_put(&p, "a", "0123456789", false);
	first = published_add(&p, "t", 1);
	before = check_all(&p);
	published_put(&p, "a", "abcdefghijk", false);
	second = published_add(&p, "t", 2);
	ck_assert(!has_difference(&p, &second, &first));
	ck_assert_uint_eq(check_all(&p), before + 3); /* two archives, one file */
	published_tear_down(&p);
}
END_TEST

START_TEST(publish_add__one_publisher_at_a_time)
{
	struct published p;
	AUTO_REPO struct repo *repo = NULL;
	struct publish_request request;
	struct ident ident;
	struct err e = {0};

	set_up(&p);
	ck_assert_int_eq(repo_open(p.path, false, &repo, NULL), 0);
	ck_assert_int_eq(repo_lock(repo, NULL), 0);
	request = published_request(&p, "t", 1);
	ck_assert_int_eq(published_try(&p, &request, &ident, &e), -1);
	ck_assert_int_eq(e.code, ERR_BUSY);
	ck_assert_uint_eq(announced(&p).edition.version, 0);
	published_tear_down(&p);
}
END_TEST

START_TEST(publish_add__where_the_announcement_is_damaged_nothing_is_published)
{
	struct published p;
	struct publish_request request;
	struct ident ident;
	struct err e = {0};

	set_up(&p);
	ident = published_add(&p, "t", 1);
	ck_assert_int_eq(fs_put(p.dir, "stage/x", "q", unit_text("{"), NULL), 0);
	request = published_request(&p, "t", 2);
	ck_assert_int_eq(published_try(&p, &request, &ident, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_ptr_nonnull(strstr(e.text, "guts2-publish init makes a damaged one anew"));
	published_tear_down(&p);
}
END_TEST

START_TEST(publish_add__what_cannot_be_published_changes_nothing)
{
	struct published p;
	struct publish_request request;
	struct ident ident;
	struct ident got;
	unsigned before;

	set_up(&p);
	ident = published_add(&p, "t", 1);
	before = check_all(&p);
	ck_assert_int_eq(symlinkat("a", p.from_dir, "link"), 0);
	change(&p, 1);
	request = published_request(&p, "t", 2);
	ck_assert_int_eq(published_try(&p, &request, &got, NULL), -1);
	got = announced(&p);
	ck_assert(ident_equal(&got, &ident));
	ck_assert_uint_eq(check_all(&p), before);
	/* What it has left goes with the next run. */
	ck_assert_int_eq(unlinkat(p.from_dir, "link", 0), 0);
	(void)published_add(&p, "t", 2);
	ck_assert(has(&p, "stage"));
	ck_assert(!has(&p, "stage/content"));
	published_tear_down(&p);
}
END_TEST

START_TEST(publish_add__a_header_that_cannot_be_read_is_told_and_nothing_is_published)
{
	struct published p;
	struct publish_request request;
	struct ident first;
	struct ident got;
	struct err e = {0};
	char name[IDENT_NAME_MAX];

	set_up(&p);
	unit_listen();
	first = published_add(&p, "t", 1);
	(void)ident_header_name(&first, name);
	ck_assert_int_eq(fs_put(p.dir, "x", name, unit_text("{"), NULL), 0);
	change(&p, 1);
	request = published_request(&p, "t", 2);
	ck_assert_int_eq(published_try(&p, &request, &got, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, name));
	ck_assert_uint_eq(announced(&p).edition.version, 1);
	/* Where no difference from it is wanted it is not read. */
	request.diffs = 0;
	ck_assert_int_eq(published_try(&p, &request, &got, &e), 0);
	published_tear_down(&p);
}
END_TEST

START_TEST(publish_add__of_a_damaged_archive_nothing_is_used_and_it_is_told)
{
	struct published p;
	struct ident ident;
	struct archive_ref ref;
	char name[IDENT_NAME_MAX];
	AUTO_BUF struct buf bytes = {0};

	set_up(&p);
	ident = published_add(&p, "t", 1);
	unit_listen();
	change(&p, 1);
	ident = published_add(&p, "t", 2);
	ck_assert_str_eq(unit_complaints(), "");
	ref = published_archive(&p, &ident, NULL, FORMAT_AR2);
	(void)ident_file_name(&ref.id, name);
	ck_assert_int_eq(fs_read(p.dir, name, 1 << 20, &bytes, NULL), 0);
	bytes.at[bytes.len / 2] ^= 1;
	ck_assert_int_eq(fs_put(p.dir, "stage/x", name, span_of(bytes.at, bytes.len), NULL), 0);
	ck_assert_int_eq(fs_clear(p.dir, "stage", NULL), 0);
	change(&p, 2);
	ident = published_add(&p, "t", 3);
	ck_assert_ptr_nonnull(strstr(unit_complaints(),
		"warning: an archive of an earlier version is not used, and clients cannot"));
	/* That of the new version is right, so that the next one has nothing to complain of. */
	unit_listen();
	change(&p, 3);
	ident = published_add(&p, "t", 4);
	ck_assert_str_eq(unit_complaints(), "");
	(void)ident_offer_name(&ident, NULL, name);
	ck_assert_int_eq(fs_put(p.dir, "stage/x", name, unit_text("{"), NULL), 0);
	ck_assert_int_eq(fs_clear(p.dir, "stage", NULL), 0);
	change(&p, 4);
	(void)published_add(&p, "t", 5);
	ck_assert_ptr_nonnull(
		strstr(unit_complaints(), "warning: the last version cannot be used: "));
	published_tear_down(&p);
}
END_TEST

/*
 * Two threads encode, and any call may be the one that fails, in whichever of them: published, or
 * the announcement is that of before. The calls that clear stage/ behind it all may fail.
 */
START_TEST(publish_add__a_disk_that_fails_at_any_call_publishes_all_or_nothing)
{
	unsigned failures = 0;
	bool failed = true;

	unit_listen();
	for (unsigned n = 1; failed; n++) {
		struct published p;
		struct publish_request request;
		struct ident first;
		struct ident second;
		struct ident got;
		int result;

		set_up(&p);
		first = published_add(&p, "t", 1);
		change(&p, 1);
		request = published_request(&p, "t", 2);
		request.jobs = 2;
		faults_begin(n);
		result = published_try(&p, &request, &second, NULL);
		failed = faults_stop();
		ck_assert(failed || result == 0);
		failures += result != 0;
		got = announced(&p);
		/* Where the very end of it failed, it may be announced all the same. */
		ck_assert_msg(
			ident_equal(&got, &second) || (result != 0 && ident_equal(&got, &first)),
			"fault %u", n);
		(void)check_all(&p);
		ck_assert_msg(is_whole(&p, &got), "fault %u", n);
		ck_assert(got.edition.version == 1 || has_difference(&p, &second, &first));
		/* It was all well but for what is staged, which is there still. */
		ck_assert_msg(
			!failed || result != 0 || unit_count(p.dir, "stage") > 0, "fault %u", n);
		/* Whoever shares the disk has the room again. */
		ck_assert_msg(result == 0 || unit_count(p.dir, "stage") == 0, "fault %u", n);
		change(&p, 2);
		second = published_add(&p, "t", 3);
		ck_assert_uint_eq(announced(&p).edition.version, 3);
		ck_assert(has_difference(&p, &second, &first));
		published_tear_down(&p);
	}
	ck_assert_uint_gt(failures, 20);
}
END_TEST

void
publish_add_tests(TCase *c)
{
	tcase_add_test(c, publish_add__announces_what_is_there);
	tcase_add_test(c, publish_add__the_title_is_the_one_that_was_given);
	tcase_add_test(c, publish_add__a_version_is_the_time_and_larger_than_the_last);
	tcase_add_test(c, publish_add__of_two_within_a_second_the_second_is_larger);
	tcase_add_test(
		c, publish_add__what_refers_to_something_has_its_name_when_that_is_on_the_disk);
	tcase_add_test(c, publish_add__differences_from_the_newest_so_many);
	tcase_add_test(c, publish_add__versions_that_cannot_be_listed_are_an_error);
	tcase_add_test(c, publish_add__no_difference_that_saves_nothing);
	tcase_add_test(c, publish_add__one_publisher_at_a_time);
	tcase_add_test(c, publish_add__where_the_announcement_is_damaged_nothing_is_published);
	tcase_add_test(c, publish_add__what_cannot_be_published_changes_nothing);
	tcase_add_test(
		c, publish_add__a_header_that_cannot_be_read_is_told_and_nothing_is_published);
	tcase_add_test(c, publish_add__of_a_damaged_archive_nothing_is_used_and_it_is_told);
	tcase_add_test(c, publish_add__a_disk_that_fails_at_any_call_publishes_all_or_nothing);
}
