/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which stream each piece gets, of whom, and how much work that is. */
#include "codec/encode.h"

#include "base/fs.h"
#include "base/mem.h"
#include "codec/archived.h"
#include "codec/pair.h"
#include "unit.h"

enum { TEXT, CHANGED, ZEROS, EMPTY, RANDOM, FILES, LEN = 20000 };

static const char *const names[] = {"text", "changed", "zeros", "empty", "random"};

/* CHANGED was made from a file that the older version alone has, beside an empty one. */
struct sample {
	struct pair pair;
	unsigned char *bytes[FILES];
	unsigned char *base_bytes;
	const struct header_file *file[FILES];
	const struct header_file *base;
	const struct header_file *empty_base;
	struct encode_crew crew;
	struct encode_settings settings;
	uint64_t said;
	uint64_t done;
	unsigned rounds;
};

static void
begin(void *context, const char *what, uint64_t bytes)
{
	struct sample *s = context;

	if (strcmp(what, "check") == 0) {
		ck_assert_uint_eq(bytes, 0);
		return;
	}
	ck_assert_str_eq(what, "encode");
	s->said += bytes;
	s->rounds++;
}

static void
add(void *context, uint64_t bytes)
{
	((struct sample *)context)->done += bytes;
}

static size_t
len_of(int which)
{
	return which == EMPTY ? 0 : LEN;
}

static void
fill(int which, unsigned char *bytes)
{
	uint64_t state = 1;

	if (which == CHANGED)
		bytes[100]++;
	if (which == ZEROS)
		memset(bytes, 0, LEN);
	for (size_t i = 0; which == RANDOM && i < LEN; i++) {
		state = state * 6364136223846793005U + 1442695040888963407U;
		bytes[i] = (unsigned char)(state >> 56);
	}
}

static void
set_up(struct sample *s)
{
	*s = (struct sample){0};
	pair_set_up(&s->pair);
	s->base_bytes = unit_bytes(LEN, 2);
	for (int i = 0; i < FILES; i++) {
		s->bytes[i] = unit_bytes(LEN, 1 + (unsigned)i);
		fill(i, s->bytes[i]);
		pair_add(&s->pair, s->pair.header, names[i], span_of(s->bytes[i], len_of(i)));
	}
	pair_add(&s->pair, s->pair.old, "base", span_of(s->base_bytes, LEN));
	pair_add(&s->pair, s->pair.old, "empty", span_of("", 0));
	pair_seal(&s->pair);
	for (int i = 0; i < FILES; i++)
		s->file[i] = header_find(s->pair.header, names[i]);
	s->base = header_find(s->pair.old, "base");
	s->empty_base = header_find(s->pair.old, "empty");
	s->crew = (struct encode_crew){archived_each, begin, add, s};
	s->settings = (struct encode_settings){
		.blobs = s->pair.blobs, .stage = s->pair.stage, .crew = &s->crew};
}

static void
tear_down(struct sample *s)
{
	for (int i = 0; i < FILES; i++)
		free(s->bytes[i]);
	free(s->base_bytes);
	pair_tear_down(&s->pair);
}

/* One file; with the base where that is not NULL. */
static struct encode_piece
piece_of(struct sample *s, int which, enum format format, const struct header_file *const *base)
{
	return (struct encode_piece){format, &s->file[which], 1, base, base != NULL};
}

static struct encode *
new_encode(struct sample *s)
{
	s->said = s->done = s->rounds = 0;
	return encode_new(&s->settings);
}

static void
run(const struct sample *s, struct encode *x)
{
	struct err e = {0};

	ck_assert_msg(encode_all(x, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(s->done, s->said);
}

/* Its stream gives the file back. */
static struct span
check_stream(struct sample *s, const struct encode *x, size_t piece, int which, struct span base,
	enum codec *ret_codec)
{
	struct span stream = encode_stream(x, piece, ret_codec);
	unsigned char back[LEN];
	struct err e = {0};

	ck_assert_msg(codec_decode(*ret_codec, stream, base, back, len_of(which), &e) == 0,
		"%s: %s", names[which], e.text);
	ck_assert(len_of(which) == 0 || memcmp(back, s->bytes[which], LEN) == 0);
	return stream;
}

static size_t
size_by(struct sample *s, int which, enum codec codec)
{
	const struct codec_input from = {
		.file = span_of(s->bytes[which], len_of(which)), .binary = which == ZEROS};
	uint8_t out[2 * LEN];
	size_t len;

	ck_assert_int_eq(codec_encode(codec, &from, out, sizeof(out), &len, NULL), CODEC_FITS);
	return len;
}

START_TEST(encode_stream__is_the_smallest_of_what_the_format_may_have)
{
	struct sample s;

	set_up(&s);
	for (int i = 0; i < 2 * FORMAT_COUNT; i++) {
		const enum format format = (enum format)(i / 2);
		const bool quick = i % 2 == 1;
		struct encode *x;
		size_t number[FILES];

		s.settings.quick = quick;
		x = new_encode(&s);
		for (int which = 0; which < FILES; which++) {
			const struct encode_piece piece = piece_of(&s, which, format, NULL);

			number[which] = encode_want(x, &piece);
		}
		run(&s, x);
		ck_assert_uint_eq(s.said, 4 * LEN);
		ck_assert_uint_eq(s.rounds, 1);
		for (int which = 0; which < FILES; which++) {
			enum codec codec;
			struct span stream =
				check_stream(&s, x, number[which], which, span_of("", 0), &codec);

			if (format == FORMAT_AR1)
				ck_assert_int_eq(codec, CODEC_BZIP2);
			else if (quick)
				ck_assert_int_eq(codec, CODEC_ZSTD);
			else
				ck_assert_msg(stream.len <= size_by(&s, which, CODEC_LZMA),
					"%s: %zu by %s", names[which], stream.len,
					codec_name(codec));
		}
		encode_free(x);
	}
	tear_down(&s);
}
END_TEST

START_TEST(encode_want__the_same_bytes_from_the_same_bases_are_one_piece)
{
	struct sample s;
	struct encode *x;
	struct header_file renamed;
	const struct header_file *other[] = {&renamed};
	const struct header_file *two[2];
	struct encode_piece piece;
	size_t number;

	set_up(&s);
	x = new_encode(&s);
	renamed = *s.file[TEXT];
	piece = piece_of(&s, TEXT, FORMAT_AR2, NULL);
	number = encode_want(x, &piece);
	ck_assert_uint_eq(encode_want(x, &piece), number);
	piece.files = other;
	renamed.path = (char[]){"elsewhere"};
	ck_assert_uint_eq(encode_want(x, &piece), number);
	piece.format = FORMAT_AR1;
	ck_assert_uint_ne(encode_want(x, &piece), number);
	piece = piece_of(&s, TEXT, FORMAT_AR2, &s.base);
	ck_assert_uint_ne(encode_want(x, &piece), number);
	/* Two files are not one and a base, nor the same in another order. */
	two[0] = s.file[TEXT];
	two[1] = s.base;
	number = encode_want(x, &piece);
	piece = (struct encode_piece){FORMAT_AR2, two, 2, NULL, 0};
	ck_assert_uint_ne(encode_want(x, &piece), number);
	number = encode_want(x, &piece);
	two[0] = s.base;
	two[1] = s.file[TEXT];
	ck_assert_uint_ne(encode_want(x, &piece), number);
	run(&s, x);
	ck_assert_uint_eq(s.said, (1 + 1 + 1 + 2 + 2) * LEN);
	encode_free(x);
	tear_down(&s);
}
END_TEST

/* One behind the other, and so are their bases. */
START_TEST(encode_stream__of_a_group_is_of_all_its_files)
{
	struct sample s;

	set_up(&s);
	for (int quick = 0; quick <= 1; quick++) {
		const struct header_file *files[] = {s.file[EMPTY], s.file[CHANGED], s.file[ZEROS]};
		const struct header_file *bases[] = {s.file[TEXT], s.base};
		const struct encode_piece piece = {FORMAT_AR2, files, 3, bases, 2};
		AUTO_BUF struct buf base = {0};
		unsigned char back[2 * LEN];
		enum codec codec;
		struct span stream;
		struct encode *x;
		struct err e = {0};
		size_t number;

		s.settings.quick = quick;
		x = new_encode(&s);
		number = encode_want(x, &piece);
		run(&s, x);
		ck_assert_uint_eq(s.said, 2 * LEN);
		stream = encode_stream(x, number, &codec);
		ck_assert_uint_lt(stream.len, 200);
		buf_add(&base, s.bytes[TEXT], LEN);
		buf_add(&base, s.base_bytes, LEN);
		ck_assert_msg(codec_decode(codec, stream, span_of(base.at, base.len), back,
				      sizeof(back), &e) == 0,
			"%s", e.text);
		ck_assert_mem_eq(back, s.bytes[CHANGED], LEN);
		ck_assert_mem_eq(back + LEN, s.bytes[ZEROS], LEN);
		encode_free(x);
	}
	tear_down(&s);
}
END_TEST

START_TEST(encode_want_instead__is_made_where_bases_give_no_stream)
{
	static const struct {
		int which;
		bool empty_base;
		bool wanted; /* anyway */
		bool made;
	} rows[] = {{CHANGED, false, false, false}, {RANDOM, false, false, false},
		{CHANGED, false, true, true}, {EMPTY, false, false, true},
		{TEXT, true, false, false}};
	struct sample s;

	set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct encode_piece with = piece_of(&s, rows[i].which, FORMAT_AR2,
			rows[i].empty_base ? &s.empty_base : &s.base);
		const struct encode_piece without = piece_of(&s, rows[i].which, FORMAT_AR2, NULL);
		struct encode *x = new_encode(&s);
		size_t number = encode_want(x, &with);
		size_t instead = encode_want_instead(x, &without, number);
		enum codec codec;

		ck_assert_uint_ne(number, instead);
		if (rows[i].wanted)
			ck_assert_uint_eq(encode_want(x, &without), instead);
		run(&s, x);
		ck_assert_msg(
			(encode_stream(x, instead, &codec).len > 0) == rows[i].made, "row %zu", i);
		ck_assert_uint_eq(encode_stream(x, number, &codec).len > 0, rows[i].which != EMPTY);
		encode_free(x);
	}
	tear_down(&s);
}
END_TEST

/* Past the window what is new may be smaller without the base. */
START_TEST(encode_want_instead__of_a_large_base_is_made_where_much_is_new)
{
	enum { BASE = CODEC_LZMA_WINDOW_BYTES };

	for (int new = 0; new <= 1; new ++) {
		AUTO_FREE unsigned char *base = mem_new(BASE, 1);
		AUTO_FREE unsigned char *fresh = unit_bytes(LEN, 1);
		struct pair p;
		struct encode_settings settings = {.quick = true};
		const struct header_file *files[2];
		struct encode_piece piece = {FORMAT_AR2, &files[0], 1, &files[1], 1};
		struct encode *x;
		enum codec codec;
		size_t number;

		pair_set_up(&p);
		for (size_t i = 0; i < BASE; i += LEN) {
			AUTO_FREE unsigned char *bytes = unit_bytes(LEN, (unsigned)i);

			memcpy(base + i, bytes, BASE - i < LEN ? BASE - i : LEN);
		}
		pair_add(&p, p.old, "a", span_of(base, BASE));
		pair_add(&p, p.header, "a", span_of(new ? fresh : base + BASE / 3, LEN));
		pair_seal(&p);
		files[0] = &p.header->files[0];
		files[1] = &p.old->files[0];
		settings.blobs = p.blobs;
		settings.stage = p.stage;
		x = encode_new(&settings);
		number = encode_want(x, &piece);
		piece.base_count = 0;
		number = encode_want_instead(x, &piece, number);
		ck_assert_int_eq(encode_all(x, NULL), 0);
		ck_assert_int_eq(encode_stream(x, number, &codec).len > 0, new);
		encode_free(x);
		pair_tear_down(&p);
	}
}
END_TEST

START_TEST(encode_all__what_a_file_is_not_or_what_is_to_end_is_an_error)
{
	static struct stop stop = {.wanted = true};
	const struct {
		const char *name;
		size_t len;
	} rows[] = {{"text", LEN}, {"text", LEN - 1}, {"base", LEN}, {"base", LEN + 1}};
	struct encode_piece piece;
	struct err e = {0};
	struct sample s;
	struct encode *x;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int group = 0; group <= 1; group++) {
			static const unsigned char zeros[LEN + 1];
			AUTO_FREE char *named = mem_printf("%s: ", rows[i].name);
			const struct header_file *two[2];

			set_up(&s);
			pair_damage(&s.pair,
				strcmp(rows[i].name, "base") == 0 ? s.pair.old : s.pair.header,
				rows[i].name, span_of(zeros, rows[i].len));
			two[0] = s.file[TEXT];
			two[1] = s.file[CHANGED];
			piece = (struct encode_piece){FORMAT_AR2, two, group ? 2 : 1, &s.base, 1};
			x = new_encode(&s);
			(void)encode_want(x, &piece);
			ck_assert_int_eq(encode_all(x, &e), -1);
			ck_assert_int_eq(e.code, ERR_DIGEST);
			ck_assert_msg(strncmp(e.text, named, strlen(named)) == 0, "%s", e.text);
			encode_free(x);
			tear_down(&s);
		}
	set_up(&s);
	piece = piece_of(&s, TEXT, FORMAT_AR2, &s.base);
	s.settings.stop = &stop;
	x = new_encode(&s);
	(void)encode_want(x, &piece);
	ck_assert_int_eq(encode_all(x, &e), -1);
	ck_assert_int_eq(e.code, ERR_STOPPED);
	encode_free(x);
	s.settings.stage = -1;
	x = new_encode(&s);
	ck_assert_int_eq(encode_all(x, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "stage/made"));
	encode_free(x);
	tear_down(&s);
}
END_TEST

START_TEST(encode_donate__gives_streams_that_are_right_or_trusted)
{
	static const struct {
		enum codec codec;
		enum format format; /* of what is donated */
		int bytes;	    /* TEXT: it is right */
		bool with_base, trusted;
		enum format wanted;
		bool given;
	} rows[] = {{CODEC_LZMA, FORMAT_AR2, TEXT, false, false, FORMAT_AR2, true},
		{CODEC_ZSTD, FORMAT_AR2, TEXT, false, true, FORMAT_AR2, true},
		{CODEC_ZSTD, FORMAT_AR2, CHANGED, false, true, FORMAT_AR2, true},
		{CODEC_ZSTD, FORMAT_AR2, CHANGED, false, false, FORMAT_AR2, false},
		{CODEC_ZSTD, FORMAT_AR2, EMPTY, false, false, FORMAT_AR2, false},
		{CODEC_BZIP2, FORMAT_AR1, TEXT, false, false, FORMAT_AR1, true},
		{CODEC_BZIP2, FORMAT_AR1, CHANGED, false, false, FORMAT_AR1, false},
		{CODEC_BZIP2, FORMAT_AR1, TEXT, false, true, FORMAT_AR2, false},
		{CODEC_ZSTD, FORMAT_AR2, TEXT, false, true, FORMAT_AR1, false},
		{CODEC_BSDIFF, FORMAT_AR2, TEXT, true, true, FORMAT_AR2, false}};
	struct sample s;

	set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct encode_piece donated =
			piece_of(&s, TEXT, rows[i].format, rows[i].with_base ? &s.base : NULL);
		const struct encode_piece wanted = piece_of(&s, TEXT, rows[i].wanted, NULL);
		AUTO_BUF struct buf b = {0};
		struct encode *x = new_encode(&s);
		size_t number = encode_want(x, &wanted);
		struct span stream;
		enum codec codec;

		archived_encode(rows[i].codec,
			span_of(s.bytes[rows[i].bytes], len_of(rows[i].bytes)),
			span_of(s.base_bytes, rows[i].with_base ? LEN : 0), &b);
		encode_donate(x, &donated, rows[i].codec, span_of(b.at, b.len), rows[i].trusted);
		run(&s, x);
		ck_assert_msg(s.said == (rows[i].given ? 0 : LEN), "row %zu", i);
		stream = encode_stream(x, number, &codec);
		ck_assert_msg(((const char *)stream.at == b.at) == rows[i].given, "row %zu", i);
		if (rows[i].given)
			ck_assert(codec == rows[i].codec && stream.len == b.len);
		else
			(void)check_stream(&s, x, number, TEXT, span_of("", 0), &codec);
		encode_free(x);
	}
	tear_down(&s);
}
END_TEST

void
encode_tests(TCase *c)
{
	tcase_add_test(c, encode_stream__is_the_smallest_of_what_the_format_may_have);
	tcase_add_test(c, encode_want__the_same_bytes_from_the_same_bases_are_one_piece);
	tcase_add_test(c, encode_stream__of_a_group_is_of_all_its_files);
	tcase_add_test(c, encode_want_instead__is_made_where_bases_give_no_stream);
	tcase_add_test(c, encode_want_instead__of_a_large_base_is_made_where_much_is_new);
	tcase_add_test(c, encode_all__what_a_file_is_not_or_what_is_to_end_is_an_error);
	tcase_add_test(c, encode_donate__gives_streams_that_are_right_or_trusted);
}
