/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/grouping.h"

#include <stdlib.h>

#include "base/mem.h"
#include "codec/pair.h"
#include "unit.h"

enum { KIB = 1 << 10, MIB = 1 << 20 };

/* A file of a size, whose bytes are not at hand; the digest says nothing but which it is. */
static void
add_size(struct header *h, const char *path, uint64_t size)
{
	AUTO_FREE char *name = mem_string(path);
	const struct header_file file = {
		.path = name, .digest = digest_of(unit_text(path)), .size = size};

	ck_assert_int_eq(header_add(h, &file, NULL), 0);
}

static void
add_bytes(struct pair *p, struct header *h, const char *path, size_t len, unsigned seed)
{
	AUTO_FREE unsigned char *bytes = unit_bytes(len, seed);

	pair_add(p, h, path, span_of(bytes, len));
}

/*
 * What comes of it, "COUNT[/BASE BASE...] COUNT...": paths of bases; those that the archive gives
 * itself have a plus. Each entry is one that an archive may have.
 */
static char *
group_with(struct pair *p, struct samples *g, const struct header *old, bool join, bool *ret_joined)
{
	struct listing *v = listing_new(p->header, old);
	struct grouping *made = grouping_new(g, v, old, join);
	AUTO_BUF struct buf all = {0};
	size_t next = 0;

	for (size_t i = 0; i < made->count; i++) {
		const struct grouping_entry *e = &made->entries[i];
		AUTO_BUF struct buf runs = {0};
		struct archive_entry entry = {.codec = CODEC_ZSTD,
			.count = e->count,
			.stream = {(const uint8_t *)"x", 1}};
		struct listing_entry files;
		struct err why = {0};

		ck_assert_uint_eq(e->first, next);
		next += e->count;
		archive_put_bases(e->bases, e->base_count, v->old_count + e->first, &runs);
		entry.bases = span_of(runs.at, runs.len);
		buf_printf(&all, "%s%zu", i > 0 ? " " : "", e->count);
		for (size_t k = 0; k < e->base_count; k++) {
			ck_assert(k == 0 || e->bases[k] > e->bases[k - 1]);
			buf_printf(&all, "%c%s%s", k > 0 ? ',' : '/',
				e->bases[k] < v->old_count ? "" : "+",
				listing_base(v, e->bases[k])->path);
		}
		ck_assert_msg(listing_take(v, FORMAT_AR2, &entry, &files, &why) == 0 ||
				      strstr(why.text, "encoding is not for") != NULL,
			"%s", why.text);
	}
	ck_assert_uint_eq(next, v->missing_count);
	*ret_joined = made->joined;
	grouping_free(made);
	listing_free(v);
	buf_add(&all, "", 1);
	return mem_string(all.at);
}

static void
check(struct pair *p, bool full, const char *expected)
{
	struct samples *g = samples_new(&p->blobs, NULL);
	bool joined;

	/* Twice: what is remembered changes nothing. */
	for (int i = 0; i < 2; i++) {
		AUTO_FREE char *got = group_with(p, g, full ? NULL : p->old, false, &joined);

		ck_assert_str_eq(got, expected);
		ck_assert(!joined);
	}
	samples_free(g);
}

START_TEST(grouping_new__small_files_go_together_and_large_ones_alone)
{
	static const struct {
		uint64_t sizes[12];
		size_t count;
		const char *expected;
	} rows[] = {{{0}, 0, ""}, {{0}, 1, "1"}, {{5}, 1, "1"}, {{5, 0, 7}, 3, "3"},
		{{MIB, MIB}, 2, "2"}, {{MIB + 1, 5}, 2, "1 1"}, {{5, MIB + 1, 6, 7}, 4, "1 1 2"},
		{{MIB + 1, MIB + 1}, 2, "1 1"}, {{(1ULL << 40) - 1, 1}, 2, "1 1"},
		{{MIB, MIB, MIB, MIB, MIB, MIB, MIB, MIB}, 8, "8"},
		{{MIB, MIB, MIB, MIB, MIB, MIB, MIB, MIB, 1}, 9, "8 1"},
		{{1, MIB, MIB, MIB, MIB, MIB, MIB, MIB, MIB, 0, 5}, 11, "8 3"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pair p;

		pair_set_up(&p);
		for (size_t k = 0; k < rows[i].count; k++) {
			AUTO_FREE char *path = mem_printf("%02zu", k);

			add_size(p.header, path, rows[i].sizes[k]);
		}
		pair_seal(&p);
		check(&p, true, rows[i].expected);
		pair_tear_down(&p);
	}
	samples_free(NULL);
	grouping_free(NULL);
}
END_TEST

/* Files of a few bytes have no samples: their names alone say what they were. */
START_TEST(grouping_new__a_file_of_the_same_path_or_else_the_same_name_is_a_base)
{
	static const struct {
		const char *old[3]; /* paths */
		const char *new;
		const char *expected;
	} rows[] = {{{"a/x"}, "a/x", "1/a/x"}, {{"b/x"}, "a/x", "1/b/x"},
		{{"b/x", "a/x"}, "a/x", "1/a/x"}, {{"x"}, "a/b/x", "1/x"},
		{{"a/y", "a/xx", "x/y"}, "a/x", "1"}, {{"a/x/y"}, "a/x", "1"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pair p;

		pair_set_up(&p);
		for (unsigned k = 0; k < 3 && rows[i].old[k] != NULL; k++)
			add_bytes(&p, p.old, rows[i].old[k], 20, 10 + k);
		add_bytes(&p, p.header, rows[i].new, 20, 1);
		pair_seal(&p);
		check(&p, false, rows[i].expected);
		check(&p, true, "1");
		pair_tear_down(&p);
	}
}
END_TEST

START_TEST(grouping_new__what_is_not_at_hand_or_has_no_bytes_is_no_base)
{
	for (int which = 0; which < 3; which++) {
		struct pair p;

		pair_set_up(&p);
		add_bytes(&p, p.header, "a", 50000, 1);
		add_bytes(&p, p.header, "new", 50000, 9);
		add_bytes(&p, p.old, "a", which == 1 ? 0 : 60000, 1);
		add_bytes(&p, p.old, "b", 10000, 3);
		pair_seal(&p);
		if (which == 2)
			pair_drop(&p, p.old, "a");
		/* There is so much new that all of the old version is taken. */
		check(&p, false, which == 0 ? "2/a,b" : "2/b");
		pair_tear_down(&p);
	}
}
END_TEST

/* Under another name, wherever in it; and what has nothing of it is none. */
START_TEST(grouping_new__content_is_found_under_another_name)
{
	AUTO_FREE unsigned char *bytes = unit_bytes(MIB, 1);
	struct pair p;

	pair_set_up(&p);
	pair_add(&p, p.header, "new", span_of(bytes + 100 * KIB, 300 * KIB));
	pair_add(&p, p.old, "other", span_of(bytes, MIB));
	add_bytes(&p, p.old, "unlike", MIB, 2);
	add_bytes(&p, p.old, "zzz", 10, 3);
	pair_seal(&p);
	check(&p, false, "1/other");
	pair_tear_down(&p);
}
END_TEST

START_TEST(grouping_new__what_was_given_is_a_base_of_what_comes_later)
{
	enum { LEN = 2 * MIB };
	AUTO_FREE unsigned char *bytes = unit_bytes(LEN, 1);
	struct pair p;

	pair_set_up(&p);
	pair_add(&p, p.header, "1", span_of(bytes, LEN));
	pair_add(&p, p.header, "2", span_of(bytes, LEN - 1));
	pair_add(&p, p.header, "3", span_of(bytes + 1, LEN / 4));
	pair_seal(&p);
	/* The smaller one has as much of it. */
	check(&p, true, "1 1/+1 1/+2");
	pair_tear_down(&p);
	/* Of a difference any is that is no larger. */
	pair_set_up(&p);
	add_size(p.header, "1", 5);
	add_size(p.header, "2", MIB + 1);
	add_size(p.header, "3", 6);
	pair_seal(&p);
	check(&p, true, "1 1 1");
	check(&p, false, "1 1/+1 1/+1");
	pair_tear_down(&p);
}
END_TEST

/* Files with the same bytes have one number: that of the first. */
START_TEST(grouping_new__repeated_old_files_are_one_base)
{
	struct pair p;

	pair_set_up(&p);
	add_bytes(&p, p.old, "a/1", 20, 5);
	add_bytes(&p, p.old, "b/2", 20, 5);
	add_bytes(&p, p.old, "b/3", 20, 5);
	add_bytes(&p, p.old, "c", 20, 6);
	add_bytes(&p, p.header, "b/3", 21, 1);
	add_bytes(&p, p.header, "b/2", 22, 2);
	add_bytes(&p, p.header, "c", 23, 3);
	pair_seal(&p);
	check(&p, false, "3/a/1,c");
	pair_tear_down(&p);
}
END_TEST

/* Together they have to be in one window with the group, where that can be. */
START_TEST(grouping_new__several_bases_have_no_more_bytes_than_they_may)
{
	static const struct {
		size_t sizes[3];
		const char *expected;
	} rows[] = {{{9 * MIB, 5 * MIB, MIB}, "3/1,2,3"}, {{9 * MIB, 8 * MIB, MIB}, "3/1,3"},
		/* one alone may be as large as it is */
		{{17 * MIB, 100, 100}, "3/1"}, {{100, 17 * MIB, 100}, "3/1,3"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pair p;

		pair_set_up(&p);
		for (size_t k = 0; k < 3; k++) {
			const char path[] = {(char)('1' + k), 0};
			AUTO_FREE unsigned char *zeros = mem_new(rows[i].sizes[k], 1);

			zeros[0] = (unsigned char)k;
			add_bytes(&p, p.header, path, 50, (unsigned)k);
			pair_add(&p, p.old, path, span_of(zeros, rows[i].sizes[k]));
		}
		pair_seal(&p);
		check(&p, false, rows[i].expected);
		pair_tear_down(&p);
	}
}
END_TEST

/* Large files that hardly changed are as small as what changed. */
START_TEST(grouping_new__joins_what_is_alike_where_it_is_asked_to)
{
	enum { LEN = 1200 * KIB };
	struct pair p;
	struct samples *g;
	bool joined;

	pair_set_up(&p);
	for (unsigned i = 0; i < 4; i++) {
		const char path[] = {(char)('a' + i), 0};
		AUTO_FREE unsigned char *bytes = unit_bytes(LEN, i);

		pair_add(&p, p.old, path, span_of(bytes, LEN));
		bytes[LEN / 2] ^= 1;
		/* The third is another one. */
		for (size_t k = 0; i == 2 && k < LEN; k += 20)
			bytes[k] ^= 1;
		pair_add(&p, p.header, path, span_of(bytes, LEN));
	}
	pair_seal(&p);
	g = samples_new(&p.blobs, NULL);
	for (int join = 0; join <= 1; join++) {
		AUTO_FREE char *got = group_with(&p, g, p.old, join, &joined);

		ck_assert_int_eq(joined, join);
		ck_assert_int_eq(strncmp(got, join ? "2/a,b 1/" : "1/a 1/", 6), 0);
		ck_assert_msg(
			strncmp(got + strlen(got) - 2, "/d", 2) == 0 || strstr(got, "/d") != NULL,
			"%s", got);
	}
	/* Of a full archive nothing is alike. */
	for (int join = 0; join <= 1; join++) {
		AUTO_FREE char *got = group_with(&p, g, NULL, join, &joined);

		ck_assert(!joined);
		ck_assert_str_eq(got, "1 1 1 1");
	}
	samples_free(g);
	pair_tear_down(&p);
}
END_TEST

void
grouping_tests(TCase *c)
{
	tcase_add_test(c, grouping_new__small_files_go_together_and_large_ones_alone);
	tcase_add_test(c, grouping_new__a_file_of_the_same_path_or_else_the_same_name_is_a_base);
	tcase_add_test(c, grouping_new__what_is_not_at_hand_or_has_no_bytes_is_no_base);
	tcase_add_test(c, grouping_new__content_is_found_under_another_name);
	tcase_add_test(c, grouping_new__what_was_given_is_a_base_of_what_comes_later);
	tcase_add_test(c, grouping_new__repeated_old_files_are_one_base);
	tcase_add_test(c, grouping_new__several_bases_have_no_more_bytes_than_they_may);
	tcase_add_test(c, grouping_new__joins_what_is_alike_where_it_is_asked_to);
}
