/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/channels.h"

#include <string.h>

#include "unit.h"

static int
parse(const char *text, struct channels *ret, struct err *e)
{
	return channels_parse(span_of(text, strlen(text)), "FILE", ret, e);
}

START_TEST(channels_policy__the_most_specific_rule_that_says_something)
{
	static const struct {
		const char *type;
		bool enabled;
		uint64_t keep;
		bool prefetch;
		bool legacy;
	} rows[] = {{"a", true, 5, false, false}, {"linux-db", false, 7, false, true},
		{"linux-engine", false, 5, true, false}, {"linux", true, 5, false, false},
		{"zz", true, 5, false, true}};
	struct channels c;

	ck_assert_int_eq(
		parse("{\"legacy\":[\"zz\",\"linux-db\"],\"types\":{"
		      "\"*\":{\"enabled\":true,\"keep\":5},\"linux-*\":{\"enabled\":false},"
		      "\"linux-db\":{\"keep\":7,\"prefetch\":false},"
		      "\"linux-engin?\":{\"prefetch\":true}}}",
			&c, NULL),
		0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct channel_policy p = channels_policy(&c, rows[i].type);

		ck_assert_int_eq(p.enabled, rows[i].enabled);
		ck_assert_uint_eq(p.keep, rows[i].keep);
		ck_assert_int_eq(p.prefetch, rows[i].prefetch);
		ck_assert_int_eq(p.legacy, rows[i].legacy);
	}
	channels_free(&c);
	ck_assert_int_eq(parse("{}", &c, NULL), 0);
	ck_assert(channels_policy(&c, "a").enabled);
	ck_assert_uint_eq(channels_policy(&c, "a").keep, 0);
	channels_free(&c);
}
END_TEST

START_TEST(channels_parse__an_empty_file_says_nothing_of_any_type)
{
	static const char *const texts[] = {"", "\n", " \t\r\n \n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct channels c;

		ck_assert_msg(parse(texts[i], &c, NULL) == 0, "row %zu", i);
		ck_assert(channels_policy(&c, "a").enabled && !channels_policy(&c, "a").legacy);
		channels_free(&c);
	}
}
END_TEST

START_TEST(channels_policy__of_globs_of_one_length_the_first_by_its_bytes)
{
	struct channels c;

	ck_assert_int_eq(parse("{\"types\":{\"a?-*\":{\"keep\":2},\"a*-?\":{\"keep\":1},"
			       "\"ab-*\":{\"keep\":3},\"?b-c\":{\"prefetch\":true}}}",
				 &c, NULL),
		0);
	ck_assert_uint_eq(channels_policy(&c, "ab-c").keep, 1);
	ck_assert(channels_policy(&c, "ab-c").prefetch);
	ck_assert_uint_eq(channels_policy(&c, "ab-cd").keep, 2);
	channels_free(&c);
}
END_TEST

START_TEST(channels_parse__names_file_and_field)
{
	static const struct {
		const char *text;
		const char *words;
	} rows[] = {{" x", "FILE: not JSON"}, {"[]", "FILE: not a JSON object"},
		{"{\n\n,", "line 3"}, {"{\"a\":1}", "FILE: a: unknown"},
		{"{\n\"legacy\":[\"a\",\n\"b\",\n\"C\"]}", "FILE: legacy[2]: must be a type"},
		{"{\n\"legacy\":\"a\"}", "FILE: legacy: must be an array"},
		{"{\"types\":\n{\"a\":{},\n\"B\":{}}}", "FILE: types.B: must be a type or a glob"},
		{"{\"types\":{\"a\":[]}}", "types.a: must be an object"},
		{"{\"types\":{\"keep\":{\n\"keep\":{}}}}",
			"FILE: types.keep.keep: must be a whole"},
		{"{\"types\":{\"a\":{\"keep\":0}}}", "1 to 200"},
		{"{\"types\":{\"a\":{\"keep\":201}}}", "1 to 200"},
		{"{\"types\":{\"a\":{\"enabled\":1}}}", "types.a.enabled: must be true or false"},
		{"{\"types\":{\"b\":{\"x\":[{\"keep\":1}]}, \n\"a\":{\"x\":1}}}", "types."},
		{"{\"types\":{\"a\":{\"keep\":1},\"a\":{}}}", "duplicate"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct channels c;
		struct err e = {0};

		ck_assert_msg(parse(rows[i].text, &c, &e) == -1, "%s", rows[i].text);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_msg(
			strstr(e.text, rows[i].words) != NULL, "%s: %s", rows[i].text, e.text);
	}
}
END_TEST

void
channels_tests(TCase *c)
{
	tcase_add_test(c, channels_policy__the_most_specific_rule_that_says_something);
	tcase_add_test(c, channels_parse__an_empty_file_says_nothing_of_any_type);
	tcase_add_test(c, channels_policy__of_globs_of_one_length_the_first_by_its_bytes);
	tcase_add_test(c, channels_parse__names_file_and_field);
}
