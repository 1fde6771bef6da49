/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/repo.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "faults.h"
#include "model/header.h"
#include "unit.h"

static int
put(struct repo *r, struct err *e)
{
	return repo_put(r, "q", unit_text("new"), e);
}

static int
commit(struct repo *r, struct err *e)
{
	return repo_commit(r, "staged", "q", e);
}

static int
move(struct repo *r, struct err *e)
{
	return repo_move(r, "staged", "q", e) != 0 ? -1 : repo_sync(r, e);
}

START_TEST(repo__what_is_replaced_is_not_kept_as_damaged)
{
	static int (*const ways[])(struct repo * r, struct err * e) = {put, commit, move};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_REPO struct repo *r = NULL;

	ck_assert_int_eq(repo_open(path, true, &r, NULL), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(fs_put(dir, "stage/x", "stage/staged", unit_text("new"), NULL), 0);
		ck_assert_int_eq(ways[i](r, NULL), 0);
		ck_assert(fs_exists(dir, "q") && !fs_exists(dir, "quarantine"));
	}
}
END_TEST

START_TEST(repo_open__without_create_nothing_is_made)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE char *none = mem_printf("%s/none", path);
	AUTO_REPO struct repo *r = NULL;
	struct err e = {0};

	ck_assert_int_eq(repo_open(none, false, &r, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert(!fs_exists(dir, "none"));
	ck_assert_int_eq(repo_open(path, false, &r, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "not a repository"));
	ck_assert(!fs_exists(dir, "f") && !fs_exists(dir, "c") && !fs_exists(dir, "stage"));
	ck_assert_int_eq(repo_open(path, true, &r, &e), 0);
	ck_assert(fs_exists(dir, "f") && fs_exists(dir, "c") && fs_exists(dir, "stage"));
}
END_TEST

static unsigned
mode_of(int dir, const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(dir, name, &st, 0), 0);
	return (unsigned)st.st_mode & 07777;
}

START_TEST(repo_mend__what_was_removed_is_there_again)
{
	static const char *const parts[] = {"f", "c", "stage"};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_FREE char *deep = mem_printf("%s/deep", path);
	AUTO_REPO struct repo *r = NULL;
	AUTO_REPO struct repo *other = NULL;
	bool mended;

	faults_follow();
	ck_assert_int_eq(repo_open(deep, true, &r, NULL), 0);
	ck_assert(!faults_would_lose());
	ck_assert_int_eq(repo_lock(r, NULL), 0);
	ck_assert_uint_eq(mode_of(dir, "deep/stage"), 0700);
	ck_assert(repo_mend(r, &mended, NULL) == 0 && !mended);
	for (size_t i = 0; i < 3; i++) {
		AUTO_FREE char *part = mem_printf("deep/%s", parts[i]);

		ck_assert_int_eq(unlinkat(dir, part, AT_REMOVEDIR), 0);
		faults_follow();
		ck_assert(repo_mend(r, &mended, NULL) == 0 && mended);
		ck_assert(!faults_would_lose());
		ck_assert(fs_exists(dir, part));
		ck_assert_uint_eq(mode_of(dir, "deep/stage"), 0700);
	}
	ck_assert_int_eq(fs_remove(dir, "deep", NULL), 0);
	ck_assert(repo_mend(r, &mended, NULL) == 0 && mended);
	ck_assert_int_eq(fs_put(repo_stage_dir(r), "x", "a", unit_text("a"), NULL), 0);
	ck_assert(fs_exists(dir, "deep/stage/a"));
	ck_assert_int_eq(repo_stage_clear(r, NULL), 0);
	ck_assert(!fs_exists(dir, "deep/stage/a"));
	/* And it has the lock of what is there now. */
	ck_assert_int_eq(repo_open(deep, true, &other, NULL), 0);
	ck_assert_int_eq(repo_lock(other, NULL), -1);
}
END_TEST

START_TEST(repo_mend__a_lock_that_another_one_has_by_now_is_an_error)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_REPO struct repo *r = NULL;
	AUTO_REPO struct repo *other = NULL;
	struct err e = {0};
	bool mended;

	ck_assert_int_eq(repo_open(path, true, &r, NULL), 0);
	ck_assert_int_eq(repo_lock(r, NULL), 0);
	ck_assert_int_eq(unlinkat(dir, "lock", 0), 0);
	ck_assert_int_eq(repo_open(path, true, &other, NULL), 0);
	ck_assert_int_eq(repo_lock(other, NULL), 0);
	ck_assert_int_eq(repo_mend(r, &mended, &e), -1);
	ck_assert_int_eq(e.code, ERR_BUSY);
	ck_assert_int_eq(strncmp(e.text, "in use by process ", 18), 0);
	/* It can be had when that one has gone. */
	repo_close(other);
	other = NULL;
	ck_assert(repo_mend(r, &mended, NULL) == 0 && !mended);
	ck_assert_int_eq(repo_open(path, true, &other, NULL), 0);
	ck_assert_int_eq(repo_lock(other, NULL), -1);
}
END_TEST

START_TEST(repo_check__takes_the_very_bytes_alone)
{
	static const struct {
		const char *bytes;
		enum err_code code;
	} rows[] = {{"right", ERR_NONE}, {"wrong", ERR_DIGEST}, {"righ", ERR_DIGEST},
		{"rightx", ERR_DIGEST}, {"", ERR_DIGEST}, {NULL, ERR_MISSING}};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_REPO struct repo *r = NULL;
	const struct archive_ref ref = {digest_of(unit_text("right")), 5};
	char name[IDENT_NAME_MAX];

	ck_assert_int_eq(repo_open(path, true, &r, NULL), 0);
	(void)ident_file_name(&ref.id, name);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		ck_assert_int_eq(fs_remove(dir, name, NULL), 0);
		if (rows[i].bytes != NULL)
			ck_assert_int_eq(fs_put(dir, "x", name, unit_text(rows[i].bytes), NULL), 0);
		ck_assert_int_eq(repo_check(r, name, &ref, &e), rows[i].code == ERR_NONE ? 0 : -1);
		ck_assert_int_eq(e.code, rows[i].code);
		/* A look at its size tells less. */
		ck_assert_int_eq(repo_has_archive(r, &ref),
			rows[i].bytes != NULL && strlen(rows[i].bytes) == 5);
	}
	ck_assert_int_eq(mkdirat(dir, name, 0755), 0);
	ck_assert(!repo_has_archive(r, &ref));
}
END_TEST

START_TEST(repo_quarantine__of_two_of_one_name_the_later_stays)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_REPO struct repo *r = NULL;
	AUTO_BUF struct buf bytes = {0};

	ck_assert_int_eq(repo_open(path, true, &r, NULL), 0);
	ck_assert_int_eq(repo_clear_quarantine(r, NULL), 0);
	ck_assert(!fs_exists(dir, "quarantine"));
	ck_assert_int_eq(fs_put(dir, "x", "f/a", unit_text("1"), NULL), 0);
	ck_assert_int_eq(repo_quarantine(r, "f/a", NULL), 0);
	ck_assert_int_eq(fs_put(dir, "x", "a", unit_text("2"), NULL), 0);
	ck_assert_int_eq(repo_quarantine(r, "a", NULL), 0);
	ck_assert(!fs_exists(dir, "a") && !fs_exists(dir, "f/a"));
	/* What is not there leaves what is. */
	ck_assert_int_eq(repo_quarantine(r, "a", NULL), 0);
	ck_assert_int_eq(fs_read(dir, "quarantine/a", 10, &bytes, NULL), 0);
	ck_assert_str_eq(bytes.at, "2");
	ck_assert_int_eq(repo_clear_quarantine(r, NULL), 0);
	ck_assert(fs_exists(dir, "quarantine") && !fs_exists(dir, "quarantine/a"));
}
END_TEST

START_TEST(repo_read__says_what_is_wrong_with_a_document)
{
	static const char header[] = "{\"cookie\":\"00000005\",\"files\":[],\"title\":\"\","
				     "\"type\":\"t\",\"version\":5}";
	const struct ident ident = {"t", {5, "00000005"}};
	AUTO_FREE char *path = NULL;
	AUTO_REPO struct repo *r = NULL;
	AUTO_IDENTS struct idents query = {0};
	AUTO_HEADER struct header *h = NULL;
	struct archive_ref ref = {0};
	struct digest digest;
	char name[IDENT_NAME_MAX];
	uint64_t bytes;
	uint64_t free_bytes;
	struct err e = {0};

	fs_close(&(int){unit_dir(&path)});
	ck_assert_int_eq(repo_open(path, true, &r, NULL), 0);
	ck_assert_int_eq(repo_read_query(r, &query, &e), 0);
	ck_assert(query.count == 0 && !repo_has(r, "q"));
	ck_assert_int_eq(repo_put(r, "q", unit_text("{"), NULL), 0);
	ck_assert_int_eq(repo_read_query(r, &query, &e), -1);
	ck_assert(e.code == ERR_INPUT && strncmp(e.text, "q: ", 3) == 0 && repo_has(r, "q"));
	(void)ident_header_name(&ident, name);
	ck_assert_int_eq(repo_read_header(r, &ident, &h, &ref, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert_int_eq(repo_put(r, name, unit_text("{"), NULL), 0);
	ck_assert_int_eq(repo_read_header(r, &ident, &h, &ref, &e), -1);
	ck_assert(e.code == ERR_INPUT && strncmp(e.text, name, strlen(name)) == 0);
	ck_assert_int_eq(repo_put(r, name, unit_text(header), NULL), 0);
	ck_assert_int_eq(repo_read_header(r, &ident, &h, &ref, &e), 0);
	digest = digest_of(unit_text(header));
	ck_assert(digest_equal(&ref.id, &digest) && ref.bytes == strlen(header));
	repo_disk(r, &bytes, &free_bytes);
	ck_assert(free_bytes > 0 && free_bytes <= bytes && bytes < UINT64_MAX / 4);
}
END_TEST

/* ---- A disk that fails */

START_TEST(repo__a_name_that_is_not_on_the_disk_is_an_error)
{
	static int (*const ways[])(struct repo * r, struct err * e) = {put, commit, move};
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_REPO struct repo *r = NULL;
		AUTO_BUF struct buf bytes = {0};
		struct err e = {0};
		int result;

		ck_assert_int_eq(repo_open(path, true, &r, NULL), 0);
		ck_assert_int_eq(fs_put(dir, "stage/x", "stage/staged", unit_text("new"), NULL), 0);
		/* In its place is a directory, and one in quarantine/ where that goes to. */
		fs_close(&(int){fs_make_dirs(dir, "q/in", NULL)});
		fs_close(&(int){fs_make_dirs(dir, "quarantine/q/in", NULL)});
		faults_begin(n);
		result = ways[_i](r, &e);
		failed = faults_end(result, &e);
		if (failed) { /* and it is no hindrance the next time */
			ck_assert_int_eq(
				fs_put(dir, "stage/x", "stage/staged", unit_text("new"), NULL), 0);
			ck_assert_int_eq(ways[_i](r, NULL), 0);
		}
		ck_assert_int_eq(fs_read(dir, "q", 10, &bytes, NULL), 0);
		ck_assert_str_eq(bytes.at, "new");
	}
}
END_TEST

START_TEST(repo_open__what_cannot_be_made_is_an_error)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_FREE char *deep = mem_printf("%s/deep/er", path);
		AUTO_REPO struct repo *r = NULL;
		struct err e = {0};
		int result;

		faults_begin(n);
		result = repo_open(deep, true, &r, &e);
		failed = faults_end(result, &e);
		ck_assert(failed || fs_exists(dir, "deep/er/stage"));
	}
}
END_TEST

START_TEST(repo_mend__what_cannot_be_made_is_an_error)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_FREE char *deep = mem_printf("%s/deep", path);
		AUTO_REPO struct repo *r = NULL;
		struct err e = {0};
		bool mended;
		int result;

		ck_assert_int_eq(repo_open(deep, true, &r, NULL), 0);
		ck_assert_int_eq(fs_remove(dir, "deep", NULL), 0);
		faults_begin(n);
		result = repo_mend(r, &mended, &e);
		failed = faults_end(result, &e);
	}
}
END_TEST

/* Room is reckoned by it: where it is not known nothing is refused for it. */
START_TEST(repo_disk__one_that_does_not_say_is_as_large_as_can_be)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_REPO struct repo *r = NULL;
	uint64_t bytes;
	uint64_t free_bytes;

	(void)dir;
	ck_assert_int_eq(repo_open(path, true, &r, NULL), 0);
	faults_disk(7);
	repo_disk(r, &bytes, &free_bytes);
	ck_assert_uint_eq(bytes, (uint64_t)FAULTS_BLOCKS * FAULTS_BLOCK);
	ck_assert_uint_eq(free_bytes, 7 * FAULTS_BLOCK);
	faults_disk(FAULTS_DISK_SILENT);
	repo_disk(r, &bytes, &free_bytes);
	ck_assert_uint_eq(bytes, UINT64_MAX / 4);
	ck_assert_uint_eq(free_bytes, UINT64_MAX / 4);
}
END_TEST

void
repo_tests(TCase *c)
{
	tcase_add_test(c, repo_disk__one_that_does_not_say_is_as_large_as_can_be);
	tcase_add_test(c, repo__what_is_replaced_is_not_kept_as_damaged);
	tcase_add_test(c, repo_open__without_create_nothing_is_made);
	tcase_add_test(c, repo_mend__what_was_removed_is_there_again);
	tcase_add_test(c, repo_mend__a_lock_that_another_one_has_by_now_is_an_error);
	tcase_add_test(c, repo_check__takes_the_very_bytes_alone);
	tcase_add_test(c, repo_quarantine__of_two_of_one_name_the_later_stays);
	tcase_add_test(c, repo_read__says_what_is_wrong_with_a_document);
	tcase_add_loop_test(c, repo__a_name_that_is_not_on_the_disk_is_an_error, 0, 3);
	tcase_add_test(c, repo_open__what_cannot_be_made_is_an_error);
	tcase_add_test(c, repo_mend__what_cannot_be_made_is_an_error);
}
