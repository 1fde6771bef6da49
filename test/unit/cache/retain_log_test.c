/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said of what goes and what stays, and what else takes room. */
#include <fcntl.h>
#include <pthread.h>

#include "base/fs.h"
#include "cache/kept.h"
#include "cache/land.h"
#include "faults.h"
#include "logged.h"
#include "unit.h"

static const struct edition full = {0, ""};

static void
look(struct kept *k)
{
	retain_note(k->retain);
	kept_settle(k);
}

static bool
is_here(struct kept *k, const struct record *r)
{
	struct view *view = stock_view(k->stock);
	bool here = view_find_same(view, r) != NULL;

	view_release(view);
	return here;
}

START_TEST(retain__what_goes_is_said_and_what_is_spared_once)
{
	const struct edition base = {4, "00000000"};
	struct record old;
	struct record new;
	struct kept k;
	const char *said;

	kept_set_up(&k, NULL);
	k.options.keepGuts2UpdatesCount = 1;
	old = kept_put(&k, 4, &full, FORMAT_AR1);
	new = kept_put(&k, 5, &base, FORMAT_AR1);
	logged_begin();
	look(&k);
	ck_assert(is_here(&k, &old));
	ck_assert_ptr_nonnull(strstr(logged(), "event=held type=t version=4 cookie=00000000 "
					       "what=full format=guts2ar1 bytes=8 reason="));
	look(&k);
	ck_assert_str_eq(logged(), "");
	/* Where it was not spared meanwhile it is news again. */
	k.options.keepGuts2UpdatesCount = 2;
	look(&k);
	ck_assert_str_eq(logged(), "");
	k.options.keepGuts2UpdatesCount = 1;
	look(&k);
	ck_assert_ptr_nonnull(strstr(logged(), "event=held "));
	(void)kept_put(&k, 5, &full, FORMAT_AR2);
	faults_begin(1);
	look(&k);
	ck_assert(faults_stop());
	ck_assert(is_here(&k, &old));
	ck_assert_ptr_nonnull(
		strstr(logged(), "event=failed text=\"cannot remove from the cache: "));
	look(&k);
	said = logged();
	ck_assert_ptr_nonnull(strstr(said, "event=removed type=t version=4 cookie=00000000 "
					   "what=full format=guts2ar1 bytes=8 reason="));
	ck_assert(!is_here(&k, &old) && is_here(&k, &new));
	kept_tear_down(&k);
}
END_TEST

START_TEST(retain__what_was_given_up_goes_before_what_is_whole)
{
	/* 16 bytes are kept, and as many lie there; of the second, the last byte is in question. */
	static const struct {
		uint64_t max, wanted;
		bool left, damaged, whole;
	} rows[] = {{36, 0, true, true, true}, {35, 0, false, false, true},
		{36, 1, false, false, true}, {16, 0, false, false, true},
		{15, 0, false, false, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct edition base = {3, "00000000"};
		struct record difference;
		struct kept k;
		int stage;
		int dir;

		kept_set_up(&k, NULL);
		logged_begin();
		stage = repo_stage_dir(stock_repo(k.stock));
		dir = repo_dir(stock_repo(k.stock));
		(void)kept_put(&k, 5, &full, FORMAT_AR1);
		difference = kept_put(&k, 5, &base, FORMAT_AR2);
		ck_assert_int_eq(fs_put(stage, "x", "a.part", unit_text("0123456789"), NULL), 0);
		fs_close(&(int){fs_make_dirs(dir, "quarantine", NULL)});
		ck_assert_int_eq(
			fs_put(dir, "quarantine/x", "quarantine/a", unit_text("0123456789"), NULL),
			0);
		k.options.cacheMaxBytes = rows[i].max;
		if (rows[i].wanted > 0)
			retain_want(k.retain, rows[i].wanted);
		look(&k);
		ck_assert_msg(fs_exists(stage, "a.part") == rows[i].left, "row %zu", i);
		ck_assert_msg(fs_exists(dir, "quarantine/a") == rows[i].damaged, "row %zu", i);
		ck_assert_msg(is_here(&k, &difference) == rows[i].whole, "row %zu", i);
		kept_tear_down(&k);
	}
}
END_TEST

START_TEST(retain_reserve__a_wish_that_can_never_be_met_takes_nothing_away)
{
	const struct edition base = {3, "00000000"};
	struct record difference;
	struct err e = {0};
	struct kept k;

	kept_set_up(&k, NULL);
	logged_begin();
	(void)kept_put(&k, 5, &full, FORMAT_AR1);
	difference = kept_put(&k, 5, &base, FORMAT_AR2);
	look(&k);
	/* More than any disk has. */
	ck_assert_int_eq(retain_reserve(k.retain, "x", 1ULL << 60, &e), -1);
	ck_assert_int_eq(e.code, ERR_FULL);
	kept_settle(&k);
	ck_assert(is_here(&k, &difference));
	kept_tear_down(&k);
}
END_TEST

START_TEST(land_archive__what_is_in_its_place_counts_once)
{
	const struct span bytes = unit_text("GUTS2AR2");
	const struct landing landing = {.record = {.ident = {"t", {5, "00000000"}},
						.base = {3, "00000000"},
						.format = FORMAT_AR2,
						.ref = {digest_of(bytes), bytes.len}},
		.stage = "a"};
	struct err e = {0};
	struct land land;
	struct kept k;

	kept_set_up(&k, NULL);
	logged_begin();
	land = (struct land){k.stock, k.retain};
	(void)kept_put(&k, 5, &full, FORMAT_AR1);
	k.options.cacheMaxBytes = 16;
	ck_assert_int_eq(retain_reserve(k.retain, "a", 8, &e), 0);
	ck_assert_int_eq(fs_put(repo_stage_dir(stock_repo(k.stock)), "s", "a", bytes, NULL), 0);
	ck_assert_int_eq(land_archive(&land, &landing, &e), 0);
	kept_settle(&k);
	ck_assert(is_here(&k, &landing.record));
	ck_assert_uint_eq(ledger_used(k.ledger).entered_bytes, 0);
	kept_tear_down(&k);
}
END_TEST

/* Of a disk that has room for what is missing, and not for all of it again. */
START_TEST(retain_reserve__what_of_it_is_there_has_its_room)
{
	enum { PART = 16 * FAULTS_BLOCK };
	struct err e = {0};
	struct kept k;
	int fd;

	kept_set_up(&k, NULL);
	fd = openat(repo_stage_dir(stock_repo(k.stock)), "a.part", O_WRONLY | O_CREAT | O_CLOEXEC,
		0644);
	ck_assert_int_eq(posix_fallocate(fd, 0, PART), 0);
	fs_close(&fd);
	faults_disk(1000);
	k.options.cacheMinFreeBytes = 1000 * FAULTS_BLOCK - PART / 2; /* less than a tenth */
	ck_assert_msg(retain_reserve(k.retain, "a.part", PART, &e) == 0, "%s", e.text);
	/* Of another one nothing is there. */
	ck_assert_int_eq(retain_reserve(k.retain, "b.part", PART, &e), -1);
	retain_release(k.retain, "a.part");
	kept_tear_down(&k);
}
END_TEST

struct rival {
	struct retain *retain;
	const char *name;
	pthread_barrier_t *barrier;
	bool got;
};

enum { ROUNDS = 100 };

static void *
reserve_often(void *context)
{
	struct rival *r = context;

	for (int i = 0; i < ROUNDS; i++) {
		(void)pthread_barrier_wait(r->barrier);
		r->got = retain_reserve(r->retain, r->name, 60, NULL) == 0;
		(void)pthread_barrier_wait(r->barrier);
		/* Both have what they got; the main thread looks. */
		(void)pthread_barrier_wait(r->barrier);
		if (r->got)
			retain_release(r->retain, r->name);
	}
	return NULL;
}

START_TEST(retain_reserve__of_two_at_once_the_same_room_is_not_given_to_both)
{
	pthread_barrier_t barrier;
	struct rival rivals[2] = {{.name = "a"}, {.name = "b"}};
	pthread_t threads[2];
	struct kept k;

	kept_set_up(&k, NULL);
	k.options.cacheMaxBytes = 100;
	(void)pthread_barrier_init(&barrier, NULL, 3);
	for (int i = 0; i < 2; i++) {
		rivals[i].retain = k.retain;
		rivals[i].barrier = &barrier;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, reserve_often, &rivals[i]), 0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		(void)pthread_barrier_wait(&barrier);
		(void)pthread_barrier_wait(&barrier);
		ck_assert(!rivals[0].got || !rivals[1].got);
		(void)pthread_barrier_wait(&barrier);
	}
	for (int i = 0; i < 2; i++)
		(void)pthread_join(threads[i], NULL);
	(void)pthread_barrier_destroy(&barrier);
	kept_tear_down(&k);
}
END_TEST

void
retain_log_tests(TCase *c)
{
	tcase_add_test(c, retain__what_goes_is_said_and_what_is_spared_once);
	tcase_add_test(c, retain__what_was_given_up_goes_before_what_is_whole);
	tcase_add_test(c, land_archive__what_is_in_its_place_counts_once);
	tcase_add_test(c, retain_reserve__of_two_at_once_the_same_room_is_not_given_to_both);
	tcase_add_test(c, retain_reserve__what_of_it_is_there_has_its_room);
	tcase_add_test(c, retain_reserve__a_wish_that_can_never_be_met_takes_nothing_away);
}
