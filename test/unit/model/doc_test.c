/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/doc.h"

#include "unit.h"

static int
add(void *context, const json_t *element, struct err *e)
{
	(void)element;
	(void)e;
	++*(int *)context;
	return 0;
}

/* -1: refused; else how many elements the list had. */
static int
parse_list(struct span json, struct err *e)
{
	int count = 0;
	struct doc_list list = {"list", "element", add, &count, false};
	AUTO_DOC json_t *doc = doc_parse_list(json, &list, e);

	return doc != NULL ? count : -1;
}

START_TEST(doc_parse_list__takes_what_doc_parse_takes_and_nothing_else)
{
	static const struct {
		const char *json;
		int count; /* -1: refused by both */
	} rows[] = {{"{}", 0}, {" \t\r\n{ \"list\" : [ ] } \n", 0},
		{"{\"list\":[1,{},[[]],\"]\"]}", 4},
		{"{\"a\":1,\"list\":[1],\"b\":{\"list\":[1,2]}}", 1}, {"{\"list\":5}", 0},
		{"{\"li\\u0073t\":[1,2]}", 2}, {"{\"list\":[1.5e3,-0,true,null]}", 4},
		{"{\"list\":[12345678901]}", 1}, {"", -1}, {"{", -1}, {"}", -1}, {"[]", -1},
		{"{}x", -1}, {"{}{}", -1}, {"{\"list\":[1 2]}", -1}, {"{\"list\":[1,]}", -1},
		{"{\"list\":[,1]}", -1}, {"{\"list\":[1}", -1}, {"{\"list\":[1", -1},
		{"{\"list\":[}]}", -1}, {"{\"list\":[1]]}", -1}, {"{\"list\":[],}", -1},
		{"{,\"list\":[]}", -1}, {"{\"list\" []}", -1}, {"{list:[]}", -1},
		{"{\"list\":[],\"list\":[]}", -1}, {"{\"list\":1,\"list\":[]}", -1},
		{"{\"list\":[],\"list\":1}", -1}, {"{\"a\":1,\"\\u0061\":1}", -1},
		{"{\"list\":[{\"a\":1,\"a\":2}]}", -1}, {"{\"list\":[01]}", -1},
		{"{\"list\":[\"\\u0000\"]}", -1}, {"{\"list\":[\"\xff\"]}", -1},
		{"{\"\xff\":[]}", -1}, {"{\"list\":[tru]}", -1}, {"{\"list\":[\"a]}", -1},
		{"{\"a\\u0000b\":1}", -1}, {"{\"list\":[99999999999999999999]}", -1},
		{"{\"a\":\"[[[[[[[[[[[[[[[[[[[[\"}", 0}, {"{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[\"}", 0},
		{"{\"a\":[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]}", 0},
		{"{\"a\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}", 0},
		{"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
		 "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}}}}}}}}}",
			-1},
		{"\xef\xbb\xbf{}", -1}, {"{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}", 0},
		{"{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", -1},
		{"{\"list\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", -1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};
		AUTO_DOC json_t *doc = doc_parse(unit_text(rows[i].json), &e);

		ck_assert_msg((doc != NULL) == (rows[i].count >= 0), "%s", rows[i].json);
		ck_assert_int_eq(e.code, rows[i].count < 0 ? ERR_INPUT : ERR_NONE);
		e.code = ERR_NONE;
		ck_assert_msg(parse_list(unit_text(rows[i].json), &e) == rows[i].count, "%s: %s",
			rows[i].json, e.text);
		ck_assert_int_eq(e.code, rows[i].count < 0 ? ERR_INPUT : ERR_NONE);
	}
	/* A NUL in the bytes is no blank. */
	ck_assert_int_eq(parse_list(span_of("{}\0", 3), NULL), -1);
	ck_assert_int_eq(parse_list(span_of("{\0}", 3), NULL), -1);
}
END_TEST

/* A string of len bytes with its quotes, between two texts. */
static void
put_long(struct buf *b, const char *before, size_t len, const char *after)
{
	buf_clear(b);
	buf_add_string(b, before);
	for (size_t i = 0; i < len; i++)
		buf_add_string(b, i == 0 || i + 1 == len ? "\"" : "x");
	buf_add_string(b, after);
}

START_TEST(doc_parse_list__bounds_values_and_members)
{
	static const char *const before[] = {"{\"list\":[", "{\"a\":", "{"};
	static const char *const after[] = {"]}", "}", ":1}"};
	AUTO_BUF struct buf b = {0};

	for (int i = 0; i < 3; i++) {
		struct err e = {0};

		put_long(&b, before[i], DOC_VALUE_BYTES_MAX, after[i]);
		ck_assert_msg(parse_list(span_of(b.at, b.len), &e) >= 0, "%d: %s", i, e.text);
		put_long(&b, before[i], DOC_VALUE_BYTES_MAX + 1, after[i]);
		ck_assert_int_eq(parse_list(span_of(b.at, b.len), &e), -1);
		ck_assert_int_eq(e.code, ERR_LIMIT);
	}
	for (int members = DOC_MEMBERS_MAX; members <= DOC_MEMBERS_MAX + 1; members++) {
		struct err e = {0};

		buf_clear(&b);
		for (int i = 0; i < members; i++)
			buf_printf(&b, "%s\"m%d\":1", i == 0 ? "{" : ",", i);
		buf_add_string(&b, "}");
		ck_assert_int_eq(
			parse_list(span_of(b.at, b.len), &e), members > DOC_MEMBERS_MAX ? -1 : 0);
		ck_assert_int_eq(e.code, members > DOC_MEMBERS_MAX ? ERR_LIMIT : ERR_NONE);
	}
}
END_TEST

/* Nines across the place where what jansson is given ends: never a shorter number. */
START_TEST(doc_parse_list__cuts_no_number)
{
	AUTO_BUF struct buf b = {0};
	struct err e = {0};

	buf_add_string(&b, "{\"list\":[1.");
	for (int i = 0; i < DOC_VALUE_BYTES_MAX; i++)
		buf_add_string(&b, "9");
	buf_add_string(&b, "]}");
	ck_assert_int_eq(parse_list(span_of(b.at, b.len), &e), -1);
}
END_TEST

START_TEST(doc_text_plain__has_nothing_that_steers_a_terminal_or_a_line)
{
	static const char *const good[] = {"", "a b/c", "Gr\xc3\xb6\xc3\x9f", "\xc2\xa0",
		"\xe6\x97\xa5", "\xf0\x9f\x98\x80", "\xe2\x80\x8d", "\xe2\x80\x90", "\xe2\x81\xaa"};
	static const char *const bad[] = {"a\n", "\t", "\x7f", "\xc2\x80", "x\xc2\x9f", "\xd8\x9c",
		"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xae", "\xe2\x81\xa6",
		"\xe2\x81\xa9", "\xff", "\xc2", "\xe2\x80"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(doc_text_plain(good[i]), "good %zu", i);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!doc_text_plain(bad[i]), "bad %zu", i);
}
END_TEST

START_TEST(doc_number__a_whole_number_within_its_range)
{
	static const struct {
		const char *json;
		bool good;
	} rows[] = {{"{\"n\":2}", true}, {"{\"n\":1}", false}, {"{\"n\":5}", true},
		{"{\"n\":6}", false}, {"{\"n\":-3}", false}, {"{\"n\":3.0}", false},
		{"{\"n\":\"3\"}", false}, {"{\"n\":true}", false}, {"{\"m\":3}", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_DOC json_t *doc = doc_parse(unit_text(rows[i].json), NULL);
		uint64_t n = 0;
		struct err e = {0};

		ck_assert_msg(doc_number(doc, "n", 2, 5, &n, &e) == (rows[i].good ? 0 : -1), "%s",
			rows[i].json);
		ck_assert_int_eq(e.code, rows[i].good ? ERR_NONE : ERR_INPUT);
		ck_assert_uint_eq(n, !rows[i].good ? 0 : i == 0 ? 2 : 5);
	}
}
END_TEST

START_TEST(doc_ident__has_all_three_or_says_which_is_wrong)
{
	static const struct {
		const char *json;
		const char *words; /* NULL: it is right */
	} rows[] = {{"{\"type\":\"t\",\"cookie\":\"00000005\",\"version\":5}", NULL},
		{"{\"cookie\":\"00000005\",\"version\":5}", "field type: a string"},
		{"{\"type\":\"t\",\"version\":5}", "field cookie: a string"},
		{"{\"type\":\"t\",\"cookie\":5,\"version\":5}", "field cookie: a string"},
		{"{\"type\":\"t\",\"cookie\":\"00000005\"}", "field version"},
		{"{\"type\":\"t\",\"cookie\":\"00000005\",\"version\":0}", "field version"},
		{"{\"type\":\"T\",\"cookie\":\"00000005\",\"version\":5}", "field type: not"},
		{"{\"type\":\"t\",\"cookie\":\"0000000X\",\"version\":5}", "field cookie: 8"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_DOC json_t *doc = doc_parse(unit_text(rows[i].json), NULL);
		struct ident ident;
		struct err e = {0};

		ck_assert_int_eq(doc_ident(doc, &ident, &e), rows[i].words == NULL ? 0 : -1);
		ck_assert_int_eq(e.code, rows[i].words == NULL ? ERR_NONE : ERR_INPUT);
		if (rows[i].words != NULL)
			ck_assert_msg(strstr(e.text, rows[i].words) != NULL, "%s", e.text);
		else
			ck_assert(ident_equal(&ident, &(struct ident){"t", {5, "00000005"}}));
	}
}
END_TEST

void
doc_tests(TCase *c)
{
	tcase_add_test(c, doc_number__a_whole_number_within_its_range);
	tcase_add_test(c, doc_ident__has_all_three_or_says_which_is_wrong);
	tcase_add_test(c, doc_parse_list__takes_what_doc_parse_takes_and_nothing_else);
	tcase_add_test(c, doc_parse_list__bounds_values_and_members);
	tcase_add_test(c, doc_text_plain__has_nothing_that_steers_a_terminal_or_a_line);
	tcase_add_test(c, doc_parse_list__cuts_no_number);
}
