/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/fetch_header.h"

#include "base/clock.h"

/* On a worker: a header may have 16 MiB of JSON, which would keep all transfers waiting. */
static void
work(void *context)
{
	struct fetch *f = context;
	const struct fetcher_parts *p = &f->pool->parts;
	const struct land land = {p->stock, p->retain};
	struct err e = {0};

	if (land_header(&land, &f->job->spec.ident,
		    span_of(f->request.bytes.at, f->request.bytes.len),
		    clock_mono_ms() - f->began_ms, &e) == 0)
		jobs_done(p->jobs, f->job);
	else
		fetch_job_not_landed(f, source_name(&f->request), &e);
	fetch_job_free(f);
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
		fetch_job_hand_over(f, work);
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
