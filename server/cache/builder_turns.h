/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * builder_turns.h - the jobs that build something just now: whose turn it is, and what
 *           they have learnt.
 *
 * Does:     lets one job of a type build at a time; remembers archives that are
 *           what they are named and do not decode.
 * Threads:  any
 * Owner:    builder_turns_new -> builder_turns_free; a turn is the job's, from join to leave
 */
#ifndef BUILDER_TURNS_H
#define BUILDER_TURNS_H

#include <stdbool.h>
#include <sys/queue.h>

#include "base/digest.h"
#include "jobs/jobs.h"
#include "model/ident.h"

struct builder_turns;

struct builder_turns *builder_turns_new(void);
void builder_turns_free(struct builder_turns *b);

/*
 * NONE -> BUILDING, where nobody builds for the type, else WAITING; BUILDING -> BUILDING for the
 * next thing, or NONE; WAITING -> BUILDING, when it is named by who gives it the turn. While one of
 * a type waits another one of it builds.
 */
enum turn_state { TURN_NONE, TURN_WAITING, TURN_BUILDING };

struct turn {
	const struct job_spec *spec;
	void *context;	 /* the job's, for who gives it its turn */
	unsigned number; /* of the join: no other has it */
	enum turn_state state;
	LIST_ENTRY(turn) link;
};

void builder_turns_join(struct builder_turns *b, struct turn *t);
void builder_turns_leave(struct builder_turns *b, struct turn *t);

/* False: another job builds for this type, and its builder_turns_give will name this one. */
bool builder_turns_take(struct builder_turns *b, struct turn *t);

/*
 * Its turn, if it had it, is over. The one that has it then, if any waited: the caller has it go
 * on, and it gives the turn on in any case.
 */
struct turn *builder_turns_give(struct builder_turns *b, struct turn *t);

/* Whether this version has to stay: a job builds something of it, or builds for its type. */
bool builder_turns_need(struct builder_turns *b, const struct ident *version);

/* Archives of no use. */
bool builder_turns_is_bad(struct builder_turns *b, const struct digest *id);
void builder_turns_note_bad(struct builder_turns *b, const struct digest *id);

#endif
