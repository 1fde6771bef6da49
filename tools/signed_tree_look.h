/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * signed_tree_look.h - which files of tuf/ count, for signed_tree.c.
 *
 * Does:     takes of each role the newest file that says its number itself, and that those who may
 *           sign it did, or that the snapshot lists. Whoever has no key and can write there makes
 *           nobody sign what he wrote, and no number: he is told of, and passed over. What only
 *           those signed who may not any more, of that somebody has to say that it is right.
 * Shapes:   guts2-trust(7), LAYOUT
 * Errors:   ERR_LIMIT too many roles; ERR_INPUT the roots are lost
 */
#ifndef SIGNED_TREE_LOOK_H
#define SIGNED_TREE_LOOK_H

#include "signed_tree.h"

/* All of it. */
int signed_tree_look(struct signed_tree *t, struct err *e);

/* Root and targets again, after one of them was put. */
void signed_tree_look_signers(struct signed_tree *t);

/* A file that was put. */
int signed_tree_look_note(struct signed_tree *t, const char *file, struct err *e);

/* NULL: there is none, and none was listed. */
struct numbered *signed_tree_look_find(const struct signed_tree *t, const char *name);

#endif
