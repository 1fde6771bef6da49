/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * workers.h - a few threads for work that waits for disks or takes long.
 *
 * Threads:  workers_add from any
 * Owner:    workers_start -> workers_stop, which finishes what was added; what is
 *           added later is dropped -> workers_free
 */
#ifndef WORKERS_H
#define WORKERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct workers;

/* background: where others want a processor, they have a tenth of what those have. */
int workers_start(unsigned threads, bool background, struct workers **ret, struct err *e);
void workers_add(struct workers *w, void (*run)(void *context), void *context);
void workers_stop(struct workers *w);
void workers_free(struct workers *w);

/*
 * Run each of count tasks once, on this thread and on those of w that are free;
 * returns when all have ended. The first error ends the rest early and is returned.
 */
int workers_each(struct workers *w, size_t count,
	int (*run)(void *context, size_t index, struct err *e), void *context, struct err *e);

#endif
