/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * signed_tree_commit.h - what was put becomes what clients see.
 *
 * Does:     snapshot, timestamp and last `q` are made to say what is there. At any moment, and
 * after a crash at any, it is a tree that a client takes; but between a root that changes who signs
 * snapshot or timestamp and the commit. What was put and not committed, the next commit lists.
 * Errors:   ERR_INPUT, with the file and what is wrong with it; keys that are not enough
 */
#ifndef SIGNED_TREE_COMMIT_H
#define SIGNED_TREE_COMMIT_H

#include "signed_tree.h"

/*
 * A snapshot, where something changed or half of its life is over, a timestamp, whose version is
 * *ret_version, and `q`.
 */
int signed_tree_commit(
	struct signed_tree *t, const struct keys *keys, uint64_t *ret_version, struct err *e);

/*
 * Of each type that is signed the newest that is listed is announced, and nothing that nobody may
 * sign any more; what was never signed stays. Whether that changed what is announced.
 */
bool signed_tree_commit_announce(const struct signed_tree *t, struct idents *query);

#endif
