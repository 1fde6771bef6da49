/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/page.h"

#include "unit.h"

#define EVIL "</td><script>alert(1)</script>\\\" onload='x' & co"

static const char evil[] =
	"{\"time\":2000000000,\"started\":1999999998,\"version\":\"" EVIL "\",\"state\":\"bad\","
	"\"reasons\":[{\"text\":\"" EVIL "\",\"section\":\"types\"}],"
	"\"types\":[{\"type\":\"" EVIL "\",\"version\":1999999999,\"kept\":3,\"bytes\":12345678,"
	"\"served\":0}],"
	"\"jobs\":[{\"name\":\"" EVIL "\",\"running\":true,\"have\":5,\"total\":10,\"rate\":1}],"
	"\"upstreams\":[{\"url\":\"" EVIL "\",\"state\":\"" EVIL "\",\"good\":1999920000}],"
	"\"disk\":{\"free\":999,\"bytes\":1000,\"cache\":1500},"
	"\"integrity\":{\"signed_until\":2000086400},"
	"\"settings\":[{\"name\":\"" EVIL "\",\"value\":\"" EVIL "\",\"from\":\"" EVIL "\"}]}";

static size_t
count(const char *text, const char *part)
{
	size_t found = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
		found++;
	return found;
}

START_TEST(page_print__what_is_from_outside_is_text)
{
	AUTO_BUF struct buf text = {0};
	AUTO_DOC json_t *status = doc_parse(unit_text(evil), NULL);

	ck_assert_ptr_nonnull(status);
	page_print(status, &text);
	ck_assert_ptr_null(strstr(text.at, "alert(1)</script>"));
	ck_assert_ptr_null(strstr(text.at, "onload='x'"));
	ck_assert_uint_eq(count(text.at, "&lt;script&gt;alert(1)&lt;/script&gt;"), 9);
	ck_assert_uint_eq(count(text.at, "<script"), 1);
	/* What is opened is closed. */
	ck_assert_uint_eq(count(text.at, "<td"), count(text.at, "</td>"));
	ck_assert_uint_eq(count(text.at, "<tr>"), count(text.at, "</tr>"));
	ck_assert_uint_eq(count(text.at, "<section"), count(text.at, "</section>"));
	ck_assert_uint_eq(count(text.at, "<dd>"), count(text.at, "</dd>"));
}
END_TEST

START_TEST(page_print__figures_have_units_and_ages)
{
	AUTO_BUF struct buf text = {0};
	AUTO_DOC json_t *status = doc_parse(unit_text(evil), NULL);

	page_print(status, &text);
	ck_assert_ptr_nonnull(strstr(text.at, "Somebody must act"));
	ck_assert_ptr_nonnull(strstr(text.at, "As of 2033-05-18T03:33:20Z"));
	ck_assert_ptr_nonnull(strstr(text.at, ">2 s ago</time>"));
	ck_assert_ptr_nonnull(strstr(text.at, ">1 s ago</time>"));
	ck_assert_ptr_nonnull(strstr(text.at, ">22 h ago</time>"));
	ck_assert_ptr_nonnull(strstr(text.at, ">in 24 h</time>"));
	ck_assert_ptr_nonnull(strstr(text.at, ">never</span>"));
	ck_assert_ptr_nonnull(strstr(text.at, ">12.3 MB<"));
	ck_assert_ptr_nonnull(strstr(text.at, ">999 B<"));
	ck_assert_ptr_nonnull(strstr(text.at, ">1.5 kB<"));
	ck_assert_ptr_nonnull(strstr(text.at, "value=\"5\" max=\"10\""));
}
END_TEST

void
page_tests(TCase *c)
{
	tcase_add_test(c, page_print__what_is_from_outside_is_text);
	tcase_add_test(c, page_print__figures_have_units_and_ages);
}
