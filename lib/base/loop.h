/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * loop.h - one loop that several threads run together.
 *
 * Does:     hands each index to one of the threads that are in loop_work; the first error ends
 *           the loop early. It starts no threads: who has some sends them in.
 * Threads:  loop_work from any number at once; loop_begin before, loop_end after all of them
 * Owner:    loop_begin -> loop_end
 */
#ifndef LOOP_H
#define LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct loop {
	size_t count;
	int (*run)(void *context, size_t index, struct err *e);
	void *context;
	_Atomic size_t next;  /* count or more: nothing is left to begin with */
	pthread_mutex_t lock; /* failed, first */
	bool failed;
	struct err first;
};

/* How many threads are of use: as many as there are processors. */
unsigned loop_processors(void);

void loop_begin(struct loop *l, size_t count,
	int (*run)(void *context, size_t index, struct err *e), void *context);

/* Run what is left, until nothing is. */
void loop_work(struct loop *l);

/* 0, or -1 and the first error. */
int loop_end(struct loop *l, struct err *e);

#endif
