/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/arrivals.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

/* So often those who wait are resumed: for each piece of that size, or each so many of all. */
enum { STEP_BYTES_MAX = 1 << 18, STEP_BYTES_MIN = 1 << 14, STEPS = 64 };

enum arrival_state { ARRIVING, ARRIVED, GONE };

struct arrival {
	struct arrivals *all;
	struct record record;
	enum format asked;
	int fd; /* its own */
	_Atomic uint64_t have;
	uint64_t step; /* what is said at once */
	_Atomic uint64_t said;
	/* Under the lock: */
	enum arrival_state state;
	unsigned references;
	struct waiter_list waiters;
	LIST_ENTRY(arrival) link;
};

struct arrivals {
	pthread_mutex_t lock; /* the list, and what says so above */
	LIST_HEAD(arrival_list, arrival) list;
	bool stopped;
};

struct arrivals *
arrivals_new(void)
{
	struct arrivals *a = mem_new(1, sizeof(*a));

	(void)pthread_mutex_init(&a->lock, NULL);
	return a;
}

void
arrivals_free(struct arrivals *a)
{
	if (a == NULL)
		return;
	assert(LIST_EMPTY(&a->list));
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

static void
resume_waiting(struct arrival *t)
{
	struct waiter_list list = SLIST_HEAD_INITIALIZER(list);

	(void)pthread_mutex_lock(&t->all->lock);
	waiters_detach(&t->waiters, WAITERS_ALL, 0, &list);
	(void)pthread_mutex_unlock(&t->all->lock);
	waiters_resume(&list);
}

void
arrivals_stop(struct arrivals *a)
{
	struct waiter_list list = SLIST_HEAD_INITIALIZER(list);
	struct arrival *t;

	if (a == NULL)
		return;
	(void)pthread_mutex_lock(&a->lock);
	a->stopped = true;
	LIST_FOREACH (t, &a->list, link)
		waiters_detach(&t->waiters, WAITERS_ALL, 0, &list);
	(void)pthread_mutex_unlock(&a->lock);
	waiters_resume(&list);
}

void
arrivals_tick(struct arrivals *a)
{
	struct waiter_list list = SLIST_HEAD_INITIALIZER(list);
	struct arrival *t;

	(void)pthread_mutex_lock(&a->lock);
	LIST_FOREACH (t, &a->list, link)
		if (t->have != t->said) {
			t->said = t->have;
			waiters_detach(&t->waiters, WAITERS_ALL, 0, &list);
		}
	(void)pthread_mutex_unlock(&a->lock);
	waiters_resume(&list);
}

/* ---- Who brings it */

static uint64_t
step_of(uint64_t bytes)
{
	uint64_t step = bytes / STEPS;

	return step < STEP_BYTES_MIN   ? STEP_BYTES_MIN
	       : step > STEP_BYTES_MAX ? STEP_BYTES_MAX
				       : step;
}

struct arrival *
arrivals_begin(
	struct arrivals *a, const struct record *record, enum format asked, int fd, uint64_t have)
{
	struct arrival *t;
	int own;

	if (record->ref.bytes < ARRIVALS_MIN_BYTES)
		return NULL;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return NULL;
	t = mem_new(1, sizeof(*t));
	t->all = a;
	t->record = *record;
	t->asked = asked;
	t->fd = own;
	t->have = t->said = have;
	t->step = step_of(record->ref.bytes);
	t->references = 1;
	(void)pthread_mutex_lock(&a->lock);
	LIST_INSERT_HEAD(&a->list, t, link);
	(void)pthread_mutex_unlock(&a->lock);
	return t;
}

void
arrivals_add(struct arrival *t, uint64_t bytes)
{
	t->have += bytes;
	if (t->have - t->said < t->step && t->have < t->record.ref.bytes)
		return;
	t->said = t->have;
	resume_waiting(t);
}

void
arrivals_checked(struct arrival *t)
{
	if (t == NULL)
		return;
	(void)pthread_mutex_lock(&t->all->lock);
	t->state = ARRIVED;
	(void)pthread_mutex_unlock(&t->all->lock);
	resume_waiting(t);
}

void
arrivals_end(struct arrival **take)
{
	struct arrival *t = *take;

	*take = NULL;
	if (t == NULL)
		return;
	(void)pthread_mutex_lock(&t->all->lock);
	if (t->state == ARRIVING)
		t->state = GONE;
	LIST_REMOVE(t, link);
	(void)pthread_mutex_unlock(&t->all->lock);
	/* Nobody has begun to wait since. */
	resume_waiting(t);
	arrivals_release(t);
}

/* ---- Who takes it */

static struct arrival *
take(struct arrivals *a, bool (*is_it)(const struct arrival *t, const void *like), const void *like)
{
	struct arrival *t;

	(void)pthread_mutex_lock(&a->lock);
	LIST_FOREACH (t, &a->list, link)
		if (is_it(t, like))
			break;
	if (t != NULL)
		t->references++;
	(void)pthread_mutex_unlock(&a->lock);
	return t;
}

static bool
is_of_offer(const struct arrival *t, const void *like)
{
	const struct record *r = like;

	return t->asked == r->format && ident_equal(&t->record.ident, &r->ident) &&
	       ident_edition_equal(&t->record.base, &r->base);
}

static bool
has_id(const struct arrival *t, const void *like)
{
	return digest_equal(&t->record.ref.id, like);
}

struct arrival *
arrivals_find(struct arrivals *a, const struct ident *ident, const struct edition *base,
	enum format asked)
{
	const struct record like = {.ident = *ident, .base = *base, .format = asked};

	return take(a, is_of_offer, &like);
}

struct arrival *
arrivals_find_id(struct arrivals *a, const struct digest *id)
{
	return take(a, has_id, id);
}

void
arrivals_release(struct arrival *t)
{
	bool last;

	if (t == NULL)
		return;
	(void)pthread_mutex_lock(&t->all->lock);
	last = --t->references == 0;
	(void)pthread_mutex_unlock(&t->all->lock);
	if (!last)
		return;
	fs_close(&t->fd);
	free(t);
}

const struct record *
arrivals_record(const struct arrival *t)
{
	return &t->record;
}

struct job_spec
arrivals_job(const struct arrival *t)
{
	return (struct job_spec){.kind = JOB_OFFER,
		.ident = t->record.ident,
		.base = t->record.base,
		.format = t->asked};
}

/* With the lock. Up to where it may be read. */
static uint64_t
end_of(const struct arrival *t)
{
	uint64_t back = t->record.ref.bytes - ARRIVALS_BACK_BYTES;
	uint64_t have = t->have;

	if (t->state == ARRIVED)
		return t->record.ref.bytes;
	return have < back ? have : back;
}

ssize_t
arrivals_look(struct arrival *t, uint64_t at, size_t max)
{
	bool gone;
	uint64_t end;

	(void)pthread_mutex_lock(&t->all->lock);
	gone = t->state == GONE || (t->all->stopped && t->state == ARRIVING);
	end = end_of(t);
	(void)pthread_mutex_unlock(&t->all->lock);
	if (gone)
		return -1;
	if (at >= end)
		return 0;
	return end - at < max ? (ssize_t)(end - at) : (ssize_t)max;
}

ssize_t
arrivals_read(struct arrival *t, uint64_t at, void *ret, size_t max)
{
	ssize_t count = arrivals_look(t, at, max);
	ssize_t got = count > 0 ? pread(t->fd, ret, (size_t)count, (off_t)at) : count;

	return count > 0 && got == 0 ? -1 : got;
}

int
arrivals_file(const struct arrival *t)
{
	return t->fd;
}

bool
arrivals_wait(struct arrival *t, uint64_t at, struct waiter *waiter)
{
	bool wait;

	(void)pthread_mutex_lock(&t->all->lock);
	wait = t->state == ARRIVING && !t->all->stopped && at >= end_of(t);
	if (wait)
		SLIST_INSERT_HEAD(&t->waiters, waiter, link);
	(void)pthread_mutex_unlock(&t->all->lock);
	return wait;
}
