/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/wire.h"
#include "unit.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

START_TEST(wire_query__is_read_and_written_sorted)
{
	AUTO_IDENTS struct idents list = {0};
	AUTO_BUF struct buf text = {0};

	ck_assert_int_eq(
		wire_query_parse(
			unit_text("{\"updates\":[{\"cookie\":\"96c7329d\",\"type\":"
				  "\"sense-firmware\",\"version\":1554196376},"
				  "{\"type\":\"a\",\"cookie\":\"00000000\",\"version\":1}]}"),
			&list, NULL),
		0);
	ck_assert_uint_eq(list.count, 2);
	ck_assert_ptr_nonnull(idents_find(&list, "sense-firmware"));
	ck_assert_ptr_null(idents_find(&list, "sense"));
	wire_query_format(&list, &text);
	ck_assert_str_eq(text.at,
		"{\"updates\":[{\"cookie\":\"00000000\",\"type\":\"a\",\"version\":1},"
		"{\"cookie\":\"96c7329d\",\"type\":\"sense-firmware\",\"version\":1554196376}]}\n");
}
END_TEST

START_TEST(wire_query__refuses_what_it_cannot_believe)
{
	static const char *const rows[] = {"", "x", "[]", "{}", "{\"updates\":{}}",
		"{\"updates\":[{}]}",
		"{\"updates\":[{\"type\":\"A\",\"cookie\":\"00000000\",\"version\":1}]}",
		"{\"updates\":[{\"type\":\"a\",\"cookie\":\"0000000\",\"version\":1}]}",
		"{\"updates\":[{\"type\":\"a\",\"cookie\":\"00000000\",\"version\":0}]}",
		"{\"updates\":[{\"type\":\"a\",\"cookie\":\"00000000\",\"version\":"
		"9007199254740992}]}",
		"{\"updates\":[{\"type\":\"a\",\"cookie\":\"00000000\",\"version\":1},"
		"{\"type\":\"a\",\"cookie\":\"00000000\",\"version\":2}]}",
		"{\"updates\":[],\"updates\":[]}"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct idents list;
		struct err e;

		ck_assert_msg(wire_query_parse(unit_text(rows[i]), &list, &e) == -1, "%s", rows[i]);
		ck_assert_int_eq(e.code, ERR_INPUT);
		ck_assert_ptr_null(list.at);
	}
}
END_TEST

START_TEST(wire_inventory__any_other_body_asks_for_everything)
{
	struct inventory inventory;

	wire_inventory_parse(unit_text("nonsense"), &inventory);
	ck_assert(!inventory.filter);
	wire_inventory_parse(unit_text("{\"client\":\"c\",\"updates\":[{}]}"), &inventory);
	ck_assert(!inventory.filter);
	ck_assert_str_eq(inventory.client, "c");
	wire_inventory_parse(unit_text("{\"updates\":[]}"), &inventory);
	ck_assert(inventory.filter);
	ck_assert_str_eq(inventory.client, "");
}
END_TEST

START_TEST(wire_offer__keeps_both_formats)
{
	static const char json[] = "{\"guts2ar1\":{\"id\":\"" ID "_archive\",\"size\":16706369},"
				   "\"guts2ar2\":{\"id\":\"" ID "_archive\",\"size\":8}}\n";
	AUTO_BUF struct buf text = {0};
	struct offer offer;

	ck_assert_int_eq(wire_offer_parse(unit_text(json), &offer, NULL), 0);
	ck_assert_uint_eq(offer.archive[FORMAT_AR1].bytes, 16706369);
	ck_assert_uint_eq(offer.archive[FORMAT_AR2].bytes, 8);
	wire_offer_format(&offer, &text);
	ck_assert_str_eq(text.at, json);
}
END_TEST

START_TEST(wire_offer__refuses_bad_ids_and_sizes)
{
	static const char *const rows[] = {"{}",
		"{\"guts2ar3\":{\"id\":\"" ID "_archive\",\"size\":1}}",
		"{\"guts2ar1\":{\"id\":\"" ID "\",\"size\":1}}",
		"{\"guts2ar1\":{\"id\":\"../../x_archive\",\"size\":1}}",
		"{\"guts2ar1\":{\"id\":\"" ID "_archive\",\"size\":0}}",
		"{\"guts2ar1\":{\"id\":\"" ID "_archive\",\"size\":1099511627777}}",
		"{\"guts2ar1\":{\"id\":\"" ID "_archive\"}}", "{\"guts2ar1\":7}",
		"{\"guts2ar1\":{\"id\":\"" ID "_archive\",\"size\":1},\"guts2ar2\":{}}"};
	struct offer offer;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e;

		ck_assert_msg(
			wire_offer_parse(unit_text(rows[i]), &offer, &e) == -1, "%s", rows[i]);
		ck_assert_int_eq(e.code, ERR_INPUT);
	}
}
END_TEST

START_TEST(wire_inventory_format__leaves_out_a_name_that_is_no_text)
{
	AUTO_BUF struct buf text = {0};

	wire_inventory_format("c\xff", NULL, &text);
	ck_assert_str_eq(text.at, "{}\n");
	buf_clear(&text);
	wire_inventory_format("c", NULL, &text);
	ck_assert_str_eq(text.at, "{\"client\":\"c\"}\n");
}
END_TEST

void
wire_tests(TCase *c)
{
	tcase_add_test(c, wire_inventory_format__leaves_out_a_name_that_is_no_text);
	tcase_add_test(c, wire_query__is_read_and_written_sorted);
	tcase_add_test(c, wire_query__refuses_what_it_cannot_believe);
	tcase_add_test(c, wire_inventory__any_other_body_asks_for_everything);
	tcase_add_test(c, wire_offer__keeps_both_formats);
	tcase_add_test(c, wire_offer__refuses_bad_ids_and_sizes);
}
