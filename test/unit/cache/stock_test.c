/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/stock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "faults.h"
#include "logged.h"
#include "unit.h"

static const struct ident ident = {"t", {5, "00000005"}};
static const struct edition base = {4, "00000004"};

static struct record
put(struct stock *s, const char *bytes, enum format format)
{
	struct record r = {.ident = ident,
		.base = base,
		.format = format,
		.ref = {digest_of(unit_text(bytes)), strlen(bytes)}};
	int stage = repo_stage_dir(stock_repo(s));

	ck_assert_int_eq(fs_put(stage, "s", "a", unit_text(bytes), NULL), 0);
	ck_assert_int_eq(stock_put_archive(s, &r, "a", NULL, NULL), 0);
	return r;
}

/* NULL: it is not in the view. */
static const struct view_record *
look(struct stock *s, const struct record *r, bool *ret_checked)
{
	struct view *view = stock_view(s);
	const struct view_record *vr = view_find_record(view, r);

	*ret_checked = vr != NULL && vr->checked;
	view_release(view);
	return vr;
}

START_TEST(stock_remove__what_cannot_be_removed_is_in_the_view_again)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	char stage[IDENT_NAME_MAX + 16];
	char name[IDENT_NAME_MAX];
	struct record one;
	struct record two;
	struct stock *s;
	bool checked;
	struct err e = {0};

	ck_assert_msg(stock_open(path, &s, &e) == 0, "%s", e.text);
	one = put(s, "GUTS2AR1", FORMAT_AR1);
	two = put(s, "GUTS2AR2", FORMAT_AR2);
	ck_assert(look(s, &one, &checked) != NULL && checked);
	/* The offer has to be written anew, and where it is staged there is a directory. */
	(void)snprintf(stage, sizeof(stage), "stage/put;%s", ident_offer_name(&ident, &base, name));
	ck_assert_int_eq(mkdirat(dir, stage, 0755), 0);
	ck_assert_int_eq(stock_remove(s, &one, &e), -1);
	ck_assert(look(s, &one, &checked) != NULL && !checked);
	ck_assert_int_eq(unlinkat(dir, stage, AT_REMOVEDIR), 0);
	ck_assert_int_eq(stock_remove(s, &one, &e), 0);
	ck_assert_ptr_null(look(s, &one, &checked));
	ck_assert_ptr_nonnull(look(s, &two, &checked));
	stock_close(s);
}
END_TEST

struct removal {
	struct stock *stock;
	struct record *record;
	unsigned looks;
};

static void
expect_gone(void *context)
{
	struct removal *r = context;
	bool checked;

	r->looks++;
	ck_assert_ptr_null(look(r->stock, r->record, &checked));
}

START_TEST(stock_remove__nobody_is_told_any_more_of_what_is_about_to_go)
{
	AUTO_FREE char *path = NULL;
	struct record one;
	struct removal removal = {.record = &one};
	struct err e = {0};

	fs_close(&(int){unit_dir(&path)});
	ck_assert_msg(stock_open(path, &removal.stock, &e) == 0, "%s", e.text);
	one = put(removal.stock, "GUTS2AR1", FORMAT_AR1);
	faults_look(expect_gone, &removal);
	ck_assert_int_eq(stock_remove(removal.stock, &one, &e), 0);
	faults_look(NULL, NULL);
	ck_assert_uint_gt(removal.looks, 0);
	stock_close(removal.stock);
}
END_TEST

/* Other bytes are under its name from here on. */
static void
damage(int dir, const struct record *r, char name[IDENT_NAME_MAX])
{
	ck_assert_int_eq(
		fs_put(dir, "x", ident_file_name(&r->ref.id, name), unit_text("eno"), NULL), 0);
}

START_TEST(stock_check__what_is_damaged_goes)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	char name[IDENT_NAME_MAX];
	struct record one;
	struct stock *s;
	bool checked;
	struct err e = {0};

	ck_assert_msg(stock_open(path, &s, &e) == 0, "%s", e.text);
	one = put(s, "GUTS2AR1", FORMAT_AR1);
	ck_assert_int_eq(stock_check(s, &one, &e), STOCK_GOOD);
	damage(dir, &one, name);
	ck_assert_int_eq(stock_check(s, &one, &e), STOCK_DAMAGED);
	ck_assert_ptr_null(look(s, &one, &checked));
	ck_assert(!fs_exists(dir, name));
	stock_close(s);
}
END_TEST

START_TEST(stock_check__what_cannot_be_moved_is_not_said_to_have_gone)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	char name[IDENT_NAME_MAX];
	struct record one;
	struct stock *s;
	bool checked;
	struct err e = {0};

	ck_assert_msg(stock_open(path, &s, &e) == 0, "%s", e.text);
	one = put(s, "GUTS2AR1", FORMAT_AR1);
	damage(dir, &one, name);
	ck_assert_int_eq(fs_remove(dir, "quarantine", NULL), 0);
	ck_assert_int_eq(fs_put(dir, "x", "quarantine", unit_text("in the way"), NULL), 0);
	ck_assert_int_eq(stock_check(s, &one, &e), STOCK_STAYS);
	ck_assert_ptr_nonnull(strstr(e.text, "quarantine"));
	/* Wrong bytes are served to nobody all the same. */
	ck_assert_ptr_null(look(s, &one, &checked));
	ck_assert(fs_exists(dir, name));
	stock_close(s);
}
END_TEST

/* The index goes as a whole or in part, or is overwritten, while the stock has it open. */
START_TEST(stock_tidy__an_index_that_somebody_removed_is_made_anew_with_its_times)
{
	static const char *const removed[][3] = {
		{"index.sqlite"}, {"index.sqlite", "index.sqlite-wal", "index.sqlite-shm"}};

	/* And where somebody asks for a new one. */
	for (size_t i = 0; i < 3; i++) {
		size_t count = 0;
		AUTO_FREE char *path = NULL;
		AUTO_CLOSE int dir = unit_dir(&path);
		AUTO_RECORDS struct records all = {0};
		struct record one;
		struct stock *s;
		struct depot *d;
		uint64_t value = 0;
		bool rebuilt;
		struct err e = {0};

		ck_assert_msg(stock_open(path, &s, &e) == 0, "%s", e.text);
		one = put(s, "GUTS2AR1", FORMAT_AR1);
		ck_assert_int_eq(stock_put_setting(s, "n", 5, &e), 0);
		ck_assert_int_eq(stock_check(s, &one, &e), STOCK_GOOD);
		for (size_t n = 0; n < 3 && removed[i % 2][n] != NULL; n++)
			ck_assert_int_eq(unlinkat(dir, removed[i % 2][n], 0), 0);
		logged_begin();
		if (i == 2)
			ck_assert_msg(stock_rebuild_index(s, &count, &e) == 0, "%s", e.text);
		else
			ck_assert_msg(stock_tidy(s, &e) == 0, "%s", e.text);
		ck_assert_uint_eq(count, i == 2);
		ck_assert_ptr_nonnull(strstr(logged(), "event=reindexed text=\"1 items\"\n"));
		ck_assert_int_eq(stock_tidy(s, &e), 0);
		ck_assert_str_eq(logged(), "");
		ck_assert(fs_exists(dir, "index.sqlite"));
		stock_close(s);
		ck_assert_msg(depot_open(path, &d, &rebuilt, &e) == 0, "%s", e.text);
		ck_assert(!rebuilt);
		ck_assert(depot_setting(d, "n", &value) && value == 5);
		ck_assert_int_eq(depot_records(d, &all, &e), 0);
		ck_assert(all.count == 1 && all.at[0].checked_ms > 0 && all.at[0].landed_ms > 0);
		depot_close(d);
	}
}
END_TEST

START_TEST(stock_bytes__what_two_offers_name_counts_once)
{
	AUTO_FREE char *path = NULL;
	struct record one;
	struct record two;
	struct stock *s;
	struct err e = {0};

	fs_close(&(int){unit_dir(&path)});
	ck_assert_msg(stock_open(path, &s, &e) == 0, "%s", e.text);
	one = put(s, "GUTS2AR1", FORMAT_AR1);
	two = one;
	two.base = (struct edition){3, "00000003"};
	ck_assert_msg(stock_put_archive(s, &two, "unused", NULL, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(stock_bytes(s), one.ref.bytes);
	ck_assert_int_eq(stock_remove(s, &one, &e), 0);
	ck_assert_uint_eq(stock_bytes(s), one.ref.bytes);
	ck_assert_int_eq(stock_remove(s, &two, &e), 0);
	ck_assert_uint_eq(stock_bytes(s), 0);
	stock_close(s);
}
END_TEST

START_TEST(stock_mend__what_is_shown_is_stored_again)
{
	static const char *const damages[] = {"{", "{\"updates\":[]}", NULL};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_BUF struct buf good = {0};
	struct idents query = {0};
	struct stock *s;
	struct err e = {0};

	ck_assert_msg(stock_open(path, &s, &e) == 0, "%s", e.text);
	/* Before there is an announcement there is nothing to mend. */
	ck_assert_int_eq(stock_mend(s, &e), 0);
	ck_assert(!fs_exists(dir, "q"));
	idents_add(&query, &ident);
	ck_assert_int_eq(stock_put_query(s, &query, false, &e), 0);
	idents_free(&query);
	ck_assert_int_eq(fs_read(dir, "q", 1000, &good, &e), 0);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		AUTO_BUF struct buf now = {0};

		if (damages[i] == NULL)
			ck_assert_int_eq(unlinkat(dir, "q", 0), 0);
		else
			ck_assert_int_eq(fs_put(dir, "w", "q", unit_text(damages[i]), NULL), 0);
		ck_assert_int_eq(stock_mend(s, &e), 0);
		ck_assert_int_eq(fs_read(dir, "q", 1000, &now, &e), 0);
		ck_assert(now.len == good.len && memcmp(now.at, good.at, now.len) == 0);
	}
	stock_close(s);
}
END_TEST

START_TEST(stock_mend__removed_directories_are_made_again)
{
	static const char *const removed[] = {"stage", "f", "c", "."};

	for (size_t i = 0; i < sizeof(removed) / sizeof(removed[0]); i++) {
		AUTO_FREE char *above = NULL;
		AUTO_CLOSE int dir = unit_dir(&above);
		AUTO_FREE char *path = mem_printf("%s/cache", above);
		struct idents query = {0};
		struct record one;
		struct stock *second;
		struct stock *s;
		bool checked;
		struct err e = {0};

		ck_assert_msg(stock_open(path, &s, &e) == 0, "%s", e.text);
		idents_add(&query, &ident);
		ck_assert_int_eq(stock_put_query(s, &query, false, &e), 0);
		idents_free(&query);
		one = put(s, "GUTS2AR1", FORMAT_AR1);
		if (*removed[i] == '.')
			ck_assert_int_eq(fs_remove(dir, "cache", &e), 0);
		else
			ck_assert_int_eq(fs_remove(repo_dir(stock_repo(s)), removed[i], &e), 0);
		ck_assert_msg(stock_mend(s, &e) == 0, "%s", e.text);
		/* What was lost is not shown, the announcement is there, and what comes is stored.
		 */
		ck_assert((look(s, &one, &checked) == NULL) ==
			  (*removed[i] == 'f' || *removed[i] == '.'));
		ck_assert(fs_exists(dir, "cache/q") && fs_exists(dir, "cache/index.sqlite"));
		one = put(s, "GUTS2AR2", FORMAT_AR2);
		ck_assert_ptr_nonnull(look(s, &one, &checked));
		/* The lock is that of the new directory. */
		ck_assert_int_eq(stock_open(path, &second, &e), -1);
		ck_assert_int_eq(e.code, ERR_BUSY);
		stock_close(s);
	}
}
END_TEST

START_TEST(stock_open__nothing_counts_as_checked)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct record one;
	struct stock *s;
	bool checked;

	ck_assert(dir >= 0);
	ck_assert_int_eq(stock_open(path, &s, NULL), 0);
	one = put(s, "GUTS2AR1", FORMAT_AR1);
	stock_close(s);
	ck_assert_int_eq(stock_open(path, &s, NULL), 0);
	ck_assert(look(s, &one, &checked) != NULL && !checked);
	ck_assert_int_eq(stock_check(s, &one, NULL), STOCK_GOOD);
	ck_assert(look(s, &one, &checked) != NULL && checked);
	stock_close(s);
}
END_TEST

void
stock_tests(TCase *c)
{
	tcase_add_test(c, stock_remove__nobody_is_told_any_more_of_what_is_about_to_go);
	tcase_add_test(c, stock_remove__what_cannot_be_removed_is_in_the_view_again);
	tcase_add_test(c, stock_check__what_is_damaged_goes);
	tcase_add_test(c, stock_check__what_cannot_be_moved_is_not_said_to_have_gone);
	tcase_add_test(c, stock_tidy__an_index_that_somebody_removed_is_made_anew_with_its_times);
	tcase_add_test(c, stock_bytes__what_two_offers_name_counts_once);
	tcase_add_test(c, stock_mend__what_is_shown_is_stored_again);
	tcase_add_test(c, stock_mend__removed_directories_are_made_again);
	tcase_add_test(c, stock_open__nothing_counts_as_checked);
}
