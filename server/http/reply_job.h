/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply_job.h - what a decision needs, as the job that gets it.
 */
#ifndef REPLY_JOB_H
#define REPLY_JOB_H

#include "cache/view.h"
#include "jobs/jobs.h"
#include "model/decide.h"

struct job_spec reply_job(const struct decide_need *need);

/* What is known of it; context: the jobs. For decide_facts. */
enum decide_known reply_job_known(void *context, const struct decide_need *need);

/* A difference from a version of which nothing is here, and which may be made up. */
bool reply_job_is_wish(const struct view *view, const struct job_spec *job);

#endif
