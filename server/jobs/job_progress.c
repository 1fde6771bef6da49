/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/job_progress.h"

#include "base/clock.h"

/*
 * Without a lock: a transfer does not wait for the table with each of its blocks. Who reads in
 * between meets numbers of two moments, which will do for an estimate.
 */
void
job_progress_begin(struct job_progress *p, uint64_t have_bytes, uint64_t total_bytes)
{
	p->have_bytes = p->start_bytes = have_bytes;
	p->total_bytes = total_bytes;
	p->since_ms = 0;
}

void
job_progress_add(struct job_progress *p, uint64_t bytes)
{
	if (p->since_ms == 0)
		p->since_ms = clock_mono_ms();
	p->have_bytes += bytes;
}
