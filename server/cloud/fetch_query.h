/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fetch_query.h - the announcement is asked for.
 *
 * Threads:  the fetcher's
 * Owner:    f is gone when its job has ended
 */
#ifndef FETCH_QUERY_H
#define FETCH_QUERY_H

#include "cloud/fetch_job.h"

void fetch_query(struct fetch *f);

#endif
