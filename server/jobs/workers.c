/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/workers.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include "base/loop.h"
#include "base/mem.h"

enum { BACKGROUND_NICE = 10 };

struct task {
	void (*run)(void *context);
	void *context;
	STAILQ_ENTRY(task) link;
};

STAILQ_HEAD(task_list, task);

struct workers {
	pthread_mutex_t lock; /* tasks, stop */
	pthread_cond_t wake;
	struct task_list tasks;
	bool stop;
	unsigned size; /* threads that were asked for */
	bool background;
	unsigned count; /* that run; fewer than size where no more could be started */
	pthread_t *threads;
};

/*
 * NULL: it is time to end. What was added before workers_stop is done first: an archive that has
 * arrived is stored before the process ends.
 */
static struct task *
next_task(struct workers *w)
{
	struct task *task;

	(void)pthread_mutex_lock(&w->lock);
	while (STAILQ_EMPTY(&w->tasks) && !w->stop)
		(void)pthread_cond_wait(&w->wake, &w->lock);
	task = STAILQ_FIRST(&w->tasks);
	if (task != NULL)
		STAILQ_REMOVE_HEAD(&w->tasks, link);
	(void)pthread_mutex_unlock(&w->lock);
	return task;
}

static void *
work(void *context)
{
	struct workers *w = context;
	struct task *task;

	/*
	 * Of this thread alone, as Linux has it. Idle scheduling would leave it nothing at all
	 * where polls, or another program, take all processors.
	 */
	if (w->background)
		(void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + BACKGROUND_NICE);
	while ((task = next_task(w)) != NULL) {
		task->run(task->context);
		free(task);
	}
	return NULL;
}

int
workers_start(unsigned threads, bool background, struct workers **ret, struct err *e)
{
	struct workers *w = mem_new(1, sizeof(*w));

	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->wake, NULL);
	STAILQ_INIT(&w->tasks);
	w->background = background;
	w->size = threads;
	w->threads = mem_new(threads, sizeof(*w->threads));
	/* Fewer will do; only without any would nothing ever be done. */
	while (w->count < threads && pthread_create(&w->threads[w->count], NULL, work, w) == 0)
		w->count++;
	if (w->count == 0) {
		workers_free(w);
		return err_set(e, ERR_SYS, "cannot start a thread");
	}
	*ret = w;
	return 0;
}

void
workers_add(struct workers *w, void (*run)(void *context), void *context)
{
	struct task *task = mem_new(1, sizeof(*task));

	task->run = run;
	task->context = context;
	(void)pthread_mutex_lock(&w->lock);
	STAILQ_INSERT_TAIL(&w->tasks, task, link);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_cond_signal(&w->wake);
}

void
workers_stop(struct workers *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stop = true;
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_cond_broadcast(&w->wake);
	while (w->count > 0)
		(void)pthread_join(w->threads[--w->count], NULL);
}

void
workers_free(struct workers *w)
{
	if (w == NULL)
		return;
	/* Not run: these came after workers_stop, and what they work on may be freed already. */
	while (!STAILQ_EMPTY(&w->tasks)) {
		struct task *task = STAILQ_FIRST(&w->tasks);

		STAILQ_REMOVE_HEAD(&w->tasks, link);
		free(task);
	}
	(void)pthread_cond_destroy(&w->wake);
	(void)pthread_mutex_destroy(&w->lock);
	free(w->threads);
	free(w);
}

/* ---- One function over an array */

/*
 * The thread that waits never waits for a helper that has not begun: with all threads busy nobody
 * might come. So helpers may come when all is done, and the last one out frees it.
 */
struct crew {
	struct loop loop;
	pthread_mutex_t lock; /* the rest */
	pthread_cond_t idle;
	unsigned references;
	unsigned busy; /* helpers that are at it */
	bool closed;   /* who comes now goes again */
};

/* Who leaves last frees it: the caller of workers_each, or a helper that came when all was done. */
static void
crew_leave(struct crew *c)
{
	bool last;

	(void)pthread_mutex_lock(&c->lock);
	last = --c->references == 0;
	(void)pthread_mutex_unlock(&c->lock);
	if (!last)
		return;
	(void)pthread_cond_destroy(&c->idle);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

static void
crew_help(void *context)
{
	struct crew *c = context;
	bool late;

	(void)pthread_mutex_lock(&c->lock);
	late = c->closed;
	c->busy += !late;
	(void)pthread_mutex_unlock(&c->lock);
	if (!late) {
		loop_work(&c->loop);
		(void)pthread_mutex_lock(&c->lock);
		c->busy--;
		(void)pthread_cond_signal(&c->idle);
		(void)pthread_mutex_unlock(&c->lock);
	}
	crew_leave(c);
}

int
workers_each(struct workers *w, size_t count,
	int (*run)(void *context, size_t index, struct err *e), void *context, struct err *e)
{
	struct crew *c = mem_new(1, sizeof(*c));
	int result;

	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->idle, NULL);
	c->references = 1 + w->size;
	loop_begin(&c->loop, count, run, context);
	for (unsigned i = 0; i < w->size; i++)
		workers_add(w, crew_help, c);
	loop_work(&c->loop);
	(void)pthread_mutex_lock(&c->lock);
	/*
	 * No index is left to begin with. Who comes from now on must not touch the loop, whose
	 * context may be gone with the caller; who is at an index still needs it, and is waited
	 * for.
	 */
	c->closed = true;
	while (c->busy > 0)
		(void)pthread_cond_wait(&c->idle, &c->lock);
	(void)pthread_mutex_unlock(&c->lock);
	result = loop_end(&c->loop, e);
	crew_leave(c);
	return result;
}
