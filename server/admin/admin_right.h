/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * admin_right.h - who may read, and who may change something.
 *
 * Does:     over a Unix socket root and the server's own user may do everything, and nobody else
 *           anything. Over a port whoever has the token; where there is none, which is so on
 *           loopback alone, everybody may read and nobody change.
 * Threads:  any, once it was opened
 * Owner:    admin_right_open -> admin_right_close
 * Errors:   ERR_INPUT naming the file: others can read it, or it has no token
 */
#ifndef ADMIN_RIGHT_H
#define ADMIN_RIGHT_H

#include "admin/admin.h"

enum { ADMIN_TOKEN_MIN = 16, ADMIN_TOKEN_MAX = 256 };

struct admin_rights {
	bool local;			 /* by a Unix socket */
	char token[ADMIN_TOKEN_MAX + 1]; /* "": none */
};

/* file "": none. A line of ADMIN_TOKEN_MIN characters or more, readable for its owner alone. */
int admin_right_open(struct admin_rights *r, bool local, const char *file, struct err *e);
void admin_right_close(struct admin_rights *r);

/* What a request says of who asks; NULL: nothing. */
struct admin_asker {
	int fd;
	const char *host;  /* the field */
	const char *token; /* that it brings */
};

enum admin_right admin_right_of(const struct admin_rights *r, const struct admin_asker *asker);

#endif
