/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/jobs.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "jobs/absent.h"
#include "jobs/job_outlook.h"
#include "jobs/job_shown.h"
#include "jobs/job_table.h"
#include "jobs/wishes.h"
#include "model/retry.h"

/*
 * How long a failure is remembered, after its time to try again, that nobody asks about any more.
 * With it goes the number of failures: who asks later begins with a short back-off.
 */
enum { FAILED_REMEMBERED_MS = 600000 };
/* When whoever asked for what may be invented is told to come back. */
enum { WISH_REFUSED_MS = 2000 };

struct jobs {
	pthread_mutex_t lock; /* everything below */
	struct job_table table;
	struct absent *absent; /* the hashes of their keys */
	struct wishes *wishes;
	uint64_t typical_ms; /* of finished jobs, smoothed; UINT64_MAX: none yet */
	bool stopped;
	void (*notify)(void *context, enum job_queue queue);
	void *context;
};

const char *
jobs_reason_name(enum job_reason reason)
{
	static const char *const names[JOB_REASONS] = {"downloading", "building", "busy",
		"upstream-unavailable", "disk-full", "restarting"};

	return names[reason];
}

struct jobs *
jobs_new(void (*notify)(void *context, enum job_queue queue), void *context)
{
	struct jobs *j = mem_new(1, sizeof(*j));

	(void)pthread_mutex_init(&j->lock, NULL);
	job_table_begin(&j->table);
	j->absent = absent_new();
	j->wishes = wishes_new();
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
	absent_free(j->absent);
	wishes_free(j->wishes);
	(void)pthread_mutex_destroy(&j->lock);
	free(j);
}

/*
 * With the lock. Every change of state is one that the header names. There is none for what ended
 * well or does not exist: such a job leaves the table, and who asks next finds in the view what
 * came of it, or what is absent.
 */
static void
enter(struct job *job, enum job_state state)
{
	static const bool allowed[JOB_KNOWN + 1][JOB_KNOWN + 1] = {
		[JOB_NONE] = {[JOB_QUEUED] = true},
		[JOB_QUEUED] = {[JOB_RUNNING] = true},
		[JOB_RUNNING] = {[JOB_FAILED] = true, [JOB_KNOWN] = true, [JOB_NONE] = true},
		[JOB_FAILED] = {[JOB_QUEUED] = true},
	};

	assert(allowed[job->state][state]);
	if (job->state == JOB_RUNNING)
		LIST_REMOVE(job, in_running);
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
	STAILQ_INSERT_TAIL(&j->table.queued[job_table_queue(&job->spec)], job, in_queue);
}

/* With the lock. */
static bool
is_absent(const struct jobs *j, const char *key)
{
	return absent_has(j->absent, hash_of_text(&j->table.hash_key, key));
}

/* ---- Asking */

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
	} else if (is_absent(j, key)) {
		look.state = JOB_ABSENT;
	}
	(void)pthread_mutex_unlock(&j->lock);
	return look;
}

/* With the lock. Whether the upstream may be asked, for who asks here. */
static bool
may_ask(struct jobs *j, const struct job_spec *spec, const char *key, uint64_t now_ms)
{
	return spec->wish_of == 0 || wishes_allow(j->wishes, spec->wish_of,
					     hash_of_text(&j->table.hash_key, key), now_ms);
}

/* With the lock. *ret_queued: notify has to be called without it. */
static struct job_outlook
ask(struct jobs *j, const struct job_spec *spec, const char *key, struct waiter *waiter,
	bool *ret_queued)
{
	struct job_outlook busy = {.reason = JOB_BUSY, .progress = -1, .need_ms = UINT64_MAX};
	struct job *job = job_table_find(&j->table, key);
	uint64_t now_ms = clock_mono_ms();
	struct job_outlook answer;
	bool begin;

	/* Nothing begins any more, and nobody is held: jobs_stop has resumed whoever was. */
	if (j->stopped)
		return (struct job_outlook){.reason = JOB_RESTARTING, .progress = -1};
	/* ABSENT and KNOWN stay so until metadata changes: the upstream is not asked again. */
	if (job == NULL && is_absent(j, key))
		return busy;
	begin = job == NULL || job->state == JOB_NONE ||
		(job->state == JOB_FAILED && (spec->due || now_ms >= job->retry_at_ms));
	if (begin && !may_ask(j, spec, key, now_ms)) {
		busy.need_ms = WISH_REFUSED_MS;
		return busy;
	}
	if (job == NULL)
		job = job_table_add(&j->table, spec, key);
	if (job == NULL)
		return busy;
	/*
	 * Only who queues a job gives it the way of a request: for those who join it, it is on its
	 * way already.
	 */
	if (begin) {
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
		j->notify(j->context, job_table_queue(spec));
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

void
jobs_arriving(
	struct jobs *j, const struct ident *ident, const struct edition *base, enum format format)
{
	static const enum job_kind kinds[] = {JOB_OFFER, JOB_BUILD};
	struct waiter_list list = SLIST_HEAD_INITIALIZER(list);

	(void)pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct job_spec spec = {
			.kind = kinds[i], .ident = *ident, .base = *base, .format = format};
		char key[JOB_KEY];
		struct job *job;

		job_table_key(&spec, key);
		job = job_table_find(&j->table, key);
		if (job != NULL)
			waiters_detach(&job->waiters, WAITERS_EARLY, 0, &list);
	}
	(void)pthread_mutex_unlock(&j->lock);
	waiters_resume(&list);
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
jobs_take(struct jobs *j, enum job_queue queue)
{
	struct job *job;

	(void)pthread_mutex_lock(&j->lock);
	job = job_table_next(&j->table, queue);
	if (job != NULL) {
		STAILQ_REMOVE(&j->table.queued[queue], job, job, in_queue);
		enter(job, JOB_RUNNING);
		LIST_INSERT_HEAD(&j->table.running[queue], job, in_running);
		job_progress_begin(&job->progress, 0, 0);
	}
	(void)pthread_mutex_unlock(&j->lock);
	return job;
}

/* ---- Ending */

/* Whether it tells how long downloads take. A price is too small to. */
static bool
is_download(const struct job *job)
{
	return job_table_queue(&job->spec) < QUEUE_WORKERS && job->spec.kind != JOB_PRICE;
}

/*
 * With the lock, which is given back: job is RUNNING, and becomes `state`; NONE: it is gone. All
 * that is remembered of it is there before anybody is resumed, or who asks again would wait for
 * what has ended. One that has ended leaves room for another to run.
 */
static void
end(struct jobs *j, struct job *job, enum job_state state)
{
	enum job_queue queue = job_table_queue(&job->spec);
	struct waiter_list list = SLIST_HEAD_INITIALIZER(list);
	bool next;

	waiters_detach(&job->waiters, WAITERS_ALL, 0, &list);
	enter(job, state);
	if (state == JOB_NONE)
		job_table_remove(&j->table, job);
	next = job_table_next(&j->table, queue) != NULL;
	(void)pthread_mutex_unlock(&j->lock);
	waiters_resume(&list);
	if (next)
		j->notify(j->context, queue);
}

void
jobs_done(struct jobs *j, struct job *job)
{
	/* From when it was asked for: who asks next waits in the same queue. */
	uint64_t took_ms = clock_mono_ms() - job->queued_ms;

	(void)pthread_mutex_lock(&j->lock);
	if (is_download(job))
		j->typical_ms =
			j->typical_ms == UINT64_MAX ? took_ms : (j->typical_ms * 3 + took_ms) / 4;
	end(j, job, JOB_NONE);
}

void
jobs_absent(struct jobs *j, struct job *job)
{
	(void)pthread_mutex_lock(&j->lock);
	absent_add(j->absent, job->hash);
	end(j, job, JOB_NONE);
}

void
jobs_known(struct jobs *j, struct job *job, const struct offer *offer)
{
	(void)pthread_mutex_lock(&j->lock);
	job->offer = *offer;
	end(j, job, JOB_KNOWN);
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
	(void)pthread_mutex_lock(&j->lock);
	job->reason = reason;
	if (delay_ms == 0) {
		job->failures++;
		delay_ms = retry_backoff_ms(patience(job), (uint32_t)random());
	}
	job->retry_at_ms = clock_mono_ms() + delay_ms;
	end(j, job, JOB_FAILED);
}

void
jobs_note_absent(struct jobs *j, const struct job_spec *spec)
{
	char key[JOB_KEY];
	struct job *job;

	job_table_key(spec, key);
	(void)pthread_mutex_lock(&j->lock);
	job = job_table_find(&j->table, key);
	if (job != NULL && job->state == JOB_FAILED) {
		job_table_remove(&j->table, job);
		job = NULL;
	}
	/* One that is on its way is its taker's to end. */
	if (job == NULL)
		absent_add(j->absent, hash_of_text(&j->table.hash_key, key));
	(void)pthread_mutex_unlock(&j->lock);
}

static void
forget_if_known(void *context, struct job *job)
{
	struct jobs *j = context;

	if (job->state == JOB_KNOWN)
		job_table_remove(&j->table, job);
}

/* A failure stays: it has its time to try again, whatever metadata says. */
void
jobs_forget_known(struct jobs *j)
{
	(void)pthread_mutex_lock(&j->lock);
	absent_clear(j->absent);
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
	absent_remove(j->absent, hash_of_text(&j->table.hash_key, key));
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

/* With the lock. */
static void
expire_waiters(void *context, struct job *job)
{
	struct tick *tick = context;

	waiters_detach(&job->waiters, WAITERS_DUE, tick->now_ms, &tick->expired);
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
		tick->queued[job_table_queue(&job->spec)] = true;
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
	waiters_resume(&tick.expired);
	for (int i = 0; i < QUEUES; i++)
		if (tick.queued[i])
			j->notify(j->context, (enum job_queue)i);
}

size_t
jobs_show(struct jobs *j, struct job_shown *ret, size_t max)
{
	size_t count;

	(void)pthread_mutex_lock(&j->lock);
	count = job_shown_list(&j->table, clock_mono_ms(), ret, max);
	(void)pthread_mutex_unlock(&j->lock);
	return count;
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
	waiters_resume(&tick.expired);
}
