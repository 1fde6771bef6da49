/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is lost, damaged, cannot be stored, or is not worth it: what is shown then, and said. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cache/kept.h"
#include "faults.h"
#include "logged.h"
#include "store/versions.h"
#include "unit.h"

static const struct edition full = {0, ""};
static const struct ident five = {"t", {5, "00000005"}};

static bool
is_shown(struct kept *k, const struct record *r)
{
	struct view *view = stock_view(k->stock);
	bool shown = view_find_record(view, r) != NULL;

	view_release(view);
	return shown;
}

static size_t
count_shown(struct kept *k)
{
	AUTO_RECORDS struct records all = {0};
	struct view *view = stock_view(k->stock);

	view_records(view, NULL, &all);
	view_release(view);
	return all.count;
}

/* Nobody but the stock has it, and this test. */
static void
check_released(struct kept *k, struct view *before)
{
	struct view *now = stock_view(k->stock);

	ck_assert_uint_eq(before->references, now == before ? 3 : 1);
	view_release(now);
	view_release(before);
}

START_TEST(stock_put__what_could_not_be_stored_is_not_shown)
{
	struct record header = {.kind = RECORD_HEADER, .ident = five};
	bool failed = true;
	struct err e = {0};

	for (unsigned n = 1; failed; n++) {
		struct kept k;

		kept_set_up(&k, NULL);
		faults_begin(n);
		failed = faults_end(
			stock_put_header(k.stock, &five, unit_text("header"), &header, &e), &e);
		ck_assert_uint_eq(count_shown(&k), failed ? 0 : 1);
		kept_tear_down(&k);
	}
	ck_assert_uint_eq(header.ref.bytes, strlen("header"));
}
END_TEST

START_TEST(stock_put_archive__one_that_is_not_what_it_is_named_is_not_shown)
{
	struct span bytes = unit_text("GUTS2AR1");
	struct record r = {.ident = five, .format = FORMAT_AR1, .ref = {{{0}}, bytes.len}};
	struct err e = {0};
	struct kept k;

	kept_set_up(&k, NULL);
	ck_assert_int_eq(fs_put(repo_stage_dir(stock_repo(k.stock)), "s", "a", bytes, NULL), 0);
	ck_assert_int_eq(stock_put_archive(k.stock, &r, "a", NULL, &e), -1);
	ck_assert_int_eq(e.code, ERR_DIGEST);
	ck_assert_uint_eq(count_shown(&k), 0);
	kept_tear_down(&k);
}
END_TEST

static void
damage(struct kept *k, const struct record *r)
{
	char name[IDENT_NAME_MAX];

	ck_assert_int_eq(
		fs_put(k->dir, "x", ident_file_name(&r->ref.id, name), unit_text("eno"), NULL), 0);
}

START_TEST(stock_check__what_is_damaged_is_said_and_one_that_is_gone_already_is_not)
{
	struct err e = {0};
	struct record r;
	struct kept k;
	const char *said;

	kept_set_up(&k, NULL);
	r = kept_put(&k, 5, &full, FORMAT_AR1);
	logged_begin();
	damage(&k, &r);
	ck_assert_int_eq(stock_check(k.stock, &r, &e), STOCK_DAMAGED);
	said = logged();
	ck_assert_ptr_nonnull(strstr(said, "event=damaged type=t version=5 cookie=00000000"));
	ck_assert_ptr_nonnull(strstr(said, e.text));
	ck_assert(!is_shown(&k, &r));
	/* It was removed while it was looked at: there is nothing to say. */
	ck_assert_int_eq(stock_check(k.stock, &r, &e), STOCK_DAMAGED);
	ck_assert_str_eq(logged(), "");
	/* One that cannot be put out of the way. */
	r = kept_put(&k, 5, &full, FORMAT_AR2);
	damage(&k, &r);
	ck_assert_int_eq(fs_remove(k.dir, "quarantine", NULL), 0);
	ck_assert_int_eq(fs_put(k.dir, "x", "quarantine", unit_text("in the way"), NULL), 0);
	(void)logged();
	ck_assert_int_eq(stock_check(k.stock, &r, &e), STOCK_STAYS);
	said = logged();
	ck_assert_ptr_nonnull(
		strstr(said, "event=failed text=\"cannot remove a damaged file: quarantine"));
	ck_assert_ptr_nonnull(strstr(e.text, "quarantine"));
	kept_tear_down(&k);
}
END_TEST

/* A header that was asked for again came while the one before it was read. */
START_TEST(stock_check__what_took_the_place_of_the_damaged_stays)
{
	struct record old;
	struct record new;
	struct err e = {0};
	struct kept k;

	kept_set_up(&k, NULL);
	ck_assert_int_eq(stock_put_header(k.stock, &five, unit_text("old"), &old, NULL), 0);
	ck_assert_int_eq(stock_put_header(k.stock, &five, unit_text("new one"), &new, NULL), 0);
	logged_begin();
	(void)stock_check(k.stock, &old, &e);
	ck_assert_str_eq(logged(), "");
	ck_assert(is_shown(&k, &new));
	ck_assert_int_eq(stock_check(k.stock, &new, &e), STOCK_GOOD);
	kept_tear_down(&k);
}
END_TEST

START_TEST(stock_check__what_cannot_be_read_just_now_stays)
{
	struct err e = {0};
	struct record r;
	struct kept k;

	kept_set_up(&k, NULL);
	r = kept_put(&k, 5, &full, FORMAT_AR1);
	logged_begin();
	unit_limit_files(0);
	ck_assert_int_eq(stock_check(k.stock, &r, &e), STOCK_UNREADABLE);
	unit_limit_files(UINT_MAX);
	ck_assert_int_eq(e.code, ERR_SYS);
	ck_assert(is_shown(&k, &r));
	ck_assert_str_eq(logged(), "");
	kept_tear_down(&k);
}
END_TEST

START_TEST(stock_open__what_was_there_for_clients_is_announced_where_the_announcement_was_lost)
{
	/* Whether anything is kept, and whether the announcement is lost. */
	static const struct {
		bool kept, lost;
		const char *announced;
	} rows[] = {{false, true, ""}, {true, true, "t/1 "}, {true, false, "t/2 "}};

	logged_begin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_IDENTS struct idents query = {0};
		struct view *view;
		struct versions v;
		struct kept k;
		const char *said;

		versions_set_up(&v);
		idents_add(&query, &v.header[1]->ident);
		ck_assert_int_eq(depot_put_query(v.depot, &query, NULL), 0);
		if (!rows[i].kept)
			versions_drop_content(&v, 1);
		depot_close(v.depot);
		v.depot = NULL;
		if (rows[i].lost)
			ck_assert_int_eq(fs_put(v.dir, "x", "q", unit_text("{"), NULL), 0);
		(void)logged();
		kept_set_up_at(&k, v.path);
		ck_assert_str_eq(kept_announced(&k), rows[i].announced);
		view = stock_view(k.stock);
		ck_assert(view->has_query == (rows[i].announced[0] != '\0') && !view->query_due);
		view_release(view);
		said = logged();
		ck_assert((strstr(said, "event=damaged text=\"the stored announcement was lost") !=
				  NULL) == (rows[i].lost && rows[i].kept));
		ck_assert_ptr_null(strstr(said, "event=reindexed"));
		kept_tear_down(&k);
		versions_tear_down(&v);
	}
}
END_TEST

START_TEST(stock_open__an_index_that_was_made_anew_is_said)
{
	struct versions v;
	struct kept k;

	versions_set_up(&v);
	depot_close(v.depot);
	v.depot = NULL;
	ck_assert_int_eq(unlinkat(v.dir, "index.sqlite", 0), 0);
	logged_begin();
	kept_set_up_at(&k, v.path);
	ck_assert_ptr_nonnull(strstr(logged(), "event=reindexed text=\"4 items\""));
	ck_assert_uint_eq(count_shown(&k), 4);
	kept_tear_down(&k);
	versions_tear_down(&v);
}
END_TEST

START_TEST(stock_open__an_announcement_that_cannot_be_read_is_not_lost)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct stock *s = NULL;
	struct err e = {0};

	ck_assert_int_eq(fs_put(dir, "x", "q", unit_text("{\"updates\":[]}"), NULL), 0);
	ck_assert_int_eq(stock_open(path, &s, NULL), 0);
	stock_close(s);
	s = NULL;
	faults_refuse("q", 1, EIO);
	ck_assert_int_eq(stock_open(path, &s, &e), -1);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(e.code, ERR_SYS);
	ck_assert_msg(strstr(e.text, "q: ") != NULL, "%s", e.text);
}
END_TEST

START_TEST(stock_open__a_cache_that_cannot_be_read_is_not_opened)
{
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	struct stock *s = NULL;
	struct err e = {0};

	ck_assert_int_eq(fs_put(dir, "x", "stage", unit_text("in the way"), NULL), 0);
	ck_assert_int_eq(stock_open(path, &s, &e), -1);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(unlinkat(dir, "stage", 0), 0);
	/* The lock went with it. */
	ck_assert_msg(stock_open(path, &s, &e) == 0, "%s", e.text);
	stock_close(s);
	stock_close(NULL);
}
END_TEST

START_TEST(stock_rebuild_index__the_view_follows_the_files)
{
	char name[IDENT_NAME_MAX];
	struct view *before;
	struct record gone;
	struct record stays;
	struct err e = {0};
	size_t count = 77;
	struct kept k;

	kept_set_up(&k, NULL);
	stays = kept_put(&k, 4, &full, FORMAT_AR1);
	gone = kept_put(&k, 5, &full, FORMAT_AR2);
	ck_assert_int_eq(unlinkat(k.dir, ident_file_name(&gone.ref.id, name), 0), 0);
	logged_begin();
	before = stock_view(k.stock);
	ck_assert_msg(stock_rebuild_index(k.stock, &count, &e) == 0, "%s", e.text);
	check_released(&k, before);
	ck_assert_uint_eq(count, 1);
	ck_assert(!is_shown(&k, &gone) && is_shown(&k, &stays));
	ck_assert_ptr_nonnull(strstr(logged(), "event=reindexed text=\"1 items\""));
	before = stock_view(k.stock);
	/* All are looked at again before they are served. */
	ck_assert(!view_find_record(before, &stays)->checked);
	ck_assert_int_eq(stock_check(k.stock, &stays, &e), STOCK_GOOD);
	ck_assert(view_find_record(before, &stays)->checked);
	(void)stock_bytes(k.stock);
	ck_assert_int_eq(stock_mend(k.stock, &e), 0);
	check_released(&k, before);
	kept_tear_down(&k);
}
END_TEST

START_TEST(stock_rebuild_index__one_that_did_not_work_is_said)
{
	bool failed = true;
	size_t count;
	struct err e = {0};

	logged_begin();
	for (unsigned n = 1; failed && n < 4; n++) {
		struct record r;
		struct kept k;

		kept_set_up(&k, NULL);
		r = kept_put(&k, 4, &full, FORMAT_AR1);
		(void)logged();
		faults_begin(n);
		failed = faults_end(stock_rebuild_index(k.stock, &count, &e), &e);
		ck_assert(is_shown(&k, &r));
		ck_assert((strstr(logged(), "event=reindexed") != NULL) == !failed);
		kept_tear_down(&k);
	}
}
END_TEST

START_TEST(stock_mend__what_is_in_the_way_of_a_directory_is_said)
{
	struct err e = {0};
	struct kept k;

	kept_set_up(&k, NULL);
	ck_assert_int_eq(fs_remove(k.dir, "f", NULL), 0);
	ck_assert_int_eq(fs_put(k.dir, "x", "f", unit_text("in the way"), NULL), 0);
	ck_assert_int_eq(stock_mend(k.stock, &e), -1);
	ck_assert_int_eq(unlinkat(k.dir, "f", 0), 0);
	logged_begin();
	ck_assert_int_eq(stock_mend(k.stock, &e), 0);
	ck_assert_ptr_nonnull(strstr(logged(), "event=damaged text=\"directories"));
	ck_assert_int_eq(stock_mend(k.stock, &e), 0);
	ck_assert_str_eq(logged(), "");
	kept_tear_down(&k);
}
END_TEST

START_TEST(stock_mend__an_announcement_that_is_written_again_is_said)
{
	AUTO_IDENTS struct idents query = {0};
	struct err e = {0};
	struct kept k;

	kept_set_up(&k, NULL);
	idents_add(&query, &five);
	ck_assert_int_eq(stock_put_query(k.stock, &query, false, &e), 0);
	logged_begin();
	ck_assert_int_eq(stock_mend(k.stock, &e), 0);
	ck_assert_str_eq(logged(), "");
	ck_assert_int_eq(unlinkat(k.dir, "q", 0), 0);
	faults_begin(1);
	ck_assert(faults_end(stock_mend(k.stock, &e), &e));
	ck_assert_str_eq(logged(), "");
	ck_assert_int_eq(stock_mend(k.stock, &e), 0);
	ck_assert_ptr_nonnull(strstr(logged(), "event=damaged text=\"the stored announcement;"));
	kept_tear_down(&k);
}
END_TEST

START_TEST(stock_bytes__contents_count_as_long_as_they_are_there)
{
	struct record content = {.kind = RECORD_CONTENT};
	struct view *before;
	struct versions v;
	uint64_t with;
	struct kept k;

	versions_set_up(&v);
	depot_close(v.depot);
	v.depot = NULL;
	kept_set_up_at(&k, v.path);
	before = stock_view(k.stock);
	content = view_find_version(view_find_type(before, "t"), &v.header[0]->ident.edition)
			  ->content->record;
	with = stock_bytes(k.stock);
	ck_assert_uint_eq(stock_bytes(k.stock), with);
	check_released(&k, before);
	ck_assert_int_eq(stock_remove(k.stock, &content, NULL), 0);
	ck_assert_uint_eq(with - stock_bytes(k.stock), content.ref.bytes);
	kept_tear_down(&k);
	versions_tear_down(&v);
}
END_TEST

/* A content of one file, of another type each time; an administrator changes the files. */
static void
put_by_hand(struct kept *k, const struct ident *ident, const char *file)
{
	const struct digest digest = digest_of(unit_text(file));
	char name[IDENT_NAME_MAX];
	char hex[DIGEST_HEX + 1];
	AUTO_FREE char *header =
		mem_printf("{\"cookie\":\"%s\",\"files\":[{\"filename\":\"a\",\"sha256\":\"%s\","
			   "\"size\":%zu}],\"title\":\"\",\"type\":\"%s\",\"version\":5}",
			ident->edition.cookie, digest_hex(&digest, hex), strlen(file), ident->type);

	ck_assert_int_eq(
		fs_put(k->dir, "x", ident_blob_name(&digest, name), unit_text(file), NULL), 0);
	ck_assert_int_eq(repo_put(stock_repo(k->stock), ident_header_name(ident, name),
				 unit_text(header), NULL),
		0);
	ck_assert_int_eq(repo_put(stock_repo(k->stock), ident_content_name(ident, name),
				 span_of("", 0), NULL),
		0);
}

START_TEST(stock_bytes__as_many_contents_may_be_larger_ones)
{
	static const struct ident six = {"u", {5, "00000006"}};
	char name[IDENT_NAME_MAX];
	uint64_t before;
	size_t records;
	struct kept k;

	kept_set_up(&k, NULL);
	put_by_hand(&k, &five, "123");
	ck_assert_int_eq(stock_rebuild_index(k.stock, &records, NULL), 0);
	ck_assert_uint_eq(records, 2);
	before = stock_bytes(k.stock);
	ck_assert_int_eq(repo_remove(stock_repo(k.stock), ident_header_name(&five, name), NULL), 0);
	ck_assert_int_eq(
		repo_remove(stock_repo(k.stock), ident_content_name(&five, name), NULL), 0);
	put_by_hand(&k, &six, "1234567");
	ck_assert_int_eq(stock_rebuild_index(k.stock, &records, NULL), 0);
	ck_assert_uint_eq(records, 2);
	ck_assert_uint_eq(stock_bytes(k.stock), before + 4);
	kept_tear_down(&k);
}
END_TEST

START_TEST(stock_build__what_was_built_is_shown_and_what_is_not_worth_it_is_not)
{
	const struct stock_site site = {"work", NULL};
	struct build_full whole = {.format = FORMAT_AR2};
	struct build_difference difference = {.format = FORMAT_AR2, .full_bytes = 1};
	struct record made;
	struct versions v;
	struct err e = {0};
	struct kept k;

	versions_set_up(&v);
	versions_put_content(&v, 2);
	depot_close(v.depot);
	v.depot = NULL;
	kept_set_up_at(&k, v.path);
	whole.ident = difference.ident = v.header[1]->ident;
	difference.base = v.header[0]->ident.edition;
	ck_assert_uint_eq(count_shown(&k), 5);
	ck_assert_msg(
		stock_build_difference(k.stock, &site, &difference, &made, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(count_shown(&k), 5);
	difference.full_bytes = UINT32_MAX;
	ck_assert_int_eq(stock_build_difference(k.stock, &site, &difference, &made, &e), 0);
	ck_assert(is_shown(&k, &made));
	/* Of a version that has no content nothing can be built. */
	whole.ident = v.header[2]->ident;
	ck_assert_int_eq(stock_build_full(k.stock, &site, &whole, &made, &e), -1);
	ck_assert_uint_eq(count_shown(&k), 6);
	whole.ident = v.header[1]->ident;
	ck_assert_int_eq(stock_build_full(k.stock, &site, &whole, &made, &e), 0);
	ck_assert(is_shown(&k, &made));
	kept_tear_down(&k);
	versions_tear_down(&v);
}
END_TEST

void
stock_damage_tests(TCase *c)
{
	tcase_add_test(c, stock_put__what_could_not_be_stored_is_not_shown);
	tcase_add_test(c, stock_put_archive__one_that_is_not_what_it_is_named_is_not_shown);
	tcase_add_test(c, stock_check__what_is_damaged_is_said_and_one_that_is_gone_already_is_not);
	tcase_add_test(c, stock_check__what_took_the_place_of_the_damaged_stays);
	tcase_add_test(c, stock_check__what_cannot_be_read_just_now_stays);
	tcase_add_test(c,
		stock_open__what_was_there_for_clients_is_announced_where_the_announcement_was_lost);
	tcase_add_test(c, stock_open__an_index_that_was_made_anew_is_said);
	tcase_add_test(c, stock_open__an_announcement_that_cannot_be_read_is_not_lost);
	tcase_add_test(c, stock_open__a_cache_that_cannot_be_read_is_not_opened);
	tcase_add_test(c, stock_rebuild_index__the_view_follows_the_files);
	tcase_add_test(c, stock_rebuild_index__one_that_did_not_work_is_said);
	tcase_add_test(c, stock_mend__what_is_in_the_way_of_a_directory_is_said);
	tcase_add_test(c, stock_mend__an_announcement_that_is_written_again_is_said);
	tcase_add_test(c, stock_bytes__contents_count_as_long_as_they_are_there);
	tcase_add_test(c, stock_bytes__as_many_contents_may_be_larger_ones);
	tcase_add_test(c, stock_build__what_was_built_is_shown_and_what_is_not_worth_it_is_not);
}
