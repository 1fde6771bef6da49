/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keeper.h - the thread of everything that happens at a time.
 *
 * Does:     the poll for metadata, deadlines of held answers and connections,
 *           jobs that are due again; and has others look after the cache.
 * Owner:    keeper_start -> keeper_stop
 */
#ifndef KEEPER_H
#define KEEPER_H

#include "http.h"
#include "server.h"

struct keeper;

int keeper_start(struct server *s, struct http *http, struct keeper **ret, struct err *e);
void keeper_stop(struct keeper *k);

/* The files that an administrator edits were read anew: what follows from them. */
void keeper_apply_policy(struct server *s);

#endif
