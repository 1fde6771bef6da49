/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * job_table.h - the jobs by what comes of them.
 *
 * Does:     finds, makes and forgets them; there are never more than a client
 *           that invents versions may cost, and of each kind no more run than its share.
 * Threads:  one at a time: jobs.c has the lock
 * Owner:    a job is the table's until job_table_remove
 */
#ifndef JOB_TABLE_H
#define JOB_TABLE_H

#include "base/hash.h"
#include "jobs/jobs.h"

enum { JOB_TABLE_BUCKETS = 1024 };

LIST_HEAD(job_list, job);
STAILQ_HEAD(job_queue_list, job);

struct job_table {
	struct hash_key hash_key;
	struct job_list buckets[JOB_TABLE_BUCKETS];
	size_t count;
	size_t wishes; /* of these, with a base that may be invented */
	struct job_queue_list queued[QUEUES];
	struct job_list running[QUEUES];
};

void job_table_begin(struct job_table *t);

/* Who takes it. */
enum job_queue job_table_queue(const struct job_spec *spec);

/* The first of a queue that may run now: others of its type have no more than their share. */
struct job *job_table_next(const struct job_table *t, enum job_queue queue);

/* The name of what comes of a job. */
void job_table_key(const struct job_spec *spec, char ret[JOB_KEY]);

struct job *job_table_find(const struct job_table *t, const char *key);

/* A new one. NULL: there is no room, not even by forgetting what is only remembered. */
struct job *job_table_add(struct job_table *t, const struct job_spec *spec, const char *key);

/* The job is gone. */
void job_table_remove(struct job_table *t, struct job *job);
void job_table_clear(struct job_table *t);

/* Calls act for every job; it may remove the one it is given. */
void job_table_each(
	struct job_table *t, void (*act)(void *context, struct job *job), void *context);

#endif
