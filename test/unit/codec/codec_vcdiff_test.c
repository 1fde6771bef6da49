/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Deltas as xdelta3 has them, before zstd packs them: of another zstd they are the same. */
#include <stdio.h>
#include <sys/mman.h>

#include "base/digest.h"
#include "base/mem.h"
#include "codec/codec_each.h"
#include "unit.h"

enum { MIB = 1 << 20 };

/* 16 digits of the digest of what it unpacks to. */
static void
sum_of(struct span stream, char ret[17])
{
	struct codec_zstd_reader *reader = codec_zstd_reader_new(stream);
	AUTO_BUF struct buf all = {0};
	unsigned char piece[4096];
	struct digest digest;
	char hex[DIGEST_HEX + 1];
	size_t len = 0;

	while (codec_zstd_reader_read(reader, piece, sizeof(piece), &len, NULL) == 0 && len > 0)
		buf_add(&all, piece, len);
	codec_zstd_reader_free(reader);
	digest = digest_of(span_of(all.at, all.len));
	(void)snprintf(ret, 17, "%.16s", digest_hex(&digest, hex));
}

/*
 * Whoever builds a difference gets the same, so that archives are the same everywhere. Another
 * choice of instructions is no fault, but it is to be meant: then these change.
 */
START_TEST(codec_vcdiff__the_same_files_give_the_same_delta)
{
	static const struct {
		size_t len, base_len;
		bool quick;
		const char *sum;
	} rows[] = {
		{20000, 30000, false, "1d429524161c91cd"},
		{20000, 30000, true, "4bc8ad54591d192b"},
		{100000, 200000, false, "c38bfcb2c7b21797"},
		{16384, 16384, false, "c5f48ed523a65cb2"},
		{4 * MIB + 1, 200000, true, "98fb5e927ff4e124"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = rows[i].len;
		AUTO_FREE unsigned char *base = unit_bytes(rows[i].base_len, 3);
		AUTO_FREE unsigned char *file = unit_bytes(len, 4);
		AUTO_FREE unsigned char *stream = mem_new(2 * len, 1);
		AUTO_FREE unsigned char *back = mem_new(len, 1);
		const struct codec_input from = {.file = span_of(file, len),
			.base = span_of(base, rows[i].base_len),
			.quick = rows[i].quick};
		char sum[17];
		size_t n = 0;
		struct err e = {0};

		/* Pieces of it come from all over the base; a large one has little else. */
		if (len > MIB)
			memset(file, 0, len);
		for (size_t at = 0; at + 900 < len; at += len > MIB ? 50000 : 1000)
			memcpy(file + at, base + (at * 7919) % (rows[i].base_len - 900),
				200 + at % 600);
		ck_assert_int_eq(codec_vcdiff_encode(&from, stream, 2 * len, &n, &e), CODEC_FITS);
		ck_assert_msg(codec_vcdiff_decode(
				      span_of(stream, n), from.base, back, len, NULL, &e) == 0,
			"%s", e.text);
		ck_assert_mem_eq(back, file, len);
		sum_of(span_of(stream, n), sum);
		ck_assert_msg(strcmp(sum, rows[i].sum) == 0, "%zu: %s", i, sum);
	}
}
END_TEST

/* ---- What others may send */

static void
add_number(struct buf *b, uint64_t n)
{
	for (int shift = 63; shift >= 0; shift -= 7)
		if (shift == 0 || n >> shift != 0)
			buf_add(b, &(uint8_t){(n >> shift & 0x7f) | (shift > 0 ? 0x80 : 0)}, 1);
}

/* So many bytes that mean nothing come first: said, and there. */
static void
begin(struct buf *b, uint64_t said, size_t there)
{
	AUTO_FREE char *nothing = mem_new(there, 1);

	buf_add(b, "\xd6\xc3\xc4\0\4", 5);
	add_number(b, said);
	buf_add(b, nothing, there);
}

/* A window of these bytes, which are few. */
static void
add_bytes(struct buf *b, const char *bytes)
{
	uint8_t len = (uint8_t)strlen(bytes);

	buf_add(b, (uint8_t[]){0, 6 + len, len, 0, len, 1, 0}, 7);
	buf_add(b, bytes, len);
	buf_add(b, &(uint8_t){len + 1}, 1);
}

/* A window of four bytes from there on in the base. */
static void
add_copy(struct buf *b, uint64_t from)
{
	buf_add(b, "\1\4", 2);
	add_number(b, from);
	buf_add(b, "\7\4\0\0\1\1\x14\0", 8);
}

static int
decode(const struct buf *delta, struct span base, unsigned char *out, size_t len, struct err *e)
{
	AUTO_FREE unsigned char *stream = mem_new(delta->len + 1024, 1);
	struct codec_zstd_writer *w = codec_zstd_writer_new(delta->len, stream, delta->len + 1024);
	size_t n;

	*e = (struct err){0};
	ck_assert_int_eq(
		codec_zstd_writer_add(w, span_of(delta->at, delta->len), NULL), CODEC_FITS);
	ck_assert_int_eq(codec_zstd_writer_end(w, &n, NULL), CODEC_FITS);
	codec_zstd_writer_free(w);
	return codec_vcdiff_decode(span_of(stream, n), base, out, len, NULL, e);
}

START_TEST(codec_vcdiff_decode__a_file_is_as_long_as_is_stated)
{
	static const char *const errors[] = {
		[2] = "file is longer than stated", [3] = "", [4] = "file is shorter than stated"};
	AUTO_BUF struct buf delta = {0};
	unsigned char out[5] = "....";
	struct err e;

	begin(&delta, 0, 0);
	add_bytes(&delta, "ab");
	add_bytes(&delta, "c");
	for (size_t len = 2; len <= 4; len++) {
		ck_assert_int_eq(decode(&delta, span_of("", 0), out, len, &e), len == 3 ? 0 : -1);
		ck_assert_int_eq(e.code, len == 3 ? ERR_NONE : ERR_INPUT);
		ck_assert_str_eq(e.text, errors[len]);
	}
	ck_assert_str_eq((char *)out, "abc.");
}
END_TEST

/* What it says of itself is believed to 40 MiB: so much and no more is allocated for it. */
START_TEST(codec_vcdiff_decode__allocates_no_more_than_a_good_one_can_need)
{
	for (int more = 0; more <= 1; more++) {
		AUTO_BUF struct buf delta = {0};
		unsigned char out[3];
		struct err e;

		/* One byte is added to them. */
		begin(&delta, 40 * MIB - 1 + (unsigned)more, 100);
		ck_assert_int_eq(decode(&delta, span_of("", 0), out, 3, &e), -1);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_str_eq(
			e.text, more ? "delta is damaged: out of memory" : "delta is cut short");
	}
}
END_TEST

/* 32 bytes for each of the file, and 64 KiB. */
START_TEST(codec_vcdiff_decode__a_delta_is_no_longer_than_its_file_can_need)
{
	for (size_t more = 0; more <= 1; more++) {
		AUTO_BUF struct buf delta = {0};
		AUTO_BUF struct buf window = {0};
		size_t longest = 3 * 32 + 65536;
		size_t nothing;
		unsigned char out[3];
		struct err e;

		add_bytes(&window, "abc");
		nothing = longest - window.len - 5 - 3 + more;
		begin(&delta, nothing, nothing);
		buf_add(&delta, window.at, window.len);
		ck_assert_uint_eq(delta.len, longest + more);
		ck_assert_int_eq(decode(&delta, span_of("", 0), out, 3, &e), more ? -1 : 0);
		ck_assert_str_eq(e.text, more ? "delta is longer than its file can need" : "");
		ck_assert_int_eq(e.code, more ? ERR_INPUT : ERR_NONE);
	}
}
END_TEST

#define SHORT "delta is damaged: source file too short"
#define BEHIND "delta is damaged: copy from behind the base's end"

/* Of a base of any size, and of no byte that it has not. */
START_TEST(codec_vcdiff_decode__copies_what_the_base_has)
{
	const size_t gib = (size_t)1 << 30;
	const struct {
		size_t len, from;
		const char *error; /* NULL: none */
	} rows[] = {{4, 0, NULL}, {3, 0, SHORT}, {16384, 16380, NULL}, {16384, 16381, SHORT},
		{16384, 16384, SHORT}, {16384, 20000, SHORT}, {16385, 32767, SHORT},
		{16385, 32768, BEHIND}, {20000, (size_t)1 << 40, BEHIND}, {gib + 16, gib - 2, NULL},
		{gib + 16, gib + 12, NULL}, {gib + 16, gib + 13, SHORT},
		{2 * gib + 16, 2 * gib - 2, NULL}, {2 * gib + 16, 2 * gib + 12, NULL}};
	unsigned char *base = mmap(NULL, 2 * gib + 16, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(base, MAP_FAILED);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf delta = {0};
		unsigned char out[4];
		struct err e;

		begin(&delta, 0, 0);
		add_copy(&delta, rows[i].from);
		if (rows[i].error == NULL)
			memcpy(base + rows[i].from, "abcd", 4);
		ck_assert_msg(decode(&delta, span_of(base, rows[i].len), out, 4, &e) ==
				      (rows[i].error == NULL ? 0 : -1),
			"%zu: %s", i, e.text);
		if (rows[i].error == NULL)
			ck_assert_mem_eq(out, base + rows[i].from, 4);
		else
			ck_assert_str_eq(e.text, rows[i].error);
		ck_assert_int_eq(e.code, rows[i].error == NULL ? ERR_NONE : ERR_INPUT);
	}
	/* From wherever, and back. */
	for (int back = 0; back <= 1; back++) {
		AUTO_BUF struct buf delta = {0};
		unsigned char out[8];
		struct err e;

		memcpy(base, "0000", 4);
		memcpy(base + gib, "1111", 4);
		begin(&delta, 0, 0);
		add_copy(&delta, back ? gib : 0);
		add_copy(&delta, back ? 0 : gib);
		ck_assert_msg(
			decode(&delta, span_of(base, gib + 4), out, 8, &e) == 0, "%s", e.text);
		ck_assert_mem_eq(out, back ? "11110000" : "00001111", 8);
	}
	(void)munmap(base, 2 * gib + 16);
}
END_TEST

void
codec_vcdiff_tests(TCase *c)
{
	tcase_add_test(c, codec_vcdiff__the_same_files_give_the_same_delta);
	tcase_add_test(c, codec_vcdiff_decode__a_file_is_as_long_as_is_stated);
	tcase_add_test(c, codec_vcdiff_decode__allocates_no_more_than_a_good_one_can_need);
	tcase_add_test(c, codec_vcdiff_decode__a_delta_is_no_longer_than_its_file_can_need);
	tcase_add_test(c, codec_vcdiff_decode__copies_what_the_base_has);
}
