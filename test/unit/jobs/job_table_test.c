/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/job_table.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "unit.h"

static struct job_spec
spec_of(enum job_kind kind, const char *type, uint64_t version)
{
	struct job_spec spec = {.kind = kind, .format = FORMAT_AR2};

	(void)snprintf(spec.ident.type, sizeof(spec.ident.type), "%s", type);
	spec.ident.edition = (struct edition){version, "00000001"};
	return spec;
}

/* A difference that somebody asks for; wish: whose base may be invented. */
static struct job_spec
difference(uint64_t base, bool wish)
{
	struct job_spec spec = spec_of(JOB_OFFER, "t", 9);

	spec.base = (struct edition){base, "00000002"};
	spec.wish_of = wish;
	return spec;
}

static struct job *
add(struct job_table *t, struct job_spec spec, enum job_state state)
{
	char key[JOB_KEY];
	struct job *job;

	job_table_key(&spec, key);
	job = job_table_add(t, &spec, key);
	if (job != NULL)
		job->state = state;
	return job;
}

static struct job_table *
new_table(void)
{
	struct job_table *t = mem_new(1, sizeof(*t));

	job_table_begin(t);
	return t;
}

static void
free_table(struct job_table *t)
{
	job_table_clear(t);
	free(t);
}

START_TEST(job_table_key__tells_apart_all_that_is_not_the_same)
{
	struct job_spec specs[JOB_KINDS + 6];
	char keys[JOB_KINDS + 6][JOB_KEY];
	size_t n = 0;

	for (int kind = 0; kind < JOB_KINDS; kind++)
		specs[n++] = spec_of((enum job_kind)kind, "t", 9);
	specs[n++] = difference(3, false);
	specs[n++] = difference(4, false);
	specs[n] = difference(4, false);
	specs[n++].format = FORMAT_AR1;
	specs[n] = spec_of(JOB_CHECK, "t", 9);
	specs[n++].stored = RECORD_HEADER;
	specs[n] = spec_of(JOB_CHECK, "t", 9);
	specs[n++].stored = RECORD_CONTENT;
	specs[n++] = spec_of(JOB_HEADER, "u", 9);
	for (size_t i = 0; i < n; i++) {
		job_table_key(&specs[i], keys[i]);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(keys[i], keys[k]);
	}
}
END_TEST

START_TEST(job_table__finds_each_until_it_is_removed)
{
	enum { COUNT = 3 * JOB_TABLE_BUCKETS }; /* so that buckets have several */
	struct job_table *t = new_table();
	struct job *jobs[COUNT];

	for (uint64_t i = 0; i < COUNT; i++)
		jobs[i] = add(t, spec_of(JOB_HEADER, "t", i + 1), JOB_QUEUED);
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
	free_table(t);
}
END_TEST

/* What the queue lets run of so many jobs of one type, and then of another. */
static void
run_all(struct job_table *t, enum job_queue queue, struct job_spec spec, unsigned count,
	unsigned *ret_first, unsigned *ret_all)
{
	struct job *job;

	*ret_first = *ret_all = 0;
	for (int type = 0; type < 20; type++) {
		(void)snprintf(spec.ident.type, sizeof(spec.ident.type), "type%d", type);
		for (unsigned i = 0; i < count; i++) {
			spec.ident.edition.version = i + 1;
			job = add(t, spec, JOB_QUEUED);
			STAILQ_INSERT_TAIL(&t->queued[queue], job, in_queue);
		}
		while ((job = job_table_next(t, queue)) != NULL) {
			ck_assert_int_eq(job_table_queue(&job->spec), queue);
			STAILQ_REMOVE(&t->queued[queue], job, job, in_queue);
			job->state = JOB_RUNNING;
			LIST_INSERT_HEAD(&t->running[queue], job, in_running);
			++*ret_all;
		}
		if (type == 0)
			*ret_first = *ret_all;
	}
}

START_TEST(job_table_next__a_type_has_its_share_and_all_have_theirs)
{
	static const struct {
		enum job_kind kind;
		bool wish;
		enum job_queue queue;
		unsigned of_type, all;
	} rows[] = {
		{JOB_HEADER, false, QUEUE_METADATA, 4, 16},
		{JOB_PRICE, false, QUEUE_METADATA, 4, 16},
		{JOB_OFFER, false, QUEUE_ARCHIVES, 8, 32},
		{JOB_OFFER, true, QUEUE_WISHES, 4, 16},
		{JOB_CHECK, false, QUEUE_WORKERS, 10, 200}, /* its threads are its bound */
		{JOB_BUILD, false, QUEUE_BUILDERS, 10, 200},
		{JOB_CONTENT, false, QUEUE_BUILDERS, 10, 200},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job_table *t = new_table();
		struct job_spec spec = spec_of(rows[i].kind, "t", 1);
		unsigned first, all;

		if (rows[i].wish) {
			spec.base = (struct edition){1, "00000002"};
			spec.wish_of = 1;
		}
		run_all(t, rows[i].queue, spec, 10, &first, &all);
		ck_assert_msg(first == rows[i].of_type && all == rows[i].all, "row %zu: %u %u", i,
			first, all);
		/* The announcement waits for nobody. */
		if (rows[i].queue == QUEUE_METADATA) {
			struct job *query = add(t, spec_of(JOB_QUERY, "", 0), JOB_QUEUED);

			STAILQ_INSERT_TAIL(&t->queued[QUEUE_METADATA], query, in_queue);
			ck_assert_ptr_eq(job_table_next(t, QUEUE_METADATA), query);
		}
		free_table(t);
	}
}
END_TEST

/* How many of these are taken, up to a bound of the test's own. */
static unsigned
fill(struct job_table *t, bool wish, bool own, enum job_state state)
{
	unsigned taken = 0;

	for (uint64_t i = 1; i <= 20000; i++) {
		if (add(t, own ? spec_of(JOB_HEADER, "t", i) : difference(i, wish), state) == NULL)
			break;
		taken++;
	}
	return taken;
}

START_TEST(job_table_add__clients_cannot_have_what_is_reserved)
{
	struct job_table *t = new_table();

	ck_assert_uint_eq(fill(t, true, false, JOB_RUNNING), 512);
	ck_assert_uint_eq(t->wishes, 512);
	ck_assert_uint_eq(fill(t, false, false, JOB_QUEUED), 8192 - 512);
	ck_assert_uint_eq(fill(t, false, true, JOB_QUEUED), 2048);
	ck_assert_uint_eq(t->count, 10240);
	free_table(t);
}
END_TEST

START_TEST(job_table_add__what_is_only_remembered_makes_room)
{
	static const enum job_state states[] = {JOB_FAILED, JOB_KNOWN};

	for (size_t i = 0; i < 2; i++) {
		struct job_table *t = new_table();

		ck_assert_uint_eq(fill(t, true, false, JOB_QUEUED), 512);
		/* Another one takes the place of a wish, and not of anything else. */
		ck_assert_ptr_nonnull(add(t, spec_of(JOB_HEADER, "t", 1), states[i]));
		ck_assert_ptr_null(add(t, difference(30000, true), JOB_QUEUED));
		for (size_t b = 0; b < JOB_TABLE_BUCKETS; b++) {
			struct job *job = LIST_FIRST(&t->buckets[b]);

			if (job != NULL && job->spec.wish_of != 0) {
				job->state = states[i];
				break;
			}
		}
		ck_assert_ptr_nonnull(add(t, difference(30000, true), JOB_QUEUED));
		ck_assert_ptr_null(add(t, difference(30001, true), JOB_QUEUED));
		ck_assert_uint_eq(t->wishes, 512);
		ck_assert_uint_eq(t->count, 513);
		free_table(t);

		t = new_table();
		ck_assert_uint_eq(fill(t, false, false, states[i]), 20000);
		ck_assert_uint_eq(t->count, 8192);
		ck_assert_uint_eq(fill(t, false, true, JOB_QUEUED), 10240);
		ck_assert_uint_eq(t->count, 10240);
		free_table(t);
	}
}
END_TEST

void
job_table_tests(TCase *c)
{
	tcase_add_test(c, job_table_key__tells_apart_all_that_is_not_the_same);
	tcase_add_test(c, job_table__finds_each_until_it_is_removed);
	tcase_add_test(c, job_table_next__a_type_has_its_share_and_all_have_theirs);
	tcase_add_test(c, job_table_add__clients_cannot_have_what_is_reserved);
	tcase_add_test(c, job_table_add__what_is_only_remembered_makes_room);
}
