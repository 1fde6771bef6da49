/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * prefetch.h - what is obtained before anybody asks for it.
 *
 * Does:     names the jobs, and starts none: a version is announced when they have ended
 * (announce.c). Threads:  any Source:   guts2d(8), prefetchDifferences; channels.json(5), prefetch
 */
#ifndef PREFETCH_H
#define PREFETCH_H

#include "cache/usage.h"
#include "cache/view.h"
#include "jobs/jobs.h"

struct prefetch {
	struct usage *usage;
	size_t versions; /* differences from so many that most clients have */
	bool previous;	 /* and from the one that was announced before, where it was used here */
};

/*
 * The jobs for a newer version of a type: differences in the formats that the clients of each older
 * version ask for, and the header, which whoever is told of a version asks for as well. Returns how
 * many; the caller frees *ret.
 */
size_t prefetch_jobs(const struct prefetch *p, const struct view_type *t, const struct ident *new,
	struct job_spec **ret);

#endif
