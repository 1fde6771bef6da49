/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply_arrival.h - answers about an archive that is on its way here, and its bytes as they come.
 *
 * Source:   guts2(7), REQUESTS
 */
#ifndef REPLY_ARRIVAL_H
#define REPLY_ARRIVAL_H

#include "http/reply.h"

/*
 * The offer that the job will be an answer to, for who says that it can wait. False: it is to be
 * waited for.
 */
bool reply_arrival_offer(struct arrivals *arrivals, const struct request_facts *facts,
	const struct job_spec *spec, struct reply *r);

enum reply_arrival {
	REPLY_ARRIVAL_NONE,  /* it does not arrive */
	REPLY_ARRIVAL_BYTES, /* as they come; GET holds a place */
	REPLY_ARRIVAL_LATER, /* there is no place: the client is told when all of it will be here */
};

/* The archive with this id, whose offer somebody was given; LATER: *ret is what brings it. */
enum reply_arrival reply_arrival_file(const struct reply_parts *parts, struct limiter *limiter,
	const struct request_facts *facts, const struct digest *id, struct job_spec *ret,
	struct reply *r);

/* Whoever is held on this job is resumed where it has begun to arrive meanwhile. */
void reply_arrival_look(const struct reply_parts *parts, const struct job_spec *job);

#endif
