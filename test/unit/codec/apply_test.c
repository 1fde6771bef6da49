/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/apply.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/archive.h"
#include "unit.h"

enum { FILES = 3, LEN = 3000 };

/* Files 0 to 2, file 2 also as a delta from file 1; a header of all. */
struct sample {
	int dir;
	char *path;
	unsigned char *bytes[FILES];
	struct digest digest[FILES];
	struct header *header;
	struct buf streams[FILES + 1];
};

static void
sample_set_up(struct sample *s)
{
	s->dir = unit_dir(&s->path);
	s->header = header_new();
	for (unsigned i = 0; i < FILES; i++) {
		AUTO_FREE char *name = mem_printf("file%u", i);
		unsigned char out[8192];
		size_t len;

		s->bytes[i] = unit_bytes(LEN, i < 2 ? i : 1);
		if (i == 2)
			s->bytes[i][1000] = '!';
		s->digest[i] = digest_of(span_of(s->bytes[i], LEN));
		ck_assert_int_eq(header_add(s->header,
					 &(struct header_file){
						 .path = name, .digest = s->digest[i], .size = LEN},
					 NULL),
			0);
		ck_assert_int_eq(codec_encode(CODEC_ZSTD,
					 &(struct codec_input){span_of(s->bytes[i], LEN),
						 span_of("", 0), false, NULL},
					 out, sizeof(out), &len, NULL),
			CODEC_FITS);
		s->streams[i] = (struct buf){0};
		buf_add(&s->streams[i], out, len);
		if (i < 2)
			continue;
		ck_assert_int_eq(codec_encode(CODEC_VCDIFF,
					 &(struct codec_input){span_of(s->bytes[2], LEN),
						 span_of(s->bytes[1], LEN), false, NULL},
					 out, sizeof(out), &len, NULL),
			CODEC_FITS);
		s->streams[FILES] = (struct buf){0};
		buf_add(&s->streams[FILES], out, len);
	}
	ck_assert_int_eq(header_seal(s->header, NULL), 0);
}

static void
sample_tear_down(struct sample *s)
{
	for (int i = 0; i < FILES; i++)
		free(s->bytes[i]);
	for (int i = 0; i <= FILES; i++)
		buf_free(&s->streams[i]);
	header_free(s->header);
	fs_close(&s->dir);
	free(s->path);
}

/* which: '0' to '2' the file whole, 'd' file 2 as a delta, 'w' file 0 under file 1's name. */
static void
make_archive(struct sample *s, const char *which, struct buf *ret)
{
	AUTO_CLOSE int fd = openat(s->dir, "archive", O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct archive_writer *w = archive_writer_new(fd, FORMAT_AR2);
	struct archive_ref ref;

	for (; *which != '\0'; which++) {
		int stream = *which == 'd' ? FILES : *which == 'w' ? 0 : *which - '0';
		int file = *which == 'd' ? 2 : *which == 'w' ? 1 : *which - '0';
		struct archive_entry entry = {.codec = *which == 'd' ? CODEC_VCDIFF : CODEC_ZSTD,
			.file = s->digest[file],
			.base = s->digest[1],
			.stream = span_of(s->streams[stream].at, s->streams[stream].len)};

		ck_assert_int_eq(archive_add(w, &entry, NULL), 0);
	}
	ck_assert_int_eq(archive_end(w, &ref, NULL), 0);
	archive_writer_free(w);
	ck_assert_int_eq(fs_read(s->dir, "archive", 1 << 20, ret, NULL), 0);
}

/* A base of the files 0 and 1. */
static bool
has(void *context, const struct digest *digest)
{
	const struct sample *s = context;

	return digest_equal(digest, &s->digest[0]) || digest_equal(digest, &s->digest[1]);
}

static int
open_base(void *context, const struct digest *digest, bool check, struct map *ret, struct err *e)
{
	struct sample *s = context;
	int which = digest_equal(digest, &s->digest[0]) ? 0 : 1;
	AUTO_FREE char *name = mem_printf("base%d", which);
	struct digest got;

	ck_assert_int_eq(fs_put(s->dir, "x", name, span_of(s->bytes[which], LEN), e), 0);
	if (map_open_read(s->dir, name, NULL, ret, &got, e) != 0)
		return -1;
	if (!check || digest_equal(&got, digest))
		return 0;
	map_close(ret);
	return err_set(e, ERR_DIGEST, "rotten");
}

static int
apply(const struct buf *archive, const struct header *h, const struct blobs *base, int out,
	struct err *e)
{
	const struct apply what = {span_of(archive->at, archive->len), h, base, out, NULL};

	return apply_archive(&what, e);
}

START_TEST(apply_archive__takes_complete_archives_and_no_others)
{
	static const struct {
		const char *entries;
		bool with_base;
		const char *wrong; /* NULL: it is right */
		enum err_code code;
	} rows[] = {{"012", false, NULL, ERR_NONE}, {"210", false, NULL, ERR_NONE},
		{"d", true, NULL, ERR_NONE}, {"2", true, NULL, ERR_NONE},
		{"012", true, NULL, ERR_NONE}, {"01", false, "missing", ERR_INPUT},
		{"", false, "missing", ERR_INPUT}, {"01d", false, "base", ERR_INPUT},
		{"", true, "missing", ERR_INPUT}, {"0122", false, "repeated", ERR_INPUT},
		{"0w2", false, "another SHA-256", ERR_DIGEST}};
	struct sample s;

	sample_set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct blobs base = {&s, has, open_base};
		AUTO_BUF struct buf archive = {0};
		AUTO_CLOSE int out = -1;
		struct err e = {0};
		int result;

		ck_assert_int_eq(fs_remove(s.dir, "out", NULL), 0);
		out = fs_make_dirs(s.dir, "out", NULL);
		make_archive(&s, rows[i].entries, &archive);
		result = apply(&archive, s.header, rows[i].with_base ? &base : NULL, out, &e);
		ck_assert_msg((result == 0) == (rows[i].wrong == NULL), "row %zu: %s", i, e.text);
		ck_assert_int_eq(e.code, rows[i].code);
		ck_assert_msg(rows[i].wrong == NULL || strstr(e.text, rows[i].wrong) != NULL,
			"row %zu: %s", i, e.text);
		ck_assert(!fs_exists(out, "decoding"));
	}
	sample_tear_down(&s);
}
END_TEST

START_TEST(apply_archive__refuses_unlisted_entries)
{
	struct sample s;
	AUTO_BUF struct buf archive = {0};
	AUTO_CLOSE int out = -1;
	AUTO_HEADER struct header *other = header_new();
	struct err e = {0};

	sample_set_up(&s);
	ck_assert_int_eq(header_add(other, &s.header->files[0], NULL), 0);
	out = fs_make_dirs(s.dir, "out", NULL);
	make_archive(&s, "01", &archive);
	ck_assert_int_eq(apply(&archive, other, NULL, out, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "not in the header"));
	sample_tear_down(&s);
}
END_TEST

/* The delta copies what is rotten, or goes on from it: either way it is the base's fault. */
START_TEST(apply_archive__names_a_base_that_is_not_what_it_was)
{
	struct sample s;
	AUTO_BUF struct buf archive = {0};
	AUTO_CLOSE int out = -1;
	struct blobs base = {&s, has, open_base};
	struct err e = {0};

	sample_set_up(&s);
	make_archive(&s, "d", &archive);
	s.bytes[1][2000] ^= 1;
	out = fs_make_dirs(s.dir, "out", NULL);
	ck_assert_int_eq(apply(&archive, s.header, &base, out, &e), -1);
	ck_assert_int_eq(e.code, ERR_DIGEST);
	ck_assert_ptr_nonnull(strstr(e.text, "base: rotten"));
	ck_assert(!fs_exists(out, "decoding"));
	sample_tear_down(&s);
}
END_TEST

void
apply_tests(TCase *c)
{
	tcase_add_test(c, apply_archive__names_a_base_that_is_not_what_it_was);
	tcase_add_test(c, apply_archive__takes_complete_archives_and_no_others);
	tcase_add_test(c, apply_archive__refuses_unlisted_entries);
}
