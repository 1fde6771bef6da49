/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why something goes or stays, and how many bytes have to go. */
#include <stdio.h>

#include "model/retention.h"
#include "unit.h"

/* 't' of version 3: its kind, and its base if it is a difference. */
static void
add(struct records *list, uint64_t version, char kind, uint64_t base)
{
	struct record r = {.ident = {"t", {version, "00000000"}},
		.base = {base, ""},
		.format = FORMAT_AR2,
		.ref.bytes = 10};

	r.kind = kind == 'h' ? RECORD_HEADER : kind == 'c' ? RECORD_CONTENT : RECORD_ARCHIVE;
	if (base > 0)
		(void)snprintf(r.base.cookie, sizeof(r.base.cookie), "00000000");
	records_add(list, &r);
}

START_TEST(retention_decide__says_why)
{
	static const struct {
		const char *records; /* version and kind; a difference is from 1 */
		const char *busy;
		size_t versions;
		uint64_t excess;
		enum retention_verb verb;
		enum retention_reason reason; /* of each action, and how many there are */
		size_t count;
	} rows[] = {{"4h3h", "  ", 1, 0, RETENTION_REMOVE, RETENTION_TOO_MANY, 1},
		{"4h3h", " !", 1, 0, RETENTION_SPARE, RETENTION_IN_USE, 1},
		{"4c3c", "  ", 9, 0, RETENTION_REMOVE, RETENTION_OLDER_CONTENT, 1},
		{"4c3f2f2d", "    ", 9, 0, RETENTION_REMOVE, RETENTION_OLDER_FULL, 1},
		{"4f4d", "  ", 9, 5, RETENTION_REMOVE, RETENTION_LEAST_RECENT, 1},
		{"4f3h", "  ", 9, 5, RETENTION_REMOVE, RETENTION_UNSERVED, 1},
		{"4h3f", "  ", 1, 0, RETENTION_SPARE, RETENTION_SOLE_CONTENT, 2}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct records records = {0};
		AUTO_TALLY struct tally tally = {0};
		struct retention_actions actions = {0};
		bool busy[4] = {0};

		for (size_t r = 0; r < strlen(rows[i].busy); r++) {
			struct archive_ref file = {.id.byte = {(uint8_t)(1 + r)}, .bytes = 10};
			char kind = rows[i].records[2 * r + 1];

			add(&records, (uint64_t)(rows[i].records[2 * r] - '0'), kind, kind == 'd');
			busy[r] = rows[i].busy[r] == '!';
			tally_add(&tally, r, records.at[r].kind, &file);
		}
		(void)tally_total(&tally);
		retention_decide(&(struct retention_facts){.records = &records,
					 .busy = busy,
					 .versions = rows[i].versions,
					 .excess_bytes = rows[i].excess,
					 .tally = &tally},
			&actions);
		ck_assert_msg(actions.count == rows[i].count, "row %zu: %zu", i, actions.count);
		ck_assert_int_eq(actions.at[actions.count - 1].verb, rows[i].verb);
		for (size_t a = 0; a < actions.count; a++)
			ck_assert_int_eq(actions.at[a].reason, rows[i].reason);
		retention_actions_free(&actions);
		records_free(&records);
	}
}
END_TEST

START_TEST(retention_reason_text__each_has_its_own)
{
	for (int a = RETENTION_SOLE_CONTENT; a <= RETENTION_UNSERVED; a++)
		for (int b = RETENTION_SOLE_CONTENT; b < a; b++)
			ck_assert_str_ne(retention_reason_text((enum retention_reason)a),
				retention_reason_text((enum retention_reason)b));
	ck_assert_str_eq(retention_reason_text(RETENTION_IN_USE), "it is being sent or used");
	ck_assert_str_eq(retention_reason_text(RETENTION_TOO_MANY), "more versions than are kept");
}
END_TEST

START_TEST(retention_excess_bytes__is_the_larger_of_two_demands)
{
	static const struct {
		struct retention_room room; /* cache, wanted, max, free of the disk, left of it */
		uint64_t excess;
	} rows[] = {{{100, 10, 110, 5, 15}, 0}, {{101, 10, 110, 5, 15}, 1},
		{{100, 11, 110, 5, 16}, 1}, {{101, 10, 0, 5, 15}, 0}, {{100, 10, 110, 6, 15}, 1},
		{{100, 10, 110, 5, 14}, 1}, {{105, 10, 110, 5, 12}, 5}, {{102, 10, 110, 5, 11}, 4},
		{{0, 0, 0, 0, 0}, 0}, {{0, 1, 0, 0, 0}, 1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(
			retention_excess_bytes(&rows[i].room) == rows[i].excess, "row %zu", i);
	ck_assert_uint_eq(retention_min_free_bytes(100, 1000), 100);
	ck_assert_uint_eq(retention_min_free_bytes(101, 1000), 100);
	ck_assert_uint_eq(retention_min_free_bytes(99, 1000), 99);
}
END_TEST

void
retention_reason_tests(TCase *c)
{
	tcase_add_test(c, retention_decide__says_why);
	tcase_add_test(c, retention_reason_text__each_has_its_own);
	tcase_add_test(c, retention_excess_bytes__is_the_larger_of_two_demands);
}
