/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "announce.h"

#include <pthread.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "policy.h"
#include "usage.h"

/* The newest edition that is known of a type: announced before, or kept. */
static struct edition
known_edition(const struct view_type *t)
{
	struct edition known = t->announced;

	if (t->count > 0 && t->versions[0].edition.version > known.version)
		known = t->versions[0].edition;
	return known;
}

static void
log_refused(const struct ident *new, const struct edition *known, const char *why)
{
	struct log_line l;

	log_begin(&l, EVENT_VERSION_REFUSED);
	log_text(&l, "type", new->type);
	log_number(&l, "version", new->edition.version);
	log_text(&l, "cookie", new->edition.cookie);
	log_number(&l, "known", known->version);
	log_text(&l, "reason", why);
	log_end(&l, LOG_DOWNLOAD);
	log_end(&l, LOG_PROCESS);
}

/* NULL: acceptable. */
static const char *
refusal(const struct view_type *t, const struct edition *new)
{
	struct edition known = known_edition(t);

	if (new->version < known.version)
		return "the version goes back";
	for (size_t i = 0; i < t->count; i++)
		if (t->versions[i].edition.version == new->version &&
			strcmp(t->versions[i].edition.cookie, new->cookie) != 0)
			return "another cookie for a kept version";
	if (new->version == t->announced.version && strcmp(new->cookie, t->announced.cookie) != 0)
		return "another cookie for an announced version";
	return NULL;
}

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

/*
 * What is to be announced: the upstream's list, with the known version of a
 * type in the place of one that was refused. A refusal is logged once.
 */
static void
merge(const struct view *view, const struct idents *fetched, struct idents *ret)
{
	static struct idents refused; /* only one announcement lands at a time */

	for (size_t i = 0; i < fetched->count; i++) {
		struct ident chosen = fetched->at[i];
		const struct view_type *t = view_find_type(view, chosen.type);
		const char *why = t != NULL ? refusal(t, &chosen.edition) : NULL;
		const struct ident *before = idents_find(&refused, chosen.type);

		if (why != NULL) {
			struct edition known = known_edition(t);

			if (before == NULL) {
				idents_add(&refused, &chosen);
				(void)idents_sort(&refused);
			}
			if (before == NULL || !edition_equal(&before->edition, &chosen.edition)) {
				log_refused(&chosen, &known, why);
				refused.at[idents_find(&refused, chosen.type) - refused.at] =
					chosen;
			}
			chosen.edition = known;
		} else if (t == NULL || !edition_equal(&t->announced, &chosen.edition)) {
			log_metadata(&chosen);
		}
		idents_add(ret, &chosen);
	}
}

static bool
same_announcement(const struct view *view, const struct idents *query)
{
	size_t announced = 0;

	for (size_t i = 0; i < view->count; i++)
		announced += view->types[i]->announced.version > 0;
	if (!view->has_query || announced != query->count)
		return false;
	for (size_t i = 0; i < query->count; i++) {
		const struct view_type *t = view_find_type(view, query->at[i].type);

		if (t == NULL || !edition_equal(&t->announced, &query->at[i].edition))
			return false;
	}
	return true;
}

/* Types in use get the header of a new version before anybody asks. */
static void
refresh_headers(struct server *s)
{
	struct view *view = view_take(s->views);

	for (size_t i = 0; i < view->count; i++) {
		const struct view_type *t = view->types[i];
		const struct view_version *newest = view_find_version(t, &t->announced);
		struct job_spec spec = {.kind = JOB_HEADER};

		if (t->announced.version == 0 || t->count == 0 ||
			(newest != NULL && newest->header != NULL))
			continue;
		memcpy(spec.ident.type, t->type, sizeof(spec.ident.type));
		spec.ident.edition = t->announced;
		(void)jobs_ask(s->jobs, &spec, NULL);
	}
	view_release(view);
}

static void
prefetch_one(struct server *s, const struct ident *new, const struct edition *base)
{
	struct job_spec spec = {
		.kind = JOB_OFFER, .ident = *new, .base = *base, .format = FORMAT_AR2};

	if (base->version < new->edition.version)
		(void)jobs_ask(s->jobs, &spec, NULL);
}

/*
 * Where an administrator wants it, differences to a new version before anybody asks:
 * from the one that was announced before, if clients here have it; and from those that
 * most clients have.
 */
static void
prefetch(struct server *s, const struct view *before, const struct channels *channels,
	const struct idents *query)
{
	const size_t max = (size_t)s->options.prefetchDifferences;
	AUTO_FREE struct edition *used = mem_new(max, sizeof(*used));

	for (size_t i = 0; i < query->count; i++) {
		const struct ident *new = &query->at[i];
		const struct view_type *t = view_find_type(before, new->type);
		size_t count = 0;

		if (t == NULL || edition_equal(&t->announced, &new->edition))
			continue;
		if (view_find_version(t, &t->announced) != NULL &&
			channels_policy(channels, t->type).prefetch)
			prefetch_one(s, new, &t->announced);
		if (max > 0)
			count = usage_top(s->usage, new->type, clock_mono_ms() / 1000, used, max);
		for (size_t j = 0; j < count; j++)
			prefetch_one(s, new, &used[j]);
	}
}

/* Without the types that are not enabled. */
static void
leave_out(const struct channels *channels, const struct idents *query, struct idents *ret)
{
	for (size_t i = 0; i < query->count; i++)
		if (channels_policy(channels, query->at[i].type).enabled)
			idents_add(ret, &query->at[i]);
}

static int
announce(struct server *s, const struct view *view, const struct channels *channels,
	const struct idents *query, struct err *e)
{
	if (same_announcement(view, query))
		return 0;
	if (depot_put_query(s->depot, query, e) != 0)
		return -1;
	view_set_query(s->views, query);
	jobs_forget_known(s->jobs);
	refresh_headers(s);
	prefetch(s, view, channels, query);
	return 0;
}

/* One announcement lands after the other: each is made from what the one before left. */
static pthread_mutex_t announcing = PTHREAD_MUTEX_INITIALIZER;

int
announce_query(struct server *s, const struct idents *fetched, struct err *e)
{
	AUTO_IDENTS struct idents enabled = {0};
	AUTO_IDENTS struct idents query = {0};
	struct policy *policy;
	struct view *view;
	int result;

	(void)pthread_mutex_lock(&announcing);
	policy = policy_take(s->policies);
	view = view_take(s->views);
	leave_out(policy->channels, fetched, &enabled);
	merge(view, &enabled, &query);
	result = announce(s, view, policy->channels, &query, e);
	view_release(view);
	policy_release(policy);
	(void)pthread_mutex_unlock(&announcing);
	return result;
}

void
announce_policy(struct server *s)
{
	AUTO_IDENTS struct idents enabled = {0};
	struct policy *policy;
	struct view *view;
	struct err e = {0};

	(void)pthread_mutex_lock(&announcing);
	policy = policy_take(s->policies);
	view = view_take(s->views);
	for (size_t i = 0; i < view->count; i++) {
		struct ident ident = {.edition = view->types[i]->announced};

		memcpy(ident.type, view->types[i]->type, sizeof(ident.type));
		if (ident.edition.version > 0 &&
			channels_policy(policy->channels, ident.type).enabled)
			idents_add(&enabled, &ident);
	}
	if (view->has_query && announce(s, view, policy->channels, &enabled, &e) != 0)
		log_note(EVENT_FAILED, "cannot store the announcement: %s", e.text);
	view_release(view);
	policy_release(policy);
	(void)pthread_mutex_unlock(&announcing);
}
