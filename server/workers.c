/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workers.h"

#include <pthread.h>
#include <stdbool.h>

#include "mem.h"

struct task {
	void (*run)(void *context);
	void *context;
	struct task *next;
};

struct workers {
	pthread_mutex_t lock; /* first, end, stop */
	pthread_cond_t wake;
	struct task *first;
	struct task **end;
	bool stop;
	unsigned count;
	pthread_t *threads;
};

static struct task *
next_task(struct workers *w)
{
	struct task *task;

	(void)pthread_mutex_lock(&w->lock);
	while (w->first == NULL && !w->stop)
		(void)pthread_cond_wait(&w->wake, &w->lock);
	task = w->first;
	if (task != NULL) {
		w->first = task->next;
		if (w->first == NULL)
			w->end = &w->first;
	}
	(void)pthread_mutex_unlock(&w->lock);
	return task;
}

static void *
work(void *context)
{
	struct task *task;

	while ((task = next_task(context)) != NULL) {
		task->run(task->context);
		free(task);
	}
	return NULL;
}

int
workers_start(unsigned threads, struct workers **ret, struct err *e)
{
	struct workers *w = mem_new(1, sizeof(*w));

	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->wake, NULL);
	w->end = &w->first;
	w->threads = mem_new(threads, sizeof(*w->threads));
	while (w->count < threads && pthread_create(&w->threads[w->count], NULL, work, w) == 0)
		w->count++;
	if (w->count == 0) {
		workers_stop(w);
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
	*w->end = task;
	w->end = &task->next;
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
	(void)pthread_cond_destroy(&w->wake);
	(void)pthread_mutex_destroy(&w->lock);
	free(w->threads);
	free(w);
}
