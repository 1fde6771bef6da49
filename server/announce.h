/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * announce.h - which versions clients are told of.
 *
 * Does:     makes the announcement out of what the cloud says, what is known and what the
 *           policy allows; what is to be fetched unasked is asked for.
 * Threads:  one announcement is made after the other; waits for disks
 * Source:   PROTOCOL sections 1 and 6
 */
#ifndef ANNOUNCE_H
#define ANNOUNCE_H

#include "server.h"

/*
 * A fetched announcement: what is newer is announced, what contradicts is
 * refused.
 */
int announce_query(struct server *s, const struct idents *fetched, struct err *e);

/* The policy changed: types that are not enabled any more go from the announcement. */
void announce_policy(struct server *s);

#endif
