/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * job_shown.h - the jobs of a table as people see them: for jobs.c.
 *
 * Units:    _ms milliseconds, monotonic
 * Threads:  one at a time: jobs.c has the lock
 */
#ifndef JOB_SHOWN_H
#define JOB_SHOWN_H

#include "jobs/job_table.h"

/* See jobs_show. */
size_t job_shown_list(
	const struct job_table *t, uint64_t now_ms, struct job_shown *ret, size_t max);

#endif
