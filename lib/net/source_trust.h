/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * source_trust.h - runs the workflow of trust.h against a source, from start to end.
 *
 * Does:     hands it what is kept and what the source has, and keeps what has become trusted, in
 *           the order in which it did.
 * Threads:  those of upstream.h
 * Owner:    everything is the caller's
 * Source:   guts2-trust(7), WORKFLOW
 */
#ifndef SOURCE_TRUST_H
#define SOURCE_TRUST_H

#include "net/source.h"
#include "store/trusted.h"

struct source_trust {
	struct upstream *upstream;
	struct source *source;
	const char *below; /* the base: "tuf/" */
	struct trusted *kept;
	unsigned wait_s;	 /* how long an answer may be held there */
	const struct stop *stop; /* NULL: to the end */
	bool silent;		 /* it is not asked: what is kept has to be enough */
	/* A document that the source has handed out already; NULL: none. */
	const char *have_file; /* "tuf/2.t-t.json" */
	struct span have;
};

/*
 * Until trust_next wants no more. Outcome FRESH: trust_verdict was GOOD. UNTRUSTED: it was not, and
 * why says what. Any other: something was not to be had; or not to be kept (upstream_failed_here).
 */
void source_trust_run(
	const struct source_trust *s, struct trust *t, struct upstream_reply *ret_reply);

/* UNTRUSTED, for this reason; or since no role lists the target. */
void source_trust_refuse(struct upstream_reply *ret, const struct err *why);
void source_trust_refuse_unlisted(struct upstream_reply *ret, const char *name);

#endif
