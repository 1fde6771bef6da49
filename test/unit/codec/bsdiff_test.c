/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The columns of a difference, before zstd packs them: of another zstd they are the same. */
#include <stdio.h>

#include "base/digest.h"
#include "base/mem.h"
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

static uint64_t
number_at(const uint8_t **at)
{
	uint64_t n = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t byte = *(*at)++;

		n |= (uint64_t)(byte & 0x7f) << shift;
		if (byte <= 0x7f)
			return n;
	}
}

/* 16 digits of the digest of all that the columns have, and of how much each has. */
static void
sum_of(struct span stream, char ret[17])
{
	const uint8_t *at = stream.at;
	uint64_t lens[COL_COUNT];
	uint64_t packed = 0;
	AUTO_BUF struct buf all = {0};
	struct digest digest;
	char hex[DIGEST_HEX + 1];

	for (int i = 0; i + 1 < COL_COUNT; i++)
		packed += lens[i] = number_at(&at);
	lens[COL_COUNT - 1] = stream.len - (size_t)(at - stream.at) - packed;
	for (int i = 0; i < COL_COUNT; i++) {
		struct codec_zstd_reader *reader = NULL;
		unsigned char piece[4096];
		size_t before = all.len;
		size_t len = 0;

		if (lens[i] > 0)
			reader = codec_zstd_reader_new(span_of(at, lens[i]));
		while (reader != NULL &&
			codec_zstd_reader_read(reader, piece, sizeof(piece), &len, NULL) == 0 &&
			len > 0)
			buf_add(&all, piece, len);
		codec_zstd_reader_free(reader);
		buf_printf(&all, " %zu\n", all.len - before);
		at += lens[i];
	}
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
		const struct codec_input from = {
			span_of(file, size), span_of(old, base_len), rows[i].quick, NULL};
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
			span_of(file, LARGE), span_of(old, LARGE), quick, NULL};
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
	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		const struct codec_input from = {span_of(file, SMALL),
			span_of(old, codec_is_delta((enum codec)codec) ? SMALL : 0), true, NULL};
		size_t len;
		size_t again;

		ck_assert_int_eq(
			codec_encode((enum codec)codec, &from, stream, 2 * SMALL, &len, NULL),
			CODEC_FITS);
		stream[len] = 0xa5;
		ck_assert_int_eq(codec_encode((enum codec)codec, &from, stream, len, &again, NULL),
			CODEC_FITS);
		ck_assert_uint_eq(again, len);
		ck_assert_int_eq(
			codec_encode((enum codec)codec, &from, stream, len - 1, &again, NULL),
			CODEC_TOO_LARGE);
		ck_assert_uint_eq(stream[len], 0xa5);
	}
}
END_TEST

void
bsdiff_tests(TCase *c)
{
	tcase_add_test(c, codec_bsdiff__the_same_files_give_the_same_parts);
	tcase_add_test(c, codec_bsdiff__goes_on_behind_what_was_replaced);
	tcase_add_test(c, codec__fits_into_as_much_room_as_it_takes);
}
