/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/header.h"

#include <stdio.h>

#include "base/mem.h"
#include "unit.h"

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"

static char *
with_files(const char *files)
{
	return mem_printf("{\"cookie\":\"96c7329d\",\"files\":[%s],\"title\":\"T\",\"type\":\"t\","
			  "\"version\":5}",
		files);
}

START_TEST(header_parse__reads_what_the_protocol_shows)
{
	AUTO_FREE char *json =
		with_files("{\"filename\":\"b\",\"sha256\":\"" D1
			   "\",\"size\":3,\"path\":\"x/y\",\"executable\":true},"
			   "{\"filename\":\"a\",\"sha256\":\"" D2 "\",\"size\":0,\"future\":1}");
	AUTO_HEADER struct header *h = NULL;
	AUTO_BUF struct buf again = {0};
	AUTO_HEADER struct header *second = NULL;

	ck_assert_int_eq(header_parse(unit_text(json), &h, NULL), 0);
	ck_assert_uint_eq(h->count, 2);
	ck_assert_str_eq(h->files[0].path, "a");
	ck_assert_str_eq(h->files[1].path, "x/y/b");
	ck_assert(h->files[1].executable && !h->files[0].executable);
	ck_assert_uint_eq(h->bytes, 3);
	ck_assert_ptr_eq(header_find(h, "x/y/b"), &h->files[1]);
	ck_assert_ptr_null(header_find(h, "x"));
	header_format(h, &again);
	ck_assert_int_eq(header_parse(span_of(again.at, again.len), &second, NULL), 0);
	ck_assert_uint_eq(second->count, 2);
}
END_TEST

START_TEST(header_parse__refuses_unsafe_files_and_says_which)
{
	static const struct {
		const char *file;
		const char *words;
	} rows[] = {{"{\"filename\":\"..\",\"sha256\":\"" D1 "\",\"size\":1}", "path"},
		{"{\"filename\":\"a/b\",\"sha256\":\"" D1 "\",\"size\":1}", "filename"},
		{"{\"filename\":\"\",\"sha256\":\"" D1 "\",\"size\":1}", "path"},
		{"{\"filename\":\"a\",\"path\":\"/etc\",\"sha256\":\"" D1 "\",\"size\":1}", "path"},
		{"{\"filename\":\"a\",\"path\":\"x/../y\",\"sha256\":\"" D1 "\",\"size\":1}",
			"path"},
		{"{\"filename\":\"a\",\"path\":\"x//y\",\"sha256\":\"" D1 "\",\"size\":1}", "path"},
		{"{\"filename\":\"a\",\"path\":7,\"sha256\":\"" D1 "\",\"size\":1}", "field path"},
		{"{\"filename\":\"a\\u0007\",\"sha256\":\"" D1 "\",\"size\":1}", "path"},
		{"{\"filename\":\"a\\u0085\",\"sha256\":\"" D1 "\",\"size\":1}", "path"},
		{"{\"filename\":\"a\\u202Egnp.exe\",\"sha256\":\"" D1 "\",\"size\":1}", "path"},
		{"{\"filename\":\"a\\u0000b\",\"sha256\":\"" D1 "\",\"size\":1}", "JSON"},
		{"{\"filename\":\"a\",\"sha256\":\"" D1 "0\",\"size\":1}", "sha256"},
		{"{\"filename\":\"a\",\"sha256\":\"X\",\"size\":1}", "sha256"},
		{"{\"filename\":\"a\",\"sha256\":\"" D1 "\",\"size\":-1}", "size"},
		{"{\"filename\":\"a\",\"sha256\":\"" D1 "\",\"size\":1099511627777}", "size"},
		{"{\"filename\":\"a\",\"sha256\":\"" D1 "\",\"size\":1.5}", "size"},
		{"{\"filename\":\"a\",\"sha256\":\"" D1 "\",\"size\":1,\"executable\":1}",
			"executable"},
		{"{\"filename\":\"a\",\"sha256\":\"" D1 "\"}", "size"}, {"7", "filename"},
		{"{\"filename\":\"p/p/p/p/p/p/p/p/p/p/p/p/p/p/p/p/p\",\"sha256\":\"" D1
		 "\",\"size\":1}",
			"filename"},
		{"{\"filename\":\"a\",\"path\":\"p/p/p/p/p/p/p/p/p/p/p/p/p/p/p/p\",\"sha256\":\"" D1
		 "\",\"size\":1}",
			"path"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *json = with_files(rows[i].file);
		struct header *h = NULL;
		struct err e;

		ck_assert_msg(header_parse(unit_text(json), &h, &e) == -1, "%s", rows[i].file);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_msg(
			strstr(e.text, rows[i].words) != NULL, "%s: %s", rows[i].file, e.text);
	}
}
END_TEST

#define FILE_AT(path, digest, size)                                                                \
	"{\"filename\":\"" path "\",\"sha256\":\"" digest "\",\"size\":" size "}"
#define FILE_IN(dir, path, digest)                                                                 \
	"{\"filename\":\"" path "\",\"path\":\"" dir "\",\"sha256\":\"" digest "\",\"size\":1}"

START_TEST(header_parse__refuses_contradicting_files)
{
	static const char *const rows[] = {FILE_AT("a", D1, "1") "," FILE_AT("a", D2, "1"),
		FILE_AT("a", D1, "1") "," FILE_AT("a-b", D1, "1") "," FILE_IN("a", "c", D1),
		FILE_AT("a", D1, "1") "," FILE_AT("b", D1, "2")};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *json = with_files(rows[i]);
		struct header *h = NULL;
		struct err e;

		ck_assert_msg(header_parse(unit_text(json), &h, &e) == -1, "%zu", i);
		ck_assert_int_eq(e.code, ERR_INPUT);
	}
}
END_TEST

START_TEST(header_parse__refuses_a_title_that_steers_a_terminal)
{
	static const char *const titles[] = {"\\u001b[2J", "a\\nb", "\\u009b2J", "\\u202e"};

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		AUTO_FREE char *json = mem_printf("{\"cookie\":\"00000005\",\"files\":[],"
						  "\"title\":\"%s\",\"type\":\"t\",\"version\":5}",
			titles[i]);
		AUTO_HEADER struct header *h = NULL;
		struct err e = {0};

		ck_assert_int_eq(header_parse(unit_text(json), &h, &e), -1);
		ck_assert_ptr_nonnull(strstr(e.text, "field title"));
	}
}
END_TEST

START_TEST(header_parse__bounds_depth)
{
	AUTO_BUF struct buf json = {0};
	struct header *h = NULL;
	struct err e;

	for (int i = 0; i < 100000; i++)
		buf_add_string(&json, "{\"a\":");
	ck_assert_int_eq(header_parse(span_of(json.at, json.len), &h, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "nested"));
}
END_TEST

START_TEST(header_add__all_files_together_are_bounded)
{
	static const char deep[] = "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a";
	const uint64_t most = HEADER_FILE_BYTES_MAX;
	AUTO_HEADER struct header *h = header_new();
	char name[HEADER_COMPONENT_MAX + 2];
	struct header_file file = {.path = name, .size = most - 1};
	struct err e = {0};

	memset(name, 'a', sizeof(name));
	name[HEADER_COMPONENT_MAX + 1] = '\0';
	ck_assert_int_eq(header_add(h, &file, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	name[HEADER_COMPONENT_MAX] = '\0';
	ck_assert_int_eq(header_add(h, &file, NULL), 0);
	file.size = 2;
	name[0] = 'b';
	ck_assert_int_eq(header_add(h, &file, &e), -1);
	ck_assert_int_eq(e.code, ERR_LIMIT);
	file.size = 1;
	ck_assert_int_eq(header_add(h, &file, NULL), 0);
	ck_assert_uint_eq(h->bytes, most);
	/* However much one of them is. */
	file.size = most + 1;
	h->bytes = 0;
	ck_assert_int_eq(header_add(h, &file, NULL), -1);
	file.size = UINT64_MAX;
	ck_assert_int_eq(header_add(h, &file, NULL), -1);
	/* 16 components, as long as they may be. */
	file.size = 0;
	file.path = mem_string(deep + 2);
	ck_assert_int_eq(header_add(h, &file, NULL), 0);
	free(file.path);
	file.path = mem_string(deep);
	ck_assert_int_eq(header_add(h, &file, &e), -1);
	ck_assert_int_eq(e.code, ERR_INPUT);
	free(file.path);
	/* And so many of them. */
	file.path = name;
	while (h->count < HEADER_FILES_MAX)
		ck_assert_int_eq(header_add(h, &file, NULL), 0);
	ck_assert_int_eq(header_add(h, &file, &e), -1);
	ck_assert_int_eq(e.code, ERR_LIMIT);
}
END_TEST

START_TEST(header_parse__no_document_is_longer_than_any_header)
{
	AUTO_FREE char *json = mem_new(HEADER_BYTES_MAX + 1, 1);
	struct header *h = NULL;
	struct err e = {0};

	for (size_t more = 0; more <= 1; more++) {
		memset(json, ' ', HEADER_BYTES_MAX + 1);
		ck_assert_int_eq(header_parse(span_of(json, HEADER_BYTES_MAX + more), &h, &e), -1);
		ck_assert_int_eq(e.code, more ? ERR_LIMIT : ERR_INPUT);
	}
}
END_TEST

START_TEST(header_parse_of__is_of_the_version_that_was_asked_for)
{
	AUTO_FREE char *json = with_files("");
	static const struct {
		struct ident ident;
		int result;
	} rows[] = {{{"t", {5, "96c7329d"}}, 0}, {{"u", {5, "96c7329d"}}, -1},
		{{"t", {6, "96c7329d"}}, -1}, {{"t", {5, "96c7329e"}}, -1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_HEADER struct header *h = NULL;
		struct err e = {0};

		ck_assert_int_eq(
			header_parse_of(unit_text(json), &rows[i].ident, &h, &e), rows[i].result);
		ck_assert_int_eq(e.code, rows[i].result == 0 ? ERR_NONE : ERR_INPUT);
		ck_assert((h != NULL) == (rows[i].result == 0));
	}
	ck_assert_int_eq(header_parse_of(unit_text("{"), &rows[0].ident, NULL, NULL), -1);
}
END_TEST

START_TEST(header_format__is_read_back_as_it_was)
{
	AUTO_FREE char *json = with_files(FILE_IN("x/y", "a",
		D1) ","
		    "{\"filename\":\"b\",\"sha256\":\"" D2 "\",\"size\":7,\"executable\":true},"
		    "{\"filename\":\"c\",\"sha256\":\"" D2 "\",\"size\":7,\"executable\":false}");
	AUTO_HEADER struct header *h = NULL;
	AUTO_BUF struct buf text = {0};

	ck_assert_int_eq(header_parse(unit_text(json), &h, NULL), 0);
	header_format(h, &text);
	ck_assert_str_eq(text.at,
		"{\"cookie\":\"96c7329d\",\"files\":["
		"{\"executable\":true,\"filename\":\"b\",\"sha256\":\"" D2 "\",\"size\":7},"
		"{\"filename\":\"c\",\"sha256\":\"" D2 "\",\"size\":7},"
		"{\"filename\":\"a\",\"path\":\"x/y\",\"sha256\":\"" D1 "\",\"size\":1}],"
		"\"title\":\"T\",\"type\":\"t\",\"version\":5}\n");
}
END_TEST

START_TEST(header_cookie__is_the_documented_digest)
{
	AUTO_FREE char *json = with_files(FILE_AT("b", D2, "7") "," FILE_AT("a", D1, "1"));
	AUTO_HEADER struct header *h = NULL;
	char cookie[IDENT_COOKIE + 1];

	ck_assert_int_eq(header_parse(unit_text(json), &h, NULL), 0);
	header_cookie(h, cookie);
	/* printf '<D1> 1 a\n<D2> 7 b\n' | sha256sum | cut -c1-8 */
	ck_assert_str_eq(cookie, "f032dbbe");
}
END_TEST

START_TEST(header_blobs__are_distinct_and_found)
{
	AUTO_FREE char *json = with_files(
		FILE_AT("b", D2, "1") "," FILE_AT("a", D1, "1") "," FILE_AT("c", D2, "1"));
	AUTO_HEADER struct header *h = NULL;
	AUTO_FREE const struct header_file **contents = NULL;
	struct digest absent = {{0}};
	size_t count;

	ck_assert_int_eq(header_parse(unit_text(json), &h, NULL), 0);
	contents = header_blobs(h, &count);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(header_blob_find(contents, count, &contents[1]->digest), 1);
	ck_assert_uint_eq(header_blob_find(contents, count, &absent), count);
}
END_TEST

void
header_tests(TCase *c)
{
	tcase_add_test(c, header_parse__reads_what_the_protocol_shows);
	tcase_add_test(c, header_parse__refuses_unsafe_files_and_says_which);
	tcase_add_test(c, header_parse__refuses_contradicting_files);
	tcase_add_test(c, header_parse__refuses_a_title_that_steers_a_terminal);
	tcase_add_test(c, header_parse__bounds_depth);
	tcase_add_test(c, header_add__all_files_together_are_bounded);
	tcase_add_test(c, header_parse__no_document_is_longer_than_any_header);
	tcase_add_test(c, header_parse_of__is_of_the_version_that_was_asked_for);
	tcase_add_test(c, header_format__is_read_back_as_it_was);
	tcase_add_test(c, header_cookie__is_the_documented_digest);
	tcase_add_test(c, header_blobs__are_distinct_and_found);
}
