/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * builder.h - what the server builds itself: contents, full archives in the cheapest
 *          way, differences that the cloud does not have.
 *
 * Does:     runs BUILD and CONTENT jobs on the builders. A job looks what comes
 *           next (plan.h), asks for it, and looks again when that has ended; it holds no
 *           thread while it waits. What is built for one type is built one after the other.
 * Threads:  any
 * Errors:   logged; each job is ended
 * Source:   guts2(7), DECISION
 */
#ifndef BUILDER_H
#define BUILDER_H

#include "cache/builder_job.h"

/* Begin with a job that was taken. parts stay the caller's. */
void builder_start(const struct builder_parts *parts, struct job *job);

#endif
