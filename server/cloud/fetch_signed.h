/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fetch_signed.h - whether an upstream is signed, where no root is pinned here: that is told, once.
 *
 * Threads:  the fetcher's
 */
#ifndef FETCH_SIGNED_H
#define FETCH_SIGNED_H

#include "cloud/fetch_job.h"

/* Ask the upstream that f has had an answer of, unless one was asked before. */
void fetch_signed(struct fetch *f);

#endif
