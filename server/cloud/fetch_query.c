/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/fetch_query.h"

#include <stdio.h>
#include <string.h>

#include "cloud/fetch_signed.h"
#include "cloud/vouch_lookup.h"
#include "jobs/job_end.h"

/* An unchanged announcement is of no use to who takes more of it, or has forgotten some. */
static void
prepare(struct fetch *f)
{
	const struct upstreams_one *u = fetch_job_upstream(f);

	f->query_number = announce_number(f->pool->parts.announce);
	/* What is signed may have changed, and the announcement not. */
	f->request.if_none_match =
		u->query_number == f->query_number &&
				(f->pool->parts.vouch == NULL || !vouch_due(f->pool->parts.vouch))
			? u->query_etag
			: NULL;
}

/*
 * What is remembered of the upstream is the fetcher's; it is written here since no other poll looks
 * at it before this job has ended. It is remembered after the announcement was stored: one that
 * could not be must not be "unchanged" at the next poll.
 */
static void
remember(struct fetch *f, enum announce_result result)
{
	struct upstreams_one *u = fetch_job_upstream(f);

	if (result == ANNOUNCE_DEFERRED) /* it is looked at once more, though it did not change */
		f->query_etag[0] = '\0';
	memcpy(u->query_etag, f->query_etag, sizeof(f->query_etag));
	u->query_number = f->query_number;
}

/*
 * vouched NULL: nothing has to be signed; good: and all of it was. False: the job has ended.
 */
static bool
announce(struct fetch *f, const struct announce_vouched *vouched, bool good)
{
	const struct job_spec query = {.kind = JOB_QUERY, .due = true};
	const struct fetcher_parts *p = &f->pool->parts;
	enum announce_result result;
	struct err e = {0};

	if (announce_query(p->announce, &f->request.query, vouched, f->query_number, &result, &e) !=
		0) {
		job_end_failed(
			p->jobs, f->job, source_name(&f->request), &e, job_end_reason(&e), 0);
		return false;
	}
	if (result == ANNOUNCE_OUTDATED) {
		/* What made it so asked for another poll, and may have been given this one. */
		jobs_done(p->jobs, f->job);
		(void)jobs_ask(p->jobs, &query, NULL);
		return false;
	}
	/* Of what was taken in part the one before is no description any more. */
	if (!good)
		f->query_etag[0] = '\0';
	remember(f, result);
	return true;
}

static void
work(void *context)
{
	struct fetch *f = context;

	if (announce(f, NULL, true))
		jobs_done(f->pool->parts.jobs, f->job);
	fetch_job_free(f);
}

/* What came of the upstream is not to be trusted, or could not be looked up. */
static void
fail(struct fetch *f, const char *name, const struct upstream_reply *reply)
{
	const struct fetcher_parts *p = &f->pool->parts;

	/* It says when, and nobody else is there. */
	if (reply->retry_after_s > 0 && upstreams_none_trusted(f->pool->upstreams))
		job_end_failed(p->jobs, f->job, name, &reply->why, job_end_reason(&reply->why),
			(uint64_t)reply->retry_after_s * 1000);
	else
		fetch_job_not_landed(f, name, &reply->why);
}

/* Whoever does not show what is signed, for whatever reason, is asked after the others. */
static void
note_trusted(struct fetch *f, const struct upstream_reply *reply)
{
	if (!upstream_failed_here(reply))
		upstreams_note_trusted(
			f->pool->upstreams, f->upstream, reply->outcome == UPSTREAM_FRESH);
}

/* On the thread of vouch.h: first what is signed, then what is announced. */
static void
look_up(void *context)
{
	struct fetch *f = context;
	const struct fetcher_parts *p = &f->pool->parts;
	struct announce_vouched vouched = {0};
	struct upstream_reply reply;

	vouch_refresh(p->vouch, &f->whom, &reply);
	note_trusted(f, &reply);
	if (reply.outcome != UPSTREAM_FRESH) {
		fail(f, "tuf", &reply);
		fetch_job_free(f);
		return;
	}
	vouch_query(p->vouch, &f->request.query, &vouched, &reply);
	if (vouch_was_slow(p->vouch))
		upstreams_note_trusted(f->pool->upstreams, f->upstream, false);
	if (announce(f, &vouched, reply.outcome == UPSTREAM_FRESH)) {
		vouch_lookup_drop(p->stock, &vouched);
		if (reply.outcome == UPSTREAM_FRESH) {
			vouch_announced(p->vouch);
			jobs_done(p->jobs, f->job);
		} else {
			fail(f, "q", &reply);
		}
	}
	announce_vouched_clear(&vouched);
	fetch_job_free(f);
}

static void
on_query(void *context, const struct upstream_reply *reply)
{
	struct fetch *f = context;

	if (fetch_job_settled(f, reply))
		return;
	if (reply->outcome == UPSTREAM_UNCHANGED || reply->outcome == UPSTREAM_FRESH)
		fetch_signed(f);
	if (reply->outcome == UPSTREAM_UNCHANGED) {
		/* Since what was asked for before it was asked. */
		if (f->query_number != announce_number(f->pool->parts.announce))
			fetch_job_send(f);
		else
			fetch_job_done(f);
		return;
	}
	if (reply->outcome != UPSTREAM_FRESH) {
		fetch_job_refused(f, reply);
		return;
	}
	(void)snprintf(f->query_etag, sizeof(f->query_etag), "%s", reply->etag);
	if (f->pool->parts.vouch != NULL)
		fetch_job_hand_to_vouch(f, look_up);
	else
		fetch_job_hand_over(f, work);
}

/*
 * Who polled us last, which is forgotten: each way goes on with one poll, and a loop that was
 * mended leaves no trace.
 */
static void
take_via(struct fetch_pool *pool, char ret[HOPS_TEXT_MAX])
{
	(void)pthread_mutex_lock(&pool->lock);
	memcpy(ret, pool->query_via, HOPS_TEXT_MAX);
	pool->query_via[0] = '\0';
	(void)pthread_mutex_unlock(&pool->lock);
}

/* The poll goes on with the way of who polled us last: in a loop it gets back to them. */
void
fetch_query(struct fetch *f)
{
	char via[HOPS_TEXT_MAX];

	take_via(f->pool, via);
	if (via[0] != '\0')
		(void)hops_add(via, f->pool->parts.id, f->via);
	f->request.what = SOURCE_QUERY;
	f->request.wait_s = 0; /* what is announced now is what is asked for */
	f->request.done = on_query;
	f->prepare = prepare;
	fetch_job_send(f);
}
