/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/legacy.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/depot_settings.h"

enum { EVERY_MS = 2000, SAVED_EVERY_MS = 60000, DAY_MS = 86400000 };

/*
 * A type of the legacy list, and when a legacy client last asked for it. That is written to the
 * index at most once a minute, however often one asks, and at the end.
 */
struct seen {
	char type[IDENT_TYPE_MAX + 1];
	uint64_t at_ms;	   /* wall clock */
	uint64_t saved_ms; /* what is written down */
};

struct legacy {
	struct legacy_parts parts;
	pthread_mutex_t lock; /* the list: never more than types were ever on the legacy list */
	struct seen *seen;
	size_t count;
	size_t capacity;
	uint64_t next_ms; /* the timers' */
};

/* One that was written down longer than that before it was seen last; false: none. */
static bool
take_due(struct legacy *l, uint64_t every_ms, struct seen *ret)
{
	bool found = false;

	(void)pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->count && !found; i++) {
		struct seen *seen = &l->seen[i];

		found = seen->at_ms > seen->saved_ms + every_ms;
		if (found) {
			/*
			 * Before it is written, which is done without the lock: where that fails
			 * somebody has to ask a minute later for it to be tried again.
			 */
			seen->saved_ms = seen->at_ms;
			*ret = *seen;
		}
	}
	(void)pthread_mutex_unlock(&l->lock);
	return found;
}

static void
save(struct legacy *l, uint64_t every_ms)
{
	struct seen seen;
	char name[DEPOT_SETTINGS_NAME_MAX];

	while (take_due(l, every_ms, &seen))
		(void)stock_put_setting(
			l->parts.stock, depot_settings_legacy(seen.type, name), seen.at_ms, NULL);
}

struct legacy *
legacy_new(const struct legacy_parts *parts)
{
	struct legacy *l = mem_new(1, sizeof(*l));

	l->parts = *parts;
	(void)pthread_mutex_init(&l->lock, NULL);
	return l;
}

void
legacy_free(struct legacy *l)
{
	if (l == NULL)
		return;
	save(l, 0);
	(void)pthread_mutex_destroy(&l->lock);
	free(l->seen);
	free(l);
}

/* With the lock; NULL: it was never met. */
static struct seen *
find(struct legacy *l, const char *type)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->seen[i].type, type) == 0)
			return &l->seen[i];
	return NULL;
}

/* With the lock. */
static struct seen *
find_or_add(struct legacy *l, const char *type)
{
	struct seen *seen = find(l, type);

	if (seen != NULL)
		return seen;
	l->seen = mem_grow(l->seen, l->count, &l->capacity, sizeof(*l->seen));
	seen = &l->seen[l->count++];
	*seen = (struct seen){0};
	(void)snprintf(seen->type, sizeof(seen->type), "%s", type);
	return seen;
}

/* For a type of the legacy list alone: what anybody may invent would make the list grow. */
void
legacy_note(struct legacy *l, const char *type)
{
	(void)pthread_mutex_lock(&l->lock);
	find_or_add(l, type)->at_ms = clock_wall_ms();
	(void)pthread_mutex_unlock(&l->lock);
}

/* What an earlier run wrote down, unless one was seen meanwhile. */
static void
recall(struct legacy *l, const char *type)
{
	char name[DEPOT_SETTINGS_NAME_MAX];
	uint64_t at_ms = 0;
	struct seen *seen;

	(void)stock_setting(l->parts.stock, depot_settings_legacy(type, name), &at_ms);
	(void)pthread_mutex_lock(&l->lock);
	seen = find_or_add(l, type);
	if (seen->at_ms == 0)
		seen->at_ms = seen->saved_ms = at_ms;
	(void)pthread_mutex_unlock(&l->lock);
}

static bool
was_seen(struct legacy *l, const char *type)
{
	uint64_t days = l->parts.options->legacyClientDays;
	uint64_t now_ms = clock_wall_ms();
	const struct seen *seen;
	uint64_t at_ms = 0;

	(void)pthread_mutex_lock(&l->lock);
	seen = find(l, type);
	if (seen != NULL)
		at_ms = seen->at_ms;
	(void)pthread_mutex_unlock(&l->lock);
	if (seen == NULL) /* the next look finds it */
		recall(l, type);
	at_ms = clock_past_ms(at_ms, now_ms);
	return at_ms > 0 && at_ms + days * DAY_MS > now_ms;
}

/*
 * The newest full archive is there, or on its way. It is asked for at each look, and jobs knows
 * when it may be tried again after a failure.
 */
static void
obtain_newest(struct legacy *l, const struct view *view, const char *type)
{
	static const struct edition full;
	const struct view_type *t = view_find_type(view, type);
	struct job_spec spec = {.kind = JOB_BUILD, .format = FORMAT_AR1};

	if (t == NULL || t->announced.version == 0 || !was_seen(l, type) ||
		view_find_archive(view_find_version(t, &t->announced), &full, FORMAT_AR1) != NULL)
		return;
	spec.ident = ident_of(t->type, &t->announced);
	(void)jobs_ask(l->parts.jobs, &spec, NULL);
}

void
legacy_tick(struct legacy *l, uint64_t now_ms)
{
	struct policy *policy;
	struct view *view;

	if (now_ms < l->next_ms)
		return;
	l->next_ms = now_ms + EVERY_MS;
	policy = settings_take(l->parts.settings);
	view = stock_view(l->parts.stock);
	for (size_t i = 0; i < policy->channels->legacy_count; i++)
		obtain_newest(l, view, policy->channels->legacy[i]);
	view_release(view);
	settings_release(policy);
}

void
legacy_save(struct legacy *l)
{
	save(l, SAVED_EVERY_MS);
}
