/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fetch.h - the thread that runs all transfers from the upstream.
 *
 * Does:     takes queued jobs, moves bytes into memory or stage/, and hands
 *           what arrived to the workers. A transfer that breaks leaves its part, and
 *           the next one goes on from there.
 * Threads:  fetcher_wake from any; the rest from main
 * Owner:    fetcher_start -> fetcher_stop, which drops running transfers
 */
#ifndef FETCH_H
#define FETCH_H

#include "server.h"

int fetcher_start(struct server *s, struct fetcher **ret, struct err *e);
void fetcher_wake(struct fetcher *f);
void fetcher_stop(struct fetcher *f);

#endif
