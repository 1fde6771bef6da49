/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Offers, and the archives that they name. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cloud/fetch_job.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cache/retain.h"

enum { SAME_ARCHIVE_MS = 1000 };

/* ---- Where the bytes go */

static int
to_part(void *context, const void *bytes, size_t len, struct err *e)
{
	struct fetch *f = context;

	if (f->job->body_ms == 0)
		f->job->body_ms = clock_mono_ms();
	if (fs_write(f->part, bytes, len, e) != 0)
		return -1;
	f->job->have_bytes += len;
	f->landing.received_bytes += len;
	return 0;
}

static int
restart_part(void *context, struct err *e)
{
	struct fetch *f = context;

	if (ftruncate(f->part, 0) != 0 || lseek(f->part, 0, SEEK_SET) != 0)
		return err_sys(e, "stage");
	f->job->have_bytes = f->job->body_start = 0;
	return 0;
}

/* The part of an archive that an earlier run left is gone on with. */
static int
open_part(struct fetch *f, struct err *e)
{
	int stage = repo_stage_dir(depot_repo(f->server->depot));
	off_t have;

	fs_close(&f->part);
	f->part = openat(stage, f->landing.stage,
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	have = f->part < 0 ? -1 : lseek(f->part, 0, SEEK_END);
	if (have < 0)
		return err_sys(e, "stage/%s", f->landing.stage);
	if ((uint64_t)have > f->landing.record.ref.bytes && ftruncate(f->part, have = 0) != 0)
		return err_sys(e, "stage/%s", f->landing.stage);
	f->job->have_bytes = f->job->body_start = (uint64_t)have;
	f->job->total_bytes = f->landing.record.ref.bytes;
	return 0;
}

/* ---- Archives */

static void
work_archive(void *context)
{
	struct fetch *f = context;

	f->landing.took_ms = clock_mono_ms() - f->began_ms;
	land_archive(f->server, f->job, &f->landing);
	fetch_free(f);
}

/*
 * A broken connection leaves a good part; a wrong answer may have left a bad
 * one. What was announced by one upstream may be unknown to the next, which has
 * another archive for the same: it is asked for its offer.
 */
static void
on_archive(void *context, const struct upstream_reply *reply)
{
	struct fetch *f = context;
	bool has_body = reply->status == 0 || reply->status == 200 || reply->status == 206;
	bool wrong_bytes = (reply->outcome == UPSTREAM_BROKEN && has_body) || reply->status == 416;

	if (wrong_bytes)
		(void)restart_part(f, NULL);
	if (fetch_settled(f, reply))
		return;
	if (reply->outcome == UPSTREAM_FRESH) {
		fetch_hand_over(f, work_archive);
		return;
	}
	land_forget_price(f->server, f->job);
	if (reply->outcome == UPSTREAM_ABSENT && f->upstream != f->offered_by) {
		fetch_offer(f);
		return;
	}
	fetch_refused(f, reply);
}

static void
send_archive(struct fetch *f)
{
	f->request = (struct upstream_request){.resume_from = f->job->have_bytes,
		.max_bytes = f->landing.record.ref.bytes,
		.exact = true,
		.write = to_part,
		.restart = restart_part,
		.done = on_archive};
	fetch_start(f);
}

/* Two offers can name one archive: its part is written by one of them. */
static bool
part_is_taken(const struct fetch *f)
{
	for (const struct fetch *other = fetch_first(f); other != NULL; other = other->next)
		if (other != f && other->part >= 0 &&
			strcmp(other->landing.stage, f->landing.stage) == 0)
			return true;
	return false;
}

/* Room and a part for it; false: the job has ended. */
static bool
prepare_part(struct fetch *f)
{
	struct err e = {0};

	if (part_is_taken(f)) {
		(void)err_set(
			&e, ERR_BUSY, "the same archive is being downloaded for another offer");
		fetch_failed(f, &e, JOB_DOWNLOADING, SAME_ARCHIVE_MS);
		return false;
	}
	if (retain_room(f->server->retain, f->landing.record.ref.bytes, &e) != 0) {
		fetch_failed(f, &e, JOB_DISK_FULL, 0);
		return false;
	}
	if (open_part(f, &e) != 0) {
		fetch_failed(f, &e, e.code == ERR_FULL ? JOB_DISK_FULL : JOB_BUSY, 0);
		return false;
	}
	return true;
}

void
fetch_archive(struct fetch *f)
{
	if (repo_has_archive(depot_repo(f->server->depot), &f->landing.record.ref)) {
		fetch_hand_over(f, work_archive);
		return;
	}
	if (!fetch_may_download(f) || !prepare_part(f))
		return;
	if (f->job->have_bytes == f->landing.record.ref.bytes) {
		fetch_hand_over(f, work_archive);
		return;
	}
	(void)ident_file_name(&f->landing.record.ref.id, f->name);
	f->send = send_archive;
	fetch_send(f);
}

/* ---- Offers */

/* A server above says with 301 that it has no such difference; another redirect is a fault. */
static bool
is_absent(const struct fetch *f, const struct upstream_reply *reply)
{
	struct target target;

	if (reply->outcome == UPSTREAM_ABSENT)
		return true;
	return reply->outcome == UPSTREAM_MOVED &&
	       origin_location_target(&fetch_upstream(f)->origin, reply->location, &target) &&
	       target.kind == TARGET_OFFER && target.base.version == 0 &&
	       strcmp(target.ident.type, f->job->spec.ident.type) == 0;
}

/* The best archive of an offer that the client understands. */
static void
take_offer(struct fetch *f, const struct offer *offer)
{
	const struct job_spec *spec = &f->job->spec;
	int format = (int)spec->format;
	char hex[DIGEST_HEX + 1];

	while (format >= 0 && offer->archive[format].bytes == 0)
		format--;
	if (format < 0) {
		fetch_absent(f);
		return;
	}
	f->landing.record = (struct record){.ident = spec->ident,
		.base = spec->base,
		.format = (enum format)format,
		.ref = offer->archive[format]};
	f->landing.last_choice = format != (int)spec->format;
	f->offered_by = f->upstream;
	(void)snprintf(f->landing.stage, sizeof(f->landing.stage), "%s.part",
		digest_hex(&f->landing.record.ref.id, hex));
	fetch_archive(f);
}

/* Of a JOB_PRICE: what it says is all that is wanted. */
static void
note_price(struct fetch *f, const struct offer *offer)
{
	fetch_leave(f);
	jobs_known(f->server->jobs, f->job, offer);
	fetch_free(f);
}

static void
on_offer(void *context, const struct upstream_reply *received)
{
	struct fetch *f = context;
	struct upstream_reply reply = *received;
	struct offer offer;

	if (is_absent(f, &reply)) {
		reply.outcome = UPSTREAM_ABSENT;
	} else if (reply.outcome == UPSTREAM_MOVED) {
		reply.outcome = UPSTREAM_BROKEN;
	} else if (reply.outcome == UPSTREAM_FRESH &&
		   wire_offer_parse(span_of(f->document.at, f->document.len), &offer, &reply.why) !=
			   0) {
		reply.outcome = UPSTREAM_BROKEN;
	}
	if (fetch_settled(f, &reply))
		return;
	if (reply.outcome == UPSTREAM_ABSENT)
		fetch_absent(f);
	else if (reply.outcome != UPSTREAM_FRESH)
		fetch_refused(f, &reply);
	else if (f->job->spec.kind == JOB_PRICE)
		note_price(f, &offer);
	else
		take_offer(f, &offer);
}

/* The price may have been asked a moment ago, to find the cheapest way. */
void
fetch_offer(struct fetch *f)
{
	struct job_spec price = {
		.kind = JOB_PRICE, .ident = f->job->spec.ident, .base = f->job->spec.base};
	struct job_look look = {.state = JOB_NONE};

	(void)ident_offer_name(&price.ident, &price.base, f->name);
	if (f->job->spec.kind == JOB_OFFER)
		look = jobs_look(f->server->jobs, &price);
	if (look.state == JOB_KNOWN)
		take_offer(f, &look.offer);
	else
		fetch_document(f,
			f->job->spec.kind == JOB_OFFER && f->job->spec.format == FORMAT_AR1
				? fetch_accept_ar1
				: fetch_accept_all,
			WIRE_OFFER_BYTES_MAX, on_offer);
}
