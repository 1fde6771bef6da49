/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * waiters.h - those whose answer is held until something comes.
 *
 * Threads:  a list is under its owner's lock; who is resumed may ask for something else, so that
 *           nobody is resumed under one
 * Owner:    a waiter is its maker's again once it is resumed
 */
#ifndef WAITERS_H
#define WAITERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Somebody whose answer is held until a job ends or the deadline passes. */
struct waiter {
	void (*resume)(void *context);
	void *context;
	uint64_t deadline_ms;
	bool early; /* an archive that has begun to arrive will do */
	SLIST_ENTRY(waiter) link;
};
SLIST_HEAD(waiter_list, waiter);

enum waiters_which {
	WAITERS_ALL,
	WAITERS_EARLY,
	WAITERS_DUE, /* by now_ms */
};

/*
 * These are in no list but ret any more: nothing can resume one a second time. The order of the
 * others means nothing.
 */
void waiters_detach(struct waiter_list *from, enum waiters_which which, uint64_t now_ms,
	struct waiter_list *ret);

/* Without any lock. */
void waiters_resume(struct waiter_list *list);

#endif
