/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/reply_job.h"

struct job_spec
reply_job(const struct decide_need *need)
{
	static const enum job_kind kinds[] = {[NEED_QUERY] = JOB_QUERY,
		[NEED_HEADER] = JOB_HEADER,
		[NEED_ARCHIVE] = JOB_OFFER,
		[NEED_BUILD] = JOB_BUILD,
		[NEED_CHECK] = JOB_CHECK};
	struct job_spec spec = {.kind = kinds[need->kind],
		.ident = need->ident,
		.base = need->base,
		.format = need->format};

	if (need->kind == NEED_CHECK) {
		spec.stored = need->record->kind;
		spec.base = need->record->base;
		spec.format = need->record->format;
	}
	return spec;
}

enum decide_known
reply_job_known(void *context, const struct decide_need *need)
{
	const struct job_spec spec = reply_job(need);

	switch (jobs_look(context, &spec).state) {
	case JOB_ABSENT:
		return DECIDE_ABSENT;
	case JOB_FAILED:
		return DECIDE_FAILED;
	/* One that is on its way is joined. */
	default:
		return DECIDE_UNKNOWN;
	}
}

bool
reply_job_is_wish(const struct view *view, const struct job_spec *job)
{
	const struct view_type *t = view_find_type(view, job->ident.type);

	return (job->kind == JOB_OFFER || job->kind == JOB_BUILD) && job->base.version != 0 &&
	       (t == NULL || view_find_version(t, &job->base) == NULL);
}
