/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/validate.h"

#include <endian.h>
#include <stdio.h>

#include "unit.h"

/* Digests are 64 times one digit; files of the header are 1 to 3, of 100 bytes each. */
static void
put_entry(struct buf *b, const char *name, size_t stream_len)
{
	const char *colon = strchr(name, ':');
	uint8_t head[28] = "GUTS2AR2";
	uint64_t len = htobe64(stream_len);
	uint32_t name_len = htobe32(colon != NULL ? 129 : 64);

	memcpy(head + 8, &len, sizeof(len));
	(void)snprintf((char *)head + 16, 8, "%s", colon != NULL ? "VCDIFF" : "ZSTD");
	memcpy(head + 24, &name_len, sizeof(name_len));
	buf_add(b, head, sizeof(head));
	for (int i = 0; i < 64; i++)
		buf_add(b, name, 1);
	for (int i = 0; colon != NULL && i < 65; i++)
		buf_add(b, i == 0 ? ":" : colon + 1, 1);
	for (size_t i = 0; i < stream_len; i++)
		buf_add(b, "x", 1);
}

/* A base of file 1 and of one that is not in the header, 9. */
static bool
has(void *context, const struct digest *digest)
{
	(void)context;
	return digest->byte[0] == 0x11 || digest->byte[0] == 0x99;
}

static struct header *
make_header(void)
{
	struct header *h = header_new();

	for (int i = 1; i <= 3; i++) {
		char path[2] = {(char)('0' + i), 0};
		struct header_file file = {.path = path, .size = 100};

		memset(file.digest.byte, i * 0x11, DIGEST_BYTES);
		ck_assert_int_eq(header_add(h, &file, NULL), 0);
	}
	ck_assert_int_eq(header_seal(h, NULL), 0);
	return h;
}

START_TEST(validate_archive__refuses_what_cannot_be_of_the_version)
{
	static const struct blobs base = {NULL, has, NULL};
	static const struct {
		const char *entries[4];
		bool whole, with_base;
		const char *wrong; /* NULL: nothing is */
	} rows[] = {{{"1", "2", "3"}, true, false, NULL}, {{"3", "2", "1"}, true, false, NULL},
		{{"1", "3"}, true, false, "is missing"}, {{"3"}, false, false, NULL},
		{{"3", "2"}, true, true, NULL}, {{"3"}, true, true, "is missing"},
		{{0}, false, false, NULL}, {{"3", "9"}, false, false, "not in the header"},
		{{"3", "3"}, false, false, "repeated"}, {{"3", "3:9"}, false, false, "repeated"},
		{{"3:9", "2"}, true, true, NULL}, {{"3:8", "2"}, true, true, "base"},
		{{"3:8", "2"}, false, false, NULL}, {{"1", "2", "3:9"}, true, false, "base"}};
	AUTO_HEADER struct header *h = make_header();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct validate against = {
			h, rows[i].whole, rows[i].with_base ? &base : NULL};
		AUTO_BUF struct buf b = {0};
		struct err e = {0};
		int result;

		for (int k = 0; rows[i].entries[k] != NULL; k++)
			put_entry(&b, rows[i].entries[k], 5);
		buf_add_string(&b, "GUTS2AR2");
		result = validate_archive(span_of(b.at, b.len), &against, &e);
		ck_assert_msg((result == 0) == (rows[i].wrong == NULL), "row %zu: %s", i, e.text);
		/* A base that is not here may be elsewhere: the archive is no worse for it. */
		ck_assert_int_eq(e.code, rows[i].wrong == NULL ? ERR_NONE
					 : rows[i].with_base && strcmp(rows[i].wrong, "base") == 0
						 ? ERR_MISSING
						 : ERR_INPUT);
		ck_assert_msg(rows[i].wrong == NULL || strstr(e.text, rows[i].wrong) != NULL,
			"row %zu: %s", i, e.text);
	}
}
END_TEST

START_TEST(validate_archive__compares_a_stream_with_the_size_of_its_file)
{
	AUTO_HEADER struct header *h = make_header();
	const struct validate against = {.header = h};

	for (size_t more = 0; more <= 1; more++) {
		AUTO_BUF struct buf b = {0};
		struct err e = {0};

		put_entry(&b, "2", 4296 + more);
		buf_add_string(&b, "GUTS2AR2");
		ck_assert_int_eq(
			validate_archive(span_of(b.at, b.len), &against, &e), more > 0 ? -1 : 0);
		ck_assert_int_eq(e.code, more > 0 ? ERR_INPUT : ERR_NONE);
	}
}
END_TEST

START_TEST(validate_archive__without_a_header_looks_at_the_archive_alone)
{
	const struct validate against = {0};
	AUTO_BUF struct buf b = {0};

	put_entry(&b, "7", 9);
	ck_assert_int_eq(validate_archive(span_of(b.at, b.len), &against, NULL), -1);
	buf_add_string(&b, "GUTS2AR2");
	ck_assert_int_eq(validate_archive(span_of(b.at, b.len), &against, NULL), 0);
	ck_assert_int_eq(validate_archive(span_of("garbage", 7), &against, NULL), -1);
}
END_TEST

void
validate_tests(TCase *c)
{
	tcase_add_test(c, validate_archive__refuses_what_cannot_be_of_the_version);
	tcase_add_test(c, validate_archive__compares_a_stream_with_the_size_of_its_file);
	tcase_add_test(c, validate_archive__without_a_header_looks_at_the_archive_alone);
}
