/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fetch_role.h - a job of the role of a type, which vouches for its versions.
 *
 * Does:     has it brought by the fetcher, as everything is that clients ask for: the one thread
 *           that looks up what is signed waits for none of them.
 * Threads:  the fetcher's
 */
#ifndef FETCH_ROLE_H
#define FETCH_ROLE_H

#include "cloud/fetch_job.h"

void fetch_role(struct fetch *f);

/*
 * A header has come: f->go_on is called once the role of its type is here, with both in f. The job
 * ends where that is not to be had.
 */
void fetch_role_of_header(struct fetch *f);

/* What came of it, for vouch.h. */
struct vouch_have fetch_role_have(const struct fetch *f);

#endif
