/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/jobs.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "jobs/job_outlook.h"
#include "jobs/job_table.h"
#include "model/retry.h"

/*
 * How long a failure is remembered, after its time to try again, that nobody asks about any more.
 * With it goes the number of failures: who asks later begins with a short back-off.
 */
enum { FAILED_REMEMBERED_MS = 600000 };

STAILQ_HEAD(job_queue_list, job);

struct jobs {
	pthread_mutex_t lock; /* everything below */
	struct job_table table;
	struct job_queue_list queues[QUEUES]; /* of QUEUED ones */
	uint64_t typical_ms;		      /* of finished jobs, smoothed; UINT64_MAX: none yet */
	bool stopped;
	void (*notify)(void *context, enum job_queue queue);
	void *context;
};

const char *
jobs_reason_name(enum job_reason reason)
{
	static const char *const names[] = {
		"downloading", "building", "busy", "upstream-unavailable", "disk-full"};

	return names[reason];
}

struct jobs *
jobs_new(void (*notify)(void *context, enum job_queue queue), void *context)
{
	struct jobs *j = mem_new(1, sizeof(*j));

	(void)pthread_mutex_init(&j->lock, NULL);
	for (int i = 0; i < QUEUES; i++)
		STAILQ_INIT(&j->queues[i]);
	j->typical_ms = UINT64_MAX;
	j->notify = notify;
	j->context = context;
	return j;
}

void
jobs_free(struct jobs *j)
{
	if (j == NULL)
		return;
	job_table_clear(&j->table);
	(void)pthread_mutex_destroy(&j->lock);
	free(j);
}

/*
 * With the lock. Every change of state is one that the header names. There is none for what ended
 * well: such a job leaves the table, and who asks next finds in the view what came of it.
 */
static void
enter(struct job *job, enum job_state state)
{
	static const bool allowed[JOB_KNOWN + 1][JOB_KNOWN + 1] = {
		[JOB_NONE] = {[JOB_QUEUED] = true, [JOB_ABSENT] = true},
		[JOB_QUEUED] = {[JOB_RUNNING] = true},
		[JOB_RUNNING] = {[JOB_FAILED] = true, [JOB_ABSENT] = true, [JOB_KNOWN] = true},
		[JOB_FAILED] = {[JOB_QUEUED] = true, [JOB_ABSENT] = true},
	};

	assert(allowed[job->state][state]);
	job->state = state;
}

/*
 * With the lock. `asked` begins anew: what was asked for once is tried once more after a failure,
 * and not for ever.
 */
static void
enqueue(struct jobs *j, struct job *job)
{
	enter(job, JOB_QUEUED);
	job->queued_ms = clock_mono_ms();
	job->asked = false;
	STAILQ_INSERT_TAIL(&j->queues[job_table_queue(job->spec.kind)], job, in_queue);
}

/* ---- Asking */

enum job_state
jobs_state(struct jobs *j, const struct job_spec *spec)
{
	char key[JOB_KEY];
	enum job_state state = JOB_NONE;
	const struct job *job;

	job_table_key(spec, key);
	(void)pthread_mutex_lock(&j->lock);
	job = job_table_find(&j->table, key);
	if (job != NULL)
		state = job->state;
	(void)pthread_mutex_unlock(&j->lock);
	return state;
}

struct job_look
jobs_look(struct jobs *j, const struct job_spec *spec)
{
	char key[JOB_KEY];
	struct job_look look = {.state = JOB_NONE};
	uint64_t now_ms = clock_mono_ms();
	const struct job *job;

	job_table_key(spec, key);
	(void)pthread_mutex_lock(&j->lock);
	job = job_table_find(&j->table, key);
	if (job != NULL) {
		look.state = job->state;
		look.reason = job->reason;
		look.offer = job->offer;
		if (job->state == JOB_FAILED && job->retry_at_ms > now_ms)
			look.retry_in_ms = job->retry_at_ms - now_ms;
	}
	(void)pthread_mutex_unlock(&j->lock);
	return look;
}

/* With the lock. *ret_queued: notify has to be called without it. */
static struct job_outlook
ask(struct jobs *j, const struct job_spec *spec, const char *key, struct waiter *waiter,
	bool *ret_queued)
{
	struct job_outlook busy = {.reason = JOB_BUSY, .progress = -1, .need_ms = UINT64_MAX};
	struct job *job = job_table_find(&j->table, key);
	struct job_outlook answer;

	/* Nothing begins any more, and nobody is held: jobs_stop has resumed whoever was. */
	if (j->stopped)
		return busy;
	if (job == NULL)
		job = job_table_add(&j->table, spec, key);
	if (job == NULL)
		return busy;
	/*
	 * ABSENT and KNOWN stay what they are until metadata changes: however often somebody asks,
	 * the upstream is not asked again. Only who queues a job gives it the way of a request: for
	 * those who join it, it is on its way already.
	 */
	if (job->state == JOB_NONE ||
		(job->state == JOB_FAILED && clock_mono_ms() >= job->retry_at_ms)) {
		(void)snprintf(
			job->via, sizeof(job->via), "%s", spec->via != NULL ? spec->via : "");
		enqueue(j, job);
		*ret_queued = true;
	}
	job->asked = true;
	answer = job_outlook(&j->table, job, j->typical_ms);
	if (waiter != NULL && answer.coming) {
		SLIST_INSERT_HEAD(&job->waiters, waiter, link);
		answer.held = true;
	}
	return answer;
}

struct job_outlook
jobs_ask(struct jobs *j, const struct job_spec *spec, struct waiter *waiter)
{
	char key[JOB_KEY];
	struct job_outlook answer;
	bool queued = false;

	job_table_key(spec, key);
	(void)pthread_mutex_lock(&j->lock);
	answer = ask(j, spec, key, waiter, &queued);
	(void)pthread_mutex_unlock(&j->lock);
	/* A thread has one lock at a time, and notify takes that of a list of tasks. */
	if (queued)
		j->notify(j->context, job_table_queue(spec->kind));
	return answer;
}

struct job_outlook
jobs_wait(struct jobs *j, struct job *job, const struct job_spec *spec, struct waiter *waiter)
{
	char key[JOB_KEY];

	job_table_key(spec, key);
	(void)pthread_mutex_lock(&j->lock);
	/*
	 * Before it is asked for: once the waiter is taken another thread may go on with the job,
	 * and clear this.
	 */
	memcpy(job->waits_for, key, sizeof(key));
	(void)pthread_mutex_unlock(&j->lock);
	return jobs_ask(j, spec, waiter);
}

void
jobs_resume(struct jobs *j, struct job *job)
{
	(void)pthread_mutex_lock(&j->lock);
	job->waits_for[0] = '\0';
	(void)pthread_mutex_unlock(&j->lock);
}

bool
jobs_stopped(struct jobs *j)
{
	bool stopped;

	(void)pthread_mutex_lock(&j->lock);
	stopped = j->stopped;
	(void)pthread_mutex_unlock(&j->lock);
	return stopped;
}

/*
 * After jobs_stop too: what is queued is ended by its taker, which looks at jobs_stopped where it
 * would take long.
 */
struct job *
jobs_take(struct jobs *j, enum job_queue which)
{
	struct job_queue_list *queue = &j->queues[which];
	struct job *job;

	(void)pthread_mutex_lock(&j->lock);
	job = STAILQ_FIRST(queue);
	if (job != NULL) {
		STAILQ_REMOVE_HEAD(queue, in_queue);
		enter(job, JOB_RUNNING);
		jobs_progress_begin(job, 0, 0);
	}
	(void)pthread_mutex_unlock(&j->lock);
	return job;
}

/*
 * By the taker, without the lock: a transfer does not wait for the table with each of its blocks.
 * Who reads in between meets numbers of two moments, which will do for an estimate.
 */
void
jobs_progress_begin(struct job *job, uint64_t have_bytes, uint64_t total_bytes)
{
	job->progress.have_bytes = job->progress.start_bytes = have_bytes;
	job->progress.total_bytes = total_bytes;
	job->progress.since_ms = 0;
}

void
jobs_progress_add(struct job *job, uint64_t bytes)
{
	if (job->progress.since_ms == 0)
		job->progress.since_ms = clock_mono_ms();
	job->progress.have_bytes += bytes;
}

/* ---- Ending */

/* Without the lock: who is resumed may ask for something else. */
static void
resume_all(struct waiter_list *list)
{
	struct waiter *waiter;

	while ((waiter = SLIST_FIRST(list)) != NULL) {
		SLIST_REMOVE_HEAD(list, link); /* it belongs to its owner again once resumed */
		waiter->resume(waiter->context);
	}
}

/*
 * With the lock. Waiters that are detached are in no job any more: neither the timers nor another
 * end can resume one a second time.
 */
static struct waiter_list
detach(struct job *job)
{
	struct waiter_list list = job->waiters;

	SLIST_INIT(&job->waiters);
	return list;
}

/* Whether it tells how long downloads take. A price is too small to. */
static bool
is_download(const struct job *job)
{
	return job_table_queue(job->spec.kind) == QUEUE_FETCHER && job->spec.kind != JOB_PRICE;
}

void
jobs_done(struct jobs *j, struct job *job)
{
	/* From when it was asked for: who asks next waits in the same queue. */
	uint64_t took_ms = clock_mono_ms() - job->queued_ms;
	struct waiter_list list;

	(void)pthread_mutex_lock(&j->lock);
	assert(job->state == JOB_RUNNING);
	if (is_download(job))
		j->typical_ms =
			j->typical_ms == UINT64_MAX ? took_ms : (j->typical_ms * 3 + took_ms) / 4;
	/* Gone before anybody is resumed: who asks again does not join what has ended. */
	list = detach(job);
	job_table_remove(&j->table, job);
	(void)pthread_mutex_unlock(&j->lock);
	resume_all(&list);
}

/*
 * It has ended, and stays in the table with what was learnt. That is there before anybody is
 * resumed, or who asks again would wait for what has ended.
 */
static void
settle(struct jobs *j, struct job *job, enum job_state state, const struct offer *offer)
{
	struct waiter_list list;

	(void)pthread_mutex_lock(&j->lock);
	enter(job, state);
	if (offer != NULL)
		job->offer = *offer;
	list = detach(job);
	(void)pthread_mutex_unlock(&j->lock);
	resume_all(&list);
}

void
jobs_absent(struct jobs *j, struct job *job)
{
	settle(j, job, JOB_ABSENT, NULL);
}

void
jobs_known(struct jobs *j, struct job *job, const struct offer *offer)
{
	settle(j, job, JOB_KNOWN, offer);
}

/* Room comes at any moment, and looking for it is nothing to the upstream. */
static unsigned
patience(const struct job *job)
{
	enum { DISK_FULL_MAX = 3 };

	return job->reason == JOB_DISK_FULL && job->failures > DISK_FULL_MAX ? DISK_FULL_MAX
									     : job->failures;
}

void
jobs_failed(struct jobs *j, struct job *job, enum job_reason reason, uint64_t delay_ms)
{
	struct waiter_list list;

	(void)pthread_mutex_lock(&j->lock);
	enter(job, JOB_FAILED);
	job->reason = reason;
	if (delay_ms == 0) {
		job->failures++;
		delay_ms = retry_backoff_ms(patience(job), (uint32_t)random());
	}
	job->retry_at_ms = clock_mono_ms() + delay_ms;
	list = detach(job);
	(void)pthread_mutex_unlock(&j->lock);
	resume_all(&list);
}

void
jobs_note_absent(struct jobs *j, const struct job_spec *spec)
{
	char key[JOB_KEY];
	struct job *job;

	job_table_key(spec, key);
	(void)pthread_mutex_lock(&j->lock);
	job = job_table_find(&j->table, key);
	if (job == NULL)
		job = job_table_add(&j->table, spec, key);
	/* One that is on its way is its taker's to end. */
	if (job != NULL && (job->state == JOB_NONE || job->state == JOB_FAILED))
		enter(job, JOB_ABSENT);
	(void)pthread_mutex_unlock(&j->lock);
}

static void
forget_if_known(void *context, struct job *job)
{
	struct jobs *j = context;

	if (job->state != JOB_ABSENT && job->state != JOB_KNOWN)
		return;
	job_table_remove(&j->table, job);
}

/* A failure stays: it has its time to try again, whatever metadata says. */
void
jobs_forget_known(struct jobs *j)
{
	(void)pthread_mutex_lock(&j->lock);
	job_table_each(&j->table, forget_if_known, j);
	(void)pthread_mutex_unlock(&j->lock);
}

void
jobs_forget(struct jobs *j, const struct job_spec *spec)
{
	char key[JOB_KEY];
	struct job *job;

	job_table_key(spec, key);
	(void)pthread_mutex_lock(&j->lock);
	job = job_table_find(&j->table, key);
	if (job != NULL)
		forget_if_known(j, job);
	(void)pthread_mutex_unlock(&j->lock);
}

/* ---- Time */

struct tick {
	struct jobs *jobs;
	uint64_t now_ms;
	struct waiter_list expired; /* resumed once the lock is given back */
	bool queued[QUEUES];	    /* notify is called for these, then */
};

/* With the lock. The order of those who go on waiting means nothing. */
static void
expire_waiters(void *context, struct job *job)
{
	struct tick *tick = context;
	struct waiter_list all = detach(job);
	struct waiter *waiter;

	while ((waiter = SLIST_FIRST(&all)) != NULL) {
		SLIST_REMOVE_HEAD(&all, link);
		if (waiter->deadline_ms > tick->now_ms)
			SLIST_INSERT_HEAD(&job->waiters, waiter, link);
		else
			SLIST_INSERT_HEAD(&tick->expired, waiter, link);
	}
}

static void
tick_job(void *context, struct job *job)
{
	struct tick *tick = context;
	struct jobs *j = tick->jobs;

	expire_waiters(tick, job);
	if (job->state != JOB_FAILED || tick->now_ms < job->retry_at_ms)
		return;
	/* The announcement needs nobody to ask: what is new is to be known unasked. */
	if (job->asked || job->spec.kind == JOB_QUERY) {
		enqueue(j, job);
		tick->queued[job_table_queue(job->spec.kind)] = true;
	} else if (tick->now_ms - job->retry_at_ms > FAILED_REMEMBERED_MS) {
		job_table_remove(&j->table, job);
	}
}

void
jobs_tick(struct jobs *j, uint64_t now_ms)
{
	struct tick tick = {.jobs = j, .now_ms = now_ms};

	(void)pthread_mutex_lock(&j->lock);
	job_table_each(&j->table, tick_job, &tick);
	(void)pthread_mutex_unlock(&j->lock);
	resume_all(&tick.expired);
	for (int i = 0; i < QUEUES; i++)
		if (tick.queued[i])
			j->notify(j->context, (enum job_queue)i);
}

void
jobs_stop(struct jobs *j)
{
	/* A time that is past every deadline, even that of a builder, which has none. */
	struct tick tick = {.now_ms = UINT64_MAX};

	(void)pthread_mutex_lock(&j->lock);
	j->stopped = true;
	job_table_each(&j->table, expire_waiters, &tick);
	(void)pthread_mutex_unlock(&j->lock);
	resume_all(&tick.expired);
}
