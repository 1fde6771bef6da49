/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decide.h - the answer to a request, as a value.
 *
 * Does:     applies PROTOCOL section 7 to a view; knows nothing of HTTP, locks
 *           or files.
 * Threads:  any
 * Owner:    what a decision points to belongs to the view
 * Source:   PROTOCOL sections 2, 3 and 7
 */
#ifndef DECIDE_H
#define DECIDE_H

#include "jobs/jobs.h"
#include "cache/view.h"

enum decision_kind {
	DECIDE_QUERY,	  /* the announcement */
	DECIDE_FILE,	  /* the bytes of record */
	DECIDE_OFFER,	  /* the offer that names record */
	DECIDE_PREPARE,	  /* job has to end first */
	DECIDE_MOVED,	  /* the full archive of `moved` */
	DECIDE_NOT_FOUND, /* for `reason` */
};

struct decision {
	enum decision_kind kind;
	struct view_record *vr;
	struct job_spec job;
	bool small; /* PREPARE: short enough to hold the answer without being asked */
	struct ident moved;
	const char *reason;
};

/* How decide() learns the state of a job, where the view does not settle it. */
struct decide_jobs {
	enum job_state (*state)(void *context, const struct job_spec *spec);
	void *context;
	bool local_differences; /* the setting */
	bool legacy;		/* the type that a legacy client asks for is on the list */
};

/* best: the best format that the client understands. */
struct decision decide(const struct view *view, const struct target *target, enum format best,
	const struct decide_jobs *jobs);

#endif
