/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which stream each file gets, of whom, and how much work that is. */
#include "codec/encode.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/pack.h"
#include "unit.h"

enum { TEXT, CHANGED, ZEROS, EMPTY, FILES, LEN = 20000 };
enum { OLD = 1U << FORMAT_AR1, NEW = 1U << FORMAT_AR2 };

/* Four files of a version: CHANGED was made from a file that the base alone has. */
struct sample {
	char *path;
	int dir;
	int stage;
	unsigned char *bytes[FILES];
	unsigned char *base_bytes;
	struct header *header;
	struct header_file file[FILES];
	struct header_file base;
	struct blobs_dirs dirs;
	struct encode_crew crew;
	struct encode_settings settings;
	uint64_t said[2]; /* of files, and of differences */
	uint64_t done;
};

static int
each(void *context, size_t count, int (*run)(void *run_context, size_t index, struct err *e),
	void *run_context, struct err *e)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		if (run(run_context, i, e) != 0)
			return -1;
	return 0;
}

static void
begin(void *context, const char *what, uint64_t bytes)
{
	struct sample *s = context;

	if (strcmp(what, "check") == 0)
		ck_assert_uint_eq(bytes, 0);
	else
		s->said[strcmp(what, "differences") == 0] = bytes;
}

static void
add(void *context, uint64_t bytes)
{
	((struct sample *)context)->done += bytes;
}

static void
put(struct sample *s, struct header_file *file, const unsigned char *bytes)
{
	char hex[DIGEST_HEX + 1];

	file->digest = digest_of(span_of(bytes, file->size));
	ck_assert_int_eq(fs_put(s->dir, "x", digest_hex(&file->digest, hex),
				 span_of(bytes, file->size), NULL),
		0);
}

static void
set_up(struct sample *s)
{
	*s = (struct sample){0};
	s->dir = unit_dir(&s->path);
	s->stage = fs_make_dirs(s->dir, "stage", NULL);
	s->header = header_new();
	s->header->title = mem_string("");
	s->base_bytes = unit_bytes(LEN, 2);
	for (unsigned i = 0; i < FILES; i++) {
		AUTO_FREE char *name = mem_printf("file%u", i);

		s->bytes[i] = unit_bytes(LEN, 1 + i);
		if (i == CHANGED)
			s->bytes[i][100]++;
		if (i == ZEROS)
			memset(s->bytes[i], 0, LEN);
		s->file[i] = (struct header_file){.path = name, .size = i == EMPTY ? 0 : LEN};
		put(s, &s->file[i], s->bytes[i]);
		ck_assert_int_eq(header_add(s->header, &s->file[i], NULL), 0);
	}
	ck_assert_int_eq(header_seal(s->header, NULL), 0);
	s->base = (struct header_file){.size = LEN};
	put(s, &s->base, s->base_bytes);
	s->dirs = (struct blobs_dirs){.dir = {s->dir}, .count = 1};
	s->crew = (struct encode_crew){each, begin, add, s};
	s->settings = (struct encode_settings){
		.blobs = blobs_in(&s->dirs), .stage = s->stage, .formats = NEW, .crew = &s->crew};
}

static void
tear_down(struct sample *s)
{
	for (int i = 0; i < FILES; i++)
		free(s->bytes[i]);
	free(s->base_bytes);
	header_free(s->header);
	fs_close(&s->stage);
	fs_close(&s->dir);
	free(s->path);
}

/* Where a file is among the blobs. */
static size_t
blob_of(const struct encode *x, const struct header_file *file)
{
	size_t count;
	const struct header_file *const *blobs = encode_blobs(x, &count);

	return header_blob_find(blobs, count, &file->digest);
}

static struct encode *
new_encode(struct sample *s)
{
	s->said[0] = s->said[1] = s->done = 0;
	return encode_new(s->header, &s->settings);
}

static void
run(struct encode *x)
{
	struct err e = {0};

	ck_assert_msg(encode_all(x, &e) == 0, "%s", e.text);
}

/* The entry gives the file back. */
static struct archive_entry
entry_of(struct sample *s, const struct encode *x, int which, enum format format, bool delta)
{
	struct archive_entry entry =
		encode_entry(x, blob_of(x, &s->file[which]), format, delta ? &s->base : NULL);
	unsigned char back[LEN];
	struct err e = {0};
	bool is_delta = codec_is_delta(entry.codec);

	ck_assert(digest_equal(&entry.file, &s->file[which].digest));
	ck_assert(!is_delta || digest_equal(&entry.base, &s->base.digest));
	ck_assert_msg(
		codec_decode(entry.codec, entry.stream, span_of(s->base_bytes, is_delta ? LEN : 0),
			back, s->file[which].size, &e) == 0,
		"%s", e.text);
	ck_assert(s->file[which].size == 0 ||
		  memcmp(back, s->bytes[which], s->file[which].size) == 0);
	return entry;
}

static size_t
size_by(struct sample *s, int which, enum codec codec)
{
	unsigned char out[2 * LEN];
	const struct codec_input from = {.file = span_of(s->bytes[which], s->file[which].size)};
	size_t len;

	ck_assert_int_eq(codec_encode(codec, &from, out, sizeof(out), &len, NULL), CODEC_FITS);
	return len;
}

START_TEST(encode__a_format_has_the_smallest_of_what_it_may_have)
{
	static const struct {
		unsigned formats;
		bool quick;
		unsigned encodings; /* of each file */
	} rows[] = {{OLD, false, 1}, {OLD, true, 1}, {NEW, false, 2}, {NEW, true, 1},
		{OLD | NEW, false, 2}, {OLD | NEW, true, 2}};
	struct sample s;

	set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct encode *x;

		s.settings.formats = rows[i].formats;
		s.settings.quick = rows[i].quick;
		x = new_encode(&s);
		run(x);
		ck_assert_uint_eq(s.said[0], rows[i].encodings * 3 * LEN);
		ck_assert_uint_eq(s.said[1], 0);
		ck_assert_uint_eq(s.done, s.said[0]);
		for (int which = 0; which < FILES; which++) {
			size_t bzip2 = size_by(&s, which, CODEC_BZIP2);
			size_t zstd = size_by(&s, which, CODEC_ZSTD);
			struct archive_entry e;

			if ((rows[i].formats & OLD) != 0)
				ck_assert_int_eq(entry_of(&s, x, which, FORMAT_AR1, true).codec,
					CODEC_BZIP2);
			if ((rows[i].formats & NEW) == 0)
				continue;
			e = entry_of(&s, x, which, FORMAT_AR2, true);
			if (rows[i].encodings == 1)
				ck_assert_int_eq(e.codec, CODEC_ZSTD);
			else if (!rows[i].quick)
				ck_assert_uint_eq(e.stream.len, bzip2 < zstd ? bzip2 : zstd);
		}
		encode_free(x);
	}
	tear_down(&s);
}
END_TEST

START_TEST(encode_want_delta__only_what_is_smaller_is_a_delta)
{
	const struct header_file nothing = {.size = 0};
	struct sample s;
	struct encode *x;

	set_up(&s);
	s.settings.formats = OLD | NEW;
	x = new_encode(&s);
	for (int which = 0; which < FILES; which++)
		encode_want_delta(x, blob_of(x, &s.file[which]), &s.base);
	encode_want_delta(x, blob_of(x, &s.file[TEXT]), &nothing);
	/* Of another older version: it is made once. */
	encode_want_delta(x, blob_of(x, &s.file[CHANGED]), &s.base);
	run(x);
	ck_assert_uint_eq(s.said[0], 2 * 3 * LEN);
	ck_assert_uint_eq(s.said[1], 3 * 3 * LEN);
	ck_assert_uint_eq(s.done, s.said[0] + s.said[1]);
	for (int which = 0; which < FILES; which++) {
		struct archive_entry whole = entry_of(&s, x, which, FORMAT_AR2, false);
		struct archive_entry delta = entry_of(&s, x, which, FORMAT_AR2, true);

		ck_assert(!codec_is_delta(whole.codec));
		ck_assert(!codec_is_delta(entry_of(&s, x, which, FORMAT_AR1, true).codec));
		ck_assert(which != CHANGED || codec_is_delta(delta.codec));
		ck_assert(which != EMPTY || !codec_is_delta(delta.codec));
		ck_assert(!codec_is_delta(delta.codec) || delta.stream.len < whole.stream.len);
		ck_assert(which != CHANGED || delta.stream.len < 100);
	}
	encode_free(x);
	tear_down(&s);
}
END_TEST

START_TEST(encode_skip__of_what_is_left_out_nothing_is_made)
{
	struct sample s;
	struct encode *x;
	char hex[DIGEST_HEX + 1];

	set_up(&s);
	x = new_encode(&s);
	encode_skip(x, blob_of(x, &s.file[TEXT]));
	ck_assert_int_eq(unlinkat(s.dir, digest_hex(&s.file[TEXT].digest, hex), 0), 0);
	run(x);
	ck_assert_uint_eq(s.said[0], 2 * 2 * LEN);
	ck_assert_uint_eq(s.done, s.said[0]);
	encode_free(x);
	tear_down(&s);
}
END_TEST

START_TEST(encode_all__what_a_file_is_not_or_what_is_to_end_is_an_error)
{
	static struct stop stop = {.wanted = true};
	char hex[DIGEST_HEX + 1];
	struct err e = {0};
	struct sample s;
	struct encode *x;

	set_up(&s);
	ck_assert_int_eq(fs_put(s.dir, "x", digest_hex(&s.file[TEXT].digest, hex),
				 span_of(s.bytes[ZEROS], LEN), NULL),
		0);
	x = new_encode(&s);
	ck_assert_int_eq(encode_all(x, &e), -1);
	ck_assert_int_eq(e.code, ERR_DIGEST);
	ck_assert(strncmp(e.text, "file0: ", 7) == 0);
	encode_free(x);
	s.settings.stop = &stop;
	x = new_encode(&s);
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

/* Of another program, or of this one: an archive of TEXT, as `codec` has `bytes`. */
static void
make_donor(struct sample *s, enum codec codec, enum format format, int bytes, struct buf *ret)
{
	AUTO_CLOSE int fd = openat(s->dir, "donor", O_RDWR | O_CREAT | O_TRUNC, 0600);
	const struct codec_input from = {.file = span_of(s->bytes[bytes], LEN), .quick = true};
	struct archive_writer *w = archive_writer_new(fd, format);
	unsigned char out[2 * LEN];
	struct archive_entry entry = {.codec = codec, .file = s->file[TEXT].digest};
	struct archive_ref ref;
	size_t len;

	ck_assert_int_eq(codec_encode(codec, &from, out, sizeof(out), &len, NULL), CODEC_FITS);
	entry.stream = span_of(out, len);
	ck_assert_int_eq(archive_add(w, &entry, NULL), 0);
	ck_assert_int_eq(archive_end(w, &ref, NULL), 0);
	archive_writer_free(w);
	ck_assert_int_eq(fs_read(s->dir, "donor", 1 << 20, ret, NULL), 0);
}

START_TEST(encode_donor__gives_streams_that_are_right_or_trusted)
{
	static const struct {
		enum codec codec;
		enum format format;
		int bytes; /* TEXT: it is right */
		bool trusted;
		unsigned formats;
		bool given;	  /* its stream is in the newer format's archive */
		unsigned of_text; /* encodings that are made of TEXT */
	} rows[] = {{CODEC_BZIP2, FORMAT_AR2, TEXT, false, NEW, true, 0},
		{CODEC_ZSTD, FORMAT_AR2, TEXT, false, NEW, true, 0},
		{CODEC_ZSTD, FORMAT_AR2, TEXT, true, NEW, true, 0},
		{CODEC_ZSTD, FORMAT_AR2, CHANGED, true, NEW, true, 0},
		{CODEC_ZSTD, FORMAT_AR2, CHANGED, false, NEW, false, 2},
		{CODEC_ZSTD, FORMAT_AR2, TEXT, false, OLD | NEW, false, 1},
		{CODEC_BZIP2, FORMAT_AR1, TEXT, false, OLD | NEW, false, 1},
		{CODEC_BZIP2, FORMAT_AR1, CHANGED, false, OLD | NEW, false, 2},
		{CODEC_ZSTD, FORMAT_AR2, TEXT, false, OLD, false, 1}};
	struct sample s;

	set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_BUF struct buf donor = {0};
		struct encode *x;
		struct archive_entry e;

		make_donor(&s, rows[i].codec, rows[i].format, rows[i].bytes, &donor);
		s.settings.formats = rows[i].formats;
		x = new_encode(&s);
		encode_donor(x, span_of(donor.at, donor.len), rows[i].trusted);
		run(x);
		ck_assert_msg(
			s.said[0] ==
				(rows[i].of_text + 2 * (rows[i].formats == OLD ? 1U : 2U)) * LEN,
			"row %zu: %d", i, (int)(s.said[0] / LEN));
		ck_assert_uint_eq(s.done, s.said[0]);
		if (rows[i].given) {
			e = encode_entry(x, blob_of(x, &s.file[TEXT]), FORMAT_AR2, NULL);
			ck_assert_msg((const char *)e.stream.at > donor.at &&
					      (const char *)e.stream.at < donor.at + donor.len,
				"row %zu", i);
		} else if (rows[i].formats != OLD) {
			(void)entry_of(&s, x, TEXT, FORMAT_AR2, false);
		}
		encode_free(x);
		/* Half an archive is none. */
		x = new_encode(&s);
		encode_donor(x, span_of(donor.at, donor.len - 1), rows[i].trusted);
		run(x);
		ck_assert_uint_eq(s.said[0], 3 * (rows[i].formats == OLD ? 1U : 2U) * LEN);
		encode_free(x);
	}
	tear_down(&s);
}
END_TEST

START_TEST(pack_is_worth_it__a_tenth_has_to_be_spared)
{
	ck_assert(pack_is_worth_it(90, 100) && !pack_is_worth_it(91, 100));
	ck_assert(pack_is_worth_it(0, 0) && !pack_is_worth_it(1, 9));
	ck_assert(!pack_is_worth_it(UINT64_MAX, UINT64_MAX));
}
END_TEST

void
encode_tests(TCase *c)
{
	tcase_add_test(c, encode__a_format_has_the_smallest_of_what_it_may_have);
	tcase_add_test(c, encode_want_delta__only_what_is_smaller_is_a_delta);
	tcase_add_test(c, encode_skip__of_what_is_left_out_nothing_is_made);
	tcase_add_test(c, encode_all__what_a_file_is_not_or_what_is_to_end_is_an_error);
	tcase_add_test(c, encode_donor__gives_streams_that_are_right_or_trusted);
	tcase_add_test(c, pack_is_worth_it__a_tenth_has_to_be_spared);
}
