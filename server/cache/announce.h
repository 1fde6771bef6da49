/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * announce.h - which versions clients are told of.
 *
 * Does:     makes the announcement out of what the cloud says, what is known and what the
 *           policy allows. Where something is fetched unasked, a new version is announced
 *           once it is here, or can not be had, or after ten minutes.
 * Threads:  one announcement is made after the other; waits for disks
 * Owner:    announce_new -> announce_free, after the workers were stopped
 * Source:   guts2(7), IDENTITY and REPOSITORY
 */
#ifndef ANNOUNCE_H
#define ANNOUNCE_H

#include "cache/announce_vouched.h"
#include "cache/stock.h"
#include "cache/usage.h"
#include "jobs/jobs.h"
#include "jobs/workers.h"
#include "model/options.h"
#include "settings.h"

struct announce;

struct announce_parts {
	const struct options *options;
	struct settings *settings;
	struct usage *usage;
	struct stock *stock;
	struct jobs *jobs;
	struct workers *workers;
};
struct announce *announce_new(const struct announce_parts *parts);
void announce_free(struct announce *a);

/*
 * Another one each time that something is forgotten, or the policy changes: what the cloud was
 * asked under an older one does not count, be it "unchanged".
 */
unsigned announce_number(const struct announce *a);

enum announce_result {
	ANNOUNCE_DONE,
	ANNOUNCE_DEFERRED, /* something waits, and is announced later */
	ANNOUNCE_OUTDATED, /* asked for under another number: nothing was done */
};

/*
 * An announcement that was asked for under that number: what is newer is announced, what
 * contradicts is refused. vouched NULL: nothing has to be signed.
 */
int announce_query(struct announce *a, const struct idents *fetched,
	const struct announce_vouched *vouched, unsigned number, enum announce_result *ret,
	struct err *e);

/*
 * While it is frozen nothing newer is announced, whatever comes; what an administrator takes away
 * goes. Released, all that came is announced at once: nothing is waited for.
 */
void announce_set_frozen(struct announce *a, bool frozen);

/* What is announced now, sorted. */
void announce_now(struct announce *a, struct idents *ret);

/*
 * What was announced when it was frozen, of a run before: nothing that is newer is. Where the
 * stored announcement was lost meanwhile it is this one.
 */
int announce_restore(struct announce *a, const struct idents *before, struct err *e);

/* The policy changed: types that are not enabled any more go from the announcement. */
void announce_policy(struct announce *a);

/*
 * What is announced of these types, in these versions (0: in any), is forgotten: what the cloud
 * announces holds again, whatever it is. The caller has it asked anew. After an error it may not be
 * forgotten.
 */
int announce_forget(struct announce *a, const struct idents *what, struct err *e);

#endif
