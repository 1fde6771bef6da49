/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streams of this codec beside those that it makes itself, by the library that others have. */
#include <lzma.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/codec_each.h"
#include "unit.h"

enum { MIB = 1 << 20, LEN = 30000 };

/* What begins with a zero is a program here. */
static size_t
encode(struct span file, struct span base, bool quick, uint8_t *out, size_t room)
{
	const bool binary = file.len > 0 && file.at[0] == 0;
	const struct codec_input from = {
		.file = file, .base = base, .quick = quick, .binary = binary};
	struct err e = {0};
	size_t n = 0;

	ck_assert_msg(codec_lzma_encode(&from, out, room, &n, &e) == CODEC_FITS, "%s", e.text);
	return n;
}

/* With the head that .lzma files have, anybody's decoder reads it. */
START_TEST(codec_lzma_encode__is_what_lzma_files_have_inside)
{
	AUTO_FREE unsigned char *text = unit_bytes(LEN, 1);
	AUTO_FREE uint8_t *file = mem_new(2 * LEN, 1);
	AUTO_FREE uint8_t *back = mem_new(LEN, 1);

	for (int kind = 0; kind < 4; kind++) {
		const bool binary = kind > 1;
		lzma_stream z = LZMA_STREAM_INIT;
		size_t n;

		for (size_t i = 0; binary && i < LEN; i += 10)
			text[i] = 0;
		n = encode(span_of(text, LEN), span_of("", 0), kind % 2 == 0, file + 12, LEN);
		/* (pb * 5 + lp) * 9 + lc; then window and length, little-endian. */
		ck_assert_uint_eq(file[12], binary ? (2 * 5 + 0) * 9 + 4 : 4);
		file[0] = file[12];
		memcpy(file + 1, "\0\0\0\1\x30\x75\0\0\0\0\0\0", 12);
		ck_assert_int_eq(lzma_alone_decoder(&z, UINT64_MAX), LZMA_OK);
		z.next_in = file;
		z.avail_in = 12 + n;
		z.next_out = back;
		z.avail_out = LEN;
		ck_assert_int_eq(lzma_code(&z, LZMA_FINISH), LZMA_STREAM_END);
		ck_assert_uint_eq(z.avail_in, 0);
		ck_assert_uint_eq(z.avail_out, 0);
		ck_assert_mem_eq(back, text, LEN);
		lzma_end(&z);
	}
}
END_TEST

START_TEST(codec_lzma_encode__the_base_is_a_dictionary_that_it_begins_with)
{
	AUTO_FREE unsigned char *base = unit_bytes(LEN, 1);
	AUTO_FREE uint8_t *stream = mem_new(2 * LEN, 1);
	AUTO_FREE uint8_t *back = mem_new(LEN, 1);
	size_t n = encode(span_of(base, LEN), span_of(base, LEN), false, stream, 2 * LEN);
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_options_lzma options = {.dict_size = 2 * LEN,
		.preset_dict = base,
		.preset_dict_size = LEN,
		.lc = 4,
		.ext_size_low = LEN};
	const lzma_filter filters[] = {{LZMA_FILTER_LZMA1EXT, &options}, {LZMA_VLI_UNKNOWN, NULL}};

	ck_assert_uint_lt(n, 100);
	ck_assert_int_eq(lzma_raw_decoder(&z, filters), LZMA_OK);
	z.next_in = stream + 1;
	z.avail_in = n - 1;
	z.next_out = back;
	z.avail_out = LEN;
	ck_assert_int_eq(lzma_code(&z, LZMA_FINISH), LZMA_STREAM_END);
	ck_assert_mem_eq(back, base, LEN);
	lzma_end(&z);
}
END_TEST

START_TEST(codec_lzma_decode__refuses_properties_that_cannot_be)
{
	uint8_t stream[200];
	uint8_t back[100];
	unsigned char *text = unit_bytes(100, 1);
	size_t n = encode(span_of(text, 100), span_of("", 0), false, stream, sizeof(stream));
	unsigned opened = 0;

	free(text);
	for (unsigned p = 0; p < 256; p++) {
		bool good = p < 225 && p % 9 + p / 9 % 5 <= 4;
		struct codec_lzma_reader *r;
		struct err e = {0};

		stream[0] = (uint8_t)p;
		r = codec_lzma_reader_new(
			span_of(stream, n), span_of("", 0), sizeof(back), CODEC_LZMA_WINDOW_BYTES);
		ck_assert_msg((r != NULL) == good, "%u", p);
		opened += r != NULL;
		codec_lzma_reader_free(r);
		if (codec_lzma_decode(
			    span_of(stream, n), span_of("", 0), back, sizeof(back), NULL, &e) != 0)
			ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert(good || strcmp(e.text, "stream is none of this size") == 0);
	}
	ck_assert_uint_eq(opened, 5 * 15);
}
END_TEST

/* Cut anywhere, with bytes behind it, or as that of another size. */
START_TEST(codec_lzma_decode__a_stream_has_one_length_and_one_size)
{
	static const size_t lens[] = {0, 1, 2, 300, LEN};

	for (size_t i = 0; i < 2 * sizeof(lens) / sizeof(lens[0]); i++) {
		const size_t len = lens[i / 2];
		AUTO_FREE unsigned char *text = unit_bytes(len, 1);
		AUTO_FREE unsigned char *base = unit_bytes(LEN, 1);
		AUTO_FREE uint8_t *stream = mem_new(2 * LEN, 1);
		AUTO_FREE uint8_t *back = mem_new(LEN + 10, 1);
		const struct span from = span_of(base, i % 2 > 0 ? LEN / 2 : 0);
		size_t n = encode(span_of(text, len), from, false, stream, 2 * LEN);

		for (size_t cut = 0; cut <= n + 3; cut += n > 1000 && cut + 20 < n ? 7 : 1) {
			struct err e = {0};

			ck_assert_int_eq(
				codec_lzma_decode(span_of(stream, cut), from, back, len, NULL, &e),
				cut == n ? 0 : -1);
			ck_assert_int_eq(e.code, cut == n ? ERR_NONE : ERR_INPUT);
		}
		ck_assert(len == 0 || memcmp(back, text, len) == 0);
		for (size_t wrong = len > 3 ? len - 3 : 0; wrong <= len + 3; wrong++)
			ck_assert_int_eq(codec_lzma_decode(
						 span_of(stream, n), from, back, wrong, NULL, NULL),
				wrong == len ? 0 : -1);
	}
}
END_TEST

/* The filter that has no length writes a mark, which would be a second spelling. */
START_TEST(codec_lzma_decode__refuses_a_mark_at_the_end)
{
	AUTO_FREE unsigned char *text = unit_bytes(LEN, 1);
	AUTO_FREE uint8_t *back = mem_new(LEN, 1);
	AUTO_FREE uint8_t *stream = mem_new(2 * LEN, 1);
	lzma_options_lzma options;
	const lzma_filter filters[] = {{LZMA_FILTER_LZMA1, &options}, {LZMA_VLI_UNKNOWN, NULL}};
	size_t n = 1;
	struct err e = {0};

	ck_assert(!lzma_lzma_preset(&options, 6));
	stream[0] = (uint8_t)((options.pb * 5 + options.lp) * 9 + options.lc);
	ck_assert_int_eq(
		lzma_raw_buffer_encode(filters, NULL, text, LEN, stream, &n, 2 * LEN), LZMA_OK);
	ck_assert_int_eq(
		codec_lzma_decode(span_of(stream, n), span_of("", 0), back, LEN, NULL, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	ck_assert_mem_eq(back, text, LEN);
}
END_TEST

START_TEST(codec_lzma_reader__what_is_read_in_pieces_is_the_same)
{
	AUTO_FREE unsigned char *text = unit_bytes(LEN, 1);
	AUTO_FREE uint8_t *back = mem_new(2 * LEN, 1);
	AUTO_FREE uint8_t *stream = mem_new(2 * LEN, 1);
	size_t n = encode(span_of(text, LEN), span_of("", 0), false, stream, 2 * LEN);

	for (size_t piece = 1; piece <= 2 * LEN; piece = piece * 3 + 1)
		for (int more = 0; more <= 1; more++) {
			struct codec_lzma_reader *r = codec_lzma_reader_new(
				span_of(stream, n + (size_t)more), span_of("", 0), LEN, 1 << 21);
			size_t at = 0;
			size_t got = 1;
			int result = 0;

			while (result == 0 && got > 0) {
				result = codec_lzma_reader_read(r, back + at,
					piece < 2 * LEN - at ? piece : 2 * LEN - at, &got, NULL);
				at += result == 0 ? got : 0;
			}
			/* A byte behind the end is seen with the last piece at the latest. */
			ck_assert_int_eq(result, -more);
			if (more == 0)
				ck_assert_uint_eq(at, LEN);
			else
				ck_assert_uint_lt(at, LEN);
			ck_assert_mem_eq(back, text, at);
			codec_lzma_reader_free(r);
		}
	codec_lzma_reader_free(NULL);
}
END_TEST

/* What comes again only behind the window is written again, and a reader goes back no further. */
START_TEST(codec_lzma_compress__no_distance_is_larger_than_the_window)
{
	enum { WINDOW = 1 << 21, ALL = 5 * MIB, AGAIN = 100000 };
	AUTO_FREE unsigned char *bytes = mem_new(ALL, 1);
	AUTO_FREE unsigned char *again = unit_bytes(AGAIN, 1);
	AUTO_FREE uint8_t *stream = mem_new(ALL, 1);
	AUTO_FREE uint8_t *back = mem_new(ALL, 1);
	const struct codec_input from = {.file = span_of(bytes, ALL), .quick = true};

	memcpy(bytes, again, AGAIN);
	memcpy(bytes + 4 * MIB, again, AGAIN);
	for (int large = 0; large <= 1; large++) {
		struct codec_lzma_reader *r;
		struct err e = {0};
		size_t got;
		size_t n;

		ck_assert_int_eq(
			codec_lzma_compress(&from, large ? CODEC_LZMA_WINDOW_BYTES : WINDOW, stream,
				ALL, &n, NULL),
			CODEC_FITS);
		if (large)
			ck_assert_uint_lt(n, AGAIN);
		else
			ck_assert_uint_gt(n, AGAIN / 2);
		r = codec_lzma_reader_new(span_of(stream, n), span_of("", 0), ALL, WINDOW);
		ck_assert_int_eq(codec_lzma_reader_read(r, back, ALL, &got, &e), -large);
		ck_assert_int_eq(e.code, large ? ERR_INPUT : ERR_NONE);
		codec_lzma_reader_free(r);
	}
	/* The largest that there is, of file and base together. */
	ck_assert_uint_eq(CODEC_LZMA_WINDOW_BYTES, 24 * MIB);
}
END_TEST

void
codec_lzma_tests(TCase *c)
{
	tcase_add_test(c, codec_lzma_encode__is_what_lzma_files_have_inside);
	tcase_add_test(c, codec_lzma_encode__the_base_is_a_dictionary_that_it_begins_with);
	tcase_add_test(c, codec_lzma_decode__refuses_properties_that_cannot_be);
	tcase_add_test(c, codec_lzma_decode__a_stream_has_one_length_and_one_size);
	tcase_add_test(c, codec_lzma_decode__refuses_a_mark_at_the_end);
	tcase_add_test(c, codec_lzma_reader__what_is_read_in_pieces_is_the_same);
	tcase_add_test(c, codec_lzma_compress__no_distance_is_larger_than_the_window);
}
