/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * timers.h - the thread of everything that happens at a time.
 *
 * Does:     the poll for metadata, deadlines of held answers and connections,
 *           jobs that are due again; and has others look after the cache.
 * Owner:    timers_start -> timers_stop
 */
#ifndef TIMERS_H
#define TIMERS_H

#include "http/http.h"
#include "server.h"

struct timers;

int timers_start(struct server *s, struct http *http, struct timers **ret, struct err *e);
void timers_stop(struct timers *k);

/* The files that an administrator edits were read anew: what follows from them. */
void timers_apply_policy(struct server *s);

#endif
