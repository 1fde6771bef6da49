/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "unit.h"

enum { NOW_S = 1800000000, DAY_S = 86400 };

struct fixture {
	char *path;
	int dir;
	struct repo *repo;
	struct ledger *ledger;
};

static void
set_up(struct fixture *f)
{
	f->dir = unit_dir(&f->path);
	ck_assert_int_eq(repo_open(f->path, true, &f->repo, NULL), 0);
	f->ledger = ledger_new(f->repo);
}

static void
tear_down(struct fixture *f)
{
	ledger_free(f->ledger);
	repo_close(f->repo);
	fs_close(&f->dir);
	free(f->path);
}

/* A file in stage/ of 10 bytes, last written to so long ago. */
static void
leave(const struct fixture *f, const char *name, long age_s)
{
	const struct timespec times[2] = {{.tv_sec = NOW_S - age_s}, {.tv_sec = NOW_S - age_s}};
	int stage = repo_stage_dir(f->repo);

	ck_assert_int_eq(fs_put(stage, "x", name, unit_text("0123456789"), NULL), 0);
	ck_assert_int_eq(utimensat(stage, name, times, 0), 0);
}

static bool
is_there(const struct fixture *f, const char *name)
{
	return fs_exists(repo_stage_dir(f->repo), name);
}

START_TEST(ledger__counts_what_is_entered_and_what_was_given_up)
{
	struct fixture f;
	struct ledger_used used;

	set_up(&f);
	leave(&f, "a.part", 100);
	leave(&f, "b.part", 100);
	ck_assert_int_eq(mkdirat(repo_stage_dir(f.repo), "build-7", 0755), 0);
	leave(&f, "build-7/file", 0);
	ck_assert_int_eq(ledger_enter(f.ledger, "a.part", 500, NULL), 0);
	ck_assert_int_eq(ledger_enter(f.ledger, "a.part", 500, NULL), -1);
	ck_assert_int_eq(ledger_enter(f.ledger, "build-7", 70, NULL), 0);
	used = ledger_used(f.ledger);
	ck_assert_uint_eq(used.entered_bytes, 570);
	ck_assert_uint_eq(used.left_bytes, 10);
	/* What is in a directory counts as well, once nobody is at it. */
	ledger_leave(f.ledger, "build-7");
	ledger_leave(f.ledger, "a.part");
	used = ledger_used(f.ledger);
	ck_assert_uint_eq(used.entered_bytes, 0);
	ck_assert_uint_ge(used.left_bytes, 30);
	ck_assert_int_eq(fs_put(repo_stage_dir(f.repo), "x", "build-7/file",
				 unit_text("01234567890123456789"), NULL),
		0);
	ck_assert_uint_eq(ledger_used(f.ledger).left_bytes, used.left_bytes + 10);
	ck_assert_int_eq(ledger_enter(f.ledger, "a.part", 500, NULL), 0);
	tear_down(&f);
}
END_TEST

START_TEST(ledger_clean__the_oldest_first_and_never_what_somebody_is_at)
{
	struct fixture f;

	set_up(&f);
	leave(&f, "used.part", 20L * DAY_S);
	leave(&f, "old.part", 8L * DAY_S);
	leave(&f, "ahead.part", -400L * DAY_S); /* by a clock that was ahead */
	leave(&f, "first.part", 3000);
	leave(&f, "second.part", 2000);
	leave(&f, "put;q", 5); /* it is being written */
	leave(&f, "put;h", 3000);
	ck_assert_int_eq(ledger_enter(f.ledger, "used.part", 10, NULL), 0);
	ck_assert_uint_eq(ledger_clean(f.ledger, 0, NOW_S), 30);
	ck_assert(is_there(&f, "used.part") && !is_there(&f, "old.part") &&
		  !is_there(&f, "ahead.part") && !is_there(&f, "put;h"));
	ck_assert(
		is_there(&f, "first.part") && is_there(&f, "second.part") && is_there(&f, "put;q"));
	ck_assert_uint_eq(ledger_clean(f.ledger, 1, NOW_S), 10);
	ck_assert(!is_there(&f, "first.part") && is_there(&f, "second.part"));
	/* More than clients would go on with. */
	for (int i = 0; i < 300; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%d.part", i);
		leave(&f, name, 1000 - i);
	}
	ck_assert_uint_eq(ledger_clean(f.ledger, 0, NOW_S), 10 * (302 - 256));
	ck_assert(!is_there(&f, "0.part") && is_there(&f, "299.part"));
	tear_down(&f);
}
END_TEST

START_TEST(ledger_clean__what_is_old_and_what_is_young)
{
	static const struct {
		const char *name;
		long age_s;
		uint64_t wanted;
		bool goes;
	} rows[] = {{"a.part", 7L * DAY_S, 0, false}, {"a.part", 7L * DAY_S + 1, 0, true},
		{"a.part", -7L * DAY_S, 0, false}, {"a.part", -7L * DAY_S - 1, 0, true},
		{"a.part", 100, 1, true}, {"put;h", 60, 0, false}, {"put;h", 61, 0, true},
		{"put;h", 60, 1, false}, {"a.part.new", 60, 1, false}, {"a.part.new", 61, 0, true}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;

		set_up(&f);
		leave(&f, rows[i].name, rows[i].age_s);
		ck_assert_uint_eq(
			ledger_clean(f.ledger, rows[i].wanted, NOW_S), rows[i].goes ? 10 : 0);
		ck_assert_msg(is_there(&f, rows[i].name) == !rows[i].goes, "row %zu", i);
		tear_down(&f);
	}
}
END_TEST

START_TEST(ledger_clean__goes_on_until_as_much_is_free_as_is_wanted)
{
	struct fixture f;
	struct err e;

	set_up(&f);
	leave(&f, "1.part", 500);
	leave(&f, "2.part", 400);
	leave(&f, "3.part", 300);
	leave(&f, "4.part", 200);
	ck_assert_uint_eq(ledger_clean(f.ledger, 10, NOW_S), 10);
	ck_assert_uint_eq(ledger_clean(f.ledger, 11, NOW_S), 20);
	ck_assert(!is_there(&f, "3.part") && is_there(&f, "4.part"));
	/* What is gone can be begun anew, and what is entered is somebody's. */
	ck_assert_int_eq(ledger_enter(f.ledger, "3.part", 500, &e), 0);
	ck_assert_int_eq(ledger_enter(f.ledger, "3.part", 500, &e), -1);
	ck_assert_int_eq(e.code, ERR_BUSY);
	tear_down(&f);
}
END_TEST

START_TEST(ledger_used__what_was_damaged_counts_and_a_name_that_is_no_stage_does_not)
{
	char name[IDENT_NAME_MAX + 17];
	struct fixture f;

	set_up(&f);
	memset(name, 'x', sizeof(name));
	name[IDENT_NAME_MAX + 15] = '\0';
	leave(&f, name, 100);
	ck_assert_uint_eq(ledger_used(f.ledger).left_bytes, 10);
	name[IDENT_NAME_MAX + 15] = 'x';
	name[IDENT_NAME_MAX + 16] = '\0';
	leave(&f, name, 100);
	ck_assert_uint_eq(ledger_used(f.ledger).left_bytes, 10);
	ck_assert_int_eq(mkdirat(repo_dir(f.repo), "quarantine", 0755), 0);
	leave(&f, "../quarantine/damaged", 100);
	ck_assert_uint_eq(ledger_used(f.ledger).left_bytes, 20);
	tear_down(&f);
}
END_TEST

void
ledger_tests(TCase *c)
{
	tcase_add_test(c, ledger__counts_what_is_entered_and_what_was_given_up);
	tcase_add_test(c, ledger_clean__the_oldest_first_and_never_what_somebody_is_at);
	tcase_add_test(c, ledger_clean__what_is_old_and_what_is_young);
	tcase_add_test(c, ledger_clean__goes_on_until_as_much_is_free_as_is_wanted);
	tcase_add_test(
		c, ledger_used__what_was_damaged_counts_and_a_name_that_is_no_stage_does_not);
}
