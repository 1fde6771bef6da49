/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * job_outlook.h - what somebody who asks for a job is told of it: for jobs.c.
 *
 * Units:    _ms milliseconds
 * Threads:  one at a time: jobs.c has the lock
 */
#ifndef JOB_OUTLOOK_H
#define JOB_OUTLOOK_H

#include "jobs/job_table.h"

/* typical_ms: what downloads took so far; UINT64_MAX: none has ended yet. */
struct job_outlook job_outlook(
	const struct job_table *t, const struct job *job, uint64_t typical_ms);

#endif
