/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/job_table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/*
 * A client can invent versions: memory and questions are bounded. The last RESERVED places are for
 * what the server needs itself, whatever clients want.
 */
enum { JOBS_MAX = 10240, RESERVED = 2048, WISHES_MAX = 512 };

/* How many run at a time, in all and of one type; 0: as many as there are threads. */
static const struct {
	unsigned all;
	unsigned of_type;
} shares[QUEUES] = {[QUEUE_METADATA] = {16, 4},
	[QUEUE_ARCHIVES] = {32, 8},
	[QUEUE_WISHES] = {16, 4},
	[QUEUE_ROLES] = {16, 1}};

void
job_table_begin(struct job_table *t)
{
	t->hash_key = hash_key_new();
	for (int i = 0; i < QUEUES; i++)
		STAILQ_INIT(&t->queued[i]);
}

enum job_queue
job_table_queue(const struct job_spec *spec)
{
	static const enum job_queue queues[JOB_KINDS] = {[JOB_QUERY] = QUEUE_METADATA,
		[JOB_HEADER] = QUEUE_METADATA,
		[JOB_OFFER] = QUEUE_ARCHIVES,
		[JOB_PRICE] = QUEUE_METADATA,
		[JOB_CHECK] = QUEUE_WORKERS,
		[JOB_ROLE] = QUEUE_ROLES,
		[JOB_BUILD] = QUEUE_BUILDERS,
		[JOB_CONTENT] = QUEUE_BUILDERS};

	return spec->kind == JOB_OFFER && spec->wish_of != 0 ? QUEUE_WISHES : queues[spec->kind];
}

/* The announcement waits for nobody. */
static bool
may_run(const struct job_table *t, enum job_queue queue, const struct job *job)
{
	unsigned all = 0;
	unsigned of_type = 0;
	const struct job *other;

	if (shares[queue].all == 0 || job->spec.kind == JOB_QUERY)
		return true;
	LIST_FOREACH (other, &t->running[queue], in_running) {
		all++;
		of_type += strcmp(other->spec.ident.type, job->spec.ident.type) == 0;
	}
	return all < shares[queue].all && of_type < shares[queue].of_type;
}

struct job *
job_table_next(const struct job_table *t, enum job_queue queue)
{
	struct job *job;

	STAILQ_FOREACH (job, &t->queued[queue], in_queue)
		if (may_run(t, queue, job))
			return job;
	return NULL;
}

void
job_table_key(const struct job_spec *spec, char ret[JOB_KEY])
{
	/*
	 * What is obtained, priced, checked and built can have one name: the prefix keeps them
	 * apart. Behind it stands the format, 0 where there is none.
	 */
	static const char *const prefixes[JOB_KINDS] = {[JOB_QUERY] = "",
		[JOB_HEADER] = "",
		[JOB_OFFER] = "fetch ",
		[JOB_PRICE] = "price ",
		[JOB_CHECK] = "check ",
		[JOB_BUILD] = "build ",
		[JOB_ROLE] = "role ",
		[JOB_CONTENT] = "content "};
	char name[IDENT_NAME_MAX];

	switch (spec->kind) {
	case JOB_QUERY:
		(void)snprintf(name, sizeof(name), "q");
		break;
	case JOB_ROLE:
		(void)snprintf(name, sizeof(name), "%s", spec->ident.type);
		break;
	case JOB_HEADER:
	case JOB_CONTENT:
		(void)ident_header_name(&spec->ident, name);
		break;
	case JOB_OFFER:
	case JOB_PRICE:
	case JOB_BUILD:
		(void)ident_offer_name(&spec->ident, &spec->base, name);
		break;
	case JOB_CHECK:
		(void)record_name(
			&(struct record){
				.kind = spec->stored, .ident = spec->ident, .base = spec->base},
			name);
		break;
	case JOB_KINDS:
		assert(false);
	}
	(void)snprintf(ret, JOB_KEY, "%s%d %s", prefixes[spec->kind], (int)spec->format, name);
}

struct job *
job_table_find(const struct job_table *t, const char *key)
{
	uint64_t hash = hash_of_text(&t->hash_key, key);
	struct job *job;

	LIST_FOREACH (job, &t->buckets[hash % JOB_TABLE_BUCKETS], in_bucket)
		if (job->hash == hash && strcmp(job->key, key) == 0)
			return job;
	return NULL;
}

void
job_table_remove(struct job_table *t, struct job *job)
{
	LIST_REMOVE(job, in_bucket);
	t->count--;
	t->wishes -= job->spec.wish_of != 0;
	free(job->memory);
	free(job);
}

void
job_table_each(struct job_table *t, void (*act)(void *context, struct job *job), void *context)
{
	for (size_t i = 0; i < JOB_TABLE_BUCKETS; i++) {
		struct job *next;

		for (struct job *job = LIST_FIRST(&t->buckets[i]); job != NULL; job = next) {
			/* Before act, which may free the job. */
			next = LIST_NEXT(job, in_bucket);
			act(context, job);
		}
	}
}

static void
remove_one(void *context, struct job *job)
{
	job_table_remove(context, job);
}

void
job_table_clear(struct job_table *t)
{
	job_table_each(t, remove_one, t);
}

/* Nobody runs such a job or waits for it: waiters are with QUEUED and RUNNING ones alone. */
static bool
is_only_remembered(const struct job *job)
{
	return job->state == JOB_FAILED || job->state == JOB_KNOWN;
}

/* The first that is met: at worst the upstream is asked for it once more. */
static bool
forget_one(struct job_table *t, bool wish)
{
	for (size_t i = 0; i < JOB_TABLE_BUCKETS; i++) {
		struct job *job;

		LIST_FOREACH (job, &t->buckets[i], in_bucket) {
			if (!is_only_remembered(job) || (wish && job->spec.wish_of == 0))
				continue;
			job_table_remove(t, job);
			return true;
		}
	}
	return false;
}

/*
 * Room is made by forgetting something that is only remembered. What is queued or running stays,
 * since somebody waits for it: where the table is full of that, who asks is told that the server
 * is busy.
 */
static bool
has_room(struct job_table *t, const struct job_spec *spec)
{
	/* Differences are what clients ask for; all else is what the server works with. */
	bool own = spec->base.version == 0 || (spec->kind != JOB_OFFER && spec->kind != JOB_BUILD);
	size_t max = own ? JOBS_MAX : JOBS_MAX - RESERVED;

	if (spec->wish_of != 0 && t->wishes >= WISHES_MAX)
		return forget_one(t, true);
	return t->count < max || forget_one(t, false);
}

struct job *
job_table_add(struct job_table *t, const struct job_spec *spec, const char *key)
{
	struct job *job;

	if (!has_room(t, spec))
		return NULL;
	job = mem_new(1, sizeof(*job));
	job->spec = *spec;
	job->spec.via = NULL; /* the asker's, who may be gone before the job is */
	(void)snprintf(job->key, sizeof(job->key), "%s", key);
	job->hash = hash_of_text(&t->hash_key, key);
	LIST_INSERT_HEAD(&t->buckets[job->hash % JOB_TABLE_BUCKETS], job, in_bucket);
	t->count++;
	t->wishes += spec->wish_of != 0;
	return job;
}
