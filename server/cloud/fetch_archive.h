/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fetch_archive.h - an offer is asked for, and the archive that it names.
 *
 * Threads:  the fetcher's
 * Owner:    f is gone when its job has ended
 */
#ifndef FETCH_ARCHIVE_H
#define FETCH_ARCHIVE_H

#include "cloud/fetch_job.h"

void fetch_archive(struct fetch *f);

#endif
