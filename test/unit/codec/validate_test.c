/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/validate.h"

#include <endian.h>

#include "codec/archived.h"
#include "unit.h"

/* Digests are 64 times one digit, the path; each file has 100 bytes. */
static struct header *
make_header(const char *digits)
{
	struct header *h = header_new();

	for (; *digits != '\0'; digits++) {
		char path[2] = {*digits, 0};
		struct header_file file = {.path = path, .size = 100};

		memset(file.digest.byte, (*digits - '0') * 0x11, DIGEST_BYTES);
		ck_assert_int_eq(header_add(h, &file, NULL), 0);
	}
	ck_assert_int_eq(header_seal(h, NULL), 0);
	return h;
}

/* A base of file 1 and of one that only the old version has, 9; of 8, which it has, too, there is
 * none. */
static bool
has(void *context, const struct digest *digest)
{
	(void)context;
	return digest->byte[0] == 0x11 || digest->byte[0] == 0x99;
}

static const struct blobs at_hand = {NULL, has, NULL};

/* Each "COUNT" or "COUNT/RUNS". */
static void
put_entries(struct buf *b, const char *const *entries)
{
	buf_add_string(b, ARCHIVED_MAGIC);
	for (; *entries != NULL; entries++) {
		const char *slash = strchr(*entries, '/');

		archived_put(b, slash != NULL ? CODEC_VCDIFF : CODEC_ZSTD,
			(uint64_t)(**entries - '0'), slash != NULL ? slash + 1 : "",
			span_of("xxxxx", 5));
	}
}

static void
check(const struct buf *archive, const struct validate *against, const char *wrong,
	enum err_code code, size_t row)
{
	struct err e = {0};
	int result = validate_archive(span_of(archive->at, archive->len), against, &e);

	ck_assert_msg((result == 0) == (wrong == NULL), "row %zu: %s", row, e.text);
	ck_assert_msg(e.code == code, "row %zu: %s", row, e.text);
	ck_assert_msg(wrong == NULL || strstr(e.text, wrong) != NULL, "row %zu: %s", row, e.text);
}

START_TEST(validate_archive__refuses_what_cannot_be_of_the_version)
{
	enum { FULL = 1, OLD = 2, BASE = 4 };
	/* The version has 1, 2 and 3; the old one 1, 8 and 9: what it gives goes on from 3. */
	static const struct {
		const char *entries[4];
		int known;
		const char *wrong; /* NULL: nothing is */
		enum err_code code;
	} rows[] = {{{"3"}, FULL, NULL, ERR_NONE}, {{"1", "1", "1"}, FULL, NULL, ERR_NONE},
		{{"2"}, FULL, "is missing", ERR_INPUT}, {{0}, FULL, "is missing", ERR_INPUT},
		{{"4"}, FULL, "entry 1: more files than are missing", ERR_INPUT},
		{{"3", "1"}, FULL, "entry 2: more files than are missing", ERR_INPUT},
		{{"1", "2/0 1"}, FULL, NULL, ERR_NONE},
		{{"1", "2/1 1"}, FULL, "entry 2: a base is not there", ERR_INPUT},
		{{"3/0 1"}, FULL, "a base is not there", ERR_INPUT},
		/* a full archive has no base that is at hand, whatever else is */
		{{"2"}, FULL | OLD, "is missing", ERR_INPUT}, {{"2"}, OLD | BASE, NULL, ERR_NONE},
		{{"1/0 1", "1/2 1"}, OLD | BASE, NULL, ERR_NONE},
		{{"1/0 1 1 1", "1/3 1"}, OLD | BASE, NULL, ERR_NONE},
		{{"1"}, OLD | BASE, "is missing", ERR_INPUT},
		{{"3"}, OLD | BASE, "more files than are missing", ERR_INPUT},
		{{"2/3 1"}, OLD | BASE, "a base is not there", ERR_INPUT},
		{{"1", "1/4 1"}, OLD | BASE, "a base is not there", ERR_INPUT},
		{{"1", "1/3 2"}, OLD | BASE, "a base is not there", ERR_INPUT},
		/* that may be elsewhere: the archive is no worse for it */
		{{"2/1 1"}, OLD | BASE, "entry 1: its base is not here", ERR_MISSING},
		{{"2/0 3"}, OLD | BASE, "entry 1: its base is not here", ERR_MISSING},
		{{"1", "1/0 1 1 2"}, OLD | BASE, NULL, ERR_NONE}, {{"2/1 1"}, OLD, NULL, ERR_NONE},
		{{"1"}, OLD, "is missing", ERR_INPUT},
		{{"1", "1/4 1"}, OLD, "a base is not there", ERR_INPUT},
		/* nobody knows what is missing, but how much there is */
		{{"3/99 1"}, 0, NULL, ERR_NONE}, {{"1/99 1", "2"}, BASE, NULL, ERR_NONE},
		{{"4/99 1"}, 0, "entry 1: more files than there are", ERR_INPUT},
		{{"2", "2"}, BASE, "entry 2: more files than there are", ERR_INPUT}};
	AUTO_HEADER struct header *h = make_header("123");
	AUTO_HEADER struct header *old = make_header("189");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct validate against = {h, (rows[i].known & FULL) != 0,
			(rows[i].known & OLD) != 0 ? old : NULL,
			(rows[i].known & BASE) != 0 ? &at_hand : NULL};
		AUTO_BUF struct buf b = {0};

		put_entries(&b, rows[i].entries);
		check(&b, &against, rows[i].wrong, rows[i].code, i);
	}
}
END_TEST

static void
put_named(struct buf *b, char digit, size_t stream_len)
{
	uint8_t head[28] = "GUTS2AR1";
	uint64_t len = htobe64(stream_len);
	uint32_t name_len = htobe32(64);

	memcpy(head + 8, &len, sizeof(len));
	memcpy(head + 16, "BZIP2", 6);
	memcpy(head + 24, &name_len, sizeof(name_len));
	buf_add(b, head, sizeof(head));
	for (int i = 0; i < 64; i++)
		buf_add(b, &digit, 1);
	for (size_t i = 0; i < stream_len; i++)
		buf_add(b, "x", 1);
}

START_TEST(validate_archive__of_the_older_format_any_order_is_right)
{
	static const struct {
		const char *entries;
		bool full, with_old, with_base;
		const char *wrong; /* NULL: nothing is */
	} rows[] = {{"123", true, false, false, NULL}, {"321", true, false, false, NULL},
		{"13", true, false, false, "is missing"}, {"3", false, false, false, NULL},
		{"32", false, false, true, NULL}, {"3", false, false, true, "is missing"},
		{"32", false, true, true, NULL}, {"32", false, true, false, NULL},
		{"321", false, true, true, NULL}, {"31", false, true, false, "is missing"},
		{"", false, false, false, NULL}, {"39", false, false, false, "not in the header"},
		{"39", false, true, true, "not in the header"},
		{"33", false, false, false, "repeated"}, {"1233", true, false, false, "repeated"}};
	AUTO_HEADER struct header *h = make_header("123");
	AUTO_HEADER struct header *old = make_header("189");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct validate against = {h, rows[i].full, rows[i].with_old ? old : NULL,
			rows[i].with_base ? &at_hand : NULL};
		AUTO_BUF struct buf b = {0};

		for (const char *at = rows[i].entries; *at != '\0'; at++)
			put_named(&b, *at, 5);
		buf_add_string(&b, "GUTS2AR1");
		check(&b, &against, rows[i].wrong, rows[i].wrong == NULL ? ERR_NONE : ERR_INPUT, i);
	}
}
END_TEST

START_TEST(validate_archive__compares_a_stream_with_the_size_of_its_files)
{
	AUTO_HEADER struct header *h = make_header("123");
	const struct validate against = {.header = h, .full = true};
	static const unsigned char stream[2 * 300 + 4096 + 1];

	for (size_t more = 0; more <= 1; more++) {
		AUTO_BUF struct buf b = {0};
		AUTO_BUF struct buf named = {0};
		const char *wrong =
			more > 0 ? "its stream is longer than its files can need" : NULL;

		buf_add_string(&b, ARCHIVED_MAGIC);
		archived_put(&b, CODEC_LZMA, 3, "", span_of(stream, 2 * 300 + 4096 + more));
		check(&b, &against, wrong, more > 0 ? ERR_INPUT : ERR_NONE, more);
		for (char digit = '1'; digit <= '3'; digit++)
			put_named(&named, digit, 2 * 100 + 4096 + more);
		buf_add_string(&named, "GUTS2AR1");
		check(&named, &against, wrong, more > 0 ? ERR_INPUT : ERR_NONE, more);
	}
}
END_TEST

START_TEST(validate_archive__without_a_header_looks_at_the_archive_alone)
{
	const struct validate against = {0};
	AUTO_BUF struct buf b = {0};
	AUTO_BUF struct buf newer = {0};

	put_named(&b, '7', 9);
	check(&b, &against, "archive at ", ERR_INPUT, 0);
	buf_add_string(&b, "GUTS2AR1");
	check(&b, &against, NULL, ERR_NONE, 0);
	put_entries(&newer, (const char *const[]){"7/5 5", NULL});
	check(&newer, &against, NULL, ERR_NONE, 1);
	newer.len--;
	check(&newer, &against, "archive at 8: entry is cut short", ERR_INPUT, 1);
	ck_assert_int_eq(validate_archive(span_of("garbage", 7), &against, NULL), -1);
}
END_TEST

void
validate_tests(TCase *c)
{
	tcase_add_test(c, validate_archive__refuses_what_cannot_be_of_the_version);
	tcase_add_test(c, validate_archive__of_the_older_format_any_order_is_right);
	tcase_add_test(c, validate_archive__compares_a_stream_with_the_size_of_its_files);
	tcase_add_test(c, validate_archive__without_a_header_looks_at_the_archive_alone);
}
