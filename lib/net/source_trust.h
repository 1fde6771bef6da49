/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * source_trust.h - runs the workflow of trust.h against a source, from start to end.
 *
 * Does:     hands it what is kept in a directory and what the source has, and gives the caller what
 *           has become trusted, in the order in which it did.
 * Threads:  those of upstream.h
 * Owner:    everything is the caller's
 * Source:   guts2-trust(7), WORKFLOW
 */
#ifndef SOURCE_TRUST_H
#define SOURCE_TRUST_H

#include "net/source.h"
#include "trust/trust.h"

struct source_trust {
	struct upstream *upstream;
	struct source *source;
	const char *below; /* the base: "tuf/" */
	int kept;	   /* a directory, of files by the names of trust_want */
	/* A file that is trusted now, byte for byte; -1 ends it all. */
	int (*keep)(void *context, const char *name, struct span bytes, struct err *e);
	void *context;
};

/*
 * Until trust_next wants no more. -1: something was not to be had or not to be kept, as *ret_reply
 * and *e say. What is not to be trusted is no error here: trust_verdict.
 */
int source_trust_run(const struct source_trust *s, struct trust *t,
	struct upstream_reply *ret_reply, struct err *e);

#endif
