/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/builder_job.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "jobs/job_end.h"
#include "store/content.h"

/* ---- The end */

/*
 * The turn is over: of the jobs that wait to build for the type, the one that came first goes on.
 */
static void
give_turn(struct builder_job *k)
{
	struct turn *next = builder_turns_give(k->parts->turns, &k->turn);

	if (next != NULL) {
		struct builder_job *waiting = next->context;

		workers_add(k->parts->builders, waiting->advance, waiting);
	}
}

/*
 * k is gone, and its job is ended by the caller, afterwards: until then the turn in the list of all
 * turns points into the job, which may be freed as soon as it has ended.
 */
static struct job *
leave(struct builder_job *k)
{
	struct job *job = k->job;

	give_turn(k);
	builder_turns_leave(k->parts->turns, &k->turn);
	retain_note(k->parts->retain); /* what was built counts, and nothing has to stay for it */
	records_free(&k->records);
	records_free(&k->unreadable);
	free(k);
	return job;
}

void
builder_job_done(struct builder_job *k)
{
	struct jobs *jobs = k->parts->jobs;

	jobs_done(jobs, leave(k));
}

void
builder_job_absent(struct builder_job *k)
{
	struct jobs *jobs = k->parts->jobs;

	jobs_absent(jobs, leave(k));
}

void
builder_job_failed(struct builder_job *k, enum job_reason reason, uint64_t delay_ms)
{
	struct jobs *jobs = k->parts->jobs;

	jobs_failed(jobs, leave(k), reason, delay_ms);
}

/* ---- What is known */

/* Archives that are what they are named and do not decode are left out: no way leads over them. */
static void
add_record(void *context, struct view_record *vr)
{
	struct builder_job *k = context;

	if (vr->record.kind == RECORD_ARCHIVE &&
		builder_turns_is_bad(k->parts->turns, &vr->record.ref.id))
		return;
	if (records_find(&k->unreadable, &vr->record) != NULL)
		return;
	records_add(&k->records, &vr->record);
}

void
builder_job_read_records(struct builder_job *k)
{
	struct view *view = stock_view(k->parts->stock);

	records_free(&k->records);
	view_each(view, k->job->spec.ident.type, add_record, k);
	view_release(view);
	records_sort(&k->records);
}

const struct record *
builder_job_find(const struct builder_job *k, enum record_kind kind, const struct edition *edition)
{
	for (size_t i = 0; i < k->records.count; i++)
		if (k->records.at[i].kind == kind &&
			ident_edition_equal(&k->records.at[i].ident.edition, edition))
			return &k->records.at[i];
	return NULL;
}

/* A job's state in the words of a plan; why it failed is remembered. */
static enum plan_known
known(struct builder_job *k, const struct job_look *look)
{
	switch (look->state) {
	case JOB_KNOWN:
		return PLAN_THERE;
	case JOB_ABSENT:
		return PLAN_ABSENT;
	case JOB_FAILED:
		/* Its time has come: asking for it queues it again. */
		if (look->retry_in_ms == 0)
			return PLAN_UNASKED;
		/* Of all that failed, what comes back first opens a way. */
		if (!k->failed || look->retry_in_ms < k->retry_in_ms)
			k->retry_in_ms = look->retry_in_ms;
		k->failed = true;
		k->reason = look->reason;
		return look->reason == JOB_DISK_FULL ? PLAN_NO_ROOM : PLAN_FAILED;
	case JOB_NONE:
	case JOB_QUEUED:
	case JOB_RUNNING:
		break;
	}
	return PLAN_UNASKED;
}

struct job_spec
builder_job_price_of(const struct builder_job *k, const struct edition *base)
{
	return (struct job_spec){
		.kind = JOB_PRICE, .ident = k->job->spec.ident, .base = *base, .via = k->job->via};
}

struct job_spec
builder_job_archive_of(const struct builder_job *k, const struct edition *base, enum format format)
{
	return (struct job_spec){.kind = JOB_OFFER,
		.ident = k->job->spec.ident,
		.base = *base,
		.format = format,
		.via = k->job->via};
}

struct job_spec
builder_job_header_of(const struct builder_job *k, const struct edition *edition)
{
	struct job_spec spec = {
		.kind = JOB_HEADER, .ident = k->job->spec.ident, .via = k->job->via};

	spec.ident.edition = *edition;
	return spec;
}

enum plan_known
builder_job_look_price(void *context, const struct edition *base, struct offer *ret)
{
	struct builder_job *k = context;
	struct job_spec spec = builder_job_price_of(k, base);
	struct job_look look = jobs_look(k->parts->jobs, &spec);

	*ret = look.offer;
	for (int i = 0; i < FORMAT_COUNT; i++)
		/* As if it were not offered: the plan looks for another way. */
		if (builder_turns_is_bad(k->parts->turns, &ret->archive[i].id))
			ret->archive[i] = (struct archive_ref){0};
	return known(k, &look);
}

enum plan_known
builder_job_look_archive(void *context, const struct edition *base, enum format format)
{
	struct builder_job *k = context;
	struct job_spec spec = builder_job_archive_of(k, base, format);
	struct job_look look = jobs_look(k->parts->jobs, &spec);

	return known(k, &look);
}

enum plan_known
builder_job_look_header(void *context, const struct edition *edition)
{
	struct builder_job *k = context;
	struct job_spec spec = builder_job_header_of(k, edition);
	struct job_look look = jobs_look(k->parts->jobs, &spec);

	return known(k, &look);
}

/* ---- Asking for something first */

/* By any thread that ends a job: a builder goes on with it. */
static void
on_resumed(void *context)
{
	struct builder_job *k = context;

	workers_add(k->parts->builders, k->advance, k);
}

/* True: the job waits, and is not this thread's any more. False: look again. */
bool
builder_job_wait_for(struct builder_job *k, struct job_spec spec)
{
	struct jobs *jobs = k->parts->jobs;

	give_turn(k);
	/*
	 * Another job of the type may build while this one waits. It waits without a deadline:
	 * every job ends, and jobs_stop resumes whoever waits then.
	 */
	k->waiter = (struct waiter){.resume = on_resumed, .context = k, .deadline_ms = UINT64_MAX};
	if (jobs_wait(jobs, k->job, &spec, &k->waiter).held)
		return true;
	/*
	 * Not held: what it needs has failed lately, or is known not to exist, or there is no room
	 * for one more job. The first two are new facts for the plan.
	 */
	jobs_resume(jobs, k->job);
	if (jobs_look(jobs, &spec).state != JOB_NONE)
		return false;
	builder_job_failed(k, JOB_BUSY, 0); /* the table is full */
	return true;
}

/* ---- Making */

uint64_t
builder_job_content_bytes(const struct builder_job *k)
{
	AUTO_HEADER struct header *header = NULL;

	if (repo_read_header(
		    stock_repo(k->parts->stock), &k->job->spec.ident, &header, NULL, NULL) != 0)
		return 0;
	return content_missing_bytes(stock_repo(k->parts->stock), header);
}

/*
 * The builders that are free help; a build that goes on while the server ends would hold that up.
 */
static int
crew_each(void *context, size_t count, int (*run)(void *run_context, size_t index, struct err *e),
	void *run_context, struct err *e)
{
	const struct builder_job *k = context;

	if (jobs_stopped(k->parts->jobs))
		return err_set(e, ERR_BUSY, "the server is being stopped");
	return workers_each(k->parts->builders, count, run, run_context, e);
}

static void
crew_begin(void *context, const char *what, uint64_t bytes)
{
	struct job *job = ((struct builder_job *)context)->job;

	(void)what;
	job_progress_begin(&job->progress, 0, bytes);
	/* The clock of the estimate starts with the first file, not when that is done. */
	job_progress_add(&job->progress, 0);
}

static void
crew_add(void *context, uint64_t bytes)
{
	job_progress_add(&((struct builder_job *)context)->job->progress, bytes);
}

struct encode_crew
builder_job_crew(struct builder_job *k)
{
	return (struct encode_crew){crew_each, crew_begin, crew_add, k};
}

void
builder_job_log(const struct builder_job *k, enum log_event event, const struct record *r,
	const char *way, uint64_t saved)
{
	struct log_line l;

	log_begin(&l, event);
	log_record(&l, r);
	log_text(&l, "way", way);
	log_number(&l, "bytes", r->ref.bytes);
	if (saved > 0)
		log_number(&l, "saved", saved);
	log_number(&l, "ms", clock_mono_ms() - k->began_ms);
	log_end(&l, LOG_DOWNLOAD);
}

static void
log_failure(const struct builder_job *k, const struct err *why)
{
	struct log_line l;

	if (!job_end_is_news(k->job, why))
		return;
	log_begin(&l, EVENT_BUILD_FAILED);
	log_text(&l, "type", k->job->spec.ident.type);
	log_number(&l, "version", k->job->spec.ident.edition.version);
	log_text(&l, "reason", why->text);
	log_end(&l, LOG_DOWNLOAD);
}

bool
builder_job_reserve(struct builder_job *k, const char *workspace, uint64_t bytes)
{
	static const struct edition full;
	struct job_spec price = builder_job_price_of(k, &full);
	struct err e = {0};

	if (retain_reserve(k->parts->retain, workspace, bytes, &e) == 0)
		return true;
	log_failure(k, &e);
	/* Room is reckoned by it, and it may have been wrong: the next attempt asks anew. */
	jobs_forget(k->parts->jobs, &price);
	return false;
}

/*
 * True: it is not what is to be built from any more. What cannot be read just now says nothing of
 * its bytes, and stays where it is; but this job takes another way.
 */
static bool
is_of_no_use(struct builder_job *k, const struct record *r)
{
	struct err e = {0};

	switch (stock_check(k->parts->stock, r, &e)) {
	case STOCK_GOOD:
		return false;
	case STOCK_DAMAGED:
	case STOCK_STAYS:
		return true;
	case STOCK_UNREADABLE:
		break;
	}
	if (e.code != ERR_SYS)
		return false;
	log_failure(k, &e);
	records_add(&k->unreadable, r);
	records_sort(&k->unreadable);
	return true;
}

/*
 * As the cache is by now: what is not in it any more was removed, by retention or somebody else.
 * Any build reads headers of its type besides what it is made from. True: there may be another way.
 */
static bool
find_damage(struct builder_job *k, const struct record *inputs, size_t count)
{
	bool found = false;
	struct err e = {0};

	builder_job_read_records(k);
	for (size_t i = 0; i < count; i++)
		found |= records_find(&k->records, &inputs[i]) == NULL ||
			 is_of_no_use(k, &inputs[i]);
	for (size_t i = 0; i < k->records.count; i++) {
		enum stock_verdict verdict;

		if (k->records.at[i].kind != RECORD_HEADER)
			continue;
		verdict = stock_check(k->parts->stock, &k->records.at[i], &e);
		found |= verdict == STOCK_DAMAGED || verdict == STOCK_STAYS;
	}
	return found;
}

bool
builder_job_settle_failure(struct builder_job *k, const struct err *why,
	const struct record *inputs, size_t count, const struct record *culprit)
{
	bool again;

	log_failure(k, why);
	/* How much room is missing nobody knows here; any wish makes retention look. */
	if (why->code == ERR_FULL)
		retain_want(k->parts->retain, 1);
	if (!depot_is_damage(why) && why->code != ERR_SYS) {
		builder_job_failed(k, why->code == ERR_FULL ? JOB_DISK_FULL : JOB_BUSY, 0);
		return false;
	}
	again = find_damage(k, inputs, count);
	if (!again && culprit != NULL && depot_is_damage(why)) {
		/*
		 * Its digest is right, so that it would be fetched again as it is: it is passed
		 * over.
		 */
		builder_turns_note_bad(k->parts->turns, &culprit->ref.id);
		again = true;
	}
	/* Nothing is wrong with what it was built from, and a second try would end alike: later. */
	if (!again)
		builder_job_failed(k, JOB_BUSY, 0);
	return again;
}

void
builder_job_made(struct builder_job *k, const struct record *r)
{
	size_t left = 0;

	for (size_t i = 0; i < k->unreadable.count; i++)
		if (!record_same(&k->unreadable.at[i], r))
			k->unreadable.at[left++] = k->unreadable.at[i];
	k->unreadable.count = left;
}

/* What the full archive would have cost from the cloud, as far as that is known. */
uint64_t
builder_job_full_price(struct builder_job *k)
{
	static const struct edition full;
	struct offer offer;

	(void)builder_job_look_price(k, &full, &offer);
	return offer.archive[k->job->spec.format].bytes;
}
