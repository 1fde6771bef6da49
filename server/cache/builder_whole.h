/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * builder_whole.h - contents, and full archives in the cheapest way.
 *
 * Threads:  a builder; the job is its alone until it waits or has ended
 */
#ifndef BUILDER_WHOLE_H
#define BUILDER_WHOLE_H

#include "cache/builder_job.h"

/*
 * The next step. True: the job waits or has ended, and is not this thread's any more. False: look
 * again.
 */
bool builder_whole_step(struct builder_job *k, const struct stock_site *site);

#endif
