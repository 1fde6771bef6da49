/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/loop.h"

#include <unistd.h>

unsigned
loop_processors(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return processors > 1 ? (unsigned)processors : 1;
}

void
loop_begin(struct loop *l, size_t count, int (*run)(void *context, size_t index, struct err *e),
	void *context)
{
	*l = (struct loop){.count = count, .run = run, .context = context};
	(void)pthread_mutex_init(&l->lock, NULL);
}

static void
note_failure(struct loop *l, const struct err *e)
{
	l->next = l->count; /* nobody begins with another one */
	(void)pthread_mutex_lock(&l->lock);
	if (!l->failed)
		l->first = *e;
	l->failed = true;
	(void)pthread_mutex_unlock(&l->lock);
}

/*
 * An atomic step hands out an index, and no lock: each is taken once, in no promised order. Every
 * thread that finds nothing left adds one more to `next`, which threads are too few to wrap.
 */
void
loop_work(struct loop *l)
{
	size_t index;

	while ((index = atomic_fetch_add(&l->next, 1)) < l->count) {
		struct err e = {0};

		if (l->run(l->context, index, &e) != 0)
			note_failure(l, &e);
	}
}

/* Without the lock: whoever sent the threads in has seen all of them come back. */
int
loop_end(struct loop *l, struct err *e)
{
	(void)pthread_mutex_destroy(&l->lock);
	if (l->failed && e != NULL)
		*e = l->first;
	return l->failed ? -1 : 0;
}
