/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One more than there may be, of each of the bounds. */
#include "jobs/job_table.h"

#include <stdio.h>

#include "base/mem.h"
#include "unit.h"

enum { ALL = 10240, RESERVED = 2048, WISHES = 512 };

static struct job_spec
spec_of(enum job_kind kind, char type, uint64_t base, uint64_t wish_of)
{
	static uint64_t version;

	return (struct job_spec){.kind = kind,
		.ident = {{type}, {++version, "00000000"}},
		.base = {base, "00000000"},
		.wish_of = wish_of};
}

static struct job *
add(struct job_table *t, enum job_kind kind, uint64_t base, uint64_t wish_of)
{
	struct job_spec spec = spec_of(kind, 't', base, wish_of);
	char key[JOB_KEY];

	job_table_key(&spec, key);
	return job_table_add(t, &spec, key);
}

START_TEST(job_table__what_the_server_needs_has_room_that_clients_cannot_take)
{
	/* A full archive has no base. */
	static const struct {
		enum job_kind kind;
		uint64_t base;
	} own[] = {{JOB_HEADER, 0}, {JOB_OFFER, 0}, {JOB_BUILD, 0}, {JOB_PRICE, 1}, {JOB_CHECK, 1},
		{JOB_CONTENT, 0}, {JOB_QUERY, 0}};
	struct job_table *t = mem_new(1, sizeof(*t));

	job_table_begin(t);
	for (int i = 0; i < ALL - RESERVED; i++)
		ck_assert_ptr_nonnull(add(t, i % 2 == 0 ? JOB_OFFER : JOB_BUILD, 1, 0));
	ck_assert_ptr_null(add(t, JOB_OFFER, 1, 0));
	ck_assert_ptr_null(add(t, JOB_BUILD, 1, 0));
	for (int i = 0; i < RESERVED; i++)
		ck_assert_ptr_nonnull(add(t, own[i % 7].kind, own[i % 7].base, 0));
	for (int i = 0; i < 7; i++)
		ck_assert_ptr_null(add(t, own[i].kind, own[i].base, 0));
	job_table_clear(t);
	ck_assert_uint_eq(t->count, 0);
	free(t);
}
END_TEST

START_TEST(job_table__what_is_only_remembered_makes_room)
{
	static const struct {
		enum job_state state;
		bool room;
	} rows[] = {
		{JOB_QUEUED, false}, {JOB_RUNNING, false}, {JOB_FAILED, true}, {JOB_KNOWN, true}};
	struct job_table *t = mem_new(1, sizeof(*t));
	struct job *one = NULL;

	job_table_begin(t);
	for (int i = 0; i < ALL - RESERVED; i++) {
		one = add(t, JOB_OFFER, 1, 0);
		one->state = JOB_QUEUED;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job *more;

		one->state = rows[i].state;
		more = add(t, JOB_OFFER, 1, 0);
		ck_assert_msg((more != NULL) == rows[i].room, "state %d", (int)rows[i].state);
		ck_assert_uint_eq(t->count, ALL - RESERVED);
		if (more != NULL)
			one = more;
		one->state = JOB_QUEUED;
	}
	job_table_clear(t);
	free(t);
}
END_TEST

START_TEST(job_table__wishes_are_few_and_make_room_for_each_other_alone)
{
	struct job_table *t = mem_new(1, sizeof(*t));
	struct job *wish = NULL;
	struct job *other;

	job_table_begin(t);
	other = add(t, JOB_OFFER, 1, 0);
	other->state = JOB_FAILED;
	for (int i = 0; i < WISHES; i++) {
		wish = add(t, JOB_OFFER, 1, 7);
		ck_assert_ptr_nonnull(wish);
		wish->state = JOB_QUEUED;
	}
	ck_assert_ptr_null(add(t, JOB_OFFER, 1, 7));
	ck_assert_ptr_nonnull(add(t, JOB_OFFER, 1, 0));
	wish->state = JOB_FAILED;
	ck_assert_ptr_nonnull(add(t, JOB_OFFER, 1, 7));
	ck_assert_uint_eq(t->wishes, WISHES);
	ck_assert_ptr_eq(job_table_find(t, other->key), other);
	job_table_clear(t);
	ck_assert_uint_eq(t->wishes, 0);
	free(t);
}
END_TEST

/* Queued jobs run as far as they may. */
static unsigned
run_all(struct job_table *t, enum job_queue queue)
{
	unsigned count = 0;
	struct job *job;

	while ((job = job_table_next(t, queue)) != NULL) {
		STAILQ_REMOVE(&t->queued[queue], job, job, in_queue);
		LIST_INSERT_HEAD(&t->running[queue], job, in_running);
		count++;
	}
	return count;
}

static struct job *
queue_one(struct job_table *t, enum job_kind kind, char type, uint64_t wish_of)
{
	struct job_spec spec = spec_of(kind, type, 1, wish_of);
	char key[JOB_KEY];
	struct job *job;

	job_table_key(&spec, key);
	job = job_table_add(t, &spec, key);
	STAILQ_INSERT_TAIL(&t->queued[job_table_queue(&spec)], job, in_queue);
	return job;
}

START_TEST(job_table__finds_each_until_it_is_removed)
{
	enum { COUNT = 3 * JOB_TABLE_BUCKETS }; /* so that buckets have several */
	struct job_table *t = mem_new(1, sizeof(*t));
	struct job *jobs[COUNT];

	job_table_begin(t);
	for (size_t i = 0; i < COUNT; i++)
		jobs[i] = add(t, JOB_HEADER, 0, 0);
	ck_assert_uint_eq(t->count, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		ck_assert_ptr_eq(job_table_find(t, jobs[i]->key), jobs[i]);
	for (size_t i = 0; i < COUNT; i++) {
		char key[JOB_KEY];

		(void)snprintf(key, sizeof(key), "%s", jobs[i]->key);
		job_table_remove(t, jobs[i]);
		ck_assert_ptr_null(job_table_find(t, key));
		ck_assert_uint_eq(t->count, COUNT - i - 1);
	}
	free(t);
}
END_TEST

START_TEST(job_table_next__as_many_run_as_there_are_shares)
{
	static const struct {
		enum job_kind kind;
		uint64_t wish_of;
		enum job_queue queue;
		unsigned all, of_type; /* of 100, and of 20 types with 5 each */
	} rows[] = {{JOB_HEADER, 0, QUEUE_METADATA, 16, 4}, {JOB_PRICE, 0, QUEUE_METADATA, 16, 4},
		{JOB_OFFER, 0, QUEUE_ARCHIVES, 32, 8}, {JOB_OFFER, 7, QUEUE_WISHES, 16, 4},
		{JOB_CHECK, 0, QUEUE_WORKERS, 100, 100}, {JOB_BUILD, 0, QUEUE_BUILDERS, 100, 100},
		{JOB_CONTENT, 0, QUEUE_BUILDERS, 100, 100}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int types = 1; types <= 20; types += 19) {
			struct job_table *t = mem_new(1, sizeof(*t));
			struct job *ended;

			job_table_begin(t);
			for (int k = 0; k < 100; k++)
				(void)queue_one(
					t, rows[i].kind, (char)('a' + k % types), rows[i].wish_of);
			ck_assert_msg(run_all(t, rows[i].queue) ==
					      (types == 1 ? rows[i].of_type : rows[i].all),
				"row %zu, %d types", i, types);
			ended = LIST_FIRST(&t->running[rows[i].queue]);
			LIST_REMOVE(ended, in_running);
			ck_assert_uint_eq(run_all(t, rows[i].queue), rows[i].all < 100);
			job_table_clear(t);
			free(t);
		}
}
END_TEST

START_TEST(job_table_next__the_announcement_waits_for_nobody)
{
	struct job_table *t = mem_new(1, sizeof(*t));
	struct job *query;

	job_table_begin(t);
	for (int i = 0; i < 100; i++)
		(void)queue_one(t, JOB_HEADER, (char)('a' + i % 20), 0);
	ck_assert_uint_eq(run_all(t, QUEUE_METADATA), 16);
	query = queue_one(t, JOB_QUERY, 't', 0);
	ck_assert_ptr_eq(job_table_next(t, QUEUE_METADATA), query);
	job_table_clear(t);
	free(t);
}
END_TEST

START_TEST(job_table_key__what_is_obtained_built_priced_and_checked_is_not_the_same)
{
	struct job_spec same = spec_of(JOB_OFFER, 't', 1, 0);
	struct job_spec specs[] = {same, same, same, same, same, same, same, same, same};
	char keys[sizeof(specs) / sizeof(specs[0])][JOB_KEY];

	specs[1].kind = JOB_PRICE;
	specs[2].kind = JOB_BUILD;
	specs[3].kind = JOB_CHECK;
	specs[3].stored = RECORD_ARCHIVE;
	specs[4].kind = JOB_HEADER;
	specs[5].kind = JOB_CONTENT;
	specs[6].kind = JOB_QUERY;
	specs[7].format = FORMAT_AR2;
	specs[8].base.version = 0;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		job_table_key(&specs[i], keys[i]);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(keys[i], keys[k]);
	}
}
END_TEST

void
job_table_tests(TCase *c)
{
	tcase_add_test(c, job_table__finds_each_until_it_is_removed);
	tcase_add_test(c, job_table__what_the_server_needs_has_room_that_clients_cannot_take);
	tcase_add_test(c, job_table__what_is_only_remembered_makes_room);
	tcase_add_test(c, job_table__wishes_are_few_and_make_room_for_each_other_alone);
	tcase_add_test(c, job_table_next__as_many_run_as_there_are_shares);
	tcase_add_test(c, job_table_next__the_announcement_waits_for_nobody);
	tcase_add_test(c, job_table_key__what_is_obtained_built_priced_and_checked_is_not_the_same);
}
