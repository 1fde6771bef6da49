/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is built of what is kept, what is asked for first, and what becomes of a job that cannot. */
#include <stdlib.h>

#include "base/fs.h"
#include "cache/building.h"
#include "cache/land.h"
#include "faults.h"
#include "logged.h"
#include "unit.h"

START_TEST(builder__packs_a_full_archive_from_content_and_says_what_that_saved)
{
	struct building s;
	struct job_spec spec;
	struct job_spec price;
	const char *said;

	building_set_up(&s, 0);
	spec = building_spec_of(&s, JOB_BUILD, 1, 0);
	price = building_spec_of(&s, JOB_PRICE, 1, 0);
	price.format = (enum format)0;
	ck_assert_int_eq(building_build(&s, &spec).state, JOB_NONE);
	ck_assert(building_is_here(&s, &spec));
	said = logged();
	said = strstr(said, "event=made type=t version=1 cookie=");
	ck_assert_ptr_nonnull(said);
	/* Nothing was asked: it would have cost what it has. */
	ck_assert_ptr_nonnull(strstr(said, "what=full format=guts2ar2 way=\"from what is kept\" "
					   "bytes="));
	ck_assert_ptr_nonnull(strstr(said, " saved="));
	ck_assert_uint_eq(strtoull(strstr(said, " bytes=") + 7, NULL, 10),
		strtoull(strstr(said, " saved=") + 7, NULL, 10));
	building_check_room(&s);
	/* Once it is there there is nothing to do. */
	ck_assert_int_eq(building_build(&s, &spec).state, JOB_NONE);
	ck_assert_str_eq(logged(), "");
	ck_assert_int_eq(jobs_look(s.k.jobs, &price).state, JOB_NONE);
	building_tear_down(&s);
}
END_TEST

START_TEST(builder__asks_for_what_it_needs_and_goes_on_when_it_has_come)
{
	struct building s;
	struct job_spec spec;
	struct job_spec full_price;
	struct job_spec price;
	struct job_spec archive;

	building_set_up(&s, 0);
	spec = building_spec_of(&s, JOB_BUILD, 2, 0);
	full_price = building_spec_of(&s, JOB_PRICE, 2, 0);
	price = building_spec_of(&s, JOB_PRICE, 2, 1);
	archive = building_spec_of(&s, JOB_OFFER, 2, 0);
	full_price.format = price.format = (enum format)0;
	/* There is no difference. */
	jobs_note_absent(s.k.jobs, &price);
	ck_assert_int_eq(building_build(&s, &spec).state, JOB_RUNNING);
	building_know_price(&s, &full_price, 100);
	ck_assert_int_eq(jobs_look(s.k.jobs, &spec).state, JOB_RUNNING);
	unit_clock_stop();
	jobs_failed(s.k.jobs, building_asked(&s, &archive), JOB_DISK_FULL, 5000);
	kept_settle(&s.k);
	ck_assert_int_eq(jobs_look(s.k.jobs, &spec).state, JOB_FAILED);
	ck_assert_int_eq(jobs_look(s.k.jobs, &spec).reason, JOB_DISK_FULL);
	ck_assert_uint_eq(jobs_look(s.k.jobs, &spec).retry_in_ms, 5000);
	building_tear_down(&s);
}
END_TEST

START_TEST(builder__where_no_way_is_left_a_full_archive_is_absent_and_a_content_comes_later)
{
	struct building s;
	struct job_spec spec;
	struct job_look look;

	building_set_up(&s, 0);
	for (unsigned base = 0; base <= 1; base++) {
		struct job_spec price = building_spec_of(&s, JOB_PRICE, 2, base);

		price.format = (enum format)0;
		jobs_note_absent(s.k.jobs, &price);
	}
	spec = building_spec_of(&s, JOB_BUILD, 2, 0);
	ck_assert_int_eq(building_build(&s, &spec).state, JOB_ABSENT);
	spec = building_spec_of(&s, JOB_CONTENT, 2, 0);
	look = building_build(&s, &spec);
	ck_assert(look.state == JOB_FAILED && look.reason == JOB_UPSTREAM_UNAVAILABLE);
	building_tear_down(&s);
}
END_TEST

START_TEST(builder__content_is_unpacked_from_a_difference)
{
	struct job_spec spec;
	const char *said;
	struct building s;

	building_set_up(&s, 2);
	(void)building_leave_difference(&s);
	spec = building_spec_of(&s, JOB_CONTENT, 2, 0);
	unit_clock_advance_ms(86400000); /* which is not the build's */
	ck_assert_int_eq(building_build(&s, &spec).state, JOB_NONE);
	ck_assert(building_is_here(&s, &spec));
	said = logged();
	ck_assert_ptr_nonnull(strstr(said, "event=built type=t version=2 "));
	ck_assert_uint_lt(strtoull(strstr(said, " ms=") + 4, NULL, 10), 86400000);
	ck_assert_ptr_nonnull(strstr(said, "way=\"content of 1 and 1 difference\""));
	ck_assert_ptr_null(strstr(said, "saved="));
	building_check_room(&s);
	building_tear_down(&s);
}
END_TEST

START_TEST(builder__a_difference_of_two_contents_where_it_is_worth_it)
{
	struct building s;
	struct job_spec spec;
	struct job_spec price;
	struct job_spec header;
	const char *said;

	building_set_up(&s, 2);
	spec = building_spec_of(&s, JOB_BUILD, 2, 1);
	price = building_spec_of(&s, JOB_PRICE, 2, 0);
	price.format = (enum format)0;
	/* Its worth is measured by the full archive. */
	ck_assert_int_eq(building_build(&s, &spec).state, JOB_RUNNING);
	building_know_price(&s, &price, 1000000);
	ck_assert_int_eq(jobs_look(s.k.jobs, &spec).state, JOB_NONE);
	ck_assert(building_is_here(&s, &spec));
	said = logged();
	ck_assert_ptr_nonnull(strstr(said, "way=\"changes of files\" bytes="));
	said = strstr(said, "event=made type=t version=2 ");
	ck_assert_uint_eq(strtoull(strstr(said, " bytes=") + 7, NULL, 10) +
				  strtoull(strstr(said, " saved=") + 7, NULL, 10),
		1000000);
	building_check_room(&s);
	/* Nothing is worth it where the whole costs next to nothing. */
	jobs_forget_known(s.k.jobs);
	spec = building_spec_of(&s, JOB_BUILD, 2, 3);
	header = building_spec_of(&s, JOB_HEADER, 2, 0);
	(void)building_build(&s, &spec);
	building_know_price(&s, &price, 100);
	ck_assert_int_eq(jobs_look(s.k.jobs, &spec).state, JOB_ABSENT);
	ck_assert_int_eq(jobs_look(s.k.jobs, &header).state, JOB_NONE);
	ck_assert(!building_is_here(&s, &spec));
	building_check_room(&s);
	building_tear_down(&s);
}
END_TEST

/* How the question that a difference asks ends, and what becomes of the difference. */
START_TEST(builder__a_difference_that_cannot_be_measured)
{
	static const struct {
		bool absent;
		enum job_reason reason;
		enum job_state state;
	} rows[] = {{true, JOB_BUSY, JOB_ABSENT}, {false, JOB_UPSTREAM_UNAVAILABLE, JOB_FAILED},
		{false, JOB_DISK_FULL, JOB_FAILED}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* The price of the whole; then the header of the base. */
		for (int of_header = 0; of_header < 2; of_header++) {
			struct job_spec question;
			struct job_spec spec;
			struct job_look look;
			struct building s;

			building_set_up(&s, 2);
			spec = building_spec_of(&s, JOB_BUILD, 2, of_header ? 3 : 1);
			question = building_spec_of(
				&s, of_header ? JOB_HEADER : JOB_PRICE, of_header ? 3 : 2, 0);
			question.format = (enum format)0;
			if (of_header) {
				struct record r = {
					.kind = RECORD_HEADER, .ident = s.v.header[2]->ident};

				ck_assert_int_eq(stock_remove(s.k.stock, &r, NULL), 0);
			}
			ck_assert_int_eq(building_build(&s, &spec).state, JOB_RUNNING);
			if (rows[i].absent)
				jobs_absent(s.k.jobs, building_asked(&s, &question));
			else
				jobs_failed(s.k.jobs, building_asked(&s, &question), rows[i].reason,
					5000);
			kept_settle(&s.k);
			look = jobs_look(s.k.jobs, &spec);
			ck_assert_msg(look.state == rows[i].state, "row %zu", i);
			ck_assert(rows[i].absent || look.reason == rows[i].reason);
			building_tear_down(&s);
		}
	}
}
END_TEST

START_TEST(builder__a_difference_to_what_is_not_here_any_more_is_absent)
{
	struct building s;
	struct job_spec spec;

	building_set_up(&s, 0);
	spec = building_spec_of(&s, JOB_BUILD, 3, 1);
	ck_assert_int_eq(building_build(&s, &spec).state, JOB_ABSENT);
	building_tear_down(&s);
}
END_TEST

START_TEST(builder__what_it_is_built_from_and_is_damaged_goes)
{
	char name[DIGEST_HEX + 3] = "c/";
	struct record content = {.kind = RECORD_CONTENT};
	struct job_spec spec;
	struct building s;

	building_set_up(&s, 0);
	content.ident = s.v.header[0]->ident;
	(void)digest_hex(&s.v.header[0]->files[0].digest, name + 2);
	ck_assert_int_eq(fs_put(s.v.dir, "x", name, unit_text("damaged"), NULL), 0);
	spec = building_spec_of(&s, JOB_BUILD, 1, 0);
	/* There may be another way. */
	ck_assert_int_eq(building_build(&s, &spec).state, JOB_RUNNING);
	ck_assert(!building_is_here(
		&s, &(struct job_spec){.kind = JOB_CONTENT, .ident = content.ident}));
	ck_assert_ptr_nonnull(strstr(logged(), "event=make-failed type=t version=1 reason="));
	building_check_room(&s);
	building_tear_down(&s);
}
END_TEST

START_TEST(builder__a_server_that_ends_builds_nothing)
{
	struct building s;
	struct job_spec spec;
	struct job_look look;

	building_set_up(&s, 0);
	spec = building_spec_of(&s, JOB_BUILD, 1, 0);
	jobs_stop(s.k.jobs);
	(void)logged();
	ck_assert_ptr_null(jobs_take(s.k.jobs, QUEUE_BUILDERS));
	look = jobs_look(s.k.jobs, &spec);
	ck_assert_int_eq(look.state, JOB_NONE);
	building_tear_down(&s);
	/* It was queued before. */
	building_set_up(&s, 0);
	spec = building_spec_of(&s, JOB_BUILD, 1, 0);
	(void)jobs_ask(s.k.jobs, &spec, NULL);
	jobs_stop(s.k.jobs);
	builder_start(&s.parts, jobs_take(s.k.jobs, QUEUE_BUILDERS));
	look = jobs_look(s.k.jobs, &spec);
	ck_assert(look.state == JOB_FAILED && look.reason == JOB_BUSY);
	ck_assert(!building_is_here(&s, &spec));
	building_tear_down(&s);
}
END_TEST

START_TEST(builder__a_disk_that_fails_once_is_said_and_leaves_nothing)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		struct job_spec spec;
		struct job_look look;
		struct building s;

		building_set_up(&s, 0);
		spec = building_spec_of(&s, JOB_BUILD, 1, 0);
		faults_begin(n);
		look = building_build(&s, &spec);
		failed = faults_stop();
		if (look.state != JOB_NONE) {
			ck_assert(failed);
			ck_assert_int_eq(look.state, JOB_FAILED);
			ck_assert_int_eq(look.reason, JOB_BUSY);
			ck_assert_uint_gt(look.retry_in_ms, 0);
			/* The line itself may be what could not be written. */
			(void)building_build(&s, &spec);
		}
		ck_assert(building_is_here(&s, &spec));
		ck_assert_uint_eq(ledger_used(s.k.ledger).entered_bytes, 0);
		building_tear_down(&s);
	}
}
END_TEST

START_TEST(builder__what_has_no_room_is_said_and_its_price_asked_anew)
{
	static const struct {
		enum job_kind kind;
		unsigned version, base;
		uint64_t cache_max_bytes;
	} rows[] = {{JOB_BUILD, 1, 0, 10}, {JOB_BUILD, 1, 0, 1500000}, {JOB_BUILD, 2, 1, 10}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job_spec spec;
		struct job_spec price;
		struct job_look look;
		struct building s;

		building_set_up(&s, 2);
		spec = building_spec_of(&s, rows[i].kind, rows[i].version, rows[i].base);
		price = building_spec_of(&s, JOB_PRICE, rows[i].version, 0);
		price.format = (enum format)0;
		(void)jobs_ask(s.k.jobs, &price, NULL);
		building_know_price(&s, &price, 1000000);
		s.k.options.cacheMaxBytes = rows[i].cache_max_bytes;
		look = building_build(&s, &spec);
		ck_assert_msg(look.state == JOB_FAILED && look.reason == JOB_DISK_FULL,
			"row %zu: %d", i, look.state);
		ck_assert_ptr_nonnull(strstr(logged(), "event=make-failed type=t version="));
		/* Room was reckoned by the price, which is asked for anew. */
		ck_assert_int_eq(jobs_look(s.k.jobs, &price).state, JOB_NONE);
		building_check_room(&s);
		building_tear_down(&s);
	}
}
END_TEST

START_TEST(builder__content_that_has_no_room_is_not_unpacked)
{
	struct job_spec spec;
	struct job_look look;
	struct building s;

	building_set_up(&s, 2);
	(void)building_leave_difference(&s);
	spec = building_spec_of(&s, JOB_CONTENT, 2, 0);
	s.k.options.cacheMaxBytes = 10;
	look = building_build(&s, &spec);
	ck_assert(look.state == JOB_FAILED && !building_is_here(&s, &spec));
	ck_assert_ptr_nonnull(strstr(logged(), "event=make-failed type=t version=2 "));
	building_check_room(&s);
	building_tear_down(&s);
}
END_TEST

START_TEST(builder__an_archive_that_is_bad_is_no_way)
{
	struct record difference;
	struct job_spec spec;
	struct job_look look;
	struct building s;

	building_set_up(&s, 2);
	difference = building_leave_difference(&s);
	builder_turns_note_bad(s.k.turns, &difference.ref.id);
	spec = building_spec_of(&s, JOB_CONTENT, 2, 0);
	look = building_build(&s, &spec);
	ck_assert(look.state != JOB_NONE && !building_is_here(&s, &spec));
	building_tear_down(&s);
}
END_TEST

/* The content was checked against it: it is the archive that is wrong. */
START_TEST(land_drop_header__that_of_a_content_stays)
{
	struct building s;
	struct digest id;
	struct land land;

	building_set_up(&s, 0);
	land = (struct land){s.k.stock, s.k.retain};
	ck_assert(!land_drop_header(&land, &s.v.header[0]->ident, &id));
	ck_assert(land_drop_header(&land, &s.v.header[1]->ident, &id));
	building_tear_down(&s);
}
END_TEST

void
builder_tests(TCase *c)
{
	tcase_add_test(c, builder__packs_a_full_archive_from_content_and_says_what_that_saved);
	tcase_add_test(c, builder__asks_for_what_it_needs_and_goes_on_when_it_has_come);
	tcase_add_test(c,
		builder__where_no_way_is_left_a_full_archive_is_absent_and_a_content_comes_later);
	tcase_add_test(c, builder__content_is_unpacked_from_a_difference);
	tcase_add_test(c, builder__a_difference_of_two_contents_where_it_is_worth_it);
	tcase_add_test(c, builder__a_difference_that_cannot_be_measured);
	tcase_add_test(c, builder__a_difference_to_what_is_not_here_any_more_is_absent);
	tcase_add_test(c, builder__what_it_is_built_from_and_is_damaged_goes);
	tcase_add_test(c, builder__a_server_that_ends_builds_nothing);
	tcase_add_test(c, builder__a_disk_that_fails_once_is_said_and_leaves_nothing);
	tcase_add_test(c, builder__what_has_no_room_is_said_and_its_price_asked_anew);
	tcase_add_test(c, builder__content_that_has_no_room_is_not_unpacked);
	tcase_add_test(c, builder__an_archive_that_is_bad_is_no_way);
	tcase_add_test(c, land_drop_header__that_of_a_content_stays);
}
