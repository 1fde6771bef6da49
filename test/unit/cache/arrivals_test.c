/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/arrivals.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

enum { LEN = 1 << 20, BACK = ARRIVALS_BACK_BYTES };

/* An archive of a mebibyte, whose bytes are all in its file from the beginning. */
struct archive {
	char *path;
	int dir;
	int fd;
	unsigned char *bytes;
	struct record record;
	struct arrivals *all;
	struct arrival *arrival;
};

static void
set_up(struct archive *a, uint64_t have)
{
	*a = (struct archive){.record = {.ident = {"t", {5, "00000005"}},
				      .base = {4, "00000004"},
				      .format = FORMAT_AR1,
				      .ref = {.bytes = LEN}}};
	a->record.ref.id.byte[3] = 7;
	a->dir = unit_dir(&a->path);
	a->bytes = unit_bytes(LEN, 1);
	ck_assert_int_eq(fs_put(a->dir, "x", "part", span_of(a->bytes, LEN), NULL), 0);
	a->fd = openat(a->dir, "part", O_RDONLY | O_CLOEXEC);
	a->all = arrivals_new();
	a->arrival = arrivals_begin(a->all, &a->record, FORMAT_AR2, a->fd, have);
	ck_assert_ptr_nonnull(a->arrival);
	/* It has its own. */
	fs_close(&a->fd);
}

static void
tear_down(struct archive *a)
{
	arrivals_end(&a->arrival);
	arrivals_free(a->all);
	fs_close(&a->dir);
	free(a->bytes);
	free(a->path);
}

static unsigned resumed;

static void
on_resume(void *context)
{
	(void)context;
	resumed++;
}

START_TEST(arrivals_read__the_end_comes_when_all_of_it_is_good)
{
	static const struct {
		uint64_t have, at;
		long before, good; /* what can be read, at most 100000 bytes */
	} rows[] = {{0, 0, 0, 100000}, {1, 0, 1, 100000}, {100, 99, 1, 100000},
		{100, 100, 0, 100000}, {LEN - BACK, 0, 100000, 100000},
		{LEN - BACK, LEN - BACK - 1, 1, BACK + 1}, {LEN - BACK, LEN - BACK, 0, BACK},
		{LEN - BACK + 1, LEN - BACK, 0, BACK}, {LEN - 1, LEN - BACK - 10, 10, BACK + 10},
		{LEN, LEN - BACK - 10, 10, BACK + 10}, {LEN, LEN - 1, 0, 1}};
	AUTO_FREE unsigned char *got = mem_new(100000, 1);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct archive a;
		struct arrival *t;

		set_up(&a, rows[i].have);
		t = arrivals_find_id(a.all, &a.record.ref.id);
		ck_assert_msg(
			arrivals_read(t, rows[i].at, got, 100000) == rows[i].before, "row %zu", i);
		ck_assert_mem_eq(got, a.bytes + rows[i].at, (size_t)rows[i].before);
		/* Also when it is not to be had any more. */
		arrivals_checked(a.arrival);
		for (int end = 0; end <= 1; end++) {
			ck_assert_msg(arrivals_read(t, rows[i].at, got, 100000) == rows[i].good,
				"row %zu", i);
			ck_assert_mem_eq(got, a.bytes + rows[i].at, (size_t)rows[i].good);
			arrivals_end(&a.arrival);
			ck_assert_ptr_null(a.arrival);
		}
		arrivals_release(t);
		tear_down(&a);
	}
}
END_TEST

/* Nor does anybody wait for it. */
START_TEST(arrivals_read__nothing_comes_of_what_is_gone)
{
	struct waiter waiter = {.resume = on_resume};
	struct archive a;
	struct arrival *t;
	char byte;

	for (int stop = 0; stop <= 1; stop++) {
		resumed = 0;
		set_up(&a, 1000);
		t = arrivals_find_id(a.all, &a.record.ref.id);
		ck_assert(arrivals_wait(t, 1000, &waiter));
		if (stop)
			arrivals_stop(a.all);
		else
			arrivals_end(&a.arrival);
		ck_assert_uint_eq(resumed, 1);
		ck_assert_int_eq(arrivals_read(t, 0, &byte, 1), -1);
		ck_assert(!arrivals_wait(t, 1000, &waiter));
		arrivals_release(t);
		tear_down(&a);
		ck_assert_uint_eq(resumed, 1);
	}
}
END_TEST

/* In pieces of a sixty-fourth, and with the last byte. */
START_TEST(arrivals_add__who_waits_is_resumed_once_for_a_piece)
{
	struct waiter waiters[2] = {{.resume = on_resume}, {.resume = on_resume}};
	struct archive a;

	resumed = 0;
	set_up(&a, 0);
	for (int i = 0; i < 2; i++)
		ck_assert(arrivals_wait(a.arrival, 0, &waiters[i]));
	arrivals_add(a.arrival, LEN / 64 - 1);
	ck_assert_uint_eq(resumed, 0);
	/* There is something by now. */
	ck_assert(!arrivals_wait(a.arrival, 0, &(struct waiter){.resume = on_resume}));
	arrivals_add(a.arrival, 1);
	ck_assert_uint_eq(resumed, 2);
	arrivals_add(a.arrival, LEN / 64);
	ck_assert_uint_eq(resumed, 2);
	ck_assert(arrivals_wait(a.arrival, LEN - BACK, &waiters[0]));
	arrivals_add(a.arrival, LEN - LEN / 32 - 1);
	ck_assert(resumed == 3 && arrivals_wait(a.arrival, LEN - BACK, &waiters[0]));
	arrivals_add(a.arrival, 1);
	ck_assert_uint_eq(resumed, 4);
	ck_assert(arrivals_wait(a.arrival, LEN - BACK, &waiters[0]));
	arrivals_checked(a.arrival);
	ck_assert(resumed == 5 && !arrivals_wait(a.arrival, LEN - 1, &waiters[0]));
	tear_down(&a);
}
END_TEST

START_TEST(arrivals_find__only_what_was_asked_for_and_still_arrives)
{
	struct ident other = {"u", {5, "00000005"}};
	struct digest id = {0};
	struct archive a;
	struct arrival *t;

	set_up(&a, 0);
	t = arrivals_find(a.all, &a.record.ident, &a.record.base, FORMAT_AR2);
	ck_assert_ptr_eq(t, a.arrival);
	ck_assert_int_eq(arrivals_record(t)->format, FORMAT_AR1);
	ck_assert_ptr_null(arrivals_find(a.all, &a.record.ident, &a.record.base, FORMAT_AR1));
	ck_assert_ptr_null(arrivals_find(a.all, &other, &a.record.base, FORMAT_AR2));
	ck_assert_ptr_null(
		arrivals_find(a.all, &a.record.ident, &(struct edition){0, ""}, FORMAT_AR2));
	ck_assert_ptr_null(arrivals_find_id(a.all, &id));
	arrivals_checked(a.arrival);
	arrivals_release(t);
	t = arrivals_find_id(a.all, &a.record.ref.id);
	ck_assert_ptr_eq(t, a.arrival);
	arrivals_end(&a.arrival);
	ck_assert_ptr_null(arrivals_find(a.all, &a.record.ident, &a.record.base, FORMAT_AR2));
	arrivals_release(t);
	arrivals_release(NULL);
	tear_down(&a);
}
END_TEST

START_TEST(arrivals_begin__not_of_what_is_small)
{
	struct archive a;
	struct arrival *t;

	set_up(&a, 0);
	a.record.ref.bytes = ARRIVALS_MIN_BYTES - 1;
	a.fd = openat(a.dir, "part", O_RDONLY | O_CLOEXEC);
	ck_assert_ptr_null(arrivals_begin(a.all, &a.record, FORMAT_AR2, a.fd, 0));
	a.record.ref.bytes++;
	ck_assert_ptr_null(arrivals_begin(a.all, &a.record, FORMAT_AR2, -1, 0));
	t = arrivals_begin(a.all, &a.record, FORMAT_AR2, a.fd, 0);
	ck_assert_ptr_nonnull(t);
	arrivals_end(&t);
	fs_close(&a.fd);
	tear_down(&a);
}
END_TEST

void
arrivals_tests(TCase *c)
{
	tcase_add_test(c, arrivals_read__the_end_comes_when_all_of_it_is_good);
	tcase_add_test(c, arrivals_read__nothing_comes_of_what_is_gone);
	tcase_add_test(c, arrivals_add__who_waits_is_resumed_once_for_a_piece);
	tcase_add_test(c, arrivals_find__only_what_was_asked_for_and_still_arrives);
	tcase_add_test(c, arrivals_begin__not_of_what_is_small);
}
