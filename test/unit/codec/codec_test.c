/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/codec.h"

#include "base/mem.h"
#include "codec/codec_each.h"
#include "unit.h"

enum { ROOM = 400000 };

/* old with a few bytes changed, some inserted and some gone. */
static size_t
change(const unsigned char *old, size_t len, unsigned char *ret)
{
	size_t cut = len / 3;

	if (len < 100) {
		memcpy(ret, old, len);
		ret[len] = 'x';
		return len + 1;
	}
	memcpy(ret, old, cut);
	memcpy(ret + cut, "inserted here", 13);
	memcpy(ret + cut + 13, old + cut + 7, len - cut - 7);
	ret[len / 2] ^= 1;
	return len + 6;
}

/* Every encoding, and those that can have a base twice: without one, and with it. */
struct way {
	enum codec codec;
	bool with_base;
};

static const struct way ways[] = {{CODEC_BZIP2, false}, {CODEC_ZSTD, false}, {CODEC_ZSTD, true},
	{CODEC_LZMA, false}, {CODEC_LZMA, true}, {CODEC_VCDIFF, true}, {CODEC_BSDIFF, true}};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

START_TEST(codec__gives_the_file_back)
{
	static const size_t sizes[] = {0, 1, 99, 5000, 131072, 300000};
	const enum codec codec = ways[_i].codec;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (int kind = 0; kind < 4; kind++) {
			AUTO_FREE unsigned char *old = unit_bytes(sizes[i], 3);
			AUTO_FREE unsigned char *file = mem_new(sizes[i] + 20, 1);
			AUTO_FREE unsigned char *stream = mem_new(ROOM, 1);
			AUTO_FREE unsigned char *back = mem_new(ROOM, 1);
			size_t len = change(old, sizes[i], file);
			const struct codec_input from = {.file = span_of(file, len),
				.base = span_of(old, ways[_i].with_base ? sizes[i] : 0),
				.quick = kind % 2 == 1,
				.alike = kind > 1};
			size_t n = 0;
			struct err e = {0};

			if (!codec_suits(codec, len, from.base.len))
				continue;
			ck_assert_msg(
				codec_encode(codec, &from, stream, ROOM, &n, &e) == CODEC_FITS,
				"%s: %s", codec_name(codec), e.text);
			ck_assert_msg(codec_decode(codec, span_of(stream, n), from.base, back, len,
					      &e) == 0,
				"%s: %s", codec_name(codec), e.text);
			ck_assert_mem_eq(back, file, len);
			ck_assert_uint_le(n, codec_bound(len));
			if (ways[_i].with_base && len > 5000)
				ck_assert_uint_lt(n, 1000);
		}
}
END_TEST

/* What cannot be made smaller at all. */
START_TEST(codec_encode__whole_files_never_need_more_room_than_is_said)
{
	static const size_t sizes[] = {0, 1, 2, 100, 5000, 100000, 300000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		AUTO_FREE unsigned char *file = mem_new(sizes[i] + 1, 1);
		AUTO_FREE unsigned char *out = mem_new(ROOM, 1);
		const struct codec_input from = {.file = span_of(file, sizes[i])};
		uint64_t state = 1;
		size_t n;

		for (size_t k = 0; k < sizes[i]; k++) {
			state = state * 6364136223846793005U + 1442695040888963407U;
			file[k] = (unsigned char)(state >> 56);
		}
		for (int way = 0; way < WAYS; way++)
			if (!ways[way].with_base && ways[way].codec != CODEC_LZMA)
				ck_assert_int_eq(codec_encode(ways[way].codec, &from, out,
							 codec_bound(sizes[i]), &n, NULL),
					CODEC_FITS);
	}
}
END_TEST

START_TEST(codec_encode__says_when_the_room_is_too_small)
{
	AUTO_FREE unsigned char *file = unit_bytes(50000, 9);
	AUTO_FREE unsigned char *base = unit_bytes(50000, 10);
	unsigned char out[64];
	size_t len;

	for (int way = 0; way < WAYS; way++)
		for (size_t room = 0; room <= sizeof(out); room++) {
			const struct codec_input from = {.file = span_of(file, 50000),
				.base = span_of(base, ways[way].with_base ? 50000 : 0),
				.quick = true};

			if (room > 3 && room < sizeof(out))
				continue;
			ck_assert_int_eq(
				codec_encode(ways[way].codec, &from, out, room, &len, NULL),
				CODEC_TOO_LARGE);
		}
}
END_TEST

/* Every stream cut, lengthened, or decoded to another size is refused; nothing is written behind
 * len. */
START_TEST(codec_decode__refuses_damaged_streams)
{
	enum { SPARE = 64 };
	AUTO_FREE unsigned char *old = unit_bytes(20000, 3);
	AUTO_FREE unsigned char *file = mem_new(20100, 1);
	AUTO_FREE unsigned char *stream = mem_new(ROOM, 1);
	AUTO_FREE unsigned char *back = mem_new(20100 + SPARE, 1);
	const enum codec which = ways[_i].codec;
	size_t len = change(old, 20000, file);
	const struct codec_input from = {
		.file = span_of(file, len), .base = span_of(old, ways[_i].with_base ? 20000 : 0)};
	struct err e = {0};
	size_t n;

	ck_assert_int_eq(codec_encode(which, &from, stream, ROOM, &n, NULL), CODEC_FITS);
	memset(stream + n, 0xA5, 16);
	memset(back, 0xEE, 20100 + SPARE);
	for (int by = -1; by <= 1; by += 2) {
		size_t wrong = by < 0 ? len - 1 : len + 1;

		ck_assert_int_eq(
			codec_decode(which, span_of(stream, n), from.base, back, wrong, &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
	}
	for (size_t more = 1; more <= 16; more++) {
		e.code = ERR_NONE;
		ck_assert_int_eq(
			codec_decode(which, span_of(stream, n + more), from.base, back, len, &e),
			-1);
		ck_assert_int_eq(e.code, ERR_INPUT);
	}
	for (size_t cut = 0; cut < n; cut += 1 + n / 200) {
		e.code = ERR_NONE;
		ck_assert_msg(
			codec_decode(which, span_of(stream, cut), from.base, back, len, &e) == -1,
			"%s of %zu cut to %zu", codec_name(which), n, cut);
		ck_assert_int_eq(e.code, ERR_INPUT);
	}
	for (size_t i = len + 1; i < 20100 + SPARE; i++)
		ck_assert_uint_eq(back[i], 0xEE);
}
END_TEST

/* Whatever a byte becomes: it is refused, or there are len bytes, and nothing behind them. */
START_TEST(codec_decode__damage_anywhere_stays_within_the_file)
{
	enum { LEN = 3000, SPARE = 64 };
	AUTO_FREE unsigned char *old = unit_bytes(LEN, 3);
	AUTO_FREE unsigned char *file = mem_new(LEN + 100, 1);
	AUTO_FREE unsigned char *stream = mem_new(ROOM, 1);
	AUTO_FREE unsigned char *back = mem_new(LEN + 100 + SPARE, 1);
	const enum codec which = ways[_i].codec;
	size_t len = change(old, LEN, file);
	const struct codec_input from = {
		.file = span_of(file, len), .base = span_of(old, ways[_i].with_base ? LEN : 0)};
	size_t n;

	ck_assert_int_eq(codec_encode(which, &from, stream, ROOM, &n, NULL), CODEC_FITS);
	memset(back, 0xEE, LEN + 100 + SPARE);
	for (size_t i = 0; i < n; i++)
		for (unsigned flip = 1; flip <= 0x80; flip <<= 1) {
			struct err e = {0};

			stream[i] ^= (unsigned char)flip;
			if (codec_decode(which, span_of(stream, n), from.base, back, len, &e) != 0)
				ck_assert_int_eq(e.code, ERR_INPUT);
			stream[i] ^= (unsigned char)flip;
		}
	for (size_t i = len; i < LEN + 100 + SPARE; i++)
		ck_assert_uint_eq(back[i], 0xEE);
}
END_TEST

START_TEST(codec_decode__a_wrong_base_is_not_read_past_its_end)
{
	AUTO_FREE unsigned char *old = unit_bytes(20000, 3);
	AUTO_FREE unsigned char *file = mem_new(20100, 1);
	AUTO_FREE unsigned char *stream = mem_new(ROOM, 1);
	AUTO_FREE unsigned char *back = mem_new(20100, 1);
	AUTO_FREE unsigned char *small = mem_new(10, 1);
	size_t len = change(old, 20000, file);
	const struct codec_input from = {.file = span_of(file, len), .base = span_of(old, 20000)};
	size_t n;

	for (int way = 0; way < WAYS; way++) {
		struct err e = {0};

		if (!ways[way].with_base)
			continue;
		ck_assert_int_eq(
			codec_encode(ways[way].codec, &from, stream, ROOM, &n, NULL), CODEC_FITS);
		/* LZMA knows no distance from the end: what it gives is not the file. */
		if (codec_decode(ways[way].codec, span_of(stream, n), span_of(small, 10), back, len,
			    &e) == 0)
			ck_assert_mem_ne(back, file, len);
		else
			ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert(ways[way].codec == CODEC_LZMA || e.code == ERR_INPUT);
	}
}
END_TEST

/* A window of each kind that makes nothing, and then one that makes the file. */
START_TEST(codec_vcdiff__wants_something_of_each_window)
{
	static const char head[] = "\xd6\xc3\xc4\0\0";
	static const char empty[] = "\0\5\0\0\0\0\0";
	static const char abc[] = "\0\x9\3\0\3\1\0abc\4";
	const struct codec_input from = {.quick = true};
	unsigned char out[3];

	for (int windows = 0; windows <= 2; windows++) {
		AUTO_BUF struct buf delta = {0};
		struct codec_input in = from;
		unsigned char stream[256];
		struct err e = {0};
		size_t len;
		int result;

		buf_add(&delta, head, sizeof(head) - 1);
		for (int i = 0; i < windows; i++)
			buf_add(&delta, empty, sizeof(empty) - 1);
		buf_add(&delta, abc, sizeof(abc) - 1);
		in.file = span_of(delta.at, delta.len);
		ck_assert_int_eq(codec_encode(CODEC_ZSTD, &in, stream, sizeof(stream), &len, NULL),
			CODEC_FITS);
		result = codec_decode(
			CODEC_VCDIFF, span_of(stream, len), span_of("old", 3), out, 3, &e);
		ck_assert_msg((result == 0) == (windows == 0), "%d: %s", windows, e.text);
		ck_assert(windows == 0 || strstr(e.text, "empty window") != NULL);
		ck_assert_int_eq(e.code, windows == 0 ? ERR_NONE : ERR_INPUT);
	}
	ck_assert_mem_eq(out, "abc", 3);
}
END_TEST

/* Frames of nothing, nine bytes each, in front of the right one. */
START_TEST(codec_decode__takes_no_more_stream_than_a_file_can_need)
{
	const struct codec_input nothing = {.file = {(const uint8_t *)"", 0}, .quick = true};
	const struct codec_input abc = {.file = {(const uint8_t *)"abc", 3}, .quick = true};
	AUTO_BUF struct buf stream = {0};
	unsigned char frame[64];
	unsigned char last[64];
	unsigned char out[3];
	struct err e = {0};
	size_t len;
	size_t last_len;

	ck_assert_int_eq(
		codec_encode(CODEC_ZSTD, &nothing, frame, sizeof(frame), &len, NULL), CODEC_FITS);
	ck_assert_int_eq(
		codec_encode(CODEC_ZSTD, &abc, last, sizeof(last), &last_len, NULL), CODEC_FITS);
	while (stream.len + len + last_len <= codec_stream_max(3))
		buf_add(&stream, frame, len);
	buf_add(&stream, last, last_len);
	ck_assert_int_eq(codec_decode(CODEC_ZSTD, span_of(stream.at, stream.len), span_of("", 0),
				 out, 3, NULL),
		0);
	buf_clear(&stream);
	while (stream.len + last_len <= codec_stream_max(3))
		buf_add(&stream, frame, len);
	buf_add(&stream, last, last_len);
	ck_assert_int_eq(codec_decode(CODEC_ZSTD, span_of(stream.at, stream.len), span_of("", 0),
				 out, 3, &e),
		-1);
	ck_assert_ptr_nonnull(strstr(e.text, "of stream for 3"));
	ck_assert_int_eq(e.code, ERR_INPUT);
}
END_TEST

START_TEST(codec__ends_where_that_is_wanted)
{
	enum { LEN = 6 << 20 };
	static struct stop stop;
	const struct codec_watch watch = {.stop = &stop};
	AUTO_FREE unsigned char *old = unit_bytes(LEN, 3);
	AUTO_FREE unsigned char *file = unit_bytes(LEN, 4);
	AUTO_FREE unsigned char *stream = mem_new(2 * LEN, 1);
	AUTO_FREE unsigned char *back = mem_new(LEN, 1);

	memcpy(file, old, LEN / 2);
	for (int way = 0; way < WAYS; way++) {
		enum codec which = ways[way].codec;
		/* VCDIFF has windows of 4 MiB; the others need not take as long. */
		const size_t len = which == CODEC_VCDIFF ? LEN : LEN / 3;
		struct codec_input from = {.file = span_of(file, len),
			.base = span_of(old, ways[way].with_base ? len : 0),
			.quick = true,
			.stop = &stop};
		struct err e = {0};
		size_t n;

		stop.wanted = false;
		ck_assert_int_eq(codec_encode(which, &from, stream, 2 * LEN, &n, NULL), CODEC_FITS);
		stop.wanted = true;
		ck_assert_int_eq(codec_decode_watched(which, span_of(stream, n), from.base, back,
					 len, &watch, &e),
			-1);
		ck_assert_int_eq(e.code, ERR_STOPPED);
		e.code = ERR_NONE;
		ck_assert_int_eq(codec_encode(which, &from, stream, 2 * LEN, &n, &e), CODEC_ERROR);
		ck_assert_int_eq(e.code, ERR_STOPPED);
	}
}
END_TEST

START_TEST(codec_suits__files_and_bases_of_a_size)
{
	enum { NONE = 0, MAYBE = 1 << CODEC_ZSTD | 1 << CODEC_LZMA };
	const unsigned deltas = 1 << CODEC_VCDIFF | 1 << CODEC_BSDIFF;
	const unsigned no_base = MAYBE | 1 << CODEC_BZIP2;
	const unsigned but_lzma = deltas | 1 << CODEC_ZSTD;
	const size_t window = (size_t)24 << 20;
	const size_t gib2 = (size_t)1 << 31;
	const struct {
		size_t len, base_len;
		unsigned suited;
	} rows[] = {{0, 0, no_base}, {1, 0, no_base}, {window + 1, 0, no_base},
		{(size_t)1 << 40, 0, no_base}, {0, 1, NONE}, {1, 1, deltas | MAYBE},
		{window - 1, 1, deltas | MAYBE}, {window, 1, but_lzma},
		{1, window - 1, deltas | MAYBE}, {1, window, but_lzma}, {gib2 - 1, 1, but_lzma},
		{gib2, 1, NONE}, {1, gib2 - 1, but_lzma}, {1, gib2, NONE}, {SIZE_MAX, 2, NONE},
		{2, SIZE_MAX, NONE}, {SIZE_MAX, SIZE_MAX, NONE}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int codec = 0; codec < CODEC_COUNT; codec++)
			ck_assert_msg(
				codec_suits((enum codec)codec, rows[i].len, rows[i].base_len) ==
					((rows[i].suited >> codec & 1) != 0),
				"row %zu: %s", i, codec_name((enum codec)codec));
}
END_TEST

/* Before any byte of either is looked at. */
START_TEST(codec_decode__refuses_a_base_that_does_not_suit)
{
	static const struct {
		enum codec codec;
		size_t len, base_len;
	} rows[] = {{CODEC_BZIP2, 1, 1}, {CODEC_VCDIFF, 1, 0}, {CODEC_BSDIFF, 1, 0},
		{CODEC_LZMA, 1, CODEC_LZMA_WINDOW_BYTES}, {CODEC_LZMA, CODEC_LZMA_WINDOW_BYTES, 1},
		{CODEC_ZSTD, 0, 1}, {CODEC_BSDIFF, 1, (size_t)1 << 31}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		ck_assert_int_eq(codec_decode(rows[i].codec, span_of("x", 1),
					 span_of("b", rows[i].base_len), NULL, rows[i].len, &e),
			-1);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_msg(strstr(e.text, ": not with a base of ") != NULL, "%s", e.text);
	}
}
END_TEST

void
codec_tests(TCase *c)
{
	tcase_add_loop_test(c, codec__gives_the_file_back, 0, WAYS);
	tcase_add_test(c, codec_encode__whole_files_never_need_more_room_than_is_said);
	tcase_add_test(c, codec_encode__says_when_the_room_is_too_small);
	tcase_add_loop_test(c, codec_decode__refuses_damaged_streams, 0, WAYS);
	tcase_add_loop_test(c, codec_decode__damage_anywhere_stays_within_the_file, 0, WAYS);
	tcase_add_test(c, codec_decode__a_wrong_base_is_not_read_past_its_end);
	tcase_add_test(c, codec_vcdiff__wants_something_of_each_window);
	tcase_add_test(c, codec_decode__takes_no_more_stream_than_a_file_can_need);
	tcase_add_test(c, codec__ends_where_that_is_wanted);
	tcase_add_test(c, codec_suits__files_and_bases_of_a_size);
	tcase_add_test(c, codec_decode__refuses_a_base_that_does_not_suit);
}
