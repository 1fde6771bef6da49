/* SPDX-License-Identifier: GPL-3.0-or-later */
/* repo, index and depot together: what is put is there, and nothing else. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "store/depot.h"
#include "unit.h"

static const struct ident ident = {"t", {5, "00000005"}};
static const struct edition base = {4, "00000004"};

/* The smallest archives there are: their terminator. */
#define AR1 "GUTS2AR1"
#define AR2 "GUTS2AR2"

static struct depot *
open_depot(const char *path, bool *ret_rebuilt)
{
	struct depot *d = NULL;
	struct err e = {0};

	ck_assert_msg(depot_open(path, &d, ret_rebuilt, &e) == 0, "%s", e.text);
	return d;
}

static void
stage(struct depot *d, const char *name, const char *bytes)
{
	ck_assert_int_eq(
		fs_put(repo_stage_dir(depot_repo(d)), "s", name, unit_text(bytes), NULL), 0);
}

static struct record
record_of(const char *bytes, enum format format)
{
	return (struct record){.ident = ident,
		.base = base,
		.format = format,
		.ref = {digest_of(unit_text(bytes)), strlen(bytes)}};
}

static int
count_records(struct depot *d)
{
	AUTO_RECORDS struct records all = {0};

	ck_assert_int_eq(depot_records(d, &all, NULL), 0);
	return (int)all.count;
}

START_TEST(depot_put_archive__both_formats_share_an_offer)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_BUF struct buf bytes = {0};
	struct record one = record_of(AR1, FORMAT_AR1);
	struct record two = record_of(AR2, FORMAT_AR2);
	char name[IDENT_NAME_MAX];
	bool rebuilt;
	struct depot *d = open_depot(path, &rebuilt);
	struct offer offer;

	stage(d, "a", AR1);
	stage(d, "b", AR2);
	ck_assert_int_eq(depot_put_archive(d, &one, "a", NULL, NULL), 0);
	ck_assert_int_eq(depot_put_archive(d, &two, "b", NULL, NULL), 0);
	ck_assert_int_eq(
		fs_read(dir, ident_offer_name(&ident, &base, name), 10000, &bytes, NULL), 0);
	ck_assert_int_eq(wire_offer_parse(span_of(bytes.at, bytes.len), &offer, NULL), 0);
	ck_assert(offer.archive[0].bytes == 8 && offer.archive[1].bytes == 8);
	ck_assert_int_eq(depot_remove(d, &one, NULL), 0);
	buf_clear(&bytes);
	ck_assert_int_eq(fs_read(dir, name, 10000, &bytes, NULL), 0);
	ck_assert_int_eq(wire_offer_parse(span_of(bytes.at, bytes.len), &offer, NULL), 0);
	ck_assert(offer.archive[0].bytes == 0 && offer.archive[1].bytes == 8);
	ck_assert_int_eq(depot_remove(d, &two, NULL), 0);
	ck_assert(!fs_exists(dir, name));
	ck_assert_int_eq(count_records(d), 0);
	depot_close(d);
}
END_TEST

START_TEST(depot_put_archive__two_offers_can_name_one_archive)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct record one = record_of(AR2, FORMAT_AR2);
	struct record two = record_of(AR2, FORMAT_AR2);
	bool rebuilt;
	struct depot *d = open_depot(path, &rebuilt);
	char name[IDENT_NAME_MAX];

	two.base.version = 3;
	stage(d, "a", AR2);
	ck_assert(!repo_has_archive(depot_repo(d), &one.ref));
	ck_assert_int_eq(depot_put_archive(d, &one, "a", NULL, NULL), 0);
	ck_assert(repo_has_archive(depot_repo(d), &one.ref));
	ck_assert_int_eq(depot_put_archive(d, &two, "none", NULL, NULL), 0);
	ck_assert_int_eq(count_records(d), 2);
	ck_assert(fs_exists(dir, ident_offer_name(&ident, &two.base, name)));
	/* It goes with the last of them. */
	ck_assert_int_eq(depot_remove(d, &one, NULL), 0);
	ck_assert(repo_has_archive(depot_repo(d), &two.ref));
	ck_assert(!fs_exists(dir, ident_offer_name(&ident, &one.base, name)));
	ck_assert_int_eq(depot_remove(d, &two, NULL), 0);
	ck_assert(!repo_has_archive(depot_repo(d), &two.ref));
	ck_assert_int_eq(count_records(d), 0);
	depot_close(d);
}
END_TEST

START_TEST(depot_put_archive__wrong_digest_or_size_leaves_nothing)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct record r = record_of("right", FORMAT_AR2);
	char name[IDENT_NAME_MAX];
	bool rebuilt;
	struct depot *d = open_depot(path, &rebuilt);
	struct err e = {0};

	stage(d, "a", "wrong");
	ck_assert_int_eq(depot_put_archive(d, &r, "a", NULL, &e), -1);
	ck_assert_int_eq(e.code, ERR_DIGEST);
	stage(d, "a", "right");
	r.ref.bytes++;
	ck_assert_int_eq(depot_put_archive(d, &r, "a", NULL, &e), -1);
	ck_assert(!fs_exists(repo_stage_dir(depot_repo(d)), "a"));
	ck_assert(!fs_exists(dir, ident_file_name(&r.ref.id, name)));
	ck_assert(!fs_exists(dir, ident_offer_name(&ident, &base, name)));
	ck_assert_int_eq(count_records(d), 0);
	depot_close(d);
}
END_TEST

START_TEST(depot_put_archive__what_is_of_no_use_leaves_nothing)
{
	static const char header[] = "{\"cookie\":\"00000005\",\"files\":[{\"filename\":\"a\","
				     "\"sha256\":\"1111111111111111111111111111111111111111111111"
				     "111111111111111111\",\"size\":1}],\"title\":\"\","
				     "\"type\":\"t\",\"version\":5}";
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct record garbage = record_of("garbage!", FORMAT_AR2);
	struct record full = record_of(AR2, FORMAT_AR2);
	struct archive_ref ref;
	char name[IDENT_NAME_MAX];
	bool rebuilt;
	struct depot *d = open_depot(path, &rebuilt);
	struct err e = {0};

	full.base = (struct edition){0};
	stage(d, "a", "garbage!");
	ck_assert_int_eq(depot_put_archive(d, &garbage, "a", NULL, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert(!fs_exists(repo_stage_dir(depot_repo(d)), "a"));
	ck_assert(!fs_exists(dir, ident_file_name(&garbage.ref.id, name)));
	/* Without its header nothing can be said of it; with that a file is missing. */
	stage(d, "a", AR2);
	ck_assert_int_eq(depot_put_archive(d, &full, "a", NULL, &e), 0);
	ck_assert_int_eq(depot_put_header(d, &ident, unit_text(header), &ref, NULL), 0);
	ck_assert_int_eq(depot_put_archive(d, &full, "none", NULL, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "is missing"));
	ck_assert_int_eq(depot_check(d, &full, &e), -1);
	ck_assert(depot_is_damage(&e));
	/* It is another offer's still. */
	ck_assert(fs_exists(dir, ident_file_name(&full.ref.id, name)));
	depot_close(d);
}
END_TEST

START_TEST(depot_open__the_index_follows_the_files)
{
	static const char header[] = "{\"cookie\":\"00000005\",\"files\":[],\"title\":\"\","
				     "\"type\":\"t\",\"version\":5}";
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct record r = record_of(AR1, FORMAT_AR1);
	struct archive_ref ref;
	char name[IDENT_NAME_MAX];
	bool rebuilt;
	struct depot *d = open_depot(path, &rebuilt);

	ck_assert(rebuilt);
	stage(d, "a", AR1);
	ck_assert_int_eq(depot_put_archive(d, &r, "a", NULL, NULL), 0);
	ck_assert_int_eq(depot_put_header(d, &ident, unit_text(header), &ref, NULL), 0);
	depot_close(d);
	d = open_depot(path, &rebuilt);
	ck_assert(!rebuilt);
	ck_assert_int_eq(count_records(d), 2);
	depot_close(d);
	/* garbage for an index, a header that is damaged, an archive that nothing refers to */
	ck_assert_int_eq(
		fs_put(dir, "x", "index.sqlite", unit_text("garbage garbage garbage"), NULL), 0);
	ck_assert_int_eq(
		fs_put(dir, "x", ident_header_name(&ident, name), unit_text("{"), NULL), 0);
	r.ref.id.byte[0] ^= 1;
	ck_assert_int_eq(
		fs_put(dir, "x", ident_file_name(&r.ref.id, name), unit_text("?"), NULL), 0);
	d = open_depot(path, &rebuilt);
	ck_assert(rebuilt);
	ck_assert_int_eq(count_records(d), 1);
	ck_assert(!fs_exists(dir, name));
	depot_close(d);
}
END_TEST

START_TEST(repo_put__a_directory_in_its_place_is_moved_away)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_BUF struct buf now = {0};
	struct repo *r;
	struct err e = {0};

	ck_assert_int_eq(repo_open(path, true, &r, &e), 0);
	/* Twice: something of that name is in quarantine/ by then. */
	for (int i = 0; i < 2; i++) {
		(void)unlinkat(dir, "q", 0);
		ck_assert_int_eq(mkdirat(dir, "q", 0755), 0);
		ck_assert_int_eq(fs_put(dir, "q/w", "q/in", unit_text("x"), NULL), 0);
		ck_assert_msg(repo_put(r, "q", unit_text("new"), &e) == 0, "%s", e.text);
		ck_assert(fs_exists(dir, "quarantine/q/in"));
	}
	ck_assert_int_eq(fs_read(dir, "q", 10, &now, &e), 0);
	repo_close(r);
}
END_TEST

/* A pipe makes SQLite wait, and behind a link it makes its file in somebody else's directory. */
START_TEST(depot_open__an_index_that_is_no_file_is_made_anew)
{
	static const char *const names[] = {"index.sqlite", "index.sqlite-wal", "index.sqlite-shm"};

	for (size_t i = 0; i < 2 * sizeof(names) / sizeof(names[0]); i++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		struct stat st;
		bool rebuilt;

		ck_assert_int_eq(i % 2 ? symlinkat("outside", dir, names[i / 2])
				       : mkfifoat(dir, names[i / 2], 0600),
			0);
		depot_close(open_depot(path, &rebuilt));
		ck_assert(rebuilt);
		ck_assert_int_eq(fstatat(dir, names[0], &st, AT_SYMLINK_NOFOLLOW), 0);
		ck_assert(S_ISREG(st.st_mode));
		ck_assert(!fs_exists(dir, "outside"));
	}
}
END_TEST

START_TEST(depot_rebuild_index__a_damaged_announcement_is_moved_away)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct idents query = {0};
	struct depot *d;
	bool rebuilt;
	bool lost;

	idents_add(&query, &ident);
	d = open_depot(path, &rebuilt);
	ck_assert_int_eq(depot_put_query(d, &query, NULL), 0);
	idents_free(&query);
	ck_assert_int_eq(depot_query(d, &query, &lost, NULL), 0);
	ck_assert(query.count == 1 && !lost);
	idents_free(&query);
	ck_assert_int_eq(fs_put(dir, "w", "q", unit_text("{\"updates\":"), NULL), 0);
	ck_assert_int_eq(depot_query(d, &query, &lost, NULL), 0);
	ck_assert(query.count == 0 && lost);
	ck_assert_int_eq(depot_rebuild_index(d, NULL), 0);
	ck_assert(!fs_exists(dir, "q") && fs_exists(dir, "quarantine/q"));
	depot_close(d);
}
END_TEST

/* The first look after a start sweeps in any case: what comes later is for whoever asks. */
START_TEST(depot_rebuild_index__what_no_content_has_goes_too)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	const struct digest id = digest_of(unit_text("stray"));
	char name[DIGEST_HEX + 3] = "c/";
	bool rebuilt;
	struct depot *d = open_depot(path, &rebuilt);

	(void)digest_hex(&id, name + 2);
	ck_assert_int_eq(depot_tidy(d, &rebuilt, NULL), 0);
	ck_assert_int_eq(fs_put(dir, "x", name, unit_text("stray"), NULL), 0);
	ck_assert_int_eq(depot_tidy(d, &rebuilt, NULL), 0);
	ck_assert(!rebuilt && fs_exists(dir, name));
	ck_assert_int_eq(depot_rebuild_index(d, NULL), 0);
	ck_assert(!fs_exists(dir, name));
	depot_close(d);
}
END_TEST

/* ERR_INPUT would say that what is put is of no use. */
START_TEST(depot_put_header__an_index_that_is_damaged_is_the_disks_fault)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int fd = -1;
	char garbage[8192];
	struct archive_ref ref;
	struct err e = {0};
	bool rebuilt;
	struct depot *d = open_depot(path, &rebuilt);

	depot_close(d);
	d = open_depot(path, &rebuilt);
	memset(garbage, 'x', sizeof(garbage));
	fd = openat(dir, "index.sqlite", O_WRONLY | O_CLOEXEC);
	for (off_t at = 0; at < 200000; at += (off_t)sizeof(garbage))
		ck_assert_int_eq(pwrite(fd, garbage, sizeof(garbage), at), sizeof(garbage));
	ck_assert_int_eq(depot_put_header(d, &ident, unit_text("{}"), &ref, &e), -1);
	ck_assert_int_eq(e.code, ERR_SYS);
	ck_assert_int_eq(depot_tidy(d, &rebuilt, NULL), 0);
	ck_assert(rebuilt);
	depot_close(d);
}
END_TEST

START_TEST(depot_put_setting__outlasts_a_start_and_a_new_index)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	uint64_t value = 0;
	bool rebuilt;
	struct depot *d = open_depot(path, &rebuilt);

	ck_assert(!depot_setting(d, "a", &value));
	ck_assert_int_eq(depot_put_setting(d, "a", 3, NULL), 0);
	ck_assert_int_eq(depot_put_setting(d, "b", 5, NULL), 0);
	ck_assert_int_eq(depot_put_setting(d, "a", 4, NULL), 0);
	ck_assert(depot_setting(d, "a", &value) && value == 4);
	depot_close(d);
	d = open_depot(path, &rebuilt);
	ck_assert(!rebuilt);
	ck_assert(depot_setting(d, "a", &value) && value == 4);
	ck_assert_int_eq(depot_rebuild_index(d, NULL), 0);
	ck_assert_int_eq(unlinkat(dir, "index.sqlite", 0), 0);
	ck_assert_int_eq(depot_tidy(d, &rebuilt, NULL), 0);
	ck_assert(rebuilt);
	ck_assert_int_eq(depot_tidy(d, &rebuilt, NULL), 0);
	ck_assert(!rebuilt);
	depot_close(d);
	d = open_depot(path, &rebuilt);
	ck_assert(!rebuilt);
	ck_assert(depot_setting(d, "a", &value) && value == 4);
	ck_assert(depot_setting(d, "b", &value) && value == 5);
	depot_close(d);
}
END_TEST

START_TEST(depot_open__what_cannot_be_a_cache_is_named)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE char *file = mem_printf("%s/file", path);
	struct depot *d = NULL;
	struct err e = {0};
	bool rebuilt;

	ck_assert_int_eq(fs_put(dir, "x", "file", unit_text("x"), NULL), 0);
	ck_assert_int_eq(depot_open(file, &d, &rebuilt, &e), -1);
	ck_assert(strncmp(e.text, "cache ", 6) == 0 && strstr(e.text, file) != NULL);
	ck_assert_ptr_null(d);
}
END_TEST

START_TEST(depot_is_damage__says_so_of_bytes_and_not_of_the_disk)
{
	static const bool damage[] = {[ERR_INPUT] = true,
		[ERR_DIGEST] = true,
		[ERR_MISSING] = true,
		[ERR_STOPPED] = false};

	for (int code = ERR_NONE; code <= ERR_STOPPED; code++)
		ck_assert_int_eq(
			depot_is_damage(&(struct err){.code = (enum err_code)code}), damage[code]);
}
END_TEST

static void
read_offer(int dir, struct offer *ret)
{
	AUTO_BUF struct buf bytes = {0};
	char name[IDENT_NAME_MAX];

	*ret = (struct offer){0};
	ck_assert_int_eq(
		fs_read(dir, ident_offer_name(&ident, &base, name), 10000, &bytes, NULL), 0);
	ck_assert_int_eq(wire_offer_parse(span_of(bytes.at, bytes.len), ret, NULL), 0);
}

START_TEST(depot_check__an_offer_names_its_good_archive_again)
{
	static const char other[] =
		"{\"guts2ar2\":{\"id\":\""
		"0000000000000000000000000000000000000000000000000000000000000007_archive\","
		"\"size\":7}}";
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct record one = record_of(AR1, FORMAT_AR1);
	struct record two = record_of(AR2, FORMAT_AR2);
	char name[IDENT_NAME_MAX];
	char file[IDENT_NAME_MAX];
	struct err e = {0};
	struct offer offer;
	bool rebuilt;
	struct depot *d = open_depot(path, &rebuilt);

	stage(d, "a", AR1);
	stage(d, "b", AR2);
	ck_assert_int_eq(depot_put_archive(d, &one, "a", NULL, NULL), 0);
	ck_assert_int_eq(depot_put_archive(d, &two, "b", NULL, NULL), 0);
	(void)ident_offer_name(&ident, &base, name);
	ck_assert_int_eq(fs_put(dir, "x", name, unit_text(other), NULL), 0);
	ck_assert_int_eq(depot_check(d, &one, &e), 0);
	read_offer(dir, &offer);
	ck_assert(offer.archive[FORMAT_AR1].bytes == 8 && offer.archive[FORMAT_AR2].bytes == 0);
	ck_assert_int_eq(depot_check(d, &two, &e), 0);
	read_offer(dir, &offer);
	ck_assert(offer.archive[FORMAT_AR1].bytes == 8 && offer.archive[FORMAT_AR2].bytes == 8);
	ck_assert(digest_equal(&offer.archive[FORMAT_AR2].id, &two.ref.id));
	/* One that went meanwhile is not named again. */
	ck_assert_int_eq(depot_remove(d, &two, NULL), 0);
	ck_assert_int_eq(
		fs_put(dir, "x", ident_file_name(&two.ref.id, file), unit_text(AR2), NULL), 0);
	ck_assert_int_eq(depot_check(d, &two, &e), 0);
	read_offer(dir, &offer);
	ck_assert_uint_eq(offer.archive[FORMAT_AR2].bytes, 0);
	/* Damage is told, and mends nothing. */
	ck_assert_int_eq(
		fs_put(dir, "x", ident_file_name(&one.ref.id, file), unit_text(AR2), NULL), 0);
	ck_assert_int_eq(depot_check(d, &one, &e), -1);
	ck_assert_int_eq(e.code, ERR_DIGEST);
	ck_assert_int_eq(depot_quarantine(d, &one, &e), 0);
	ck_assert(!fs_exists(dir, name) && !fs_exists(dir, file));
	ck_assert_int_eq(count_records(d), 0);
	depot_close(d);
}
END_TEST

START_TEST(depot_open__one_at_a_time)
{
	AUTO_FREE char *path = NULL;
	bool rebuilt;
	struct depot *d;
	struct depot *second = NULL;
	struct err e = {0};

	fs_close(&(int){unit_dir(&path)});
	d = open_depot(path, &rebuilt);
	ck_assert_int_eq(depot_open(path, &second, &rebuilt, &e), -1);
	ck_assert_int_eq(e.code, ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(e.text, "in use by process"));
	depot_close(d);
}
END_TEST

void
depot_tests(TCase *c)
{
	tcase_add_test(c, depot_put_archive__both_formats_share_an_offer);
	tcase_add_test(c, depot_put_archive__two_offers_can_name_one_archive);
	tcase_add_test(c, depot_put_archive__wrong_digest_or_size_leaves_nothing);
	tcase_add_test(c, depot_put_archive__what_is_of_no_use_leaves_nothing);
	tcase_add_test(c, depot_open__the_index_follows_the_files);
	tcase_add_test(c, repo_put__a_directory_in_its_place_is_moved_away);
	tcase_add_test(c, depot_open__an_index_that_is_no_file_is_made_anew);
	tcase_add_test(c, depot_rebuild_index__a_damaged_announcement_is_moved_away);
	tcase_add_test(c, depot_rebuild_index__what_no_content_has_goes_too);
	tcase_add_test(c, depot_put_setting__outlasts_a_start_and_a_new_index);
	tcase_add_test(c, depot_open__what_cannot_be_a_cache_is_named);
	tcase_add_test(c, depot_is_damage__says_so_of_bytes_and_not_of_the_disk);
	tcase_add_test(c, depot_check__an_offer_names_its_good_archive_again);
	tcase_add_test(c, depot_open__one_at_a_time);
	tcase_add_test(c, depot_put_header__an_index_that_is_damaged_is_the_disks_fault);
}
