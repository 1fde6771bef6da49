/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Offers and archives, from clouds that have them, do not, or have something else. */
#include "cloud/fetch_archive.h"

#include "base/fs.h"
#include "base/mem.h"
#include "cloud/cloud.h"
#include "faults.h"
#include "logged.h"
#include "unit.h"

#define AR1 "GUTS2AR1"
#define AR2 "GUTS2AR2"
#define NO_USE "GUTS2XXX"

static const struct job_spec full = {
	.kind = JOB_OFFER, .ident = {"t", {5, "00000005"}}, .format = FORMAT_AR2};
static const char *const only_1[FORMAT_COUNT] = {[FORMAT_AR1] = AR1};
static const char *const only_2[FORMAT_COUNT] = {[FORMAT_AR2] = AR2};
static const char *const both[FORMAT_COUNT] = {[FORMAT_AR1] = AR1, [FORMAT_AR2] = AR2};
static const char *const no_use[FORMAT_COUNT] = {[FORMAT_AR2] = NO_USE};

static struct job_spec
spec_of(enum job_kind kind, uint64_t base, enum format format)
{
	struct job_spec spec = full;

	spec.kind = kind;
	spec.format = format;
	if (base > 0)
		spec.base = (struct edition){base, "00000004"};
	return spec;
}

static bool
is_here(struct cloud *c, const struct job_spec *spec, enum format format)
{
	struct record r = {.ident = spec->ident, .base = spec->base, .format = format};
	struct view *view = stock_view(c->k.stock);
	bool here = view_find_same(view, &r) != NULL;

	view_release(view);
	return here;
}

/* Room in stage/ was given back, and the part is gone or stays for the next attempt. */
static void
check_stage(struct cloud *c, bool part)
{
	char hex[DIGEST_HEX + 1];
	struct digest id = digest_of(unit_text(AR2));
	AUTO_FREE char *name = mem_printf("%s.part", digest_hex(&id, hex));

	ck_assert_uint_eq(ledger_used(c->k.ledger).entered_bytes, 0);
	ck_assert(fs_exists(repo_stage_dir(stock_repo(c->k.stock)), name) == part);
}

/* What was learnt of prices in one question. */
static struct job_look
price(struct cloud *c, uint64_t base)
{
	struct job_spec spec = spec_of(JOB_PRICE, base, (enum format)0);

	return jobs_look(c->k.jobs, &spec);
}

START_TEST(fetch_archive__the_best_that_is_offered_and_understood)
{
	/* What is offered, asked for, and comes; the state of the job and of one in AR1 then. */
	static const struct {
		const char *const *offered;
		enum format asked;
		int got; /* -1: nothing */
		enum job_state state, worse;
	} rows[] = {{both, FORMAT_AR2, FORMAT_AR2, JOB_NONE, JOB_NONE},
		{both, FORMAT_AR1, FORMAT_AR1, JOB_NONE, JOB_NONE},
		/* The next best one is what there is. */
		{only_1, FORMAT_AR2, FORMAT_AR1, JOB_ABSENT, JOB_NONE},
		{only_2, FORMAT_AR1, -1, JOB_ABSENT, JOB_ABSENT},
		{only_1, FORMAT_AR1, FORMAT_AR1, JOB_NONE, JOB_NONE},
		/* Who had the worse one would have offered it. */
		{NULL, FORMAT_AR2, -1, JOB_ABSENT, JOB_ABSENT},
		{NULL, FORMAT_AR1, -1, JOB_ABSENT, JOB_ABSENT}};

	logged_begin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job_spec spec = spec_of(JOB_OFFER, i % 2 == 0 ? 4 : 0, rows[i].asked);
		struct job_spec worse = spec_of(JOB_OFFER, spec.base.version, FORMAT_AR1);
		struct cloud c;

		cloud_set_up(&c);
		cloud_put_archive(&c, 0, AR1, AR1);
		cloud_put_archive(&c, 0, AR2, AR2);
		if (rows[i].offered != NULL)
			cloud_put_offer(&c, 0, &spec, rows[i].offered);
		ck_assert_msg(cloud_fetch(&c, &spec).state == rows[i].state, "row %zu", i);
		for (int f = 0; f < FORMAT_COUNT; f++)
			ck_assert(is_here(&c, &spec, (enum format)f) == (f == rows[i].got));
		ck_assert_msg(jobs_look(c.k.jobs, &worse).state == rows[i].worse, "row %zu", i);
		check_stage(&c, false);
		cloud_tear_down(&c);
	}
}
END_TEST

START_TEST(fetch_archive__a_price_is_what_all_formats_cost)
{
	struct job_spec spec = spec_of(JOB_PRICE, 4, (enum format)0);
	struct job_look look;
	struct cloud c;

	cloud_set_up(&c);
	logged_begin();
	ck_assert_int_eq(cloud_fetch(&c, &spec).state, JOB_ABSENT);
	jobs_forget_known(c.k.jobs);
	cloud_put_offer(&c, 0, &spec, both);
	look = cloud_fetch(&c, &spec);
	ck_assert_int_eq(look.state, JOB_KNOWN);
	ck_assert_uint_eq(look.offer.archive[FORMAT_AR1].bytes, strlen(AR1));
	ck_assert_uint_eq(look.offer.archive[FORMAT_AR2].bytes, strlen(AR2));
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_archive__a_price_that_is_known_is_not_asked_for_again)
{
	struct job_spec spec = spec_of(JOB_OFFER, 4, FORMAT_AR2);
	struct job_spec asked = spec_of(JOB_PRICE, 4, (enum format)0);
	struct cloud c;

	cloud_set_up(&c);
	logged_begin();
	cloud_put_offer(&c, 0, &spec, both);
	(void)cloud_fetch(&c, &asked);
	cloud_put_offer(&c, 0, &spec, only_1);
	/* It is not there any more, nor is its price; what is never there does not exist. */
	ck_assert_int_eq(cloud_fetch(&c, &spec).state, JOB_FAILED);
	ck_assert_int_eq(price(&c, 4).state, JOB_NONE);
	ck_assert_int_eq(cloud_fetch(&c, &spec).state, JOB_ABSENT);
	cloud_tear_down(&c);
	cloud_set_up(&c);
	cloud_put_offer(&c, 0, &spec, both);
	cloud_put_archive(&c, 0, AR2, AR2);
	(void)cloud_fetch(&c, &asked);
	cloud_put_offer(&c, 0, &spec, only_1);
	ck_assert_int_eq(cloud_fetch(&c, &spec).state, JOB_NONE);
	ck_assert(is_here(&c, &spec, FORMAT_AR2));
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_archive__what_is_here_already_is_not_loaded_again)
{
	struct job_spec first = spec_of(JOB_OFFER, 4, FORMAT_AR2);
	struct job_spec second = spec_of(JOB_OFFER, 3, FORMAT_AR2);
	struct digest id = digest_of(unit_text(AR2));
	char hex[DIGEST_HEX + 1];
	struct cloud c;
	const char *said;

	cloud_set_up(&c);
	logged_begin();
	cloud_put_offer(&c, 0, &first, only_2);
	cloud_put_offer(&c, 0, &second, only_2);
	/* All of it came before an earlier run ended. */
	{
		AUTO_FREE char *part = mem_printf("%s.part", digest_hex(&id, hex));

		ck_assert_int_eq(fs_put(repo_stage_dir(stock_repo(c.k.stock)), "x", part,
					 unit_text(AR2), NULL),
			0);
	}
	ck_assert_int_eq(cloud_fetch(&c, &first).state, JOB_NONE);
	said = logged();
	ck_assert_ptr_nonnull(strstr(said, "event=downloaded type=t version=5 cookie=00000005 "
					   "from=4 what=difference format=guts2ar2 bytes=8 "
					   "received=0 ms="));
	/* Another offer has named it. */
	ck_assert_int_eq(cloud_fetch(&c, &second).state, JOB_NONE);
	ck_assert(is_here(&c, &first, FORMAT_AR2) && is_here(&c, &second, FORMAT_AR2));
	ck_assert_ptr_nonnull(strstr(logged(), "from=3 what=difference"));
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_archive__goes_on_where_an_earlier_run_ended)
{
	struct digest id = digest_of(unit_text(AR2));
	char hex[DIGEST_HEX + 1];
	AUTO_FREE char *part = mem_printf("%s.part", digest_hex(&id, hex));
	struct cloud c;

	cloud_set_up(&c);
	logged_begin();
	cloud_put_offer(&c, 0, &full, only_2);
	cloud_put_archive(&c, 0, AR2, AR2);
	ck_assert_int_eq(
		fs_put(repo_stage_dir(stock_repo(c.k.stock)), "x", part, unit_text("GUT"), NULL),
		0);
	ck_assert_int_eq(cloud_fetch(&c, &full).state, JOB_NONE);
	ck_assert_ptr_nonnull(strstr(logged(), "what=full format=guts2ar2 bytes=8 received=5 ms="));
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_archive__what_the_second_cloud_has_is_taken_from_there)
{
	struct cloud c;

	cloud_set_up(&c);
	logged_begin();
	cloud_lose(&c);
	cloud_put_offer(&c, 1, &full, only_2);
	cloud_put_archive(&c, 1, AR2, AR2);
	ck_assert_int_eq(cloud_fetch(&c, &full).state, JOB_NONE);
	ck_assert(is_here(&c, &full, FORMAT_AR2));
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_archive__where_there_is_no_room_it_waits_for_some)
{
	struct job_spec asked = spec_of(JOB_PRICE, 0, (enum format)0);
	struct job_look look;
	struct cloud c;

	cloud_set_up(&c);
	logged_begin();
	cloud_put_offer(&c, 0, &full, only_2);
	cloud_put_archive(&c, 0, AR2, AR2);
	(void)cloud_fetch(&c, &asked);
	ck_assert_int_eq(price(&c, 0).state, JOB_KNOWN);
	c.k.options.cacheMaxBytes = strlen(AR2) - 1;
	look = cloud_fetch(&c, &full);
	ck_assert(look.state == JOB_FAILED && look.reason == JOB_DISK_FULL);
	/* By then it may have another size. */
	ck_assert_int_eq(price(&c, 0).state, JOB_NONE);
	check_stage(&c, false);
	c.k.options.cacheMaxBytes = strlen(AR2);
	ck_assert_int_eq(cloud_fetch(&c, &full).state, JOB_NONE);
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_archive__its_part_is_written_by_one_alone)
{
	struct digest id = digest_of(unit_text(AR2));
	char hex[DIGEST_HEX + 1];
	AUTO_FREE char *part = mem_printf("%s.part", digest_hex(&id, hex));
	struct job_look look;
	struct cloud c;

	cloud_set_up(&c);
	logged_begin();
	unit_clock_stop();
	cloud_put_offer(&c, 0, &full, only_2);
	cloud_put_archive(&c, 0, AR2, AR2);
	ck_assert_int_eq(retain_reserve(c.k.retain, part, 1, NULL), 0);
	look = cloud_fetch(&c, &full);
	ck_assert(look.state == JOB_FAILED && look.reason == JOB_DOWNLOADING);
	ck_assert_uint_eq(look.retry_in_ms, 1000);
	/* That is no failure. */
	ck_assert_ptr_null(strstr(logged(), "download-failed"));
	retain_release(c.k.retain, part);
	ck_assert_int_eq(cloud_fetch(&c, &full).state, JOB_NONE);
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_archive__one_that_is_not_as_it_was_said_is_asked_for_again)
{
	struct job_spec spec = spec_of(JOB_OFFER, 4, FORMAT_AR2);
	struct job_look look;
	struct cloud c;

	cloud_set_up(&c);
	logged_begin();
	for (int i = 0; i < CLOUDS; i++)
		cloud_put_offer(&c, i, &spec, only_2);
	cloud_put_archive(&c, 0, AR2, "GUTS2AR9");
	look = cloud_fetch(&c, &spec);
	ck_assert(look.state == JOB_FAILED && look.reason == JOB_UPSTREAM_UNAVAILABLE);
	ck_assert(!is_here(&c, &spec, FORMAT_AR2));
	check_stage(&c, false);
	cloud_put_archive(&c, 1, AR2, AR2);
	ck_assert_int_eq(cloud_fetch(&c, &spec).state, JOB_NONE);
	ck_assert(is_here(&c, &spec, FORMAT_AR2));
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_archive__after_a_wrong_answer_the_next_cloud_is_asked_for_all_of_it)
{
	struct cloud c;

	cloud_set_up(&c);
	logged_begin();
	cloud_put_offer(&c, 0, &full, only_2);
	cloud_put_archive(&c, 0, AR2, "XXXX"); /* of another length: no byte of it is kept */
	cloud_put_archive(&c, 1, AR2, AR2);
	ck_assert_int_eq(cloud_fetch(&c, &full).state, JOB_NONE);
	ck_assert(is_here(&c, &full, FORMAT_AR2));
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_archive__one_of_no_use_is_looked_for_elsewhere_and_then_given_up)
{
	static const uint64_t bases[] = {4, 0};

	logged_begin();
	unit_clock_stop();
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		struct job_spec spec = spec_of(JOB_OFFER, bases[i], FORMAT_AR2);
		struct job_look look;
		struct cloud c;

		cloud_set_up(&c);
		for (int n = 0; n < CLOUDS; n++) {
			cloud_put_offer(&c, n, &spec, no_use);
			cloud_put_archive(&c, n, NO_USE, NO_USE);
		}
		(void)logged();
		look = cloud_fetch(&c, &spec);
		ck_assert_int_eq(look.state, JOB_FAILED);
		ck_assert_uint_le(look.retry_in_ms, 1000);
		ck_assert_ptr_nonnull(strstr(logged(), "event=download-failed name=\"o;t=t;v=5;"));
		/* All of them have the same: a difference is as good as absent. */
		look = cloud_fetch(&c, &spec);
		ck_assert_int_eq(look.state, bases[i] > 0 ? JOB_ABSENT : JOB_FAILED);
		if (bases[i] == 0)
			ck_assert_uint_eq(look.retry_in_ms, 600000);
		cloud_tear_down(&c);
	}
}
END_TEST

START_TEST(fetch_archive__a_header_that_it_contradicts_is_asked_for_again_once)
{
	struct job_spec spec = spec_of(JOB_OFFER, 4, FORMAT_AR2);
	struct job_spec header = {.kind = JOB_HEADER, .ident = spec.ident};
	struct job_look look;
	struct cloud c;

	cloud_set_up(&c);
	logged_begin();
	for (int n = 0; n < CLOUDS; n++) {
		cloud_put_header(&c, n, &spec.ident);
		cloud_put_offer(&c, n, &spec, no_use);
		cloud_put_archive(&c, n, NO_USE, NO_USE);
	}
	ck_assert_int_eq(cloud_fetch(&c, &header).state, JOB_NONE);
	look = cloud_fetch(&c, &spec);
	ck_assert_int_eq(look.state, JOB_FAILED);
	/* The header is on its way anew; nobody is distrusted for the archive yet. */
	ck_assert_int_eq(jobs_look(c.k.jobs, &header).state, JOB_QUEUED);
	ck_assert_int_eq(cloud_fetch(&c, &header).state, JOB_NONE);
	/* It is the same again: then the archive is wrong. */
	ck_assert_int_eq(cloud_fetch(&c, &spec).state, JOB_FAILED);
	(void)cloud_fetch(&c, &header);
	ck_assert_int_eq(cloud_fetch(&c, &spec).state, JOB_ABSENT);
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_archive__one_of_no_use_is_loaded_three_times_at_the_most)
{
	struct job_spec spec = spec_of(JOB_OFFER, 4, FORMAT_AR2);
	struct cloud c;

	cloud_set_up(&c);
	logged_begin();
	/* Who is left alone might have a better one. */
	breaker_rest(&c.pool.upstreams->at[0].breaker, 0, UINT32_MAX);
	cloud_put_offer(&c, 1, &spec, no_use);
	cloud_put_archive(&c, 1, NO_USE, NO_USE);
	for (int i = 1; i <= 3; i++)
		ck_assert_int_eq(cloud_fetch(&c, &spec).state, i < 3 ? JOB_FAILED : JOB_ABSENT);
	cloud_tear_down(&c);
}
END_TEST

START_TEST(fetch_archive__one_that_was_offered_and_is_not_there_any_more_is_looked_for_elsewhere)
{
	/* What the second has, by its offer and by its id, and the state of the job then. */
	static const struct {
		const char *const *offered;
		const char *archive;
		int got; /* -1: nothing */
		enum job_state state;
	} rows[] = {{NULL, AR2, FORMAT_AR2, JOB_NONE},
		/* It has another one for the same. */
		{only_1, AR1, FORMAT_AR1, JOB_ABSENT}, {NULL, AR1, -1, JOB_ABSENT}};

	logged_begin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job_spec spec = spec_of(JOB_OFFER, 4, FORMAT_AR2);
		struct job_spec asked = spec_of(JOB_PRICE, 4, (enum format)0);
		struct cloud c;

		cloud_set_up(&c);
		cloud_put_offer(&c, 0, &spec, only_2);
		ck_assert_int_eq(cloud_fetch(&c, &asked).state, JOB_KNOWN);
		cloud_lose(&c);
		if (rows[i].offered != NULL)
			cloud_put_offer(&c, 1, &spec, rows[i].offered);
		cloud_put_archive(&c, 1, rows[i].archive, rows[i].archive);
		ck_assert_msg(cloud_fetch(&c, &spec).state == rows[i].state, "row %zu", i);
		for (int f = 0; f < FORMAT_COUNT; f++)
			ck_assert(is_here(&c, &spec, (enum format)f) == (f == rows[i].got));
		ck_assert_uint_eq(ledger_used(c.k.ledger).entered_bytes, 0);
		cloud_tear_down(&c);
	}
}
END_TEST

START_TEST(fetch_archive__a_disk_of_ours_is_nobodys_fault_above)
{
	bool failed = true;

	logged_begin();
	for (unsigned n = 1; failed; n++) {
		struct job_look look;
		struct cloud c;

		cloud_set_up(&c);
		cloud_put_offer(&c, 0, &full, only_2);
		cloud_put_archive(&c, 0, AR2, AR2);
		faults_begin(n);
		look = cloud_fetch(&c, &full);
		failed = faults_stop();
		ck_assert(failed || look.state == JOB_NONE);
		/* The second has none: it is asked of the first again. */
		ck_assert_int_eq(cloud_fetch(&c, &full).state, JOB_NONE);
		ck_assert(is_here(&c, &full, FORMAT_AR2));
		cloud_tear_down(&c);
	}
}
END_TEST

START_TEST(fetch_archive__waits_for_its_place)
{
	struct fetch *others[FETCH_ARCHIVES_OF_TYPE];
	struct fetch *f;
	struct cloud c;

	cloud_set_up(&c);
	logged_begin();
	cloud_put_offer(&c, 0, &full, only_2);
	cloud_put_archive(&c, 0, AR2, AR2);
	for (unsigned i = 0; i < FETCH_ARCHIVES_OF_TYPE; i++) {
		struct job_spec spec = full;

		spec.ident.edition.version = 6 + i;
		others[i] = cloud_begin(&c, &spec);
		others[i]->upstream = 0;
		ck_assert(fetch_job_may_download(others[i]));
	}
	f = cloud_begin(&c, &full);
	fetch_archive(f);
	while (STAILQ_EMPTY(&c.pool.waiting)) {
		ck_assert_int_eq(jobs_look(c.k.jobs, &full).state, JOB_RUNNING);
		upstream_run(c.pool.upstream, 5);
	}
	ck_assert_ptr_eq(STAILQ_FIRST(&c.pool.waiting), f);
	check_stage(&c, false);
	fetch_job_later(others[0], JOB_BUSY, 1000);
	while (jobs_look(c.k.jobs, &full).state == JOB_RUNNING)
		upstream_run(c.pool.upstream, 5);
	kept_settle(&c.k);
	ck_assert(is_here(&c, &full, FORMAT_AR2));
	for (unsigned i = 1; i < FETCH_ARCHIVES_OF_TYPE; i++)
		fetch_job_later(others[i], JOB_BUSY, 1000);
	cloud_tear_down(&c);
}
END_TEST

void
fetch_archive_tests(TCase *c)
{
	tcase_add_test(c, fetch_archive__one_of_no_use_is_loaded_three_times_at_the_most);
	tcase_add_test(c,
		fetch_archive__one_that_was_offered_and_is_not_there_any_more_is_looked_for_elsewhere);
	tcase_add_test(c, fetch_archive__a_disk_of_ours_is_nobodys_fault_above);
	tcase_add_test(c, fetch_archive__waits_for_its_place);
	tcase_add_test(c, fetch_archive__the_best_that_is_offered_and_understood);
	tcase_add_test(c, fetch_archive__a_price_is_what_all_formats_cost);
	tcase_add_test(c, fetch_archive__a_price_that_is_known_is_not_asked_for_again);
	tcase_add_test(c, fetch_archive__what_is_here_already_is_not_loaded_again);
	tcase_add_test(c, fetch_archive__goes_on_where_an_earlier_run_ended);
	tcase_add_test(c, fetch_archive__what_the_second_cloud_has_is_taken_from_there);
	tcase_add_test(c, fetch_archive__where_there_is_no_room_it_waits_for_some);
	tcase_add_test(c, fetch_archive__its_part_is_written_by_one_alone);
	tcase_add_test(c, fetch_archive__one_that_is_not_as_it_was_said_is_asked_for_again);
	tcase_add_test(c, fetch_archive__one_of_no_use_is_looked_for_elsewhere_and_then_given_up);
	tcase_add_test(c, fetch_archive__a_header_that_it_contradicts_is_asked_for_again_once);
	tcase_add_test(
		c, fetch_archive__after_a_wrong_answer_the_next_cloud_is_asked_for_all_of_it);
}
