/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/finder.h"

#include "base/mem.h"
#include "unit.h"

START_TEST(finder_common__counts_to_the_first_byte_that_differs)
{
	uint8_t a[300];
	uint8_t b[300];

	memset(a, 'x', sizeof(a));
	for (size_t max = 0; max <= 200; max++)
		for (size_t at = 0; at <= 200; at += 1 + at / 9) {
			memcpy(b, a, sizeof(b));
			b[at] = 'y';
			ck_assert_uint_eq(finder_common(a, b, max), at < max ? at : max);
		}
}
END_TEST

/* The longest by looking everywhere, of two bytes at least, and the nearest of those. */
static struct finder_match
look_everywhere(struct span base, struct span text, size_t expected)
{
	struct finder_match best = {0};

	for (size_t old = 0; old < base.len; old++) {
		size_t room = base.len - old < text.len ? base.len - old : text.len;
		size_t len = finder_common(base.at + old, text.at, room);
		size_t far = old < expected ? expected - old : old - expected;
		size_t best_far = best.old < expected ? expected - best.old : best.old - expected;

		if (len >= 2 && (len > best.len || (len == best.len && far < best_far))) {
			best.len = len;
			best.old = old;
		}
	}
	return best;
}

START_TEST(finder_find__a_sorted_base_gives_the_longest_and_the_nearest)
{
	static const unsigned letters[] = {2, 3, 18};

	for (size_t kind = 0; kind < 3; kind++) {
		AUTO_FREE unsigned char *base = unit_bytes(400, 3);
		AUTO_FREE unsigned char *text = unit_bytes(400, 4);
		struct finder *f;

		for (size_t i = 0; i < 400; i++) {
			base[i] = (unsigned char)('a' + base[i] % letters[kind]);
			text[i] = (unsigned char)('a' + text[i] % letters[kind]);
		}
		memcpy(text + 100, base + 250, 100);
		memcpy(text + 350, base + 350, 50); /* to the end of both */
		f = finder_new_sorted(span_of(base, 400), NULL);
		for (size_t at = 0; at <= 400; at++) {
			const struct span rest = span_of(text + at, 400 - at);
			struct finder_match wanted = look_everywhere(span_of(base, 400), rest, at);
			struct finder_match got = {0};

			finder_find(f, rest, &got);
			ck_assert_uint_eq(got.len, wanted.len);
			if (got.len == 0)
				continue;
			ck_assert_mem_eq(base + got.old, text + at, got.len);
			finder_nearest(f, rest, at, &got);
			ck_assert_uint_eq(got.len, wanted.len);
			/* No more than 32 to either side are looked at. */
			ck_assert(letters[kind] == 2 ||
				  (got.old > at ? got.old - at : at - got.old) ==
					  (wanted.old > at ? wanted.old - at : at - wanted.old));
		}
		finder_free(f);
	}
}
END_TEST

START_TEST(finder_find__is_content_with_a_long_match)
{
	enum { LEN = 20000 };
	AUTO_FREE unsigned char *base = unit_bytes(LEN, 3);
	struct finder *f = finder_new_sorted(span_of(base, LEN), NULL);
	struct finder_match m = {0};

	finder_find(f, span_of(base + 1000, LEN - 1000), &m);
	ck_assert_uint_eq(m.len, 1 << 14);
	ck_assert_uint_eq(m.old, 1000);
	finder_find(f, span_of(base + LEN - 1, 1), &m);
	ck_assert_uint_eq(m.len, 0);
	finder_free(f);
}
END_TEST

START_TEST(finder_new_sorted__looks_at_the_pages_that_were_chosen)
{
	enum { PAGES = 5, LEN = (PAGES - 1) * FINDER_PAGE + 100 };
	AUTO_FREE unsigned char *base = unit_bytes(LEN, 3);

	/* None chosen is the first one. */
	for (size_t chosen = 0; chosen <= PAGES; chosen++) {
		bool pages[PAGES + 1] = {false};
		struct finder *f;

		pages[chosen] = true;
		f = finder_new_sorted(span_of(base, LEN), pages);
		for (size_t page = 0; page < PAGES; page++) {
			const size_t at = page * FINDER_PAGE + 10;
			struct finder_match m = {0};

			finder_find(f, span_of(base + at, 60), &m);
			if (page == chosen || (chosen == PAGES && page == 0)) {
				ck_assert_uint_eq(m.len, 60);
				ck_assert_uint_eq(m.old, at);
			} else {
				ck_assert_uint_lt(m.len, 60);
			}
		}
		finder_free(f);
	}
}
END_TEST

START_TEST(finder_find__blocks_give_what_covers_one)
{
	enum { LEN = 5000 };
	AUTO_FREE unsigned char *base = unit_bytes(LEN, 3);
	AUTO_FREE unsigned char *text = mem_new(LEN, 1);
	struct finder *f = finder_new_blocks(span_of(base, LEN));
	struct finder_match m = {0};

	/* Of blocks with one hash one is found: of several that a match covers, one at least is. */
	for (size_t old = 0; old + 250 <= LEN; old += 13) {
		bool found = false;

		memset(text, 'x', LEN);
		memcpy(text + 500, base + old, 250);
		for (size_t at = 400; at < 700; at++) {
			finder_find(f, span_of(text + at, LEN - at), &m);
			if (m.len == 0)
				continue;
			found = true;
			ck_assert_uint_ge(m.len, 128);
			ck_assert_uint_eq(m.old - old, at - 500);
			ck_assert_mem_eq(base + m.old, text + at, m.len);
		}
		ck_assert_msg(found, "at %zu", old);
	}
	finder_find(f, span_of(base, LEN), &m);
	ck_assert_uint_eq(m.len, LEN);
	finder_find(f, span_of(base, 128), &m);
	ck_assert_uint_eq(m.len, 128);
	finder_find(f, span_of(base, 127), &m);
	ck_assert_uint_eq(m.len, 0);
	/* The last one of a base that ends with a block. */
	finder_free(f);
	f = finder_new_blocks(span_of(base, 192));
	finder_find(f, span_of(base + 64, 200), &m);
	ck_assert(m.old == 64 && m.len == 128);
	finder_free(f);
	for (size_t len = 127; len <= 128; len++) {
		f = finder_new_blocks(span_of(base, len));
		finder_find(f, span_of(base, LEN), &m);
		ck_assert_uint_eq(m.len, len < 128 ? 0 : 128);
		m.old = 3; /* of others it knows nothing */
		finder_nearest(f, span_of(base, LEN), 7, &m);
		ck_assert_uint_eq(m.old, 3);
		finder_free(f);
	}
}
END_TEST

void
finder_tests(TCase *c)
{
	tcase_add_test(c, finder_common__counts_to_the_first_byte_that_differs);
	tcase_add_test(c, finder_find__a_sorted_base_gives_the_longest_and_the_nearest);
	tcase_add_test(c, finder_find__is_content_with_a_long_match);
	tcase_add_test(c, finder_new_sorted__looks_at_the_pages_that_were_chosen);
	tcase_add_test(c, finder_find__blocks_give_what_covers_one);
}
