/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vouch.h - what the cloud has is looked up in what is signed, before anything of it is announced
 *           or stored; where a root is pinned.
 *
 * Does:     runs the workflow of guts2-trust(7) against the upstream that an announcement came
 *           from, looks up the versions of types in use, and the headers that arrive; hands what it
 *           verified on to clients, a timestamp after what it leads to. Where nothing can be had it
 *           goes on with what was verified last.
 * Units:    _ms milliseconds, _s seconds since 1970
 * Threads:  one of its own, on which everything is done that waits for the network or for disks:
 *           vouch_run from any; vouch_open, vouch_stop, vouch_close from main; the rest is for what
 *           vouch_run runs
 * Owner:    vouch_open -> vouch_stop -> vouch_close
 * Errors:   ERR_INPUT the root is none
 * Source:   guts2-trust(7), WORKFLOW and SERVERS
 */
#ifndef VOUCH_H
#define VOUCH_H

#include "base/stop.h"
#include "cache/announce.h"
#include "cache/stock.h"
#include "cloud/vouch_ask.h"
#include "jobs/jobs.h"
#include "model/options.h"
#include "settings.h"

struct vouch_parts {
	const struct options *options;
	struct settings *settings;
	struct stock *stock;
	struct announce *announce;
	struct jobs *jobs;
	const struct stop *ending;
};

struct vouch;

/*
 * NULL: no root is pinned, and nothing is looked up. What was verified last is handed on at once;
 * what is announced of types in use, and was not, is forgotten.
 */
int vouch_open(const struct vouch_parts *parts, struct vouch **ret, struct err *e);

/* It is long since all was good: an announcement is looked up though it is the same. From any
 * thread.
 */
bool vouch_due(const struct vouch *v);

/* Every now and then: what somebody removed of what is kept and handed on is made again. NULL:
 * nothing. */
void vouch_tick(struct vouch *v, uint64_t now_ms);

void vouch_run(struct vouch *v, void (*run)(void *context), void *context);

/* What has begun is given up. */
void vouch_stop(struct vouch *v);
void vouch_close(struct vouch *v);

/* ---- On its thread */

/* Which upstream is asked, and whether it handed out q. */
struct vouch_whom {
	size_t upstream; /* in the order of guts2ServerUrl */
	bool gave_query;
};

/* The workflow. FRESH: it is trusted, and handed on. */
void vouch_refresh(struct vouch *v, const struct vouch_whom *whom, struct upstream_reply *ret);

/* After that, as in vouch_lookup.h; what cannot be handed on cannot be announced either. */
void vouch_query(struct vouch *v, struct idents *fetched, struct announce_vouched *ret,
	struct upstream_reply *ret_wrong);

/* All of it was good, and was announced: a start has not to look it up again. */
void vouch_announced(struct vouch *v);

/* Whether the upstream that was asked last takes its time for roles that it does not hand out. */
bool vouch_was_slow(const struct vouch *v);

/* A header that arrived. FRESH: it is the one that is listed. */
void vouch_header(struct vouch *v, const struct ident *ident, struct span bytes,
	const struct vouch_have *have, struct upstream_reply *ret);

/* The role of a type. FRESH: it is verified, and handed on. */
void vouch_role(struct vouch *v, const char *type, const struct vouch_have *have,
	struct upstream_reply *ret);

#endif
