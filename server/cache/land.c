/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/land.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/header.h"
#include "log.h"
#include "base/mem.h"
#include "cache/retain.h"

static enum job_reason
reason_of(const struct err *e)
{
	return e->code == ERR_FULL ? JOB_DISK_FULL : JOB_UPSTREAM_UNAVAILABLE;
}

void
land_failure(struct server *s, struct job *job, const char *name, const struct err *why,
	enum job_reason reason, uint64_t delay_ms)
{
	struct log_line l;

	if (strcmp(job->complaint, why->text) != 0) {
		(void)snprintf(job->complaint, sizeof(job->complaint), "%s", why->text);
		log_begin(&l, EVENT_DOWNLOAD_FAILED);
		log_text(&l, "name", name);
		log_text(&l, "reason", why->text);
		log_end(&l, LOG_DOWNLOAD);
	}
	jobs_failed(s->jobs, job, reason, delay_ms);
}

void
land_log_record(struct log_line *l, const struct record *record)
{
	log_text(l, "type", record->ident.type);
	log_number(l, "version", record->ident.edition.version);
	log_text(l, "cookie", record->ident.edition.cookie);
	if (record_is_difference(record))
		log_number(l, "from", record->base.version);
	log_text(l, "what", record_kind_name(record));
	if (record->kind == RECORD_ARCHIVE)
		log_text(l, "format", wire_format_key(record->format));
}

static void
log_downloaded(const struct record *record, uint64_t received, uint64_t took_ms)
{
	struct log_line l;

	log_begin(&l, EVENT_DOWNLOADED);
	land_log_record(&l, record);
	log_number(&l, "bytes", record->ref.bytes);
	log_number(&l, "received", received);
	log_number(&l, "ms", took_ms);
	log_end(&l, LOG_DOWNLOAD);
}

/* ---- Headers and archives */

/* The upstream that delivered something wrong is asked again after the others. */
static void
distrust(struct job *job, const struct err *e)
{
	if (e->code != ERR_FULL && e->code != ERR_SYS)
		job->distrusted |= 1U << job->upstream;
}

void
land_header(struct server *s, struct job *job, struct span bytes, uint64_t took_ms)
{
	AUTO_HEADER struct header *header = NULL;
	struct record record = {.ident = job->spec.ident, .kind = RECORD_HEADER};
	char name[IDENT_NAME_MAX];
	struct err e = {0};

	(void)ident_header_name(&record.ident, name);
	if (header_parse(bytes, &header, &e) == 0 && !ident_equal(&header->ident, &record.ident))
		(void)err_set(&e, ERR_INPUT, "header of another version");
	if (e.code == ERR_NONE)
		(void)depot_put_header(s->depot, &record.ident, bytes, &record.ref, &e);
	if (e.code != ERR_NONE) {
		distrust(job, &e);
		land_failure(s, job, name, &e, reason_of(&e), 0);
		return;
	}
	view_add(s->views, &record, true);
	retain_note(s->retain);
	log_downloaded(&record, record.ref.bytes, took_ms);
	jobs_done(s->jobs, job);
}

void
land_forget_price(struct server *s, const struct job *job)
{
	struct job_spec price = {
		.kind = JOB_PRICE, .ident = job->spec.ident, .base = job->spec.base};

	jobs_forget(s->jobs, &price);
}

void
land_archive(struct server *s, struct job *job, const struct landing *landing)
{
	char name[IDENT_NAME_MAX];
	struct err e = {0};

	if (depot_put_archive(s->depot, &landing->record, landing->stage, &e) != 0) {
		if (e.code == ERR_FULL)
			retain_want(s->retain, landing->record.ref.bytes);
		land_forget_price(s, job);
		distrust(job, &e);
		(void)ident_offer_name(&landing->record.ident, &landing->record.base, name);
		land_failure(s, job, name, &e, reason_of(&e), 0);
		return;
	}
	view_add(s->views, &landing->record, true);
	retain_note(s->retain);
	log_downloaded(&landing->record, landing->received_bytes, landing->took_ms);
	if (landing->last_choice)
		jobs_absent(s->jobs, job);
	else
		jobs_done(s->jobs, job);
}

/* ---- Files that lay there */

void
land_damage(struct server *s, const struct record *record, const char *why)
{
	struct view *view = view_take(s->views);
	bool here = view_find_record(view, record) != NULL;
	struct log_line l;
	struct err e = {0};

	view_release(view);
	if (!here) /* it was removed while it was looked at */
		return;
	log_begin(&l, EVENT_DAMAGED);
	land_log_record(&l, record);
	log_text(&l, "reason", why);
	log_end(&l, LOG_PROCESS);
	log_end(&l, LOG_DOWNLOAD);
	view_remove(s->views, record);
	if (depot_quarantine(s->depot, record, &e) != 0)
		log_note(EVENT_FAILED, "cannot remove a damaged file: %s", e.text);
}

void
land_check(struct server *s, struct job *job)
{
	struct view_record *vr = job->spec.vr;
	struct err e = {0};

	if (depot_check(s->depot, &vr->record, &e) == 0) {
		view_record_note_checked(vr);
		jobs_done(s->jobs, job);
		return;
	}
	/* Only what is known to be wrong goes: not a file that cannot be read just now. */
	if (!depot_is_damage(&e)) {
		land_failure(s, job, "check", &e, JOB_BUSY, 0);
		return;
	}
	land_damage(s, &vr->record, e.text);
	jobs_done(s->jobs, job);
}
