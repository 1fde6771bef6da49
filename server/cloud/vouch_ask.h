/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vouch_ask.h - asks upstreams for what is signed, and keeps what it trusts of it.
 *
 * Does:     runs the workflow of guts2-trust(7) against an upstream, and looks for targets in what
 *           it verified.
 * Threads:  vouch.h's own
 * Owner:    vouch_ask_open -> vouch_ask_close, also after an error
 * Errors:   ERR_INPUT the root is none
 * Source:   guts2-trust(7), WORKFLOW
 */
#ifndef VOUCH_ASK_H
#define VOUCH_ASK_H

#include "base/stop.h"
#include "model/options.h"
#include "net/source_trust.h"
#include "settings.h"

struct vouch_ask {
	const struct options *options;
	struct settings *settings;
	const struct stop *ending;
	struct upstream *upstream;
	struct policy *policy; /* whose proxy is in use */
	struct origins origins;
	struct source *sources; /* of those */
	struct trusted kept;
	struct trust *trust;  /* of the last time that all was good; NULL: not since the start */
	size_t current;	      /* of the sources: who was asked last for all of it */
	struct idents behind; /* newer than what is announced of their types, as the log says */
	uint64_t *lost_ms; /* of each source: what roles that it did not hand out took since then */
};

int vouch_ask_open(struct vouch_ask *a, const struct options *o, struct settings *settings,
	const struct stop *ending, struct err *e);
void vouch_ask_close(struct vouch_ask *a);

/* What is kept was removed under us: it begins with the pinned root again. True: it was. */
bool vouch_ask_mend(struct vouch_ask *a, struct err *e);

/* The workflow, of the current one. FRESH: a->trust is of now; else it is as before. */
void vouch_ask_refresh(struct vouch_ask *a, struct upstream_reply *ret);

/* A document of a role that has come already: nobody is asked for it. file NULL: none. */
struct vouch_have {
	const char *file; /* "tuf/2.t-t.json" */
	struct span bytes;
};

/* NULL with FRESH: it is not listed. a->trust is there; have NULL: nothing has come already. */
const struct listed *vouch_ask_find(struct vouch_ask *a, const char *name,
	const struct vouch_have *have, struct upstream_reply *ret);

/* The root before *next, which it becomes. False: it is not to be had. */
bool vouch_ask_root_before(struct vouch_ask *a, uint64_t version, struct buf *next);

#endif
