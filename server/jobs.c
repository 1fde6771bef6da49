/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "mem.h"
#include "retry.h"

enum {
	BUCKETS = 1024,
	JOBS_MAX = 8192, /* a client can invent versions: memory and questions are bounded */
	FAILED_KEPT_MS = 600000,
};

struct queue {
	struct job *first;
	struct job **end;
};

struct jobs {
	pthread_mutex_t lock; /* everything below */
	struct job *buckets[BUCKETS];
	size_t count;
	struct queue fetch;
	struct queue check;
	uint64_t typical_ms; /* of finished jobs, smoothed; UINT64_MAX: none yet */
	bool stopped;
	void (*notify)(void *context, enum job_kind kind);
	void *context;
};

const char *
job_reason_name(enum job_reason reason)
{
	static const char *const names[] = {
		"downloading", "building", "busy", "upstream-unavailable", "disk-full"};

	return names[reason];
}

struct jobs *
jobs_new(void (*notify)(void *context, enum job_kind kind), void *context)
{
	struct jobs *j = mem_new(1, sizeof(*j));

	(void)pthread_mutex_init(&j->lock, NULL);
	j->fetch.end = &j->fetch.first;
	j->check.end = &j->check.first;
	j->typical_ms = UINT64_MAX;
	j->notify = notify;
	j->context = context;
	return j;
}

static void
job_free(struct job *job)
{
	item_release(job->spec.item);
	free(job);
}

void
jobs_free(struct jobs *j)
{
	if (j == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (j->buckets[i] != NULL) {
			struct job *job = j->buckets[i];

			j->buckets[i] = job->next_in_bucket;
			job_free(job);
		}
	}
	(void)pthread_mutex_destroy(&j->lock);
	free(j);
}

/* ---- The table */

static void
key_of(const struct job_spec *spec, char *ret, size_t size)
{
	static const char *const prefixes[] = {"", "", "fetch ", "check "};
	char name[IDENT_NAME_MAX];

	switch (spec->kind) {
	case JOB_QUERY:
		(void)snprintf(name, sizeof(name), "q");
		break;
	case JOB_HEADER:
		(void)ident_header_name(&spec->ident, name);
		break;
	case JOB_OFFER:
		(void)ident_offer_name(&spec->ident, &spec->base, name);
		break;
	case JOB_CHECK:
		(void)record_name(&spec->item->row, name);
		break;
	}
	(void)snprintf(ret, size, "%s%d %s", prefixes[spec->kind], (int)spec->format, name);
}

static struct job **
bucket_of(struct jobs *j, const char *key)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (; *key != '\0'; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619U;
	return &j->buckets[hash % BUCKETS];
}

static struct job *
find(struct jobs *j, const char *key)
{
	struct job *job = *bucket_of(j, key);

	while (job != NULL && strcmp(job->key, key) != 0)
		job = job->next_in_bucket;
	return job;
}

/* Takes a job out of the table; it is still to be freed. */
static void
unlink_job(struct jobs *j, struct job *job)
{
	struct job **link = bucket_of(j, job->key);

	while (*link != job)
		link = &(*link)->next_in_bucket;
	*link = job->next_in_bucket;
	j->count--;
}

/* Room is made by forgetting something that is only remembered. */
static bool
make_room(struct jobs *j)
{
	if (j->count < JOBS_MAX)
		return true;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct job *job = j->buckets[i]; job != NULL; job = job->next_in_bucket) {
			if (job->state != JOB_FAILED && job->state != JOB_ABSENT)
				continue;
			unlink_job(j, job);
			job_free(job);
			return true;
		}
	}
	return false;
}

static struct job *
make(struct jobs *j, const struct job_spec *spec, const char *key)
{
	struct job **bucket = bucket_of(j, key);
	struct job *job;

	if (!make_room(j))
		return NULL;
	job = mem_new(1, sizeof(*job));
	job->spec = *spec;
	if (spec->item != NULL)
		item_hold(spec->item);
	(void)snprintf(job->key, sizeof(job->key), "%s", key);
	job->next_in_bucket = *bucket;
	*bucket = job;
	j->count++;
	return job;
}

static void
enqueue(struct jobs *j, struct job *job)
{
	struct queue *queue = job->spec.kind == JOB_CHECK ? &j->check : &j->fetch;

	job->state = JOB_QUEUED;
	job->queued_ms = clock_mono_ms();
	job->asked = false;
	job->next_in_queue = NULL;
	*queue->end = job;
	queue->end = &job->next_in_queue;
}

/* ---- Asking */

/* What is left at the rate so far; a small thing takes as long as small things did. */
static uint64_t
estimate_ms(const struct jobs *j, const struct job *job, uint64_t now_ms)
{
	uint64_t have = job->have_bytes;
	uint64_t total = job->total_bytes;
	uint64_t start = job->body_start;
	uint64_t elapsed_ms = now_ms - job->body_ms;

	if (job->state == JOB_FAILED) {
		uint64_t wait_ms = job->retry_at_ms > now_ms ? job->retry_at_ms - now_ms : 0;

		return wait_ms + (j->typical_ms == UINT64_MAX ? 0 : j->typical_ms);
	}
	if (total > 0 && have > start && elapsed_ms > 0)
		return (uint64_t)((double)(total - (have < total ? have : total)) *
				  (double)elapsed_ms / (double)(have - start));
	return j->typical_ms;
}

static struct job_answer
describe(const struct jobs *j, const struct job *job)
{
	uint64_t total = job->total_bytes;
	struct job_answer answer = {.reason = JOB_DOWNLOADING, .progress = -1};

	answer.coming = job->state == JOB_QUEUED || job->state == JOB_RUNNING;
	if (job->state == JOB_FAILED)
		answer.reason = job->reason;
	else if (job->spec.kind == JOB_CHECK)
		answer.reason = JOB_BUILDING;
	if (total > 0 && job->state != JOB_FAILED)
		answer.progress = (double)job->have_bytes / (double)total;
	answer.need_ms = estimate_ms(j, job, clock_mono_ms());
	return answer;
}

enum job_state
jobs_state(struct jobs *j, const struct job_spec *spec)
{
	char key[sizeof(((struct job *)0)->key)];
	enum job_state state = JOB_NONE;
	const struct job *job;

	key_of(spec, key, sizeof(key));
	(void)pthread_mutex_lock(&j->lock);
	job = find(j, key);
	if (job != NULL)
		state = job->state;
	(void)pthread_mutex_unlock(&j->lock);
	return state;
}

/* With the lock. *ret_queued: notify has to be called without it. */
static struct job_answer
ask(struct jobs *j, const struct job_spec *spec, const char *key, struct waiter *waiter,
	bool *ret_queued)
{
	struct job_answer busy = {.reason = JOB_BUSY, .progress = -1, .need_ms = UINT64_MAX};
	struct job *job = find(j, key);
	struct job_answer answer;

	if (j->stopped)
		return busy;
	if (job == NULL)
		job = make(j, spec, key);
	if (job == NULL)
		return busy;
	if (job->state == JOB_NONE ||
		(job->state == JOB_FAILED && clock_mono_ms() >= job->retry_at_ms)) {
		enqueue(j, job);
		*ret_queued = true;
	}
	job->asked = true;
	answer = describe(j, job);
	if (waiter != NULL && answer.coming) {
		waiter->next = job->waiters;
		job->waiters = waiter;
		answer.held = true;
	}
	return answer;
}

struct job_answer
jobs_ask(struct jobs *j, const struct job_spec *spec, struct waiter *waiter)
{
	char key[sizeof(((struct job *)0)->key)];
	struct job_answer answer;
	bool queued = false;

	key_of(spec, key, sizeof(key));
	(void)pthread_mutex_lock(&j->lock);
	answer = ask(j, spec, key, waiter, &queued);
	(void)pthread_mutex_unlock(&j->lock);
	if (queued)
		j->notify(j->context, spec->kind);
	return answer;
}

struct job *
jobs_take(struct jobs *j, bool check)
{
	struct queue *queue = check ? &j->check : &j->fetch;
	struct job *job;

	(void)pthread_mutex_lock(&j->lock);
	job = queue->first;
	if (job != NULL) {
		queue->first = job->next_in_queue;
		if (queue->first == NULL)
			queue->end = &queue->first;
		job->state = JOB_RUNNING;
		job->have_bytes = job->total_bytes = job->body_ms = job->body_start = 0;
	}
	(void)pthread_mutex_unlock(&j->lock);
	return job;
}

/* ---- Ending */

static void
resume_all(struct waiter *list)
{
	while (list != NULL) {
		struct waiter *waiter = list;

		list = waiter->next; /* it belongs to its owner again once resumed */
		waiter->resume(waiter->context);
	}
}

static struct waiter *
detach(struct job *job)
{
	struct waiter *list = job->waiters;

	job->waiters = NULL;
	return list;
}

void
jobs_done(struct jobs *j, struct job *job)
{
	uint64_t took_ms = clock_mono_ms() - job->queued_ms;
	struct waiter *list;

	(void)pthread_mutex_lock(&j->lock);
	if (job->spec.kind != JOB_CHECK)
		j->typical_ms =
			j->typical_ms == UINT64_MAX ? took_ms : (j->typical_ms * 3 + took_ms) / 4;
	list = detach(job);
	unlink_job(j, job);
	(void)pthread_mutex_unlock(&j->lock);
	job_free(job);
	resume_all(list);
}

void
jobs_absent(struct jobs *j, struct job *job)
{
	struct waiter *list;

	(void)pthread_mutex_lock(&j->lock);
	job->state = JOB_ABSENT;
	list = detach(job);
	(void)pthread_mutex_unlock(&j->lock);
	resume_all(list);
}

void
jobs_failed(struct jobs *j, struct job *job, enum job_reason reason, uint64_t delay_ms)
{
	struct waiter *list;

	(void)pthread_mutex_lock(&j->lock);
	job->state = JOB_FAILED;
	job->reason = reason;
	job->failures++;
	if (delay_ms == 0)
		delay_ms = retry_backoff_ms(job->failures, (uint32_t)random());
	job->retry_at_ms = clock_mono_ms() + delay_ms;
	list = detach(job);
	(void)pthread_mutex_unlock(&j->lock);
	resume_all(list);
}

void
jobs_note_absent(struct jobs *j, const struct job_spec *spec)
{
	char key[sizeof(((struct job *)0)->key)];
	struct job *job;

	key_of(spec, key, sizeof(key));
	(void)pthread_mutex_lock(&j->lock);
	job = find(j, key);
	if (job == NULL)
		job = make(j, spec, key);
	if (job != NULL && (job->state == JOB_NONE || job->state == JOB_FAILED))
		job->state = JOB_ABSENT;
	(void)pthread_mutex_unlock(&j->lock);
}

/* Calls act for every job; it may unlink and free the one it is given. */
static void
each_job(struct jobs *j, void (*act)(struct jobs *j, struct job *job, void *context), void *context)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct job *next;

		for (struct job *job = j->buckets[i]; job != NULL; job = next) {
			next = job->next_in_bucket;
			act(j, job, context);
		}
	}
}

static void
forget_if_absent(struct jobs *j, struct job *job, void *context)
{
	(void)context;
	if (job->state != JOB_ABSENT)
		return;
	unlink_job(j, job);
	job_free(job);
}

void
jobs_forget_absent(struct jobs *j)
{
	(void)pthread_mutex_lock(&j->lock);
	each_job(j, forget_if_absent, NULL);
	(void)pthread_mutex_unlock(&j->lock);
}

/* ---- Time */

struct tick {
	uint64_t now_ms;
	struct waiter *expired;
	bool queued;
};

static void
expire_waiters(struct job *job, struct tick *tick)
{
	struct waiter **link = &job->waiters;

	while (*link != NULL) {
		struct waiter *waiter = *link;

		if (waiter->deadline_ms > tick->now_ms) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		waiter->next = tick->expired;
		tick->expired = waiter;
	}
}

static void
tick_job(struct jobs *j, struct job *job, void *context)
{
	struct tick *tick = context;

	expire_waiters(job, tick);
	if (job->state != JOB_FAILED || tick->now_ms < job->retry_at_ms)
		return;
	if (job->asked || job->spec.kind == JOB_QUERY) {
		enqueue(j, job);
		tick->queued = true;
	} else if (tick->now_ms - job->retry_at_ms > FAILED_KEPT_MS) {
		unlink_job(j, job);
		job_free(job);
	}
}

void
jobs_tick(struct jobs *j, uint64_t now_ms)
{
	struct tick tick = {.now_ms = now_ms};

	(void)pthread_mutex_lock(&j->lock);
	each_job(j, tick_job, &tick);
	(void)pthread_mutex_unlock(&j->lock);
	resume_all(tick.expired);
	if (tick.queued) {
		j->notify(j->context, JOB_OFFER);
		j->notify(j->context, JOB_CHECK);
	}
}

void
jobs_stop(struct jobs *j)
{
	struct tick tick = {.now_ms = UINT64_MAX};

	(void)pthread_mutex_lock(&j->lock);
	j->stopped = true;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct job *job = j->buckets[i]; job != NULL; job = job->next_in_bucket)
			expire_waiters(job, &tick);
	(void)pthread_mutex_unlock(&j->lock);
	resume_all(tick.expired);
}
