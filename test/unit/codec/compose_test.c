/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/compose.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/archived.h"
#include "codec/pair.h"
#include "unit.h"

enum { LARGE = (1 << 20) + 1, SMALL = 900, SMALLS = 40 };

static void
add_bytes(
	struct pair *p, struct header *h, const char *path, size_t len, unsigned seed, bool changed)
{
	AUTO_FREE unsigned char *bytes = unit_bytes(len, seed);

	bytes[len / 2] ^= changed;
	pair_add(p, h, path, span_of(bytes, len));
}

/* A large one that begins as another. */
static void
add_begun(struct pair *p, struct header *h, const char *path, unsigned seed, size_t end,
	unsigned other)
{
	AUTO_FREE unsigned char *bytes = unit_bytes(LARGE, seed);
	AUTO_FREE unsigned char *begin = unit_bytes(LARGE, other);

	memcpy(bytes, begin, end);
	pair_add(p, h, path, span_of(bytes, LARGE));
}

/*
 * Small files, of which some change and some go, so that their group has both; a large one that
 * changes a little, one that goes, one that stays and one that is only renamed; empty ones; and one
 * that is new.
 */
static void
set_up(struct pair *p)
{
	pair_set_up(p);
	for (unsigned i = 0; i < SMALLS; i++) {
		char path[16];

		(void)snprintf(path, sizeof(path), "small%02u", i);
		add_bytes(p, p->old, path, SMALL, 100 + i, false);
		if (i % 7 != 0)
			add_bytes(p, p->header, path, SMALL, 100 + i, i % 5 == 0);
	}
	add_bytes(p, p->old, "large", LARGE, 1, false);
	add_bytes(p, p->header, "large", LARGE, 1, true);
	add_bytes(p, p->old, "goes", LARGE, 2, false);
	add_bytes(p, p->old, "stays", LARGE, 3, false);
	add_bytes(p, p->header, "stays", LARGE, 3, false);
	add_bytes(p, p->old, "zz", LARGE, 4, false);
	add_bytes(p, p->header, "a", LARGE, 4, false);
	pair_add(p, p->old, "empty", span_of("", 0));
	pair_add(p, p->header, "new", unit_text("a new one"));
	pair_seal(p);
}

static void
write_composed(struct pair *p, struct composed *c, struct buf *ret)
{
	AUTO_CLOSE int fd = openat(p->dir, "made", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	struct archive_ref ref;

	ck_assert_int_eq(compose_write(c, fd, &ref, NULL), 0);
	ck_assert_int_eq(fs_read(p->dir, "made", 1 << 26, ret, NULL), 0);
	ck_assert_uint_eq(ret->len, ref.bytes);
	ck_assert(digest_equal(
		&ref.id, &(struct digest[]){digest_of(span_of(ret->at, ret->len))}[0]));
}

START_TEST(compose__of_both_comes_a_full_archive)
{
	AUTO_BUF struct buf full = {0};
	AUTO_BUF struct buf difference = {0};
	AUTO_BUF struct buf made = {0};
	struct composed *c = NULL;
	struct compose from;
	struct pair p;
	struct err e;

	set_up(&p);
	pair_pack(&p, p.old, NULL, FORMAT_AR2, &full);
	pair_pack(&p, p.header, p.old, FORMAT_AR2, &difference);
	from = (struct compose){span_of(full.at, full.len), NULL, p.old,
		span_of(difference.at, difference.len), p.header};
	ck_assert_int_eq(compose_open(&from, &c, &e), 0);
	ck_assert(compose_is_worth_it(c));
	write_composed(&p, c, &made);
	ck_assert_msg(pair_apply(&p, span_of(made.at, made.len), true, &e) == 0, "%s", e.text);
	/* The large one that goes is not there any more. */
	ck_assert_uint_lt(made.len, full.len + difference.len - LARGE / 4);
	compose_close(c);
	pair_tear_down(&p);
}
END_TEST

/* ---- Of two differences */

enum { VERSIONS = 4, CONTENTS = 4, PATHS = CONTENTS * CONTENTS * CONTENTS * CONTENTS };

/*
 * Four versions with a path for each way through them: it is not there, or has one of three
 * contents, so that it comes, goes, changes, stays, and is again what it was.
 */
static void
set_up_all(struct pair *p, struct header **versions)
{
	pair_set_up(p);
	versions[0] = p->old;
	versions[1] = header_new();
	versions[2] = header_new();
	versions[3] = p->header;
	for (unsigned i = 0; i < PATHS; i++) {
		unsigned way = i;
		char path[16];

		(void)snprintf(path, sizeof(path), "%03u", i);
		for (int v = 0; v < VERSIONS; v++, way /= CONTENTS) {
			AUTO_FREE unsigned char *bytes = unit_bytes(SMALL, i);

			bytes[way % CONTENTS * 100] ^= 1;
			if (way % CONTENTS > 0)
				pair_add(p, versions[v], path, span_of(bytes, SMALL));
		}
	}
	pair_seal_header(versions[1]);
	pair_seal_header(versions[2]);
	pair_seal(p);
}

static void
join(struct pair *p, struct header **versions, const int *which, const struct buf *first,
	const struct buf *second, struct buf *ret)
{
	const struct compose from = {span_of(first->at, first->len), versions[which[0]],
		versions[which[1]], span_of(second->at, second->len), versions[which[2]]};
	struct composed *c = NULL;
	struct err e = {0};

	ck_assert_msg(compose_open(&from, &c, &e) == 0, "%s", e.text);
	write_composed(p, c, ret);
	compose_close(c);
}

/* Whichever two are joined first. */
START_TEST(compose__of_differences_comes_a_difference)
{
	struct header *versions[VERSIONS];
	struct buf steps[VERSIONS - 1] = {0};
	struct buf made[4] = {0};
	struct pair p;
	struct err e;

	set_up_all(&p, versions);
	for (int i = 0; i < VERSIONS - 1; i++)
		pair_pack(&p, versions[i + 1], versions[i], FORMAT_AR2, &steps[i]);
	join(&p, versions, (int[]){0, 1, 2}, &steps[0], &steps[1], &made[0]);
	join(&p, versions, (int[]){0, 2, 3}, &made[0], &steps[2], &made[1]);
	join(&p, versions, (int[]){1, 2, 3}, &steps[1], &steps[2], &made[2]);
	join(&p, versions, (int[]){0, 1, 3}, &steps[0], &made[2], &made[3]);
	for (int i = 1; i < 4; i += 2)
		ck_assert_msg(pair_apply(&p, span_of(made[i].at, made[i].len), false, &e) == 0,
			"%s", e.text);
	for (int i = 0; i < VERSIONS - 1; i++)
		buf_free(&steps[i]);
	for (int i = 0; i < 4; i++)
		buf_free(&made[i]);
	header_free(versions[1]);
	header_free(versions[2]);
	pair_tear_down(&p);
}
END_TEST

/* Each step changes another file, or all of them the same ones in the same place. */
START_TEST(compose_is_worth_it__a_difference_where_no_step_is_in_vain)
{
	for (int same = 0; same < 2; same++) {
		AUTO_BUF struct buf first = {0};
		AUTO_BUF struct buf second = {0};
		struct composed *c = NULL;
		struct compose from;
		struct header *middle = header_new();
		struct pair p;

		pair_set_up(&p);
		for (unsigned i = 0; i < 2; i++) {
			struct header *const versions[] = {p.old, middle, p.header};

			for (unsigned v = 0; v < 3; v++) {
				/* Of the first file, those of version 1; of the second, of 2. */
				unsigned seed = same ? v : v > i;

				add_begun(&p, versions[v], i == 0 ? "a" : "b", i, LARGE / 10,
					100 + seed);
			}
		}
		pair_seal_header(middle);
		pair_seal(&p);
		pair_pack(&p, middle, p.old, FORMAT_AR2, &first);
		pair_pack(&p, p.header, middle, FORMAT_AR2, &second);
		from = (struct compose){span_of(first.at, first.len), p.old, middle,
			span_of(second.at, second.len), p.header};
		ck_assert_int_eq(compose_open(&from, &c, NULL), 0);
		ck_assert_int_eq(compose_is_worth_it(c), !same);
		compose_close(c);
		header_free(middle);
		pair_tear_down(&p);
	}
}
END_TEST

/* ---- Where it is of no use */

/* What is made from old contents comes to more than a little, or all of it is old. */
START_TEST(compose_is_worth_it__only_where_little_changed)
{
	for (int which = 0; which < 3; which++) {
		AUTO_BUF struct buf full = {0};
		AUTO_BUF struct buf difference = {0};
		struct composed *c = NULL;
		struct compose from;
		struct pair p;

		pair_set_up(&p);
		for (unsigned i = 0; i < 3; i++) {
			char path[16];

			(void)snprintf(path, sizeof(path), "%u", i);
			add_bytes(&p, p.old, path, LARGE, i, false);
			/* 0: a twentieth is new; 1: six of them; 2: a tenth is left. */
			if (which < 2) {
				add_begun(&p, p.header, path, i, LARGE / 20 * (which == 0 ? 1 : 6),
					100 + i);
			} else {
				AUTO_FREE unsigned char *bytes = unit_bytes(LARGE, i);

				bytes[7] ^= 1;
				pair_add(&p, p.header, path, span_of(bytes, LARGE / 10));
			}
		}
		pair_seal(&p);
		pair_pack(&p, p.old, NULL, FORMAT_AR2, &full);
		pair_pack(&p, p.header, p.old, FORMAT_AR2, &difference);
		from = (struct compose){span_of(full.at, full.len), NULL, p.old,
			span_of(difference.at, difference.len), p.header};
		ck_assert_int_eq(compose_open(&from, &c, NULL), 0);
		ck_assert_msg(compose_is_worth_it(c) == (which == 0), "%d", which);
		compose_close(c);
		pair_tear_down(&p);
	}
}
END_TEST

/* Each in the place of the other, of the older format, cut off at any byte. */
START_TEST(compose_open__refuses_what_does_not_fit)
{
	AUTO_BUF struct buf full = {0};
	AUTO_BUF struct buf older = {0};
	AUTO_BUF struct buf difference = {0};
	struct span spans[3];
	struct pair p;

	set_up(&p);
	pair_pack(&p, p.old, NULL, FORMAT_AR2, &full);
	pair_pack(&p, p.old, NULL, FORMAT_AR1, &older);
	pair_pack(&p, p.header, p.old, FORMAT_AR2, &difference);
	spans[0] = span_of(full.at, full.len);
	spans[1] = span_of(older.at, older.len);
	spans[2] = span_of(difference.at, difference.len);
	for (int i = 0; i < 9; i++) {
		struct composed *c = NULL;
		struct err e = {0};
		const struct compose from = {spans[i / 3], NULL, p.old, spans[i % 3], p.header};

		ck_assert_int_eq(compose_open(&from, &c, &e), i == 2 ? 0 : -1);
		ck_assert_int_eq(e.code, i == 2 ? ERR_NONE : ERR_INPUT);
		compose_close(c);
	}
	for (size_t len = 0; len < difference.len; len++) {
		struct composed *c = NULL;
		const struct compose from = {
			spans[0], NULL, p.old, span_of(difference.at, len), p.header};

		ck_assert_int_eq(compose_open(&from, &c, NULL), -1);
	}
	compose_close(NULL);
	pair_tear_down(&p);
}
END_TEST

void
compose_tests(TCase *c)
{
	tcase_add_test(c, compose__of_both_comes_a_full_archive);
	tcase_add_test(c, compose__of_differences_comes_a_difference);
	tcase_add_test(c, compose_is_worth_it__a_difference_where_no_step_is_in_vain);
	tcase_add_test(c, compose_is_worth_it__only_where_little_changed);
	tcase_add_test(c, compose_open__refuses_what_does_not_fit);
}
