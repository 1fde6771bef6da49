/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of a build where what it is made from, or the disk, is not as it should be. */
#include <stdlib.h>

#include "base/fs.h"
#include "cache/building.h"
#include "faults.h"
#include "logged.h"
#include "unit.h"

/* The content of a version is here. */
static bool
has_content(struct building *s, unsigned version)
{
	struct job_spec content = building_spec_of(s, JOB_CONTENT, version, 0);

	return building_is_here(s, &content);
}

START_TEST(builder__what_fails_for_the_same_reason_is_said_once)
{
	struct building s;
	struct job_spec spec;

	building_set_up(&s, 0);
	spec = building_spec_of(&s, JOB_BUILD, 1, 0);
	for (int i = 0; i < 3; i++) {
		/* Its streams cannot be staged. */
		faults_begin(3);
		ck_assert_int_eq(building_build(&s, &spec).state, JOB_FAILED);
		ck_assert(faults_stop());
		ck_assert((strstr(logged(), "event=make-failed type=t version=1 reason=") !=
				  NULL) == (i == 0));
	}
	building_tear_down(&s);
}
END_TEST

START_TEST(builder__what_cannot_be_read_just_now_stays_and_is_not_built_from)
{
	struct building s;
	struct job_spec price;
	struct job_spec spec;
	struct job_look look;
	const char *said;

	building_set_up(&s, 0);
	spec = building_spec_of(&s, JOB_BUILD, 1, 0);
	price = building_spec_of(&s, JOB_PRICE, 1, 0);
	price.format = (enum format)0;
	unit_limit_files(0);
	look = building_build(&s, &spec);
	unit_limit_files(UINT_MAX);
	/* It looks for another way. */
	ck_assert_int_eq(look.state, JOB_RUNNING);
	ck_assert_int_eq(jobs_look(s.k.jobs, &price).state, JOB_QUEUED);
	said = logged();
	ck_assert_ptr_nonnull(strstr(said, "event=make-failed type=t version=1 reason="));
	ck_assert_ptr_null(strstr(said, "event=damaged type="));
	ck_assert(has_content(&s, 1));
	building_tear_down(&s);
}
END_TEST

START_TEST(builder__an_archive_that_is_what_it_is_named_and_of_no_use_is_passed_over)
{
	/* Of both files that are missing, a stream that is none. */
	struct span bytes = span_of("GUTS2AR2\1\2\0\1x", 13);
	struct record r = {.format = FORMAT_AR2, .ref = {digest_of(bytes), bytes.len}};
	struct building s;
	struct job_spec spec;
	struct job_look look;

	building_set_up(&s, 0);
	r.ident = s.v.header[1]->ident;
	r.base = s.v.header[0]->ident.edition;
	ck_assert_int_eq(fs_put(repo_stage_dir(stock_repo(s.k.stock)), "s", "a", bytes, NULL), 0);
	ck_assert_int_eq(stock_put_archive(s.k.stock, &r, "a", NULL, NULL), 0);
	spec = building_spec_of(&s, JOB_CONTENT, 2, 0);
	look = building_build(&s, &spec);
	/* It looks for another way. */
	ck_assert_int_eq(look.state, JOB_RUNNING);
	ck_assert(builder_turns_is_bad(s.k.turns, &r.ref.id));
	/* Nothing is wrong with its bytes. */
	spec = building_spec_of(&s, JOB_OFFER, 2, 1);
	ck_assert(building_is_here(&s, &spec));
	building_check_room(&s);
	building_tear_down(&s);
}
END_TEST

/* However many are known: one behind them is seen where the array ends with them. */
START_TEST(builder__looks_at_the_records_that_there_are)
{
	struct building s;
	struct job_spec spec;
	struct err e = {0};

	building_set_up(&s, 0);
	for (uint64_t n = 1; n <= 32; n++) {
		struct span bytes = unit_text("GUTS2AR2");
		struct record r = {.format = FORMAT_AR2, .ref = {digest_of(bytes), bytes.len}};

		r.ident = s.v.header[2]->ident;
		r.base = (struct edition){.version = n, .cookie = "00000000"};
		ck_assert_int_eq(
			fs_put(repo_stage_dir(stock_repo(s.k.stock)), "s", "a", bytes, NULL), 0);
		ck_assert_msg(stock_put_archive(s.k.stock, &r, "a", NULL, &e) == 0, "%s", e.text);
		spec = building_spec_of(&s, JOB_BUILD, 3, 0);
		spec.base = r.base;
		spec.base.version += 1000;
		ck_assert_int_eq(building_build(&s, &spec).state, JOB_ABSENT);
	}
	building_tear_down(&s);
}
END_TEST

/* How many bytes the archive has, by what was said of it, and how many that saved. */
static uint64_t
said_bytes(const char *said, const char *key)
{
	const char *at = strstr(said, key);

	ck_assert_ptr_nonnull(at);
	return strtoull(at + strlen(key), NULL, 10);
}

START_TEST(builder__a_difference_is_measured_by_the_smallest_full_archive_of_its_version)
{
	uint64_t smallest = UINT64_MAX;
	struct building s;
	struct job_spec spec;
	const char *said;

	building_set_up(&s, 2);
	/* That of another version counts for nothing. */
	spec = building_spec_of(&s, JOB_BUILD, 1, 0);
	ck_assert_int_eq(building_build(&s, &spec).state, JOB_NONE);
	spec = building_spec_of(&s, JOB_BUILD, 2, 0);
	for (int f = 0; f < FORMAT_COUNT; f++) {
		uint64_t bytes;

		(void)logged();
		spec.format = (enum format)f;
		ck_assert_int_eq(building_build(&s, &spec).state, JOB_NONE);
		bytes = said_bytes(logged(), " bytes=");
		smallest = bytes < smallest ? bytes : smallest;
	}
	spec = building_spec_of(&s, JOB_BUILD, 2, 1);
	ck_assert_int_eq(building_build(&s, &spec).state, JOB_NONE);
	said = logged();
	ck_assert_uint_eq(said_bytes(said, " bytes=") + said_bytes(said, " saved="), smallest);
	building_tear_down(&s);
}
END_TEST

START_TEST(builder__of_a_difference_that_failed_no_room_stays_taken)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		struct job_spec spec;
		struct job_spec price;
		struct building s;

		building_set_up(&s, 2);
		spec = building_spec_of(&s, JOB_BUILD, 2, 1);
		price = building_spec_of(&s, JOB_PRICE, 2, 0);
		price.format = (enum format)0;
		ck_assert_int_eq(building_build(&s, &spec).state, JOB_RUNNING);
		faults_begin(n);
		building_know_price(&s, &price, 1000000);
		failed = faults_stop();
		ck_assert(failed || building_is_here(&s, &spec));
		ck_assert_uint_eq(ledger_used(s.k.ledger).entered_bytes, 0);
		building_tear_down(&s);
	}
}
END_TEST

void
builder_failures_tests(TCase *c)
{
	tcase_add_test(c, builder__of_a_difference_that_failed_no_room_stays_taken);
	tcase_add_test(c, builder__what_fails_for_the_same_reason_is_said_once);
	tcase_add_test(c, builder__looks_at_the_records_that_there_are);
	tcase_add_test(c, builder__what_cannot_be_read_just_now_stays_and_is_not_built_from);
	tcase_add_test(
		c, builder__an_archive_that_is_what_it_is_named_and_of_no_use_is_passed_over);
	tcase_add_test(
		c, builder__a_difference_is_measured_by_the_smallest_full_archive_of_its_version);
}
