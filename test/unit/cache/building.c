/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/building.h"

#include "jobs/job_table.h"
#include "logged.h"
#include "unit.h"

void
building_set_up(struct building *s, unsigned second_content)
{
	*s = (struct building){0};
	versions_set_up(&s->v);
	if (second_content > 0)
		versions_put_content(&s->v, second_content);
	depot_close(s->v.depot);
	s->v.depot = NULL;
	logged_begin();
	kept_set_up_at(&s->k, s->v.path);
	s->parts = (struct builder_parts){
		s->k.stock, s->k.jobs, s->k.workers, s->k.turns, s->k.retain};
}

void
building_tear_down(struct building *s)
{
	/* Who waits ends, and nobody has a turn then. */
	jobs_stop(s->k.jobs);
	kept_settle(&s->k);
	kept_settle(&s->k);
	kept_tear_down(&s->k);
	versions_tear_down(&s->v);
}

struct job_spec
building_spec_of(const struct building *s, enum job_kind kind, unsigned version, unsigned base)
{
	struct job_spec spec = {
		.kind = kind, .ident = s->v.header[version - 1]->ident, .format = FORMAT_AR2};

	if (base > 0)
		spec.base = s->v.header[base - 1]->ident.edition;
	return spec;
}

struct job_look
building_build(struct building *s, const struct job_spec *spec)
{
	struct job_spec due = *spec;
	struct job *job;

	due.due = true;
	(void)jobs_ask(s->k.jobs, &due, NULL);
	job = jobs_take(s->k.jobs, QUEUE_BUILDERS);
	ck_assert_ptr_nonnull(job);
	builder_start(&s->parts, job);
	kept_settle(&s->k);
	return jobs_look(s->k.jobs, spec);
}

struct job *
building_asked(struct building *s, const struct job_spec *spec)
{
	struct job *job;

	ck_assert_int_eq(jobs_look(s->k.jobs, spec).state, JOB_QUEUED);
	job = jobs_take(s->k.jobs, job_table_queue(spec));
	ck_assert_ptr_nonnull(job);
	return job;
}

bool
building_is_here(struct building *s, const struct job_spec *spec)
{
	struct record r = {.ident = spec->ident, .base = spec->base, .format = spec->format};
	struct view *view = stock_view(s->k.stock);
	bool here;

	if (spec->kind == JOB_CONTENT)
		r.kind = RECORD_CONTENT;
	here = view_find_same(view, &r) != NULL;
	view_release(view);
	return here;
}

void
building_check_room(struct building *s)
{
	ck_assert_uint_eq(ledger_used(s->k.ledger).entered_bytes, 0);
	ck_assert_uint_eq(versions_count_files(&s->v, "stage"), 0);
}

void
building_know_price(struct building *s, const struct job_spec *spec, uint64_t bytes)
{
	struct offer offer = {0};

	for (int i = 0; i < FORMAT_COUNT; i++)
		offer.archive[i] = (struct archive_ref){digest_of(unit_text("p")), bytes};
	jobs_known(s->k.jobs, building_asked(s, spec), &offer);
	kept_settle(&s->k);
}

struct record
building_leave_difference(struct building *s)
{
	const struct stock_site site = {"work", NULL};
	struct build_difference what = {.format = FORMAT_AR2, .full_bytes = UINT32_MAX};
	struct record content = {.kind = RECORD_CONTENT, .ident = s->v.header[1]->ident};
	struct record made;

	what.ident = s->v.header[1]->ident;
	what.base = s->v.header[0]->ident.edition;
	ck_assert_int_eq(stock_build_difference(s->k.stock, &site, &what, &made, NULL), 0);
	ck_assert_int_eq(stock_remove(s->k.stock, &content, NULL), 0);
	(void)logged();
	return made;
}
