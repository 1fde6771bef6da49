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

/* `q` announces the newest that is listed of each type; what is not listed yet stays in it. */
int signed_tree_commit_query(const struct signed_tree *t, struct err *e);

#endif
