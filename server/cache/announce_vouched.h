/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * announce_vouched.h - what is known of an announcement by what was signed; of types in use.
 *
 * Owner:    announce_vouched_clear; of zero bytes nothing is known
 * Source:   guts2-trust(7), SERVERS
 */
#ifndef ANNOUNCE_VOUCHED_H
#define ANNOUNCE_VOUCHED_H

#include "cache/announce_rules.h"

struct announce_vouched {
	struct idents unlisted; /* whoever may sign them did not: several of a type */
	struct idents unheard;	/* whoever may sign them could not be asked */
};

/* from NULL: nothing has to be signed. */
void announce_vouched_copy(const struct announce_vouched *from, struct announce_vouched *ret);
void announce_vouched_clear(struct announce_vouched *v);

/* NULL: acceptable. What is announced stays so while nobody can be asked; rules has unlisted. */
const char *announce_vouched_refusal(const struct announce_vouched *v,
	const struct announce_rules *rules, const struct view_type *t, const struct ident *new);

#endif
