/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_walk.h - the directories of a version, one file after the other.
 *
 * Does:     gives each file's directory as a descriptor. A header is sorted, so that a directory
 *           is opened once, and once more behind each directory below it. No link is followed.
 * Owner:    client_walk_begin -> client_walk_end; paths stay until the next one
 */
#ifndef CLIENT_WALK_H
#define CLIENT_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct client_walk {
	int tree;	  /* the caller's */
	bool make;	  /* directories that are missing */
	int dir;	  /* that the last file is in; -1: not there, or reached through a link */
	const char *last; /* its path */
};

static inline struct client_walk
client_walk_begin(int tree, bool make)
{
	return (struct client_walk){tree, make, -1, NULL};
}

/* The name of a file in w->dir; NULL: there is no such directory. Why is told the first time. */
const char *client_walk_enter(struct client_walk *w, const char *path, struct err *e);

void client_walk_end(struct client_walk *w);

#endif
