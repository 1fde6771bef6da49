/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * workers.h - a few threads for work that touches disks: checking and storing.
 *
 * Threads:  workers_add from any
 * Owner:    workers_start -> workers_stop, which finishes what was added
 */
#ifndef WORKERS_H
#define WORKERS_H

#include "err.h"

struct workers;

int workers_start(unsigned threads, struct workers **ret, struct err *e);
void workers_add(struct workers *w, void (*run)(void *context), void *context);
void workers_stop(struct workers *w);

#endif
