/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streams of this codec beside those that the library makes and reads by itself. */
#include <stdlib.h>
/* For ZSTD_getFrameHeader. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include "base/mem.h"
#include "codec/codec_each.h"
#include "unit.h"

enum { MIB = 1 << 20 };

/* What one call of the library makes of it. Level; with a base: a window over both. */
static size_t
plain(int level, struct span file, struct span base, int window_log, uint8_t *out, size_t room)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();
	size_t len;

	(void)ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, level);
	if (window_log > 0)
		(void)ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, window_log);
	if (base.len > 0) {
		(void)ZSTD_CCtx_setParameter(z, ZSTD_c_enableLongDistanceMatching, 1);
		(void)ZSTD_CCtx_refPrefix(z, base.at, base.len);
	}
	len = ZSTD_compress2(z, out, room, file.at, file.len);
	(void)ZSTD_freeCCtx(z);
	ck_assert_msg(!ZSTD_isError(len), "%s", ZSTD_getErrorName(len));
	return len;
}

static void
check_encoded(const struct codec_input *from, int level, int window_log)
{
	size_t room = ZSTD_compressBound(from->file.len);
	AUTO_FREE uint8_t *expected = mem_new(room, 1);
	AUTO_FREE uint8_t *stream = mem_new(room, 1);
	size_t len = plain(level, from->file, from->base, window_log, expected, room);
	size_t n = 0;

	ck_assert_int_eq(codec_zstd_encode(from, stream, room, &n, NULL), CODEC_FITS);
	ck_assert_uint_eq(n, len);
	ck_assert_mem_eq(stream, expected, len);
	/* In just so much room it fits, and in a byte less it does not. */
	n = 0;
	ck_assert_int_eq(codec_zstd_encode(from, stream, len, &n, NULL), CODEC_FITS);
	ck_assert_uint_eq(n, len);
	ck_assert_mem_eq(stream, expected, len);
	ck_assert_int_eq(codec_zstd_encode(from, stream, len - 1, &n, NULL), CODEC_TOO_LARGE);
}

START_TEST(codec_zstd_encode__is_what_the_library_makes_in_one_call)
{
	/* The window is the least power of two, from 2^10 on, that has the base and the file. */
	static const struct {
		size_t len, base;
		int window_log;
	} rows[] = {{0, 0, 0}, {1, 0, 0}, {3000, 0, 0}, {200000, 0, 0}, {300, 100, 10},
		{1000, 24, 10}, {1000, 25, 11}, {100000, 100000, 18}, {100000, 162144, 18},
		{100000, 162145, 19}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE unsigned char *file = unit_bytes(rows[i].len, 5);
		AUTO_FREE unsigned char *base = unit_bytes(rows[i].base, 6);
		struct codec_input from = {
			.file = span_of(file, rows[i].len), .base = span_of(base, rows[i].base)};

		if (rows[i].len > 1000 && rows[i].base > 1000)
			memcpy(base, file + rows[i].len / 2, rows[i].len / 2);
		check_encoded(&from, 19, rows[i].window_log);
		from.quick = true;
		check_encoded(&from, 3, rows[i].window_log);
	}
}
END_TEST

/* Past 64 MiB the best level is not worth its minutes. */
START_TEST(codec_zstd_encode__large_files_at_a_lower_level)
{
	enum { LEN = 64 * MIB, ROOM = 8192 };
	AUTO_FREE uint8_t *nothing = mem_new(LEN + 1, 1);
	uint8_t expected[ROOM];
	uint8_t stream[ROOM];

	for (size_t more = 0; more <= 1; more++) {
		const struct codec_input from = {.file = span_of(nothing, LEN + more)};
		size_t len = plain(more ? 9 : 19, from.file, from.base, 0, expected, ROOM);
		size_t n;

		ck_assert_int_eq(codec_zstd_encode(&from, stream, ROOM, &n, NULL), CODEC_FITS);
		ck_assert_uint_eq(n, len);
		ck_assert_mem_eq(stream, expected, len);
	}
}
END_TEST

/* How much of the output was final, each time. */
struct passed {
	size_t count;
	size_t last;
	size_t longest; /* step */
};

static void
note(void *context, size_t len)
{
	struct passed *p = context;

	ck_assert_uint_ge(len, p->last);
	if (len - p->last > p->longest)
		p->longest = len - p->last;
	p->last = len;
	p->count++;
}

START_TEST(codec_zstd_decode__frames_in_a_row_each_with_the_base)
{
	enum { LEN = 3 * MIB };
	AUTO_FREE unsigned char *base = unit_bytes(100000, 6);
	AUTO_FREE unsigned char *file = unit_bytes(LEN, 5);
	AUTO_FREE uint8_t *stream = mem_new(2 * LEN, 1);
	AUTO_FREE uint8_t *back = mem_new(LEN, 1);
	struct passed passed = {0};
	const struct codec_watch watch = {.passed = note, .context = &passed};
	struct codec_input from = {.base = span_of(base, 100000), .quick = true};
	size_t len = 0;
	size_t n;
	struct err e = {0};

	/* Both have much of the base. */
	memcpy(file, base, 100000);
	memcpy(file + 2 * MIB, base, 100000);
	for (int i = 0; i < 2; i++) {
		from.file = i == 0 ? span_of(file, 2 * MIB) : span_of(file + 2 * MIB, MIB);
		ck_assert_int_eq(codec_zstd_encode(&from, stream + len, 2 * LEN - len, &n, NULL),
			CODEC_FITS);
		len += n;
	}
	ck_assert_msg(
		codec_zstd_decode(span_of(stream, len), from.base, back, LEN, &watch, &e) == 0,
		"%s", e.text);
	ck_assert_mem_eq(back, file, LEN);
	/* Told every megabyte or so. */
	ck_assert_uint_ge(passed.count, 2);
	ck_assert_uint_lt(passed.longest, MIB + MIB / 2);
	/* One byte more, or less, of either. */
	ck_assert_int_eq(
		codec_zstd_decode(span_of(stream, len), from.base, back, LEN - 1, NULL, &e), -1);
	ck_assert_int_eq(
		codec_zstd_decode(span_of(stream, len - 1), from.base, back, LEN, NULL, &e), -1);
	ck_assert_str_eq(e.text, "stream is cut short");
	ck_assert_int_eq(codec_zstd_decode(span_of(stream, 0), from.base, back, 0, NULL, &e), -1);
	ck_assert_str_eq(e.text, "stream is cut short");
	ck_assert_int_eq(codec_zstd_decode(span_of(stream, n), from.base, back, LEN, NULL, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
}
END_TEST

/* Of a stream that makes nothing whoever waits is asked as well. */
START_TEST(codec_zstd_decode__ends_in_frames_of_nothing)
{
	static struct stop stop = {.wanted = true};
	const struct codec_watch watch = {.stop = &stop};
	AUTO_BUF struct buf stream = {0};
	const struct codec_input nothing = {.file = {(const uint8_t *)"", 0}, .quick = true};
	uint8_t frame[64];
	struct err e = {0};
	size_t n;

	ck_assert_int_eq(codec_zstd_encode(&nothing, frame, sizeof(frame), &n, NULL), CODEC_FITS);
	while (stream.len < 2 * MIB)
		buf_add(&stream, frame, n);
	ck_assert_int_eq(codec_zstd_decode(span_of(stream.at, stream.len), span_of("", 0), frame, 0,
				 NULL, NULL),
		0);
	ck_assert_int_eq(codec_zstd_decode(span_of(stream.at, stream.len), span_of("", 0), frame, 0,
				 &watch, &e),
		-1);
	ck_assert_int_eq(e.code, ERR_STOPPED);
}
END_TEST

/* How much memory a frame says that it takes to read. */
static unsigned long long
window_of(const uint8_t *stream, size_t len)
{
	ZSTD_frameHeader header;

	ck_assert_uint_eq(ZSTD_getFrameHeader(&header, stream, len), 0);
	return header.windowSize;
}

/* In pieces of so many bytes. */
static enum codec_fit
write_all(struct span bytes, size_t piece, uint8_t *out, size_t room, size_t *ret_len)
{
	struct codec_zstd_writer *w = codec_zstd_writer_new(bytes.len, out, room);
	enum codec_fit fit = CODEC_FITS;

	for (size_t at = 0; at < bytes.len && fit == CODEC_FITS; at += piece)
		fit = codec_zstd_writer_add(w,
			span_of(bytes.at + at, bytes.len - at < piece ? bytes.len - at : piece),
			NULL);
	if (fit == CODEC_FITS)
		fit = codec_zstd_writer_end(w, ret_len, NULL);
	codec_zstd_writer_free(w);
	return fit;
}

/* To the end, in pieces of so much room. */
static int
read_all(struct span stream, size_t piece, uint8_t *out, size_t room, struct err *e)
{
	struct codec_zstd_reader *r = codec_zstd_reader_new(stream);
	size_t at = 0;
	size_t n = 1;
	int result = 0;

	while (result == 0 && n > 0) {
		ck_assert_uint_le(at + piece, room);
		result = codec_zstd_reader_read(r, out + at, piece, &n, e);
		at += result == 0 ? n : 0;
	}
	codec_zstd_reader_free(r);
	return result == 0 ? (int)at : -1;
}

START_TEST(codec_zstd_writer__what_is_written_in_pieces_is_read_in_pieces)
{
	static const size_t lens[] = {0, 1, 1000, 300000, 9 * MIB};

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		size_t len = lens[i];
		size_t piece = len / 3 + 1;
		size_t room = ZSTD_compressBound(len);
		AUTO_FREE unsigned char *bytes = unit_bytes(len, 5);
		AUTO_FREE uint8_t *stream = mem_new(room, 1);
		AUTO_FREE uint8_t *back = mem_new(len + 2 * piece, 1);
		size_t n = 0;
		struct err e = {0};

		if (len > MIB)
			memset(bytes, 0, len);
		ck_assert_int_eq(
			write_all(span_of(bytes, len), piece, stream, room, &n), CODEC_FITS);
		ck_assert_uint_le(window_of(stream, n), 8 * MIB);
		/* About as much as it needs, and not the most there is. */
		ck_assert_uint_le(window_of(stream, n), len > 1024 ? 2 * len : 1024);
		ck_assert_msg(
			read_all(span_of(stream, n), piece, back, len + 2 * piece, &e) == (int)len,
			"%s", e.text);
		ck_assert_mem_eq(back, bytes, len);
		if (len > MIB)
			continue;
		ck_assert_int_eq(write_all(span_of(bytes, len), piece, stream, n, &n), CODEC_FITS);
		ck_assert_int_eq(write_all(span_of(bytes, len), piece, stream, n - 1, &room),
			CODEC_TOO_LARGE);
	}
	codec_zstd_writer_free(NULL);
	codec_zstd_reader_free(NULL);
}
END_TEST

START_TEST(codec_zstd_reader__frames_in_a_row_are_one_stream_and_each_is_whole)
{
	uint8_t stream[200];
	uint8_t back[40];
	struct err e = {0};
	size_t first;
	size_t second;

	first = plain(3, unit_text("one and "), span_of("", 0), 0, stream, sizeof(stream));
	second = plain(
		3, unit_text("two"), span_of("", 0), 0, stream + first, sizeof(stream) - first);
	/* Where a frame ends with the room, and where it does not. */
	for (size_t piece = 1; piece <= 11; piece++) {
		ck_assert_int_eq(
			read_all(span_of(stream, first + second), piece, back, sizeof(back), &e),
			11);
		ck_assert_mem_eq(back, "one and two", 11);
	}
	for (size_t len = 0; len < first + second; len++) {
		e.code = ERR_NONE;
		ck_assert_int_eq(read_all(span_of(stream, len), 12, back, sizeof(back), &e),
			len == first ? 8 : -1);
		ck_assert_int_eq(e.code, len == first ? ERR_NONE : ERR_INPUT);
	}
	ck_assert_str_eq(e.text, "stream is cut short");
	stream[0] ^= 1;
	ck_assert_int_eq(read_all(span_of(stream, first), 12, back, sizeof(back), &e), -1);
	ck_assert_int_eq(strncmp(e.text, "stream is damaged: ", 19), 0);
}
END_TEST

/* A stream does not say how much is allocated to read it; of a file's the file is the window. */
START_TEST(codec_zstd_reader__refuses_a_window_of_more_than_8_MiB)
{
	AUTO_FREE uint8_t *nothing = mem_new(17 * MIB, 1);
	AUTO_FREE uint8_t *back = mem_new(18 * MIB, 1);
	uint8_t stream[8192];

	for (int log = 23; log <= 24; log++) {
		struct err e = {0};
		size_t n = plain(
			3, span_of(nothing, 17 * MIB), span_of("", 0), log, stream, sizeof(stream));

		ck_assert_int_eq(read_all(span_of(stream, n), MIB, back, 18 * MIB, &e),
			log == 23 ? 17 * MIB : -1);
		ck_assert_int_eq(e.code, log == 23 ? ERR_NONE : ERR_INPUT);
		ck_assert_int_eq(codec_zstd_decode(span_of(stream, n), span_of("", 0), back,
					 17 * MIB, NULL, NULL),
			0);
	}
}
END_TEST

void
codec_zstd_tests(TCase *c)
{
	tcase_add_test(c, codec_zstd_encode__is_what_the_library_makes_in_one_call);
	tcase_add_test(c, codec_zstd_encode__large_files_at_a_lower_level);
	tcase_add_test(c, codec_zstd_decode__frames_in_a_row_each_with_the_base);
	tcase_add_test(c, codec_zstd_decode__ends_in_frames_of_nothing);
	tcase_add_test(c, codec_zstd_writer__what_is_written_in_pieces_is_read_in_pieces);
	tcase_add_test(c, codec_zstd_reader__frames_in_a_row_are_one_stream_and_each_is_whole);
	tcase_add_test(c, codec_zstd_reader__refuses_a_window_of_more_than_8_MiB);
}
