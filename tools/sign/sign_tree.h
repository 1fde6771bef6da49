/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sign_tree.h - tuf/ of a repository: what is published there, and in which order.
 *
 * Does:     takes a document that is signed by those who may, and lists what is there anew. At any
 *           moment, and after a crash at any, it is a tree that a client takes; but between a root
 *           that changes who signs snapshot or timestamp and the refresh.
 * Shapes:   guts2-trust(7), LAYOUT
 * Units:    _s seconds since 1970
 * Errors:   ERR_INPUT, with the file and what is wrong with it; ERR_BUSY a publisher is at work
 */
#ifndef SIGN_TREE_H
#define SIGN_TREE_H

#include "sign/sign_document.h"

/*
 * A document becomes that of its role; of targets, with a type, of the role of that type. Clients
 * see it after the next refresh; a root at once.
 */
int sign_tree_publish(const char *repo, const char *file, const char *type, struct sign_state *ret,
	struct err *e);

/* Snapshot, where something changed or half of its life is over, and timestamp. */
int sign_tree_refresh(const char *repo, const struct key *const *keys, size_t count,
	struct sign_state *ret, struct err *e);

#endif
