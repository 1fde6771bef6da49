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

START_TEST(codec__gives_the_file_back)
{
	static const size_t sizes[] = {0, 1, 99, 5000, 131072, 300000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		AUTO_FREE unsigned char *old = unit_bytes(sizes[i], 3);
		AUTO_FREE unsigned char *file = mem_new(sizes[i] + 20, 1);
		AUTO_FREE unsigned char *stream = mem_new(ROOM, 1);
		AUTO_FREE unsigned char *back = mem_new(ROOM, 1);
		size_t len = change(old, sizes[i], file);

		for (int codec = 0; codec < CODEC_COUNT; codec++) {
			bool delta = codec_is_delta((enum codec)codec);
			struct span base = span_of(old, delta ? sizes[i] : 0);
			size_t stream_len = 0;
			struct err e = {0};

			if (!codec_suits((enum codec)codec, len, base.len))
				continue;
			ck_assert_msg(codec_encode((enum codec)codec,
					      &(struct codec_input){
						      span_of(file, len), base, i % 2 == 1, NULL},
					      stream, ROOM, &stream_len, &e) == CODEC_FITS,
				"%s: %s", codec_name((enum codec)codec), e.text);
			ck_assert_msg(codec_decode((enum codec)codec, span_of(stream, stream_len),
					      base, back, len, &e) == 0,
				"%s: %s", codec_name((enum codec)codec), e.text);
			ck_assert_mem_eq(back, file, len);
			if (delta && len > 5000)
				ck_assert_uint_lt(stream_len, 1000);
		}
	}
}
END_TEST

START_TEST(codec_encode__says_when_the_room_is_too_small)
{
	AUTO_FREE unsigned char *file = unit_bytes(50000, 9);
	AUTO_FREE unsigned char *base = unit_bytes(50000, 10);
	unsigned char out[64];
	size_t len;

	for (int codec = 0; codec < CODEC_COUNT; codec++)
		ck_assert_int_eq(
			codec_encode((enum codec)codec,
				&(struct codec_input){span_of(file, 50000),
					span_of(base,
						codec_is_delta((enum codec)codec) ? 50000 : 0),
					false, NULL},
				out, sizeof(out), &len, NULL),
			CODEC_TOO_LARGE);
}
END_TEST

/* Every stream cut, lengthened, or decoded to another size is refused; nothing is written behind
 * len. */
START_TEST(codec_decode__refuses_damaged_streams)
{
	AUTO_FREE unsigned char *old = unit_bytes(20000, 3);
	AUTO_FREE unsigned char *file = mem_new(20100, 1);
	AUTO_FREE unsigned char *stream = mem_new(ROOM, 1);
	AUTO_FREE unsigned char *back = mem_new(20100 + 64, 1);
	size_t len = change(old, 20000, file);

	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		enum codec which = (enum codec)codec;
		struct span base = span_of(old, codec_is_delta(which) ? 20000 : 0);
		struct err e = {0};
		size_t n;

		ck_assert_int_eq(
			codec_encode(which,
				&(struct codec_input){span_of(file, len), base, false, NULL},
				stream, ROOM, &n, NULL),
			CODEC_FITS);
		memset(stream + n, 0xA5, 16);
		memset(back, 0xEE, 20164);
		ck_assert_int_eq(
			codec_decode(which, span_of(stream, n), base, back, len - 1, &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_int_eq(
			codec_decode(which, span_of(stream, n), base, back, len + 1, &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_int_eq(
			codec_decode(which, span_of(stream, n + 16), base, back, len, &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
		for (size_t cut = 0; cut < n; cut += 1 + n / 50) {
			ck_assert_int_eq(
				codec_decode(which, span_of(stream, cut), base, back, len, &e), -1);
			ck_assert_int_eq(e.code, ERR_INPUT);
		}
		for (size_t i = len + 1; i < 20164; i++)
			ck_assert_uint_eq(back[i], 0xEE);
	}
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
	struct err e = {0};
	size_t n;

	ck_assert_int_eq(
		codec_encode(CODEC_VCDIFF,
			&(struct codec_input){span_of(file, len), span_of(old, 20000), false, NULL},
			stream, ROOM, &n, NULL),
		CODEC_FITS);
	ck_assert_int_eq(
		codec_decode(CODEC_VCDIFF, span_of(stream, n), span_of(small, 10), back, len, &e),
		-1);
	ck_assert_int_eq(e.code, ERR_INPUT);
}
END_TEST

/* A BSDIFF stream of columns as the manual has them, each at most 100 bytes. */
static size_t
bsdiff_stream(const char *const columns[6], const size_t lens[6], unsigned char *ret)
{
	size_t at = 5;

	for (int i = 0; i < 6; i++) {
		size_t len = 0;

		if (lens[i] > 0)
			ck_assert_int_eq(codec_zstd_compress(span_of(columns[i], lens[i]), NULL,
						 ret + at, 1000, &len, NULL),
				CODEC_FITS);
		if (i < 5)
			ret[i] = (unsigned char)len;
		at += len;
	}
	return at;
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
		{{"\0\0", "\3\3", "\2", "", "", "xy"}, {2, 2, 1, 0, 0, 2}, -1},
		/* a gap that is cut short, and one that is too large */
		{{"\0\0", "\3\3", "\2\0", "\x80", "\0\0\0", "xy"}, {2, 2, 2, 1, 3, 2}, -1},
		{{"\0\0", "\3\3", "\2\0", "\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\0\0\0", "xy"},
			{2, 2, 2, 9, 3, 2}, -1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned char stream[8000];
		unsigned char out[8];
		struct err e = {0};
		size_t len = bsdiff_stream(rows[i].columns, rows[i].lens, stream);
		int result = codec_decode(CODEC_BSDIFF, span_of(stream, len),
			span_of(base, sizeof(base) - 1), out, sizeof(out), &e);

		ck_assert_msg(result == (rows[i].result < 0 ? -1 : 0), "row %zu: %s", i, e.text);
		ck_assert_int_eq(e.code, result == 0 ? ERR_NONE : ERR_INPUT);
		if (rows[i].result == 0)
			ck_assert_mem_eq(out, "012xy577", 8);
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
		struct codec_input from = {span_of(file, LEN), span_of(old, LEN), kind == 3, NULL};
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
	ck_assert_ptr_nonnull(strstr(e.text, "of stream for a file of 3"));
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
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		enum codec which = (enum codec)codec;
		struct codec_input from = {span_of(file, LEN),
			span_of(old, codec_is_delta(which) ? LEN : 0), true, &stop};
		struct err e = {0};
		size_t n;

		stop.wanted = false;
		ck_assert_int_eq(codec_encode(which, &from, stream, 2 * LEN, &n, NULL), CODEC_FITS);
		stop.wanted = true;
		ck_assert_int_eq(codec_decode_watched(which, span_of(stream, n), from.base, back,
					 LEN, &watch, &e),
			-1);
		ck_assert_int_eq(e.code, ERR_STOPPED);
		e.code = ERR_NONE;
		ck_assert_int_eq(codec_encode(which, &from, stream, 2 * LEN, &n, &e), CODEC_ERROR);
		ck_assert_int_eq(e.code, ERR_STOPPED);
	}
}
END_TEST

/* Past some size BSDIFF alone is tried, and past another one none. */
START_TEST(codec_suits__files_and_bases_of_a_size)
{
	static const struct {
		size_t len, base_len;
		bool bsdiff, others;
	} rows[] = {{1, 1, true, true}, {0, 1, false, false}, {1, 0, false, false},
		{1 << 20, 1 << 26, true, true}, {(1 << 20) + 1, 1, true, false},
		{1, (1 << 26) + 1, true, false}, {((size_t)1 << 31) - 1, 1, true, false},
		{(size_t)1 << 31, 1, false, false}, {1, ((size_t)1 << 31) - 1, true, false},
		{1, (size_t)1 << 31, false, false}, {SIZE_MAX, 2, false, false},
		{2, SIZE_MAX, false, false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int codec = 0; codec < CODEC_COUNT; codec++)
			ck_assert_msg(
				codec_suits((enum codec)codec, rows[i].len, rows[i].base_len) ==
					(!codec_is_delta((enum codec)codec) ||
						(codec == CODEC_BSDIFF ? rows[i].bsdiff
								       : rows[i].others)),
				"row %zu: %s", i, codec_name((enum codec)codec));
}
END_TEST

START_TEST(codec_find__wants_the_padded_name)
{
	ck_assert_int_eq(codec_find((const uint8_t *)"BZIP2\0\0\0"), CODEC_BZIP2);
	ck_assert_int_eq(codec_find((const uint8_t *)"VCDIFF\0\0"), CODEC_VCDIFF);
	ck_assert_int_eq(codec_find((const uint8_t *)"BZIP2\0\0x"), CODEC_COUNT);
	ck_assert_int_eq(codec_find((const uint8_t *)"bzip2\0\0\0"), CODEC_COUNT);
}
END_TEST

void
codec_tests(TCase *c)
{
	tcase_add_test(c, codec__gives_the_file_back);
	tcase_add_test(c, codec_encode__says_when_the_room_is_too_small);
	tcase_add_test(c, codec_decode__refuses_damaged_streams);
	tcase_add_test(c, codec_decode__a_wrong_base_is_not_read_past_its_end);
	tcase_add_test(c, codec_bsdiff__reads_what_the_manual_says_and_nothing_outside);
	tcase_add_test(c, codec_bsdiff__large_files_whichever_way_they_changed);
	tcase_add_test(c, codec_vcdiff__wants_something_of_each_window);
	tcase_add_test(c, codec_decode__takes_no_more_stream_than_a_file_can_need);
	tcase_add_test(c, codec__ends_where_that_is_wanted);
	tcase_add_test(c, codec_suits__files_and_bases_of_a_size);
	tcase_add_test(c, codec_find__wants_the_padded_name);
}
