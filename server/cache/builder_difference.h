/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * builder_difference.h - differences that the cloud does not have.
 *
 * Threads:  a builder; the job is its alone until it waits or has ended
 */
#ifndef BUILDER_DIFFERENCE_H
#define BUILDER_DIFFERENCE_H

#include "cache/builder_job.h"

/*
 * The next step. True: the job waits or has ended, and is not this thread's any more. False: look
 * again.
 */
bool builder_difference_step(struct builder_job *k, const struct stock_site *site);

#endif
