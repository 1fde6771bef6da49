/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/tally.h"

#include "unit.h"

static struct archive_ref
file(const char *name, uint64_t bytes)
{
	return (struct archive_ref){digest_of(unit_text(name)), bytes};
}

START_TEST(tally__what_several_have_counts_once_and_goes_with_the_last)
{
	static const struct {
		size_t record;
		enum record_kind kind;
		const char *name;
		uint64_t bytes;
	} uses[] = {
		{0, RECORD_HEADER, "h", 1},
		{1, RECORD_ARCHIVE, "a", 10},
		{2, RECORD_CONTENT, "a", 100}, /* the same digest, in another directory */
		{2, RECORD_CONTENT, "b", 1000},
		{4, RECORD_ARCHIVE, "a", 10},
		{4, RECORD_ARCHIVE, "c", 10000},
		{5, RECORD_CONTENT, "b", 1000},
		{7, RECORD_ARCHIVE, "a", 10},
	};
	/* In this order they go; 3 has nothing, and 6. */
	static const struct {
		size_t record;
		uint64_t freed;
	} removals[] = {{4, 10000}, {3, 0}, {1, 0}, {7, 10}, {2, 100}, {6, 0}, {0, 1}, {5, 1000}};
	AUTO_TALLY struct tally t = {0};

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		struct archive_ref ref = file(uses[i].name, uses[i].bytes);

		tally_add(&t, uses[i].record, uses[i].kind, &ref);
	}
	ck_assert_uint_eq(tally_total(&t), 11111);
	for (size_t i = 0; i < sizeof(removals) / sizeof(removals[0]); i++)
		ck_assert_msg(tally_remove(&t, removals[i].record) == removals[i].freed,
			"removal %zu", i);
}
END_TEST

START_TEST(tally__nothing_takes_nothing)
{
	AUTO_TALLY struct tally t = {0};

	ck_assert_uint_eq(tally_total(&t), 0);
	ck_assert_uint_eq(tally_remove(&t, 0), 0);
}
END_TEST

void
tally_tests(TCase *c)
{
	tcase_add_test(c, tally__what_several_have_counts_once_and_goes_with_the_last);
	tcase_add_test(c, tally__nothing_takes_nothing);
}
