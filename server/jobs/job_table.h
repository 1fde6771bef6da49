/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * job_table.h - the jobs by what comes of them.
 *
 * Does:     finds, makes and forgets them; there are never more than a client
 *           that invents versions may cost.
 * Threads:  one at a time: jobs.c has the lock
 * Owner:    a job is the table's until job_table_remove
 */
#ifndef JOB_TABLE_H
#define JOB_TABLE_H

#include "jobs/jobs.h"

enum { JOB_TABLE_BUCKETS = 1024 };

struct job_table {
	LIST_HEAD(job_bucket, job) buckets[JOB_TABLE_BUCKETS];
	size_t count;
};

/* Who takes jobs of this kind. */
enum job_queue job_table_queue(enum job_kind kind);

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
