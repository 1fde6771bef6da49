/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sign_tree.h - documents of files become those of a repository.
 *
 * Shapes:   guts2-trust(7), LAYOUT
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

/* What is published is listed (signed_tree_commit). */
int sign_tree_refresh(
	const char *repo, const struct keys *keys, struct sign_state *ret, struct err *e);

#endif
