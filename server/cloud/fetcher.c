/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/fetcher.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cloud/fetch_archive.h"
#include "cloud/fetch_header.h"
#include "cloud/fetch_query.h"
#include "cloud/fetch_role.h"

enum { TURN_MS = 10000 }; /* the longest that nothing is looked at; who has something wakes it */

struct fetcher {
	struct fetch_pool pool;
	struct policy *policy; /* whose proxy is in use */
	pthread_t thread;
	atomic_bool stop;
};

/* f is gone when its job has ended, which may be before this is back. */
static void
start_job(struct fetcher *fetcher, struct job *job)
{
	struct fetch *f = fetch_job_new(&fetcher->pool, job);

	switch (job->spec.kind) {
	case JOB_QUERY:
		fetch_query(f);
		break;
	case JOB_HEADER:
		fetch_header(f);
		break;
	case JOB_OFFER:
	case JOB_PRICE:
		fetch_archive(f);
		break;
	case JOB_ROLE:
		fetch_role(f);
		break;
	case JOB_CHECK:
	case JOB_BUILD:
	case JOB_CONTENT:
	case JOB_KINDS:
		assert(false); /* never in this queue */
	}
}

/* The proxy of the policy that is in force now; transfers that run have taken theirs. */
static void
take_policy(struct fetcher *f)
{
	struct policy *policy = settings_take(f->pool.parts.settings);

	settings_release(f->policy);
	f->policy = policy;
	upstream_set_proxy(f->pool.upstream, policy->proxy);
}

/* What may not run yet stays in the table, where it can be joined. */
static void
start_jobs(struct fetcher *f, enum job_queue queue)
{
	struct job *job;

	while ((job = jobs_take(f->pool.parts.jobs, queue)) != NULL)
		start_job(f, job);
}

static void *
run(void *context)
{
	struct fetcher *f = context;

	while (!f->stop) {
		take_policy(f);
		start_jobs(f, QUEUE_METADATA);
		start_jobs(f, QUEUE_ARCHIVES);
		start_jobs(f, QUEUE_WISHES);
		start_jobs(f, QUEUE_ROLES);
		upstream_run(f->pool.upstream, TURN_MS);
	}
	return NULL;
}

int
fetcher_start(const struct fetcher_parts *parts, struct fetcher **ret, struct err *e)
{
	struct fetcher *f;
	struct upstream *upstream;
	struct pace_schedule schedule;

	if (pace_parse(parts->options->upstreamMaxBytesPerSecond, &schedule, e) != 0 ||
		upstream_new(&upstream, e) != 0)
		return -1;
	f = mem_new(1, sizeof(*f));
	f->pool.parts = *parts;
	f->pool.upstream = upstream;
	f->pool.started_ms = clock_mono_ms();
	f->pool.upstreams = upstreams_new(parts->options);
	STAILQ_INIT(&f->pool.waiting);
	(void)pthread_mutex_init(&f->pool.lock, NULL);
	upstream_set_ca_file(upstream, parts->options->upstreamCaFile);
	upstream_set_schedule(upstream, &schedule);
	*ret = f; /* a job that is queued meanwhile finds it */
	if (pthread_create(&f->thread, NULL, run, f) != 0) {
		*ret = NULL;
		fetcher_free(f);
		return err_set(e, ERR_SYS, "cannot start a thread");
	}
	return 0;
}

void
fetcher_wake(struct fetcher *f)
{
	upstream_wake(f->pool.upstream);
}

void
fetcher_note_via(struct fetcher *f, const char *via)
{
	(void)pthread_mutex_lock(&f->pool.lock);
	(void)snprintf(f->pool.query_via, sizeof(f->pool.query_via), "%s", via);
	(void)pthread_mutex_unlock(&f->pool.lock);
}

/* Transfers stay where they are: their parts are gone on with after the next start. */
const struct upstreams *
fetcher_upstreams(const struct fetcher *f)
{
	return f->pool.upstreams;
}

void
fetcher_stop(struct fetcher *f)
{
	if (f == NULL)
		return;
	f->stop = true;
	upstream_wake(f->pool.upstream);
	(void)pthread_join(f->thread, NULL);
}

void
fetcher_free(struct fetcher *f)
{
	if (f == NULL)
		return;
	/*
	 * The transfers first: they point into the fetches. A job that is dropped with one stays
	 * RUNNING until jobs_free: nobody is held on it any more.
	 */
	upstream_free(f->pool.upstream);
	source_clear(&f->pool.signed_look);
	while (!LIST_EMPTY(&f->pool.all)) {
		struct fetch *dropped = LIST_FIRST(&f->pool.all);

		LIST_REMOVE(dropped, in_all);
		fetch_job_free(dropped);
	}
	upstreams_free(f->pool.upstreams);
	settings_release(f->policy);
	(void)pthread_mutex_destroy(&f->pool.lock);
	free(f);
}
