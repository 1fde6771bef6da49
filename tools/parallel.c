/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "parallel.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/mem.h"

struct crew {
	size_t count;
	int (*run)(void *context, size_t index, struct err *e);
	void *context;
	_Atomic size_t next;
	_Atomic bool failed;
	pthread_mutex_t lock; /* first */
	struct err first;
};

static void *
work(void *argument)
{
	struct crew *crew = argument;
	size_t index;

	while (!crew->failed && (index = atomic_fetch_add(&crew->next, 1)) < crew->count) {
		struct err e = {0};

		if (crew->run(crew->context, index, &e) == 0)
			continue;
		(void)pthread_mutex_lock(&crew->lock);
		/* Others that run already may fail as well: the first is told. */
		if (!atomic_exchange(&crew->failed, true))
			crew->first = e;
		(void)pthread_mutex_unlock(&crew->lock);
	}
	return NULL;
}

int
parallel_for(size_t count, unsigned threads, int (*run)(void *context, size_t index, struct err *e),
	void *context, struct err *e)
{
	struct crew crew = {
		.count = count, .run = run, .context = context, .lock = PTHREAD_MUTEX_INITIALIZER};
	AUTO_FREE pthread_t *ids = mem_new(threads, sizeof(*ids));
	unsigned started = 0;

	/* Where no further thread is to be had, those that run do it all. */
	while (started < threads && pthread_create(&ids[started], NULL, work, &crew) == 0)
		started++;
	if (started == 0)
		(void)work(&crew);
	while (started > 0)
		(void)pthread_join(ids[--started], NULL);
	if (crew.failed && e != NULL)
		*e = crew.first;
	return crew.failed ? -1 : 0;
}
