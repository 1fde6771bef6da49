/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * answerer.h - the thread that does what guts2-cache asks of a running server.
 *
 * Does:     looks at a stored file again, drops what an administrator does not
 *           want, makes the index anew: one question after the other (control.h).
 * Owner:    answerer_start -> answerer_stop
 */
#ifndef ANSWERER_H
#define ANSWERER_H

#include "server.h"

struct answerer;

int answerer_start(struct server *s, struct answerer **ret, struct err *e);
void answerer_stop(struct answerer *a);

#endif
