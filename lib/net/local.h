/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * local.h - Unix sockets in a directory of ours, and who is at the other end.
 *
 * Owner:    descriptors are the caller's
 * Errors:   ERR_SYS
 * Source:   unix(7)
 */
#ifndef LOCAL_H
#define LOCAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * A listening socket of that name, for our own user and root. One that is there is replaced: the
 * caller knows that it is nobody's any more.
 */
int local_listen(int dir, const char *name, struct err *e);

/* Nobody listens there any more. */
void local_unlisten(int dir, const char *name, int *fd);

/* -1, with errno: nobody is there. */
int local_connect(int dir, const char *name);

/* Whether nothing is there, or a socket that nobody listens on any more. It does not wait. */
bool local_is_free(int dir, const char *name);

/* Whether root or our own user is at the other end: the kernel says so, and nobody else could. */
bool local_is_ours(int fd);

/* The user at the other end, for the log: "user 0". Returns ret. */
char *local_name(int fd, char *ret, size_t size);

#endif
