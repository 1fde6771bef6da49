/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/fetch_header.h"

#include "base/clock.h"
#include "cloud/fetch_role.h"
#include "jobs/job_end.h"

/* On a worker: a header may have 16 MiB of JSON, which would keep all transfers waiting. */
static void
work(void *context)
{
	struct fetch *f = context;
	const struct fetcher_parts *p = &f->pool->parts;
	const struct land land = {p->stock, p->retain};
	struct err e = {0};

	if (land_header(&land, &f->job->spec.ident, span_of(f->header.at, f->header.len),
		    clock_mono_ms() - f->began_ms, &e) == 0)
		jobs_done(p->jobs, f->job);
	else
		fetch_job_not_landed(f, source_name(&f->request), &e);
	fetch_job_free(f);
}

/* On the thread of vouch.h: nothing that is not signed is stored. */
static void
look_up(void *context)
{
	struct fetch *f = context;
	const struct fetcher_parts *p = &f->pool->parts;
	const struct vouch_have have = fetch_role_have(f);
	struct upstream_reply reply;

	vouch_header(
		p->vouch, &f->job->spec.ident, span_of(f->header.at, f->header.len), &have, &reply);
	if (reply.outcome == UPSTREAM_FRESH) {
		work(f);
		return;
	}
	if (reply.outcome == UPSTREAM_UNTRUSTED)
		fetch_job_not_landed(f, source_name(&f->request), &reply.why);
	else
		job_end_failed(p->jobs, f->job, source_name(&f->request), &reply.why,
			job_end_reason(&reply.why), (uint64_t)reply.retry_after_s * 1000);
	fetch_job_free(f);
}

static void
hand_to_vouch(struct fetch *f)
{
	fetch_job_hand_to_vouch(f, look_up);
}

static void
hand_over(struct fetch *f)
{
	if (f->pool->parts.vouch != NULL) {
		f->go_on = hand_to_vouch;
		fetch_role_of_header(f);
		return;
	}
	f->header = source_take_bytes(&f->request);
	fetch_job_hand_over(f, work);
}

static void
on_header(void *context, const struct upstream_reply *reply)
{
	struct fetch *f = context;

	if (fetch_job_settled(f, reply))
		return;
	if (reply->outcome == UPSTREAM_ABSENT)
		fetch_job_not_there(f);
	else if (reply->outcome == UPSTREAM_FRESH)
		hand_over(f);
	else
		fetch_job_refused(f, reply);
}

void
fetch_header(struct fetch *f)
{
	f->request.what = SOURCE_HEADER;
	f->request.ident = f->job->spec.ident;
	f->request.done = on_header;
	fetch_job_send(f);
}
