/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/status_judge.h"

#include "base/mem.h"
#include "unit.h"

/* A server that is well, with a member changed. */
static json_t *
status(const char *name, const char *value)
{
	static const char well[] =
		"{\"time\":2000000000,\"started\":1999000000,\"ready\":true,\"announced\":true,"
		"\"types\":[{\"version\":1999990000},{\"version\":7}],"
		"\"upstreams\":[{\"state\":\"answers\",\"good\":1999999999},"
		"{\"state\":\"unasked\",\"good\":0}],"
		"\"disk\":{\"free\":10,\"free_min\":10},\"integrity\":{\"signed_until\":null}}";
	json_t *ret = doc_parse(unit_text(well), NULL);
	AUTO_FREE char *more = mem_printf("{\"%s\":%s}", name, value);
	AUTO_DOC json_t *change = doc_parse(unit_text(more), NULL);

	ck_assert_ptr_nonnull(ret);
	ck_assert_msg(change != NULL, "%s", more);
	ck_assert_int_eq(json_object_update(ret, change), 0);
	return ret;
}

START_TEST(status_judge__what_is_wrong_has_a_reason)
{
	static const struct {
		const char *name, *value, *state, *reason, *section;
	} rows[] = {
		{"ready", "true", "good", NULL, NULL},
		{"ready", "false", "attention", "the server ends", "program"},
		{"hold", "{\"at\":1,\"by\":\"user 0\",\"why\":\"a bad one\"}", "attention",
			"nothing newer is announced: held by user 0: a bad one", "program"},
		{"events", "[{\"event\":\"damaged\",\"last\":1999999880}]", "attention",
			"the log has damaged, last 2 min ago", "events"},
		{"events", "[]", "good", NULL, NULL},
		{"announced", "false", "bad", "no upstream has said yet what there is",
			"upstreams"},
		{"types", "[{\"version\":1999913600},{\"version\":1999913601}]", "attention",
			"1 of 2 types are older than 24 hours", "types"},
		{"types", "[]", "good", NULL, NULL},
		{"upstreams", "[{\"state\":\"fails\",\"good\":1999999000}]", "attention",
			"no upstream answers as it should; what is here is served", "upstreams"},
		{"upstreams", "[{\"state\":\"rests\",\"good\":1999913600}]", "bad",
			"no upstream answers as it should; what is here is served", "upstreams"},
		{"upstreams",
			"[{\"state\":\"untrusted\",\"good\":1},{\"state\":\"answers\",\"good\":1},"
			"{\"state\":\"unasked\",\"good\":0}]",
			"attention", "1 of 2 upstreams do not answer as they should", "upstreams"},
		{"upstreams", "[{\"state\":\"unasked\",\"good\":0}]", "good", NULL, NULL},
		{"disk", "{\"free\":9,\"free_min\":10}", "attention",
			"less of the disk is free than should be", "disk"},
		{"integrity", "{\"signed_until\":2000000001}", "good", NULL, NULL},
		{"integrity", "{\"signed_until\":2000000000}", "bad",
			"what is signed has expired: nothing new is taken", "integrity"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_DOC json_t *s = status(rows[i].name, rows[i].value);
		const json_t *reasons;
		const json_t *first;

		status_judge(s);
		reasons = json_object_get(s, "reasons");
		first = json_array_get(reasons, 0);
		ck_assert_msg(
			strcmp(json_string_value(json_object_get(s, "state")), rows[i].state) == 0,
			"row %zu", i);
		ck_assert_uint_eq(json_array_size(reasons), rows[i].reason != NULL);
		if (rows[i].reason == NULL)
			continue;
		ck_assert_str_eq(json_string_value(json_object_get(first, "text")), rows[i].reason);
		ck_assert_str_eq(
			json_string_value(json_object_get(first, "section")), rows[i].section);
	}
}
END_TEST

START_TEST(status_judge__the_worst_comes_first)
{
	AUTO_DOC json_t *s = status("disk", "{\"free\":9,\"free_min\":10}");

	(void)json_object_set_new(s, "announced", json_false());
	(void)json_object_set_new(s, "ready", json_false());
	status_judge(s);
	ck_assert_str_eq(json_string_value(json_object_get(s, "state")), "bad");
	ck_assert_uint_eq(json_array_size(json_object_get(s, "reasons")), 3);
	ck_assert_str_eq(json_string_value(json_object_get(
				 json_array_get(json_object_get(s, "reasons"), 0), "section")),
		"upstreams");
}
END_TEST

void
status_judge_tests(TCase *c)
{
	tcase_add_test(c, status_judge__what_is_wrong_has_a_reason);
	tcase_add_test(c, status_judge__the_worst_comes_first);
}
