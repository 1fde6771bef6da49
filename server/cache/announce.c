/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/announce.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cache/announce_refused.h"
#include "cache/announce_rules.h"
#include "cache/prefetch.h"
#include "log.h"

enum { DEFER_MAX_MS = 10 * 60 * 1000 };

/*
 * A version that is announced once what is prefetched of it is here. It lies in the list until all
 * that it waits for has ended and it is announced (is_deferred), or another version has taken its
 * place (sweep_deferred). All of it is guarded by the lock but `waiting`, which is counted down
 * without it; while that is not 0 jobs have pointers to `waiters`, and it must stay.
 */
struct deferred {
	struct announce *announce;
	struct ident ident;
	uint64_t deadline_ms;
	_Atomic size_t waiting; /* for so many jobs; one more while they are asked for */
	struct waiter *waiters;
	LIST_ENTRY(deferred) link;
};

struct announce {
	struct announce_parts parts;
	/* Guards the rest, and the order of announcements: it is taken while one is stored. */
	pthread_mutex_t lock;
	atomic_uint number;		 /* grows with the lock, and is read without */
	struct idents fetched;		 /* the last one */
	struct announce_vouched vouched; /* of that */
	bool due;			 /* something was forgotten since it was fetched */
	struct idents refused;
	bool frozen; /* nothing newer is announced */
	bool passes; /* nothing is waited for */
	LIST_HEAD(deferred_list, deferred) deferred;
};

struct announce *
announce_new(const struct announce_parts *parts)
{
	struct announce *a = mem_new(1, sizeof(*a));

	a->parts = *parts;
	(void)pthread_mutex_init(&a->lock, NULL);
	return a;
}

static void
deferred_free(struct deferred *d)
{
	LIST_REMOVE(d, link);
	free(d->waiters);
	free(d);
}

void
announce_free(struct announce *a)
{
	if (a == NULL)
		return;
	for (struct deferred *d = LIST_FIRST(&a->deferred), *next; d != NULL; d = next) {
		next = LIST_NEXT(d, link);
		deferred_free(d);
	}
	idents_free(&a->fetched);
	announce_vouched_clear(&a->vouched);
	idents_free(&a->refused);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

/* ---- Waiting for what is prefetched */

static void
log_metadata(const struct ident *new)
{
	struct log_line l;

	log_begin(&l, EVENT_METADATA);
	log_text(&l, "type", new->type);
	log_number(&l, "version", new->edition.version);
	log_text(&l, "cookie", new->edition.cookie);
	log_end(&l, LOG_DOWNLOAD);
}

static int announce_fetched(struct announce *a, bool *ret_deferred, struct err *e);

/*
 * A task of the workers. The last announcement that was fetched is merged anew, so that a version
 * needs no poll to be announced when it is here.
 */
static void
announce_deferred(void *context)
{
	struct announce *a = context;
	struct err e = {0};
	bool deferred;

	(void)pthread_mutex_lock(&a->lock);
	if (announce_fetched(a, &deferred, &e) != 0) /* the next poll tries again */
		log_note(EVENT_FAILED, "cannot store the announcement: %s", e.text);
	(void)pthread_mutex_unlock(&a->lock);
}

/*
 * By whoever ended the job, or the timers at its deadline. Fetcher and timers cannot wait for the
 * lock, which is held while an announcement is stored: a worker does the rest.
 */
static void
on_arrived(void *context)
{
	struct deferred *d = context;
	struct announce *a = d->announce;

	/* Whoever makes an announcement from here on may free it. */
	if (atomic_fetch_sub(&d->waiting, 1) == 1 && !jobs_stopped(a->parts.jobs))
		workers_add(a->parts.workers, announce_deferred, a);
}

static struct deferred *
find_deferred(const struct announce *a, const struct ident *ident)
{
	struct deferred *d;

	LIST_FOREACH (d, &a->deferred, link)
		if (ident_equal(&d->ident, ident))
			return d;
	return NULL;
}

/*
 * Those that ended after another version had taken their place. One that still waits stays: jobs
 * will resume its waiters.
 */
static void
sweep_deferred(struct announce *a)
{
	struct deferred *next;

	for (struct deferred *d = LIST_FIRST(&a->deferred); d != NULL; d = next) {
		const struct ident *fetched = idents_find(&a->fetched, d->ident.type);

		next = LIST_NEXT(d, link);
		if (d->waiting == 0 && (fetched == NULL || !ident_equal(fetched, &d->ident)))
			deferred_free(d);
	}
}

/* A type whose versions follow each other quickly does not wait longer for that. */
static uint64_t
deadline_of(const struct announce *a, const char *type)
{
	uint64_t deadline_ms = clock_mono_ms() + DEFER_MAX_MS;
	const struct deferred *d;

	LIST_FOREACH (d, &a->deferred, link)
		if (strcmp(d->ident.type, type) == 0 && d->deadline_ms < deadline_ms)
			deadline_ms = d->deadline_ms;
	return deadline_ms;
}

/* False: there is nothing to wait for. */
static bool
defer(struct announce *a, const struct ident *ident, const struct job_spec *specs, size_t count)
{
	struct deferred *d;

	if (count == 0)
		return false;
	d = mem_new(1, sizeof(*d));
	d->announce = a;
	d->ident = *ident;
	d->deadline_ms = deadline_of(a, ident->type);
	d->waiters = mem_new(count, sizeof(*d->waiters));
	LIST_INSERT_HEAD(&a->deferred, d, link);
	/*
	 * One more than jobs: those that end while others are still being asked for announce
	 * nothing.
	 */
	d->waiting = 1;
	for (size_t i = 0; i < count; i++) {
		d->waiters[i] = (struct waiter){
			.resume = on_arrived, .context = d, .deadline_ms = d->deadline_ms};
		atomic_fetch_add(&d->waiting, 1);
		/*
		 * It is not to be had just now, or not at all: the version does not wait for that.
		 */
		if (!jobs_ask(a->parts.jobs, &specs[i], &d->waiters[i]).held)
			atomic_fetch_sub(&d->waiting, 1);
	}
	if (atomic_fetch_sub(&d->waiting, 1) == 1) {
		deferred_free(d);
		return false;
	}
	return true;
}

/* Where an administrator wants it, what clients will ask for is here before they are told. */
static bool
defer_for_prefetch(struct announce *a, const struct view_type *t, const struct channels *channels,
	const struct ident *new)
{
	const struct prefetch prefetch = {.usage = a->parts.usage,
		.versions = (size_t)a->parts.options->prefetchDifferences,
		.previous = channels_policy(channels, t->type).prefetch};
	AUTO_FREE struct job_spec *specs = NULL;
	size_t count = prefetch_jobs(&prefetch, t, new, &specs);

	return defer(a, new, specs, count);
}

/* Whether clients are not told of a newer version yet. */
static bool
is_deferred(struct announce *a, const struct view_type *t, const struct channels *channels,
	const struct ident *new)
{
	struct deferred *d = find_deferred(a, new);
	bool is_known = t != NULL && t->announced.version > 0;

	/* Met for the first time. */
	if (d == NULL) {
		log_metadata(new);
		return is_known && defer_for_prefetch(a, t, channels, new);
	}
	if (d->waiting > 0) /* its type may have been dropped meanwhile */
		return is_known && !a->passes;
	/* Everything is here or cannot be had, or the deadline has passed: it is announced now. */
	deferred_free(d);
	return false;
}

/* ---- What is announced */

/*
 * What is to be announced: the upstream's list, with the known version of a
 * type in the place of one that was refused, and the one before in the place of one that waits.
 */
static void
merge(struct announce *a, const struct view *view, const struct channels *channels,
	struct idents *ret, bool *ret_deferred)
{
	const struct announce_rules rules = {a->parts.options->versionAheadMax / 1000,
		clock_wall_ms() / 1000, &a->vouched.unlisted};

	for (size_t i = 0; i < a->fetched.count; i++) {
		struct ident chosen = a->fetched.at[i];
		const struct view_type *t = view_find_type(view, chosen.type);
		const char *why = announce_vouched_refusal(&a->vouched, &rules, t, &chosen);

		if (!channels_policy(channels, chosen.type).enabled)
			continue;
		if (why != NULL) {
			struct edition known = announce_rules_known(&rules, t);

			announce_refused_note(&a->refused, &chosen, &known, why);
			/* What is known is no better than what it is. */
			if (ident_edition_equal(&chosen.edition, &known))
				continue;
			chosen.edition = known;
			if (known.version == 0) /* nothing of it is known that could be announced */
				continue;
		} else if ((t == NULL || !ident_edition_equal(&t->announced, &chosen.edition)) &&
			   is_deferred(a, t, channels, &chosen)) {
			chosen.edition = t->announced;
			*ret_deferred = true;
		}
		idents_add(ret, &chosen);
	}
	sweep_deferred(a);
	announce_refused_sweep(&a->refused, &a->fetched);
}

/*
 * Most polls change nothing: then nothing is written, no view is made, and what is absent stays so.
 */
static bool
same_announcement(const struct announce *a, const struct view *view, const struct idents *query)
{
	AUTO_IDENTS struct idents announced = {0};

	view_announced(view, &announced);
	return view->has_query && view->query_due == a->due && idents_equal(&announced, query);
}

/*
 * Types in use get the header of a new version before anybody asks. In use is a type of which
 * anything is kept.
 */
static void
refresh_headers(struct announce *a)
{
	struct view *view = stock_view(a->parts.stock);

	for (size_t i = 0; i < view->count; i++) {
		const struct view_type *t = view->types[i];
		const struct view_version *newest = view_find_version(t, &t->announced);
		struct job_spec spec = {.kind = JOB_HEADER};

		if (t->announced.version == 0 || t->count == 0 ||
			(newest != NULL && newest->header != NULL))
			continue;
		spec.ident = ident_of(t->type, &t->announced);
		(void)jobs_ask(a->parts.jobs, &spec, NULL);
	}
	view_release(view);
}

static int
announce(struct announce *a, const struct view *view, const struct idents *query, struct err *e)
{
	if (same_announcement(a, view, query))
		return 0;
	if (stock_put_query(a->parts.stock, query, a->due, e) != 0)
		return -1;
	jobs_forget_known(a->parts.jobs);
	refresh_headers(a);
	return 0;
}

/* With the lock. */
static int
announce_fetched(struct announce *a, bool *ret_deferred, struct err *e)
{
	AUTO_IDENTS struct idents query = {0};
	struct policy *policy = settings_take(a->parts.settings);
	struct view *view = stock_view(a->parts.stock);
	int result;

	*ret_deferred = a->frozen;
	if (a->frozen) {
		view_release(view);
		settings_release(policy);
		return 0;
	}
	merge(a, view, policy->channels, &query, ret_deferred);
	result = announce(a, view, &query, e);
	view_release(view);
	settings_release(policy);
	return result;
}

unsigned
announce_number(const struct announce *a)
{
	return a->number;
}

int
announce_query(struct announce *a, const struct idents *fetched,
	const struct announce_vouched *vouched, unsigned number, enum announce_result *ret,
	struct err *e)
{
	bool deferred;
	int result;

	(void)pthread_mutex_lock(&a->lock);
	if (number != a->number) {
		(void)pthread_mutex_unlock(&a->lock);
		*ret = ANNOUNCE_OUTDATED;
		return 0;
	}
	/* Kept: what is deferred now is announced from it later. */
	idents_free(&a->fetched);
	for (size_t i = 0; i < fetched->count; i++)
		idents_add(&a->fetched, &fetched->at[i]);
	announce_vouched_copy(vouched, &a->vouched);
	a->due = false;
	result = announce_fetched(a, &deferred, e);
	(void)pthread_mutex_unlock(&a->lock);
	*ret = deferred ? ANNOUNCE_DEFERRED : ANNOUNCE_DONE;
	return result;
}

void
announce_now(struct announce *a, struct idents *ret)
{
	struct view *view = stock_view(a->parts.stock);

	view_announced(view, ret);
	view_release(view);
}

/* What was taken away since stays away, unless all of it was lost. */
int
announce_restore(struct announce *a, const struct idents *before, struct err *e)
{
	AUTO_IDENTS struct idents now = {0};
	AUTO_IDENTS struct idents right = {0};
	bool lost = stock_query_lost(a->parts.stock);

	announce_now(a, &now);
	for (size_t i = 0; i < before->count; i++) {
		const struct ident *shown = idents_find(&now, before->at[i].type);

		if (lost || shown != NULL)
			idents_add(&right, &before->at[i]);
	}
	return idents_equal(&right, &now) && !lost
		       ? 0
		       : stock_put_query(a->parts.stock, &right, false, e);
}

void
announce_set_frozen(struct announce *a, bool frozen)
{
	bool deferred;
	struct err e = {0};

	(void)pthread_mutex_lock(&a->lock);
	a->frozen = frozen;
	a->passes = !frozen;
	/* What was not fetched in this run is not known, and the next poll brings it. */
	if (!frozen && a->fetched.count > 0 && announce_fetched(a, &deferred, &e) != 0)
		log_note(EVENT_FAILED, "cannot store the announcement: %s", e.text);
	a->passes = false;
	(void)pthread_mutex_unlock(&a->lock);
}

/*
 * From what is announced now it can only take away: what is allowed anew comes with the next
 * announcement.
 */
void
announce_policy(struct announce *a)
{
	AUTO_IDENTS struct idents enabled = {0};
	struct policy *policy;
	struct view *view;
	struct err e = {0};
	size_t left = 0;

	(void)pthread_mutex_lock(&a->lock);
	a->number++;
	policy = settings_take(a->parts.settings);
	view = stock_view(a->parts.stock);
	view_announced(view, &enabled);
	for (size_t i = 0; i < enabled.count; i++)
		if (channels_policy(policy->channels, enabled.at[i].type).enabled)
			enabled.at[left++] = enabled.at[i];
	enabled.count = left;
	if (view->has_query && announce(a, view, &enabled, &e) != 0)
		log_note(EVENT_FAILED, "cannot store the announcement: %s", e.text);
	view_release(view);
	settings_release(policy);
	(void)pthread_mutex_unlock(&a->lock);
}

/* With the lock. */
static int
forget(struct announce *a, const struct idents *what, struct err *e)
{
	AUTO_IDENTS struct idents announced = {0};
	AUTO_IDENTS struct idents rest = {0};
	struct view *view = stock_view(a->parts.stock);
	bool deferred;

	view_announced(view, &announced);
	view_announced(view, &rest);
	view_release(view);
	for (size_t i = 0; i < what->count; i++)
		(void)idents_remove(&rest, what->at[i].type, what->at[i].edition.version);
	if (rest.count == announced.count)
		return 0;
	if (stock_put_query(a->parts.stock, &rest, true, e) != 0)
		return -1;
	a->due = true;
	jobs_forget_known(a->parts.jobs);
	/*
	 * Where the cloud has another version by now, and it was refused, that holds. What it said
	 * last may be the very mistake: then it is asked what it says now.
	 */
	for (size_t i = 0; i < announced.count; i++)
		if (idents_find(&rest, announced.at[i].type) == NULL)
			(void)idents_remove(
				&a->fetched, announced.at[i].type, announced.at[i].edition.version);
	return a->fetched.count > 0 ? announce_fetched(a, &deferred, e) : 0;
}

int
announce_forget(struct announce *a, const struct idents *what, struct err *e)
{
	int result;

	(void)pthread_mutex_lock(&a->lock);
	a->number++;
	result = forget(a, what, e);
	(void)pthread_mutex_unlock(&a->lock);
	return result;
}
