/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "parallel.h"

#include <pthread.h>

#include "base/loop.h"
#include "base/mem.h"

static void *
work(void *context)
{
	loop_work(context);
	return NULL;
}

int
parallel_for(size_t count, unsigned threads, int (*run)(void *context, size_t index, struct err *e),
	void *context, struct err *e)
{
	const size_t most = count < threads ? count : threads;
	AUTO_FREE pthread_t *ids = mem_new(most, sizeof(*ids));
	struct loop loop;
	size_t started = 0;

	loop_begin(&loop, count, run, context);
	/* Where no further thread is to be had, those that run do it all. */
	while (started < most && pthread_create(&ids[started], NULL, work, &loop) == 0)
		started++;
	if (started == 0)
		loop_work(&loop);
	/* In whatever order they end: loop_end wants all of them out. */
	while (started > 0)
		(void)pthread_join(ids[--started], NULL);
	return loop_end(&loop, e);
}
