/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fetch_header.h - a header is asked for.
 *
 * Threads:  the fetcher's
 * Owner:    f is gone when its job has ended
 */
#ifndef FETCH_HEADER_H
#define FETCH_HEADER_H

#include "cloud/fetch_job.h"

void fetch_header(struct fetch *f);

#endif
