/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/scrub.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "cache/land.h"
#include "cache/legacy.h"
#include "log.h"
#include "base/mem.h"

enum {
	EVERY_MS = 1000,
	SCRUB_BYTES_PER_MS = 10000, /* 10 MB/s: slower than any disk that a cache is on */
};

struct scrub {
	struct server *server;
	atomic_bool running;
	uint64_t next_ms;     /* the timers' */
	uint64_t scrub_at_ms; /* the running one's */
};

struct scrub *
scrub_new(struct server *s)
{
	struct scrub *t = mem_new(1, sizeof(*t));

	t->server = s;
	return t;
}

/* ---- Times */

static void
add_changed(void *context, struct view_record *vr)
{
	struct record r = vr->record;

	if (!vr->times_changed || !atomic_exchange(&vr->times_changed, false))
		return;
	r.served_ms = vr->served_ms;
	r.checked_ms = vr->checked_ms;
	records_add(context, &r);
}

/* Nothing depends on them: what cannot be written now is of no use later. */
static void
write_times(struct server *s)
{
	AUTO_RECORDS struct records changed = {0};
	struct view *view = view_take(s->views);

	view_each(view, NULL, add_changed, &changed);
	view_release(view);
	if (changed.count > 0)
		(void)depot_put_times(s->depot, changed.at, changed.count, NULL);
}

/* ---- Scrub */

static void
take_longest_unchecked(void *context, struct view_record *vr)
{
	struct view_record **longest = context;

	if (*longest == NULL || vr->checked_ms < (*longest)->checked_ms)
		*longest = vr;
}

static void
check(struct server *s, struct view_record *vr)
{
	struct err e = {0};

	if (depot_check(s->depot, &vr->record, &e) == 0)
		view_record_note_checked(vr);
	else if (depot_is_damage(&e))
		land_damage(s, &vr->record, e.text);
	else
		log_note(EVENT_WARNING, "scrub: %s", e.text);
}

/* One record whose time has come; then a pause as long as it is large. */
static void
scrub_next(struct scrub *t)
{
	struct server *s = t->server;
	uint64_t now_ms = clock_mono_ms();
	struct view_record *vr = NULL;
	struct view *view;

	if (s->options.scrubInterval == 0 || now_ms < t->scrub_at_ms)
		return;
	view = view_take(s->views);
	view_each(view, NULL, take_longest_unchecked, &vr);
	if (vr != NULL && vr->checked_ms + s->options.scrubInterval < clock_wall_ms()) {
		check(s, vr);
		t->scrub_at_ms = clock_mono_ms() + vr->record.ref.bytes / SCRUB_BYTES_PER_MS;
	}
	view_release(view);
}

/* ---- */

static void
run(void *context)
{
	struct scrub *t = context;

	write_times(t->server);
	legacy_save(t->server->legacy);
	(void)depot_tidy(t->server->depot, NULL); /* or in a second */
	scrub_next(t);
	t->running = false;
}

void
scrub_tick(struct scrub *t, uint64_t now_ms)
{
	if (t->running || now_ms < t->next_ms)
		return;
	t->next_ms = now_ms + EVERY_MS;
	t->running = true;
	workers_add(t->server->builders, run, t);
}

void
scrub_free(struct scrub *t)
{
	if (t == NULL)
		return;
	write_times(t->server);
	free(t);
}
