/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/job_table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { JOBS_MAX = 8192 }; /* a client can invent versions: memory and questions are bounded */

enum job_queue
job_table_queue(enum job_kind kind)
{
	static const enum job_queue queues[JOB_KINDS] = {[JOB_QUERY] = QUEUE_FETCHER,
		[JOB_HEADER] = QUEUE_FETCHER,
		[JOB_OFFER] = QUEUE_FETCHER,
		[JOB_PRICE] = QUEUE_FETCHER,
		[JOB_CHECK] = QUEUE_WORKERS,
		[JOB_BUILD] = QUEUE_BUILDERS,
		[JOB_CONTENT] = QUEUE_BUILDERS};

	return queues[kind];
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
		[JOB_CONTENT] = "content "};
	char name[IDENT_NAME_MAX];

	switch (spec->kind) {
	case JOB_QUERY:
		(void)snprintf(name, sizeof(name), "q");
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

static size_t
bucket_of(const char *key)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (; *key != '\0'; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619U;
	return hash % JOB_TABLE_BUCKETS;
}

struct job *
job_table_find(const struct job_table *t, const char *key)
{
	struct job *job;

	LIST_FOREACH (job, &t->buckets[bucket_of(key)], in_bucket)
		if (strcmp(job->key, key) == 0)
			return job;
	return NULL;
}

void
job_table_remove(struct job_table *t, struct job *job)
{
	LIST_REMOVE(job, in_bucket);
	t->count--;
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
	return job->state == JOB_FAILED || job->state == JOB_ABSENT || job->state == JOB_KNOWN;
}

/*
 * Room is made by forgetting something that is only remembered, the first that is met: at worst the
 * upstream is asked for it once more. What is queued or running stays, since somebody waits for it:
 * where the table is full of that, who asks is told that the server is busy.
 */
static bool
free_room(struct job_table *t)
{
	if (t->count < JOBS_MAX)
		return true;
	for (size_t i = 0; i < JOB_TABLE_BUCKETS; i++) {
		struct job *job;

		LIST_FOREACH (job, &t->buckets[i], in_bucket) {
			if (!is_only_remembered(job))
				continue;
			job_table_remove(t, job);
			return true;
		}
	}
	return false;
}

struct job *
job_table_add(struct job_table *t, const struct job_spec *spec, const char *key)
{
	struct job *job;

	if (!free_room(t))
		return NULL;
	job = mem_new(1, sizeof(*job));
	job->spec = *spec;
	job->spec.via = NULL; /* the asker's, who may be gone before the job is */
	(void)snprintf(job->key, sizeof(job->key), "%s", key);
	LIST_INSERT_HEAD(&t->buckets[bucket_of(key)], job, in_bucket);
	t->count++;
	return job;
}
