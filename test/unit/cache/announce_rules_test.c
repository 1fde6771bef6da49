/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/announce_rules.h"

#include "unit.h"

enum { NOW_S = 1800000000, DAY_S = 86400 };

static const struct {
	uint64_t ahead_s, now_s;
	struct edition announced; /* version 0: not known */
	struct edition kept[2];
	struct edition new;
	uint64_t known;
	const char *refusal; /* a part of it; NULL: acceptable */
} rows[] = {
	{366L * DAY_S, NOW_S, {0}, {{0}}, {NOW_S, "00000001"}, 0, NULL},
	{366L * DAY_S, NOW_S, {0}, {{0}}, {NOW_S + 366L * DAY_S, "00000001"}, 0, NULL},
	{366L * DAY_S, NOW_S, {0}, {{0}}, {NOW_S + 366L * DAY_S + 1, "00000001"}, 0,
		"versionAheadMax"},
	{0, NOW_S, {0}, {{0}}, {1ULL << 52, "00000001"}, 0, NULL},
	/* a clock that was never set */
	{366L * DAY_S, 3600, {0}, {{0}}, {NOW_S, "00000001"}, 0, NULL},
	/* back, and forward */
	{366L * DAY_S, NOW_S, {200, "00000002"}, {{0}}, {100, "00000001"}, 200, "goes back"},
	{366L * DAY_S, NOW_S, {200, "00000002"}, {{0}}, {300, "00000003"}, 200, NULL},
	{366L * DAY_S, NOW_S, {200, "00000002"}, {{300, "00000003"}}, {250, "00000001"}, 300,
		"goes back"},
	/* what would be refused now is not known */
	{366L * DAY_S, NOW_S, {1ULL << 52, "00000002"}, {{0}}, {300, "00000003"}, 0, NULL},
	{366L * DAY_S, NOW_S, {1ULL << 52, "00000002"},
		{{1ULL << 51, "00000004"}, {100, "00000001"}}, {300, "00000003"}, 100, NULL},
	/* the same name for something else */
	{366L * DAY_S, NOW_S, {200, "00000002"}, {{0}}, {200, "00000009"}, 200,
		"announced version"},
	{366L * DAY_S, NOW_S, {100, "00000001"}, {{200, "00000002"}}, {200, "00000009"}, 200,
		"kept version"},
	/* also where it is not the newest that is kept */
	{366L * DAY_S, NOW_S, {100, "00000001"}, {{1ULL << 51, "00000004"}, {200, "00000002"}},
		{200, "00000009"}, 200, "kept version"},
	/* and the same name for the same */
	{366L * DAY_S, NOW_S, {200, "00000002"}, {{0}}, {200, "00000002"}, 200, NULL},
	{366L * DAY_S, NOW_S, {100, "00000001"}, {{200, "00000002"}}, {200, "00000002"}, 200, NULL},
	/* a clock that may have been set, and one that was not */
	{366L * DAY_S, 1577836800, {0}, {{0}}, {1ULL << 51, "00000001"}, 0, NULL},
	{366L * DAY_S, 1577836801, {0}, {{0}}, {1ULL << 51, "00000001"}, 0, "versionAheadMax"},
};

START_TEST(announce_rules__one_row_for_each)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct announce_rules rules = {rows[i].ahead_s, rows[i].now_s, NULL};
		struct view_version versions[2] = {
			{.edition = rows[i].kept[0]}, {.edition = rows[i].kept[1]}};
		struct view_type t = {.announced = rows[i].announced,
			.versions = versions,
			.count = rows[i].kept[1].version > 0   ? 2
				 : rows[i].kept[0].version > 0 ? 1
							       : 0};
		bool unknown = t.announced.version == 0 && t.count == 0;
		const char *why = announce_rules_refusal(&rules, unknown ? NULL : &t, &rows[i].new);

		ck_assert_msg((why == NULL) == (rows[i].refusal == NULL) &&
				      (why == NULL || strstr(why, rows[i].refusal) != NULL),
			"row %zu: %s", i, why != NULL ? why : "acceptable");
		ck_assert_msg(
			announce_rules_known(&rules, &t).version == rows[i].known, "row %zu", i);
	}
}
END_TEST

/* Of a type of which 100 is listed, 200 and both of 300 are not. */
START_TEST(announce_rules__what_nobody_signed_does_not_count)
{
	struct ident at[] = {{"t", {200, "00000002"}}, {"t", {300, "00000003"}},
		{"t", {300, "00000004"}}, {"u", {100, "00000001"}}};
	const struct idents unlisted = {at, 4, 4};
	const struct announce_rules rules = {366L * DAY_S, NOW_S, &unlisted};
	struct view_version versions[] = {{.edition = {300, "00000003"}},
		{.edition = {300, "00000004"}}, {.edition = {100, "00000001"}}};
	struct view_type t = {
		.type = "t", .announced = {200, "00000002"}, .versions = versions, .count = 3};

	ck_assert_uint_eq(announce_rules_known(&rules, &t).version, 100);
	ck_assert_ptr_null(announce_rules_refusal(&rules, &t, &(struct edition){150, "00000005"}));
	ck_assert_ptr_null(announce_rules_refusal(&rules, &t, &(struct edition){200, "00000005"}));
	ck_assert_ptr_null(announce_rules_refusal(&rules, &t, &(struct edition){300, "00000005"}));
	ck_assert_ptr_nonnull(
		announce_rules_refusal(&rules, &t, &(struct edition){99, "00000005"}));
	ck_assert_ptr_nonnull(
		announce_rules_refusal(&rules, &t, &(struct edition){100, "00000005"}));
}
END_TEST

void
announce_rules_tests(TCase *c)
{
	tcase_add_test(c, announce_rules__what_nobody_signed_does_not_count);
	tcase_add_test(c, announce_rules__one_row_for_each);
}
