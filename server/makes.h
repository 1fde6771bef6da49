/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * makes.h - the jobs that make something just now: whose turn it is, and what
 *           they have learnt.
 *
 * Does:     lets one job of a type build at a time; remembers archives that are
 *           what they are named and do not decode.
 * Threads:  any
 * Owner:    makes_new -> makes_free; a turn is the job's, from join to leave
 */
#ifndef MAKES_H
#define MAKES_H

#include <stdbool.h>

#include "digest.h"
#include "ident.h"
#include "jobs.h"

struct makes;

struct makes *makes_new(void);
void makes_free(struct makes *m);

struct turn {
	const struct job_spec *spec;
	void *context;	 /* the job's, for who gives it its turn */
	unsigned number; /* of the join: no other has it */
	bool building;
	bool waiting;
	struct turn *next;
};

void makes_join(struct makes *m, struct turn *t);
void makes_leave(struct makes *m, struct turn *t);

/* False: another job builds for this type, and its makes_give_turn will name this one. */
bool makes_take_turn(struct makes *m, struct turn *t);

/* Its turn, if it had it, is over. The one whose turn it is then, if any waits. */
struct turn *makes_give_turn(struct makes *m, struct turn *t);

/* Whether this version has to stay: a job makes something of it, or builds for its type. */
bool makes_need(struct makes *m, const struct ident *version);

/* Archives of no use. */
bool makes_is_bad(struct makes *m, const struct digest *id);
void makes_note_bad(struct makes *m, const struct digest *id);

#endif
