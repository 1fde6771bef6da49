/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/fetch_archive.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

/* When to look again whether the other one has stored it. */
enum { SAME_ARCHIVE_MS = 1000 };

static void ask_for_offer(struct fetch *f);

/* ---- Where the bytes go */

static int
to_part(void *context, const void *bytes, size_t len, struct err *e)
{
	struct fetch *f = context;

	if (fs_write(f->part, bytes, len, e) != 0)
		return -1;
	/* After it was written: from there on another upstream goes on (prepare_archive). */
	job_progress_add(&f->job->progress, len);
	if (f->arrival != NULL)
		arrivals_add(f->arrival, len);
	fetch_job_note_part(f, false);
	f->landing.received_bytes += len;
	return 0;
}

/* Who waits for its offer can have that now, and take the bytes as they come. */
static void
begin_arrival(struct fetch *f, uint64_t have)
{
	const struct fetcher_parts *p = &f->pool->parts;
	const struct job_spec *spec = &f->job->spec;

	f->arrival = arrivals_begin(p->arrivals, &f->landing.record, spec->format, f->part, have);
	if (f->arrival != NULL)
		jobs_arriving(p->jobs, &spec->ident, &spec->base, spec->format);
}

/* What was there, and may have been sent on, is of no use. */
static int
restart_part(void *context, struct err *e)
{
	struct fetch *f = context;

	arrivals_end(&f->arrival);
	if (source_part_restart(f->part, e) != 0)
		return err_wrap(e, "stage");
	job_progress_begin(&f->job->progress, 0, f->landing.record.ref.bytes);
	fetch_job_note_part(f, true);
	begin_arrival(f, 0);
	return 0;
}

/*
 * An archive that is not there, or not as it was said, may have another name by now; and one that
 * there is no room for another size.
 */
static void
forget_price(const struct fetch *f)
{
	struct job_spec price = {
		.kind = JOB_PRICE, .ident = f->job->spec.ident, .base = f->job->spec.base};

	jobs_forget(f->pool->parts.jobs, &price);
}

/* Room and a part for it; false: the job has ended. */
static bool
prepare_part(struct fetch *f)
{
	const struct fetcher_parts *p = &f->pool->parts;
	const uint64_t bytes = f->landing.record.ref.bytes;
	uint64_t have;
	struct err e = {0};

	if (retain_reserve(p->retain, f->landing.stage, bytes, &e) != 0) {
		/* Two offers can name one archive: its part is written by one of them. */
		if (e.code == ERR_BUSY) {
			fetch_job_later(f, JOB_DOWNLOADING, SAME_ARCHIVE_MS);
			return false;
		}
		forget_price(f);
		fetch_job_failed(f, &e, JOB_DISK_FULL, 0);
		return false;
	}
	f->reserved = true;
	f->part = source_part_open(
		repo_stage_dir(stock_repo(p->stock)), f->landing.stage, bytes, &have, &e);
	if (f->part < 0) {
		(void)err_wrap(&e, "stage");
		fetch_job_failed(f, &e, e.code == ERR_FULL ? JOB_DISK_FULL : JOB_BUSY, 0);
		return false;
	}
	job_progress_begin(&f->job->progress, have, bytes);
	return true;
}

/* ---- Archives */

/* By a worker, whose f is its own. */
static void
on_checked(void *context)
{
	const struct fetch *f = context;

	arrivals_checked(f->arrival);
}

static void
work(void *context)
{
	struct fetch *f = context;
	const struct fetcher_parts *p = &f->pool->parts;
	const struct land land = {p->stock, p->retain};
	const struct depot_checked checked = {on_checked, f};
	char name[IDENT_NAME_MAX];
	struct err e = {0};

	f->landing.took_ms = clock_mono_ms() - f->began_ms;
	f->landing.checked = &checked;
	/* The job and f are this worker's alone (fetch_job_hand_over). */
	if (land_archive(&land, &f->landing, &e) != 0) {
		forget_price(f);
		(void)ident_offer_name(&f->landing.record.ident, &f->landing.record.base, name);
		if (e.code == ERR_INPUT)
			fetch_job_of_no_use(f, name, &e);
		else
			fetch_job_not_landed(f, name, &e);
	} else {
		f->reserved = false; /* it was given back, and somebody else may have it by now */
		arrivals_end(&f->arrival);
		/*
		 * Where the format that was asked for does not exist the next best one, which is in
		 * the view now, is what whoever waited is given.
		 */
		if (f->last_choice)
			jobs_absent(p->jobs, f->job);
		else
			jobs_done(p->jobs, f->job);
	}
	fetch_job_free(f);
}

static const struct err not_as_offered = {ERR_MISSING, "it is offered, and not there"};

/*
 * What was announced by one upstream may be unknown to the next, which has another archive for the
 * same: it is asked for its offer. So is the next of one that has not what it offers itself.
 */
static void
on_archive(void *context, const struct upstream_reply *reply)
{
	struct fetch *f = context;

	if (fetch_job_settled(f, reply))
		return;
	if (reply->outcome == UPSTREAM_FRESH) {
		fetch_job_hand_over(f, work);
		return;
	}
	forget_price(f);
	if (reply->outcome != UPSTREAM_ABSENT) {
		fetch_job_refused(f, reply);
		return;
	}
	if (f->upstream == f->offered_by) {
		f->offer_is_empty = true;
		if (!fetch_job_elsewhere(f, &not_as_offered)) {
			fetch_job_not_as_offered(f, &not_as_offered);
			return;
		}
	}
	ask_for_offer(f);
}

/* Another upstream goes on where the last one broke off. */
static void
prepare_archive(struct fetch *f)
{
	f->request.resume_from = f->job->progress.have_bytes;
}

static void
ask_for_archive(struct fetch *f)
{
	const struct archive_ref *ref = &f->landing.record.ref;

	/* Another offer has named it already: what is missing is this offer. */
	if (repo_has_archive(stock_repo(f->pool->parts.stock), ref)) {
		fetch_job_hand_over(f, work);
		return;
	}
	/* It waits, and comes here again by go_on; or the job has ended. */
	if (!fetch_job_may_download(f) || !prepare_part(f))
		return;
	begin_arrival(f, f->job->progress.have_bytes);
	/* An earlier run ended between its last byte and the look at its digest. */
	if (f->job->progress.have_bytes == ref->bytes) {
		fetch_job_hand_over(f, work);
		return;
	}
	f->request.what = SOURCE_FILE;
	f->request.file = *ref;
	f->request.wait_s = 0; /* it is there, or arrives, or it is not */
	f->request.write = to_part;
	f->request.restart = restart_part;
	f->request.done = on_archive;
	f->prepare = prepare_archive;
	fetch_job_send(f);
}

/* ---- Offers */

/* The best archive of an offer that the client understands. */
static void
take_offer(struct fetch *f, const struct offer *offer)
{
	const struct job_spec *spec = &f->job->spec;
	enum format format;
	char hex[DIGEST_HEX + 1];

	if (!wire_offer_best(offer, spec->format, &format)) {
		fetch_job_absent(f);
		return;
	}
	fetch_job_release(f); /* an earlier one, which an upstream before this one had offered */
	f->landing.record = (struct record){.ident = spec->ident,
		.base = spec->base,
		.format = format,
		.ref = offer->archive[format]};
	f->last_choice = format != spec->format;
	f->offered_by = f->upstream;
	(void)snprintf(f->landing.stage, sizeof(f->landing.stage), "%s.part",
		digest_hex(&f->landing.record.ref.id, hex));
	ask_for_archive(f);
}

static void
on_offer(void *context, const struct upstream_reply *received)
{
	struct fetch *f = context;
	struct upstream_reply reply = *received;

	/* A server above says with 301 that it has no such difference. */
	if (reply.outcome == UPSTREAM_MOVED)
		reply.outcome = UPSTREAM_ABSENT;
	if (fetch_job_settled(f, &reply))
		return;
	if (reply.outcome == UPSTREAM_ABSENT && f->offer_is_empty)
		fetch_job_not_as_offered(f, &not_as_offered);
	else if (reply.outcome == UPSTREAM_ABSENT)
		fetch_job_not_there(f);
	else if (reply.outcome != UPSTREAM_FRESH)
		fetch_job_refused(f, &reply);
	else if (f->job->spec.kind == JOB_PRICE) /* what it says is all that is wanted */
		fetch_job_known(f, &f->request.offer);
	else
		take_offer(f, &f->request.offer);
}

static void
ask_for_offer(struct fetch *f)
{
	const struct job_spec *spec = &f->job->spec;

	f->request.what = SOURCE_OFFER;
	f->request.ident = spec->ident;
	f->request.base = spec->base;
	/* A price is asked for in all formats, which one question does. */
	f->request.format = spec->kind == JOB_OFFER ? spec->format : FORMAT_COUNT - 1;
	f->request.wait_s = FETCH_WAIT_S;
	f->request.write = NULL;
	f->request.done = on_offer;
	f->prepare = NULL;
	fetch_job_send(f);
}

/* The price may have been asked a moment ago, to find the cheapest way. */
void
fetch_archive(struct fetch *f)
{
	struct job_spec price = {
		.kind = JOB_PRICE, .ident = f->job->spec.ident, .base = f->job->spec.base};
	struct job_look look = {.state = JOB_NONE};

	/*
	 * This and the names first: a failure names what was asked for, even before anything was.
	 */
	f->go_on = ask_for_archive;
	f->request.what = SOURCE_OFFER;
	f->request.ident = price.ident;
	f->request.base = price.base;
	if (f->job->spec.kind == JOB_OFFER && fetch_job_trusts_price(f))
		look = jobs_look(f->pool->parts.jobs, &price);
	if (look.state == JOB_KNOWN)
		take_offer(f, &look.offer);
	else
		ask_for_offer(f);
}
