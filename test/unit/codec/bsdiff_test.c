/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The columns of a difference, before LZMA packs them: of another liblzma they are the same. */
#include <stdio.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/varint.h"
#include "codec/codec_bsdiff.h"
#include "codec/codec_each.h"
#include "unit.h"

enum { SMALL = 60000, LARGE = 1300000 };

/* Two files of one size, as they become of each other. */
enum change { WORDS, MOVED, SWAPPED, INSERTED, REPLACED, SHUFFLED, SAME, CHANGES };

static void
make_pair(enum change change, size_t len, unsigned char *old, unsigned char *file)
{
	AUTO_FREE unsigned char *other = unit_bytes(len, 77);

	memcpy(file, old, len);
	switch (change) {
	case WORDS: /* addresses have moved */
		for (size_t i = 100; i + 4 < len; i += 500)
			file[i] += 3;
		break;
	case MOVED:
		memcpy(file + 1000, old + len / 2, 5000);
		file[len / 3]++;
		break;
	case SWAPPED:
		memcpy(file, old + len / 2, len / 2);
		memcpy(file + len / 2, old, len / 2);
		break;
	case INSERTED:
		for (size_t i = 0; i < 4; i++) {
			size_t at = (i + 1) * len / 5;

			memmove(file + at + 7 * i, file + at, len - at - 7 * i);
			memcpy(file + at, other, 7 * i);
		}
		break;
	case REPLACED:
		memcpy(file + len / 3, other, 10000);
		break;
	case SHUFFLED:
		for (size_t i = 0; i + 200 < len / 4; i += 200)
			memcpy(file + i, old + (i * 7919) % (len - 200), 200);
		break;
	case SAME:
	case CHANGES:
		break;
	}
}

/* A column of a stream, at the end of b. */
static void
add_column(struct span bytes, uint64_t len, struct buf *b)
{
	AUTO_FREE uint8_t *column = mem_new(len + 1, 1);
	struct codec_lzma_reader *reader;
	size_t n;

	if (len == bytes.len) {
		buf_add(b, bytes.at, bytes.len);
		return;
	}
	ck_assert_uint_gt(len, bytes.len);
	reader = codec_lzma_reader_new(bytes, span_of("", 0), len, COL_WINDOW_BYTES);
	ck_assert_ptr_nonnull(reader);
	ck_assert_int_eq(codec_lzma_reader_read(reader, column, len + 1, &n, NULL), 0);
	ck_assert_uint_eq(n, len);
	codec_lzma_reader_free(reader);
	buf_add(b, column, len);
}

/* 16 digits of the digest of all that the columns have, and of how much each has. */
static void
sum_of(struct span stream, char ret[17])
{
	uint64_t lens[COL_COUNT][2];
	AUTO_BUF struct buf all = {0};
	struct digest digest;
	char hex[DIGEST_HEX + 1];
	const uint8_t *at = stream.at;

	for (int i = 0; i < COL_COUNT; i++)
		for (int which = 0; which < 2; which++)
			at += varint_get(span_of(at, VARINT_BYTES), &lens[i][which]);
	for (int i = 0; i < COL_COUNT; i++) {
		size_t before = all.len;

		add_column(span_of(at, lens[i][1]), lens[i][0], &all);
		buf_printf(&all, " %zu\n", all.len - before);
		at += lens[i][1];
	}
	ck_assert_ptr_eq(at, stream.at + stream.len);
	digest = digest_of(span_of(all.at, all.len));
	(void)snprintf(ret, 17, "%.16s", digest_hex(&digest, hex));
}

/*
 * Whoever builds a difference gets the same, so that archives are the same everywhere. Another
 * choice of parts is no fault, but it is to be meant: then these change.
 */
START_TEST(codec_bsdiff__the_same_files_give_the_same_parts)
{
	static const struct {
		enum change change;
		size_t len;
		size_t base_len; /* 0: the same */
		bool quick;
		const char *sum;
	} rows[] = {
		{WORDS, SMALL, 0, false, "1912dfce7b6756d6"},
		{MOVED, SMALL, 0, false, "0fcd9f6d3f6000e7"},
		{SWAPPED, SMALL, 0, false, "1bf00c3b6b740e60"},
		{INSERTED, SMALL, 0, false, "58da16e4ae6bdd30"},
		{REPLACED, SMALL, 0, false, "fb02902b19940a8a"},
		{SHUFFLED, SMALL, 0, false, "129e12156919a80d"},
		{SAME, SMALL, 0, true, "96c5d16e87bd41e4"},
		{WORDS, LARGE, 0, false, "c643781f9013b4d9"},
		{WORDS, LARGE, 0, true, "c643781f9013b4d9"},
		{MOVED, LARGE, 0, false, "fa089ac235a5fa5a"},
		{MOVED, LARGE, 0, true, "fa089ac235a5fa5a"},
		{SWAPPED, LARGE, 0, true, "1456b4787071b7c6"},
		{INSERTED, LARGE, 0, false, "1b5ff1e270582e44"},
		{INSERTED, LARGE, 0, true, "1b5ff1e270582e44"},
		{REPLACED, LARGE, 0, false, "e80eaa9cab9422b6"},
		{SHUFFLED, LARGE, 0, true, "3ae81a14929cc9ca"},
		{SAME, LARGE, 0, false, "19e692e7d3248943"},
		{WORDS, SMALL, SMALL - 5000, false, "e52a159c0ab76d7b"},
		{MOVED, SMALL, SMALL + 5000, false, "0fcd9f6d3f6000e7"},
		{WORDS, LARGE, LARGE - 5000, true, "c8f6f8f21929428d"},
		{SHUFFLED, LARGE, LARGE - 5000, false, "73a04e43931bfc54"},
		{MOVED, SMALL, 40000, true, "3c69333157d88968"},
		{MOVED, SMALL, 1, true, "ff7051e12e7d7204"},
	};
	AUTO_FREE unsigned char *old = unit_bytes(LARGE, 5);
	AUTO_FREE unsigned char *file = mem_new(LARGE, 1);
	AUTO_FREE unsigned char *stream = mem_new(2 * LARGE, 1);
	AUTO_FREE unsigned char *back = mem_new(LARGE, 1);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t size = rows[i].len;
		const size_t base_len = rows[i].base_len > 0 ? rows[i].base_len : size;
		const struct codec_input from = {.file = span_of(file, size),
			.base = span_of(old, base_len),
			.quick = rows[i].quick};
		struct err e = {0};
		char sum[17];
		size_t len;

		make_pair(rows[i].change, size, old, file);
		ck_assert_msg(codec_encode(CODEC_BSDIFF, &from, stream, 2 * LARGE, &len, &e) ==
				      CODEC_FITS,
			"%s", e.text);
		ck_assert_msg(codec_decode(CODEC_BSDIFF, span_of(stream, len), from.base, back,
				      size, &e) == 0,
			"%s", e.text);
		ck_assert_mem_eq(back, file, size);
		sum_of(span_of(stream, len), sum);
		ck_assert_msg(strcmp(sum, rows[i].sum) == 0, "row %zu: %s", i, sum);
	}
}
END_TEST

/* What was replaced in its place costs what is new, and not the rest of the file. */
START_TEST(codec_bsdiff__goes_on_behind_what_was_replaced)
{
	AUTO_FREE unsigned char *old = unit_bytes(LARGE, 5);
	AUTO_FREE unsigned char *file = mem_new(LARGE, 1);
	AUTO_FREE unsigned char *stream = mem_new(LARGE, 1);

	make_pair(REPLACED, LARGE, old, file);
	for (int quick = 0; quick <= 1; quick++) {
		const struct codec_input from = {
			.file = span_of(file, LARGE), .base = span_of(old, LARGE), .quick = quick};
		size_t len;

		ck_assert_int_eq(
			codec_encode(CODEC_BSDIFF, &from, stream, LARGE, &len, NULL), CODEC_FITS);
		ck_assert_uint_lt(len, 10000);
	}
}
END_TEST

/* A room of one byte less is too small, and one of as many bytes is not. */
START_TEST(codec__fits_into_as_much_room_as_it_takes)
{
	AUTO_FREE unsigned char *old = unit_bytes(SMALL, 5);
	AUTO_FREE unsigned char *file = mem_new(SMALL, 1);
	AUTO_FREE unsigned char *stream = mem_new(2 * SMALL, 1);

	make_pair(MOVED, SMALL, old, file);
	for (int i = 0; i < 2 * CODEC_COUNT; i++) {
		const enum codec codec = (enum codec)(i / 2);
		const struct codec_input from = {.file = span_of(file, SMALL),
			.base = span_of(old, i % 2 > 0 ? SMALL : 0),
			.quick = true};
		size_t len;
		size_t again;

		if (!codec_suits(codec, SMALL, from.base.len))
			continue;
		ck_assert_int_eq(
			codec_encode(codec, &from, stream, 2 * SMALL, &len, NULL), CODEC_FITS);
		stream[len] = 0xa5;
		ck_assert_int_eq(codec_encode(codec, &from, stream, len, &again, NULL), CODEC_FITS);
		ck_assert_uint_eq(again, len);
		ck_assert_int_eq(
			codec_encode(codec, &from, stream, len - 1, &again, NULL), CODEC_TOO_LARGE);
		ck_assert_uint_eq(stream[len], 0xa5);
	}
}
END_TEST

/*
 * A BSDIFF stream of columns as the manual has them, each at most 100 bytes. packed: which of
 * them are, by bits.
 */
static size_t
bsdiff_stream(const char *const columns[6], const size_t lens[6], unsigned packed, uint8_t *ret)
{
	AUTO_BUF struct buf head = {0};
	AUTO_BUF struct buf all = {0};

	for (int i = 0; i < 6; i++) {
		const struct codec_input from = {.file = span_of(columns[i], lens[i])};
		uint8_t out[1000];
		size_t len = lens[i];

		if ((packed >> i & 1) == 0)
			memcpy(out, columns[i], len);
		else
			ck_assert_int_eq(
				codec_lzma_compress(&from, 1 << 21, out, sizeof(out), &len, NULL),
				CODEC_FITS);
		varint_put(&head, lens[i]);
		varint_put(&head, len);
		buf_add(&all, out, len);
	}
	memcpy(ret, head.at, head.len);
	if (all.len > 0)
		memcpy(ret + head.len, all.at, all.len);
	return head.len + all.len;
}

START_TEST(codec_bsdiff__reads_what_the_manual_says_and_nothing_outside)
{
	static const char base[] = "0123456789";
	/* Columns: seek, add, insert, gap, word, extra. The first row is right. */
	static const struct {
		const char *columns[6];
		size_t lens[6];
		int result;
	} rows[] = {
		/* 3 bytes from 0, 2 new ones; then from 3 + 2 on, of which the second is 1 higher
		 */
		{{"\0\x08", "\3\3", "\2\0", "\4", "\1\0", "xy"}, {2, 2, 2, 1, 2, 2}, 0},
		/* the same, seen from the end of the part before the last: there is none yet, so 0
		 */
		{{"\0\x15", "\3\3", "\2\0", "\4", "\1\0", "xy"}, {2, 2, 2, 1, 2, 2}, 0},
		{{"\4\0", "\3\3", "\2\0", "\4", "\1\0", "xy"}, {2, 2, 2, 1, 2, 2}, 1},
		{{"\0\x12", "\3\3", "\2\0", "\4", "\1\0", "xy"}, {2, 2, 2, 1, 2, 2}, -1},
		{{"\x28\0", "\3\3", "\2\0", "", "", "xy"}, {2, 2, 2, 0, 0, 2}, -1},
		{{"\0\0", "\xb\3", "\2\0", "", "", "xy"}, {2, 2, 2, 0, 0, 2}, -1},
		{{"\0\0", "\0\3", "\0\5", "", "", "xyxyx"}, {2, 2, 2, 0, 0, 5}, -1},
		{{"\0\0", "\3\3", "\2\1", "", "", "xyz"}, {2, 2, 2, 0, 0, 3}, -1},
		{{"\0\0", "\3\3", "\2\0", "", "", "xyz"}, {2, 2, 2, 0, 0, 3}, -1},
		{{"\0\0", "\3\3", "\2\0", "", "", "x"}, {2, 2, 2, 0, 0, 1}, -1},
		{{"\0\0", "\3\3", "\2\0", "\6", "", "xy"}, {2, 2, 2, 1, 0, 2}, -1},
		{{"\0\0", "\3\3", "\2\0", "\4", "", "xy"}, {2, 2, 2, 1, 0, 2}, -1},
		{{"\0\0", "\3\3", "\2\0", "\4", "\1\0\0", "xy"}, {2, 2, 2, 1, 3, 2}, -1},
		{{"\0\0", "\3\3", "\2", "", "", "xy"}, {2, 2, 1, 0, 0, 2}, -1},
		{{"\0\0\0", "\3\3", "\2\0", "", "", "xy"}, {3, 2, 2, 0, 0, 2}, -1},
		/* a gap that is cut short, and one that is too large */
		{{"\0\0", "\3\3", "\2\0", "\x80", "\0\0\0", "xy"}, {2, 2, 2, 1, 3, 2}, -1},
		{{"\0\0", "\3\3", "\2\0", "\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\0\0\0", "xy"},
			{2, 2, 2, 9, 3, 2}, -1},
	};

	/* Which columns are packed makes no difference. */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned packed = 0; packed < 64; packed++) {
			uint8_t stream[8000];
			unsigned char out[8];
			struct err e = {0};
			size_t len = bsdiff_stream(rows[i].columns, rows[i].lens, packed, stream);
			int result = codec_decode(CODEC_BSDIFF, span_of(stream, len),
				span_of(base, sizeof(base) - 1), out, sizeof(out), &e);

			ck_assert_msg(result == (rows[i].result < 0 ? -1 : 0), "row %zu, %u: %s", i,
				packed, e.text);
			ck_assert_int_eq(e.code, result == 0 ? ERR_NONE : ERR_INPUT);
			if (rows[i].result == 0)
				ck_assert_mem_eq(out, "012xy577", 8);
		}
}
END_TEST

/* Lengths of columns that cannot be, in a stream that is right otherwise. */
START_TEST(codec_bsdiff__refuses_heads_that_do_not_fit)
{
	static const struct {
		const char *head;
		size_t len;
		const char *wrong; /* NULL: it is right */
	} rows[] = {{"\1\1\1\1\1\1\0\0\0\0\0\0\0\3\0", 15, NULL},
		{"\1\1\1\1\1\1\0\0\0\0\0\0\0\3\0x", 16, "bytes behind the last column"},
		{"\1\1\1\1\1\1\0\0\0\0\1\1\0\3\0", 15, "delta is cut short"},
		{"\1\1\1\1\1\1\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x7f\0\3\0", 23,
			"delta is cut short"},
		/* more than there is, of a column that nobody reads on; one that is empty, and not
		 */
		{"\1\1\1\1\1\1\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x7f\0\0\3\0", 23,
			"column is damaged"},
		{"\1\1\1\1\1\1\0\0\0\0\0\1\0\3\0\0", 16, "stream is damaged or cut short"},
		{"\1\1\1\1\1\1\0\0\0\0\0\1\0\3\0\xe1", 16, "column is damaged"},
		{"\1\x81\0\1\1\1\1\0\0\0\0\0\0\3\0", 15, "head is damaged or cut short"},
		{"\1\1\1\1\1\1\0\0\0\0\0", 11, "head is damaged or cut short"},
		{"", 0, "head is damaged or cut short"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned char out[3];
		struct err e = {0};
		int result = codec_decode(CODEC_BSDIFF, span_of(rows[i].head, rows[i].len),
			span_of("abc", 3), out, sizeof(out), &e);

		ck_assert_msg(result == (rows[i].wrong == NULL ? 0 : -1), "row %zu: %s", i, e.text);
		ck_assert_int_eq(e.code, result == 0 ? ERR_NONE : ERR_INPUT);
		ck_assert_msg(result == 0 || strstr(e.text, rows[i].wrong) != NULL, "row %zu: %s",
			i, e.text);
		if (result == 0)
			ck_assert_mem_eq(out, "abc", 3);
	}
}
END_TEST

/* Programs whose addresses have moved: what the method is for. */
START_TEST(codec_bsdiff__large_files_whichever_way_they_changed)
{
	enum { LEN = 3 << 20 };
	AUTO_FREE unsigned char *old = unit_bytes(LEN, 3);
	AUTO_FREE unsigned char *file = mem_new(LEN + 100, 1);
	AUTO_FREE unsigned char *stream = mem_new(2 * LEN, 1);
	AUTO_FREE unsigned char *back = mem_new(LEN + 100, 1);

	for (int kind = 0; kind < 4; kind++) {
		const struct codec_input from = {
			.file = span_of(file, LEN), .base = span_of(old, LEN), .quick = kind == 3};
		size_t n = 0;
		struct err e = {0};

		memcpy(file, old, LEN);
		for (size_t i = 0; kind != 0 && i + 4 < LEN; i += 500)
			file[i]++; /* everywhere: all is sorted */
		if (kind == 0) {   /* little, and something from elsewhere */
			memcpy(file + 1000, old + 2000000, 5000);
			file[LEN / 2] ^= 1;
		}
		if (kind == 2) /* the halves change places */
			memcpy(file, old + LEN / 2, LEN / 2);
		ck_assert_msg(
			codec_encode(CODEC_BSDIFF, &from, stream, 2 * LEN, &n, &e) == CODEC_FITS,
			"%s", e.text);
		ck_assert_msg(codec_decode(CODEC_BSDIFF, span_of(stream, n), from.base, back, LEN,
				      &e) == 0,
			"%s", e.text);
		ck_assert_mem_eq(back, file, LEN);
		ck_assert_uint_lt(n, kind == 0 ? 200 : LEN / 100);
	}
}
END_TEST

void
bsdiff_tests(TCase *c)
{
	tcase_add_test(c, codec_bsdiff__the_same_files_give_the_same_parts);
	tcase_add_test(c, codec_bsdiff__goes_on_behind_what_was_replaced);
	tcase_add_test(c, codec_bsdiff__reads_what_the_manual_says_and_nothing_outside);
	tcase_add_test(c, codec_bsdiff__refuses_heads_that_do_not_fit);
	tcase_add_test(c, codec_bsdiff__large_files_whichever_way_they_changed);
	tcase_add_test(c, codec__fits_into_as_much_room_as_it_takes);
}
