/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * job_progress.h - how far a job is.
 *
 * Units:    bytes; _ms milliseconds, monotonic
 * Threads:  written by the one that runs the job, read by any
 */
#ifndef JOB_PROGRESS_H
#define JOB_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>

/* total 0: not known. */
struct job_progress {
	_Atomic uint64_t have_bytes;
	_Atomic uint64_t total_bytes;
	_Atomic uint64_t start_bytes; /* that were there already */
	_Atomic uint64_t since_ms;    /* when the first byte came; 0: none has */
};

/*
 * A transfer or a build of total bytes begins, have of them are there already; so many more have
 * come. An estimate starts with the first job_progress_add, be it of 0 bytes.
 */
void job_progress_begin(struct job_progress *p, uint64_t have_bytes, uint64_t total_bytes);
void job_progress_add(struct job_progress *p, uint64_t bytes);

#endif
