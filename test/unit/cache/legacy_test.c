/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For which types the newest archive is obtained before a client without differences asks. */
#include "cache/legacy.h"

#include "base/clock.h"
#include "cache/kept.h"
#include "store/depot_settings.h"
#include "unit.h"

enum { DAY_MS = 86400000 };

static const struct edition full;

static struct legacy *
begin(struct kept *k)
{
	AUTO_IDENTS struct idents query = {0};

	kept_set_up(k, "{\"legacy\":[\"t\",\"never-announced\"]}");
	k->options.legacyClientDays = 2;
	idents_add(&query, &(struct ident){"other", {5, "00000000"}});
	idents_add(&query, &(struct ident){"t", {5, "00000000"}});
	ck_assert_int_eq(stock_put_query(k->stock, &query, false, NULL), 0);
	return legacy_new(&(struct legacy_parts){.options = &k->options,
		.settings = k->settings,
		.stock = k->stock,
		.jobs = k->jobs});
}

START_TEST(legacy_tick__the_newest_archive_of_what_is_asked_for_is_obtained_once)
{
	const struct job_spec spec = {
		.kind = JOB_BUILD, .ident = {"t", {5, "00000000"}}, .format = FORMAT_AR1};
	struct kept k;
	struct legacy *l = begin(&k);

	legacy_tick(l, 1000);
	ck_assert_str_eq(kept_taken(&k, QUEUE_BUILDERS), "");
	legacy_note(l, "t");
	legacy_note(l, "other"); /* is not on the list any more */
	legacy_note(l, "never-announced");
	legacy_tick(l, 2999);
	ck_assert_str_eq(kept_taken(&k, QUEUE_BUILDERS), "");
	legacy_tick(l, 3000);
	ck_assert_str_eq(kept_taken(&k, QUEUE_BUILDERS), "t/5 ");
	/* In the format that such clients understand. */
	ck_assert_int_eq(jobs_look(k.jobs, &spec).state, JOB_RUNNING);
	legacy_tick(l, 5000);
	ck_assert_str_eq(kept_taken(&k, QUEUE_BUILDERS), "");
	legacy_free(l);
	kept_tear_down(&k);
}
END_TEST

START_TEST(legacy_tick__what_is_here_is_not_obtained_but_in_the_format_of_such_clients)
{
	static const struct {
		enum format format;
		uint64_t version, base;
		const char *taken;
	} rows[] = {{FORMAT_AR1, 5, 0, ""}, {FORMAT_AR2, 5, 0, "t/5 "}, {FORMAT_AR1, 5, 4, "t/5 "},
		{FORMAT_AR1, 4, 0, "t/5 "}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct edition base = {rows[i].base, "00000000"};
		struct kept k;
		struct legacy *l = begin(&k);

		legacy_note(l, "t");
		(void)kept_put(
			&k, rows[i].version, rows[i].base == 0 ? &full : &base, rows[i].format);
		legacy_tick(l, 1000);
		ck_assert_msg(
			strcmp(kept_taken(&k, QUEUE_BUILDERS), rows[i].taken) == 0, "row %zu", i);
		legacy_free(l);
		kept_tear_down(&k);
	}
}
END_TEST

START_TEST(legacy_tick__a_type_that_was_not_asked_for_in_days_is_not_obtained)
{
	static const struct {
		uint64_t ago_ms;
		const char *taken;
	} rows[] = {{2 * DAY_MS - 1, "t/5 "}, {2 * DAY_MS, ""}, {0, "t/5 "},
		/* By a clock that was set back since. */
		{UINT64_MAX, ""}};

	unit_clock_stop();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[DEPOT_SETTINGS_NAME_MAX];
		struct kept k;
		struct legacy *l = begin(&k);

		ck_assert_int_eq(stock_put_setting(k.stock, depot_settings_legacy("t", name),
					 clock_wall_ms() - rows[i].ago_ms, NULL),
			0);
		legacy_tick(l, 1000); /* what was written down is looked at */
		legacy_tick(l, 3000);
		ck_assert_msg(
			strcmp(kept_taken(&k, QUEUE_BUILDERS), rows[i].taken) == 0, "row %zu", i);
		/* What is written down already is not written again. */
		ck_assert_int_eq(stock_put_setting(k.stock, name, 7, NULL), 0);
		legacy_free(l);
		ck_assert(stock_setting(k.stock, name, &(uint64_t){0}));
		kept_tear_down(&k);
	}
}
END_TEST

START_TEST(legacy_save__at_most_once_a_minute_for_each_type)
{
	char name[DEPOT_SETTINGS_NAME_MAX];
	uint64_t first_ms;
	uint64_t saved_ms;
	struct kept k;
	struct legacy *l = begin(&k);

	unit_clock_stop();
	first_ms = clock_wall_ms();
	legacy_note(l, "a");
	legacy_note(l, "t");
	legacy_save(l);
	ck_assert(stock_setting(k.stock, depot_settings_legacy("a", name), &saved_ms));
	ck_assert(stock_setting(k.stock, depot_settings_legacy("t", name), &saved_ms));
	ck_assert_uint_eq(saved_ms, first_ms);
	unit_clock_advance_ms(60000);
	legacy_note(l, "t");
	legacy_save(l);
	ck_assert(stock_setting(k.stock, name, &saved_ms) && saved_ms == first_ms);
	unit_clock_advance_ms(1);
	legacy_note(l, "t");
	legacy_save(l);
	ck_assert(stock_setting(k.stock, name, &saved_ms) && saved_ms == first_ms + 60001);
	unit_clock_advance_ms(1);
	legacy_note(l, "t");
	legacy_free(l);
	ck_assert(stock_setting(k.stock, name, &saved_ms) && saved_ms == first_ms + 60002);
	legacy_free(NULL);
	kept_tear_down(&k);
}
END_TEST

void
legacy_tests(TCase *c)
{
	tcase_add_test(c, legacy_tick__the_newest_archive_of_what_is_asked_for_is_obtained_once);
	tcase_add_test(
		c, legacy_tick__what_is_here_is_not_obtained_but_in_the_format_of_such_clients);
	tcase_add_test(c, legacy_tick__a_type_that_was_not_asked_for_in_days_is_not_obtained);
	tcase_add_test(c, legacy_save__at_most_once_a_minute_for_each_type);
}
