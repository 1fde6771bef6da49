/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/scrub.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/mem.h"
#include "jobs/job_end.h"
#include "log.h"

enum {
	EVERY_MS = 1000,
	MEND_EVERY_MS = 10000,
	SCRUB_BYTES_PER_MS = 10000, /* 10 MB/s: slower than any disk that a cache is on */
};

struct scrub {
	struct scrub_parts parts;
	atomic_bool running;  /* a task is among the builders' or at work */
	uint64_t next_ms;     /* the timers' */
	uint64_t scrub_at_ms; /* the running one's */
	uint64_t mend_at_ms;  /* the same */
};

struct scrub *
scrub_new(const struct scrub_parts *parts)
{
	struct scrub *t = mem_new(1, sizeof(*t));

	t->parts = *parts;
	return t;
}

/* ---- Times */

static void
add_changed(void *context, struct view_record *vr)
{
	struct record r = vr->record;

	/*
	 * Cleared before the times are read: one that changes meanwhile sets it again. Most looks
	 * find nothing to clear, and write nothing.
	 */
	if (!vr->times_changed || !atomic_exchange(&vr->times_changed, false))
		return;
	r.served_ms = vr->served_ms;
	r.checked_ms = vr->checked_ms;
	records_add(context, &r);
}

/* Nothing depends on them: what cannot be written now is of no use later. */
static void
write_times(struct stock *stock)
{
	AUTO_RECORDS struct records changed = {0};
	struct view *view = stock_view(stock);

	view_each(view, NULL, add_changed, &changed);
	view_release(view);
	if (changed.count > 0)
		(void)stock_put_times(stock, &changed, NULL);
}

/* ---- Scrub */

struct longest {
	uint64_t now_ms;
	struct view_record *vr;
};

static void
take_longest_unchecked(void *context, struct view_record *vr)
{
	struct longest *longest = context;

	if (longest->vr == NULL || clock_past_ms(vr->checked_ms, longest->now_ms) <
					   clock_past_ms(longest->vr->checked_ms, longest->now_ms))
		longest->vr = vr;
}

void
scrub_check(struct stock *stock, struct jobs *jobs, struct job *job)
{
	const struct record key = {.kind = job->spec.stored,
		.ident = job->spec.ident,
		.base = job->spec.base,
		.format = job->spec.format};
	struct view *view = stock_view(stock);
	const struct view_record *vr = view_find_same(view, &key);
	struct err e = {0};

	/* One that is gone, or damaged, is a new question: who waits asks it, and is answered. */
	if (vr != NULL && stock_check(stock, &vr->record, &e) == STOCK_UNREADABLE)
		job_end_failed(jobs, job, "check", &e, JOB_BUSY, 0);
	else
		jobs_done(jobs, job);
	view_release(view);
}

/* One record whose time has come; then a pause as long as it is large. */
static void
scrub_next(struct scrub *t)
{
	const uint64_t interval_ms = t->parts.options->scrubInterval;
	struct longest longest = {.now_ms = clock_wall_ms()};
	struct view *view;
	struct err e = {0};

	if (interval_ms == 0 || clock_mono_ms() < t->scrub_at_ms)
		return;
	view = stock_view(t->parts.stock);
	view_each(view, NULL, take_longest_unchecked, &longest);
	if (longest.vr != NULL &&
		clock_past_ms(longest.vr->checked_ms, longest.now_ms) + interval_ms <
			longest.now_ms) {
		const struct record *r = &longest.vr->record;

		if (stock_check(t->parts.stock, r, &e) == STOCK_UNREADABLE &&
			e.code != ERR_STOPPED) {
			log_note(EVENT_WARNING, "scrub: %s", e.text);
			/* The others come first, and this one again after an interval. */
			longest.vr->checked_ms = longest.now_ms;
		}
		t->scrub_at_ms = clock_mono_ms() + r->ref.bytes / SCRUB_BYTES_PER_MS;
	}
	view_release(view);
}

static void
mend(struct scrub *t)
{
	uint64_t now_ms = clock_mono_ms();
	struct err e = {0};

	if (now_ms < t->mend_at_ms)
		return;
	t->mend_at_ms = now_ms + MEND_EVERY_MS;
	if (stock_mend(t->parts.stock, &e) != 0)
		log_note(EVENT_FAILED, "the cache: %s", e.text);
}

/* ---- */

/* A task of the builders, so that everything else goes before it; one at a time. */
static void
run(void *context)
{
	struct scrub *t = context;

	write_times(t->parts.stock);
	legacy_save(t->parts.legacy);
	(void)stock_tidy(t->parts.stock, NULL); /* or in a second */
	mend(t);
	scrub_next(t);
	/* Last: from here on the timers may start the next one. */
	t->running = false;
}

void
scrub_tick(struct scrub *t, uint64_t now_ms)
{
	if (t->running || now_ms < t->next_ms)
		return;
	t->next_ms = now_ms + EVERY_MS;
	t->running = true;
	workers_add(t->parts.builders, run, t);
}

void
scrub_free(struct scrub *t)
{
	if (t == NULL)
		return;
	write_times(t->parts.stock);
	free(t);
}
