/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/apply.h"

#include <stdio.h>

#include "base/mem.h"
#include "codec/archived.h"
#include "codec/pair.h"
#include "unit.h"

/*
 * Old: base, big and same. New: big with a change, dup and dup2 of the same bytes, empty, a file
 * that was renamed and changed, and same. BIG is too much to be written at once.
 */
enum { BIG = 70000, BASE = 2000, DUP = 300, SAME = 50 };

struct sample {
	struct pair pair;
	unsigned char *big, *new_big, *base, *new_base, *dup, *same;
};

static void
set_up(struct sample *s)
{
	struct pair *p = &s->pair;

	pair_set_up(p);
	s->big = unit_bytes(BIG, 1);
	s->new_big = unit_bytes(BIG, 1);
	s->base = unit_bytes(BASE, 2);
	s->new_base = unit_bytes(BASE, 2);
	s->dup = unit_bytes(DUP, 3);
	s->same = unit_bytes(SAME, 4);
	s->new_big[BIG / 2] ^= 1;
	memcpy(s->new_base + 700, "changed", 7);
	pair_add(p, p->old, "base", span_of(s->base, BASE));
	pair_add(p, p->old, "big", span_of(s->big, BIG));
	pair_add(p, p->old, "same", span_of(s->same, SAME));
	pair_add(p, p->header, "big", span_of(s->new_big, BIG));
	pair_add(p, p->header, "dup", span_of(s->dup, DUP));
	pair_add(p, p->header, "dup2", span_of(s->dup, DUP));
	pair_add(p, p->header, "empty", span_of("", 0));
	pair_add(p, p->header, "moved/base2", span_of(s->new_base, BASE));
	pair_add(p, p->header, "same", span_of(s->same, SAME));
	pair_seal(p);
}

static void
tear_down(struct sample *s)
{
	unsigned char *all[] = {s->big, s->new_big, s->base, s->new_base, s->dup, s->same};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(all[i]);
	pair_tear_down(&s->pair);
}

/*
 * An entry. B: big, from the old one; W: the same whole. G: dup, empty and base2 from the old base
 * and from big; g: the same whole. d, e, s: dup, empty, same. m: base2 from the old base, and n,
 * from big as well, both of which were given. x: dup's place with the bytes of another. T: the same
 * in big's. U: the old big, which is not listed, and V: big from it, in this order; X: in its place
 * something else. u: the old base, which is not listed, with dup and empty, and v: base2 from it.
 */
static void
put_entry(const struct sample *s, char which, struct buf *ret)
{
	AUTO_BUF struct buf file = {0};
	AUTO_BUF struct buf base = {0};
	AUTO_BUF struct buf stream = {0};
	const char *told = strchr("UX", which) != NULL ? "1 1 0 70000"
			   : which == 'u'	       ? "2 1 0 2000 2 2"
						       : NULL;
	enum codec codec = strchr("BmVv", which) != NULL ? CODEC_BSDIFF
			   : which == 'n'		 ? CODEC_VCDIFF
			   : which == 'G'		 ? CODEC_LZMA
							 : CODEC_ZSTD;
	const char *runs = strchr("BT", which) != NULL ? "1 1"
			   : strchr("mV", which)       ? "0 1"
			   : which == 'v'	       ? "2 1"
			   : strchr("Gn", which)       ? "0 1 2 1"
						       : "";

	if (strchr("BWVX", which) != NULL)
		buf_add(&file, s->new_big, BIG);
	if (strchr("TU", which) != NULL)
		buf_add(&file, s->big, BIG);
	if (which == 'u')
		buf_add(&file, s->base, BASE);
	if (strchr("Ggdu", which) != NULL)
		buf_add(&file, s->dup, DUP);
	if (strchr("Ggmnv", which) != NULL)
		buf_add(&file, s->new_base, BASE);
	if (which == 's')
		buf_add(&file, s->same, SAME);
	if (which == 'x')
		buf_add(&file, s->new_base, DUP);
	if (strchr("Gmnv", which) != NULL)
		buf_add(&base, s->base, BASE);
	if (strchr("BTV", which) != NULL)
		buf_add(&base, s->big, BIG);
	if (strchr("Gn", which) != NULL)
		buf_add(&base, s->new_big, BIG);
	archived_encode(codec, span_of(file.at, file.len), span_of(base.at, base.len), &stream);
	if (told != NULL)
		archived_put_told(ret, codec, told, runs, span_of(stream.at, stream.len));
	else
		archived_put(ret, codec, strchr("Gg", which) != NULL ? 3 : 1, runs,
			span_of(stream.at, stream.len));
}

static void
make_archive(const struct sample *s, const char *entries, struct buf *ret)
{
	buf_add_string(ret, ARCHIVED_MAGIC);
	for (; *entries != '\0'; entries++)
		put_entry(s, *entries, ret);
}

START_TEST(apply_archive__takes_complete_archives_and_no_others)
{
	static const struct {
		const char *entries;
		bool full;
		const char *wrong; /* NULL: it is right */
		enum err_code code;
	} rows[] = {{"BG", false, NULL, ERR_NONE}, {"Wg", false, NULL, ERR_NONE},
		{"WG", false, NULL, ERR_NONE}, {"Bg", false, NULL, ERR_NONE},
		{"Bdem", false, NULL, ERR_NONE}, {"Wden", false, NULL, ERR_NONE},
		{"Wgs", true, NULL, ERR_NONE}, {"Wdegs", true, "more files", ERR_INPUT},
		{"Wg", true, "is missing", ERR_INPUT}, {"", true, "is missing", ERR_INPUT},
		{"", false, "is missing", ERR_INPUT}, {"B", false, "is missing", ERR_INPUT},
		{"Wde", false, "is missing", ERR_INPUT}, {"BGs", false, "more files", ERR_INPUT},
		{"Bgs", true, "entry 1: a base is not there", ERR_INPUT},
		/* in the place of another */
		{"GB", false, "entry 1: LZMA: stream is damaged or cut short", ERR_INPUT},
		{"Bdme", false, "entry 3: encoding is not for files and bases", ERR_INPUT},
		{"gW", false, "entry 2: its stream is longer than its files can need", ERR_INPUT},
		{"gm", false, "entry 1: ZSTD: file is shorter than stated", ERR_INPUT},
		{"Wxem", false, "entry 2: dup: what was decoded has another SHA-256", ERR_DIGEST},
		{"TG", false, "entry 1: big: what was decoded has another SHA-256", ERR_DIGEST},
		{"Wedm", false, "entry 2: ZSTD: file is shorter than stated", ERR_INPUT},
		{"Wddm", false, "entry 3: ZSTD: stream is damaged or too long", ERR_INPUT},
		/* from what no header lists */
		{"UVuvs", true, NULL, ERR_NONE}, {"UVgs", true, NULL, ERR_NONE},
		{"UWgs", true, NULL, ERR_NONE}, {"UVug", true, "more files", ERR_INPUT},
		{"UVuv", true, "is missing", ERR_INPUT},
		{"XVgs", true, "entry 2: big: what was decoded has another SHA-256", ERR_DIGEST},
		{"Vgs", true, "entry 1: a base is not there", ERR_INPUT}};
	struct sample s;

	set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf archive = {0};
		struct err e;
		int result;

		make_archive(&s, rows[i].entries, &archive);
		result = pair_apply(&s.pair, span_of(archive.at, archive.len), rows[i].full, &e);
		ck_assert_msg((result == 0) == (rows[i].wrong == NULL), "row %zu: %s", i, e.text);
		ck_assert_msg(e.code == rows[i].code, "row %zu: %s", i, e.text);
		ck_assert_msg(rows[i].wrong == NULL || strstr(e.text, rows[i].wrong) != NULL,
			"row %zu: %s", i, e.text);
	}
	tear_down(&s);
}
END_TEST

/* Refused as a whole, and not for a base that is all right; or what comes of it is the same. */
static void
check_damaged(struct sample *s, const struct buf *archive, size_t len, bool full)
{
	struct err e;

	if (pair_apply(&s->pair, span_of(archive->at, len), full, &e) == 0)
		return;
	ck_assert_msg(e.code == ERR_INPUT || e.code == ERR_DIGEST, "%s", e.text);
	ck_assert_msg(strstr(e.text, "base: ") == NULL, "%s", e.text);
}

START_TEST(apply_archive__of_a_damaged_archive_comes_nothing_that_is_wrong)
{
	static const char *const archives[] = {"BG", "Bden", "Wgs", "UVuvs"};
	const bool full = _i >= 2;
	AUTO_BUF struct buf archive = {0};
	struct sample s;
	struct err e;
	unsigned refused = 0;

	set_up(&s);
	make_archive(&s, archives[_i], &archive);
	ck_assert_int_eq(pair_apply(&s.pair, span_of(archive.at, archive.len), full, &e), 0);
	for (size_t i = 0; i < archive.len; i += full && i > 8 ? 97 : 1)
		for (int flip = 0; flip < 3; flip++) {
			static const char flips[] = {1, '\x10', '\x80'};

			archive.at[i] ^= flips[flip];
			check_damaged(&s, &archive, archive.len, full);
			refused += pair_apply(&s.pair, span_of(archive.at, archive.len), full,
					   &e) != 0;
			archive.at[i] ^= flips[flip];
		}
	/* Few bytes are of no use to a decoder. */
	ck_assert_uint_gt(refused, full ? 300 : 2 * archive.len);
	tear_down(&s);
}
END_TEST

START_TEST(apply_archive__refuses_an_archive_that_is_cut_anywhere)
{
	AUTO_BUF struct buf archive = {0};
	struct sample s;
	struct err e;

	set_up(&s);
	make_archive(&s, "Bden", &archive);
	for (size_t len = 0; len < archive.len; len++) {
		ck_assert_int_eq(pair_apply(&s.pair, span_of(archive.at, len), false, &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
	}
	buf_add(&archive, "", 1);
	ck_assert_int_eq(pair_apply(&s.pair, span_of(archive.at, archive.len), false, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	tear_down(&s);
}
END_TEST

/* A header of another version, which lists less. */
START_TEST(apply_archive__refuses_unlisted_entries)
{
	AUTO_BUF struct buf archive = {0};
	AUTO_HEADER struct header *other = header_new();
	struct apply what = {.header = other};
	struct sample s;
	struct err e = {0};

	set_up(&s);
	ck_assert_int_eq(header_add(other, header_find(s.pair.header, "big"), NULL), 0);
	make_archive(&s, "Wgs", &archive);
	what.archive = span_of(archive.at, archive.len);
	what.dir = s.pair.out;
	ck_assert_int_eq(apply_archive(&what, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_ptr_nonnull(strstr(e.text, "entry 2: more files than are missing"));
	ck_assert_uint_eq(unit_count(s.pair.dir, "out"), 0);
	tear_down(&s);
}
END_TEST

/*
 * The delta copies what is damaged, or goes on from it, or there is less of it, or more: in any
 * case it is the base's fault.
 */
START_TEST(apply_archive__names_a_base_that_is_not_what_it_was)
{
	static const struct {
		const char *entries, *base;
		size_t len;
	} rows[] = {{"BG", "big", BIG}, {"BG", "big", BIG - 1}, {"BG", "big", BIG + 1},
		{"BG", "big", 1}, {"BG", "big", 0}, {"BG", "base", BASE}, {"BG", "base", BASE - 1},
		{"BG", "base", BASE + 1}, {"BG", "base", 0}, {"Wdem", "base", BASE},
		{"Wdem", "base", 1}, {"Wdem", "base", 0}, {"Wden", "base", BASE},
		{"Wden", "base", BASE - 1}, {"Wden", "base", BASE + 1000}, {"Wden", "base", 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const bool is_big = strcmp(rows[i].base, "big") == 0;
		const size_t len = is_big ? BIG : BASE;
		AUTO_FREE unsigned char *bytes = mem_new(BIG + BASE, 1);
		AUTO_BUF struct buf archive = {0};
		struct sample s;
		struct err e;

		set_up(&s);
		make_archive(&s, rows[i].entries, &archive);
		memcpy(bytes, is_big ? s.big : s.base, rows[i].len < len ? rows[i].len : len);
		/* All of the old part of it is copied. */
		for (size_t k = 0; k < rows[i].len; k += 500)
			bytes[k] ^= 1;
		pair_damage(&s.pair, s.pair.old, rows[i].base, span_of(bytes, rows[i].len));
		ck_assert_int_eq(
			pair_apply(&s.pair, span_of(archive.at, archive.len), false, &e), -1);
		ck_assert_msg(e.code == ERR_DIGEST, "row %zu: %s", i, e.text);
		ck_assert_msg(strstr(e.text, "base") != NULL &&
				      strstr(e.text, "what was decoded") == NULL,
			"row %zu: %s", i, e.text);
		tear_down(&s);
	}
}
END_TEST

START_TEST(apply_archive__without_a_base_nothing_is_decoded)
{
	AUTO_BUF struct buf archive = {0};
	struct sample s;
	struct err e;

	set_up(&s);
	make_archive(&s, "WG", &archive);
	pair_drop(&s.pair, s.pair.old, "base");
	ck_assert_int_eq(pair_apply(&s.pair, span_of(archive.at, archive.len), false, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert_str_eq(e.text, "entry 2: its base is not here");
	ck_assert_uint_eq(unit_count(s.pair.dir, "out"), 0);
	tear_down(&s);
}
END_TEST

START_TEST(apply_archive__ends_where_that_is_wanted)
{
	static struct stop stop = {.wanted = true};
	AUTO_BUF struct buf archive = {0};
	struct sample s;
	struct apply what = {.stop = &stop};
	struct err e = {0};

	set_up(&s);
	make_archive(&s, "BG", &archive);
	what.archive = span_of(archive.at, archive.len);
	what.header = s.pair.header;
	what.old = s.pair.old;
	what.base = &s.pair.base;
	what.dir = s.pair.out;
	/* Whoever ends it looks at no digest first. */
	pair_damage(&s.pair, s.pair.old, "big", span_of(s.new_big, BIG));
	ck_assert_int_eq(apply_archive(&what, &e), -1);
	ck_assert_msg(e.code != ERR_DIGEST, "%s", e.text);
	ck_assert_int_eq(e.code, ERR_STOPPED);
	ck_assert_uint_eq(unit_count(s.pair.dir, "out"), 0);
	tear_down(&s);
}
END_TEST

/* No decoder has more than one step of these, in which nothing asks. */
START_TEST(apply_archive__ends_between_small_files)
{
	static struct stop stop = {.wanted = true};

	for (int format = 0; format < FORMAT_COUNT; format++) {
		AUTO_BUF struct buf archive = {0};
		struct pair p;
		struct apply what = {.stop = &stop};
		struct err e = {0};

		pair_set_up(&p);
		for (int i = 0; i < 100; i++) {
			char text[16];

			(void)snprintf(text, sizeof(text), "%d", i);
			pair_add(&p, p.header, text, unit_text(text));
		}
		pair_seal(&p);
		pair_pack(&p, p.header, NULL, (enum format)format, &archive);
		what.archive = span_of(archive.at, archive.len);
		what.header = p.header;
		what.dir = p.out;
		ck_assert_int_eq(apply_archive(&what, &e), -1);
		ck_assert_int_eq(e.code, ERR_STOPPED);
		ck_assert_uint_eq(unit_count(p.dir, "out"), 0);
		pair_tear_down(&p);
	}
}
END_TEST

void
apply_tests(TCase *c)
{
	tcase_add_test(c, apply_archive__takes_complete_archives_and_no_others);
	tcase_add_loop_test(
		c, apply_archive__of_a_damaged_archive_comes_nothing_that_is_wrong, 0, 4);
	tcase_add_test(c, apply_archive__refuses_an_archive_that_is_cut_anywhere);
	tcase_add_test(c, apply_archive__refuses_unlisted_entries);
	tcase_add_test(c, apply_archive__names_a_base_that_is_not_what_it_was);
	tcase_add_test(c, apply_archive__without_a_base_nothing_is_decoded);
	tcase_add_test(c, apply_archive__ends_where_that_is_wanted);
	tcase_add_test(c, apply_archive__ends_between_small_files);
}
