/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/decide.h"

#include <string.h>

static struct decision
not_found(const char *reason)
{
	return (struct decision){.kind = DECIDE_NOT_FOUND, .reason = reason};
}

static struct decision
prepare(enum job_kind kind, const struct target *target, enum format format)
{
	return (struct decision){.kind = DECIDE_PREPARE,
		.job = {.kind = kind,
			.ident = target->ident,
			.base = target->base,
			.format = format},
		.small = kind == JOB_HEADER};
}

/* Nothing leaves the cache before its digest was seen to be right. */
static struct decision
file(struct view_record *vr)
{
	if (vr->checked)
		return (struct decision){.kind = DECIDE_FILE, .vr = vr};
	return (struct decision){.kind = DECIDE_PREPARE,
		.job = {.kind = JOB_CHECK,
			.ident = vr->record.ident,
			.base = vr->record.base,
			.format = vr->record.format,
			.vr = vr},
		.small = true};
}

static struct decision
decide_file(const struct view *view, const struct target *target)
{
	struct view_record *vr = view_find_id(view, &target->file);

	return vr != NULL ? file(vr) : not_found("unknown archive");
}

static struct decision
decide_header(const struct view_type *type, const struct view_version *version,
	const struct target *target, const struct decide_jobs *jobs)
{
	struct decision d;

	if (version != NULL && version->header != NULL)
		return file(version->header);
	if (version == NULL && !ident_edition_equal(&type->announced, &target->ident.edition))
		return not_found("unknown version");
	d = prepare(JOB_HEADER, target, FORMAT_AR1);
	return jobs->state(jobs->context, &d.job) == JOB_ABSENT ? not_found("no header upstream")
								: d;
}

static struct decision
moved(const struct view_type *type)
{
	struct decision d = {.kind = DECIDE_MOVED};

	memcpy(d.moved.type, type->type, sizeof(d.moved.type));
	d.moved.edition = type->announced;
	return d;
}

/*
 * The best format comes first; a worse one is taken when the better is known not
 * to be had. False: there is none of them.
 */
static bool
find_offer(const struct view_version *version, const struct target *target, enum format best,
	const struct decide_jobs *jobs, struct decision *ret)
{
	enum job_kind kind = target->base.version == 0 ? JOB_BUILD : JOB_OFFER;

	for (int i = (int)best; i >= 0; i--) {
		enum format format = (enum format)i;
		struct view_record *vr = view_find_archive(version, &target->base, format);

		if (vr != NULL) {
			*ret = (struct decision){.kind = DECIDE_OFFER, .vr = vr};
			return true;
		}
		*ret = prepare(kind, target, format);
		if (jobs->state(jobs->context, &ret->job) != JOB_ABSENT)
			return true;
	}
	return false;
}

static bool
is_whole(const struct view_version *version)
{
	static const struct edition full;

	for (int i = 0; version != NULL && i < FORMAT_COUNT; i++)
		if (view_find_archive(version, &full, (enum format)i) != NULL)
			return true;
	return version != NULL && version->content != NULL;
}

/* A difference that the upstream does not have can be built from what is here. */
static bool
can_build(const struct view_version *version, const struct target *target, enum format best,
	const struct decide_jobs *jobs, struct decision *ret)
{
	enum job_state state;

	if (!jobs->local_differences || !is_whole(version))
		return false;
	*ret = prepare(JOB_BUILD, target, best);
	state = jobs->state(jobs->context, &ret->job);
	return state != JOB_ABSENT && state != JOB_FAILED;
}

static struct decision
decide_offer(const struct view_type *type, const struct view_version *version,
	const struct target *target, enum format best, const struct decide_jobs *jobs)
{
	bool newest = ident_edition_equal(&type->announced, &target->ident.edition);
	struct decision d;

	if (version == NULL && !newest)
		return moved(type);
	/* No difference leads backwards: the upstream need not be asked. */
	if (target->base.version >= target->ident.edition.version)
		return moved(type);
	if (find_offer(version, target, best, jobs, &d)) {
		/* Retention keeps full archives of the newest versions: no other one is obtained.
		 */
		bool old_full = !newest && target->base.version == 0;

		return old_full && d.kind == DECIDE_PREPARE ? moved(type) : d;
	}
	if (newest && target->base.version == 0)
		return not_found("no full archive upstream");
	if (newest && can_build(version, target, best, jobs, &d))
		return d;
	return moved(type);
}

/* Who asks so takes the whole archive, in the format that everybody knows. */
static struct decision
decide_legacy(const struct view_type *type, const struct decide_jobs *jobs)
{
	static const struct edition full;
	struct target target = {.kind = TARGET_OFFER, .ident.edition = type->announced};
	struct view_record *vr =
		view_find_archive(view_find_version(type, &type->announced), &full, FORMAT_AR1);
	struct decision d;

	if (vr != NULL)
		return file(vr);
	memcpy(target.ident.type, type->type, sizeof(target.ident.type));
	d = prepare(JOB_BUILD, &target, FORMAT_AR1);
	return jobs->state(jobs->context, &d.job) == JOB_ABSENT
		       ? not_found("no full archive upstream")
		       : d;
}

struct decision
decide(const struct view *view, const struct target *target, enum format best,
	const struct decide_jobs *jobs)
{
	const struct view_type *type;
	const struct view_version *version;

	if (target->kind == TARGET_FILE)
		return decide_file(view, target);
	if (target->kind == TARGET_LEGACY && !jobs->legacy)
		return not_found("not a legacy type");
	if (!view->has_query)
		return (struct decision){
			.kind = DECIDE_PREPARE, .job = {.kind = JOB_QUERY}, .small = true};
	if (target->kind == TARGET_QUERY)
		return (struct decision){.kind = DECIDE_QUERY};
	type = view_find_type(view, target->ident.type);
	if (type == NULL || type->announced.version == 0)
		return not_found("unknown type");
	version = view_find_version(type, &target->ident.edition);
	if (target->kind == TARGET_LEGACY)
		return decide_legacy(type, jobs);
	if (target->kind == TARGET_HEADER)
		return decide_header(type, version, target, jobs);
	return decide_offer(type, version, target, best, jobs);
}
