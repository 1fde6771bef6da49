/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fetch.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "fs.h"
#include "header.h"
#include "land.h"
#include "log.h"
#include "mem.h"
#include "retain.h"
#include "upstream.h"

enum { RUNNING_MAX = 16, SAME_ARCHIVE_MS = 1000 };

static const char accept_all[] = "application/x-guts2ar2, application/json";
static const char accept_ar1[] = "application/json";

/* One running job, from its first request to where a worker takes over. */
struct fetch {
	struct fetcher *fetcher;
	struct job *job;
	char name[IDENT_NAME_MAX]; /* of the request that runs */
	struct upstream_request request;
	struct buf document;
	int part;
	struct landing landing;
	uint64_t began_ms;
	char etag[128]; /* of an announcement */
	struct fetch *next;
};

struct fetcher {
	struct server *server;
	struct upstream *upstream;
	pthread_t thread;
	atomic_bool stop;
	struct fetch *first; /* those that run */
	unsigned running;
	/* Of the upstream, this thread's alone: */
	char query_etag[128]; /* of what landed last; written while no query runs */
	bool query_by_post;
	bool lost; /* it does not answer */
};

static void on_query(void *context, const struct upstream_reply *reply);
static void on_archive(void *context, const struct upstream_reply *reply);

/* ---- Where the bytes go */

static int
to_document(void *context, const void *bytes, size_t len, struct err *e)
{
	struct fetch *f = context;

	(void)e;
	buf_add(&f->document, bytes, len);
	return 0;
}

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

/* ---- The end of a fetch, and the state of the upstream */

/* It does not run any more. */
static void
fetch_leave(struct fetch *f)
{
	struct fetch **link = &f->fetcher->first;

	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
	f->fetcher->running--;
}

static void
fetch_free(struct fetch *f)
{
	fs_close(&f->part);
	buf_free(&f->document);
	free(f);
}

/* The reason is said once, not at every try. */
static void
note_upstream(struct fetcher *fetcher, const struct upstream_reply *reply)
{
	struct log_line l;

	if (reply->outcome != UPSTREAM_UNREACHABLE) {
		if (fetcher->lost)
			log_note(
				EVENT_UPSTREAM_BACK, "%s", fetcher->server->options.guts2ServerUrl);
		fetcher->lost = false;
		return;
	}
	if (fetcher->lost)
		return;
	fetcher->lost = true;
	log_begin(&l, EVENT_UPSTREAM_LOST);
	log_text(&l, "upstream", fetcher->server->options.guts2ServerUrl);
	log_text(&l, "reason", reply->why.text);
	log_end(&l, LOG_PROCESS);
	log_end(&l, LOG_DOWNLOAD);
}

static void
fetch_failed(struct fetch *f, const struct err *why, enum job_reason reason, uint64_t delay_ms)
{
	fetch_leave(f);
	land_failure(f->fetcher->server, f->job, f->name, why, reason, delay_ms);
	fetch_free(f);
}

static void
fetch_refused(struct fetch *f, const struct upstream_reply *reply)
{
	enum job_reason reason = JOB_UPSTREAM_UNAVAILABLE;

	if (reply->why.code == ERR_FULL)
		reason = JOB_DISK_FULL;
	fetch_failed(f, &reply->why, reason, (uint64_t)reply->retry_after_s * 1000);
}

static void
fetch_absent(struct fetch *f)
{
	struct server *s = f->fetcher->server;
	struct log_line l;

	log_begin(&l, EVENT_ABSENT);
	log_text(&l, "name", f->name);
	log_end(&l, LOG_DOWNLOAD);
	/* Who has not the better format has not the worse one either: it would have offered it. */
	for (int i = 0; f->job->spec.kind == JOB_OFFER && i < (int)f->job->spec.format; i++) {
		struct job_spec worse = f->job->spec;

		worse.format = (enum format)i;
		jobs_note_absent(s->jobs, &worse);
	}
	fetch_leave(f);
	jobs_absent(s->jobs, f->job);
	fetch_free(f);
}

/* ---- Workers take over */

static void
work_query(void *context)
{
	struct fetch *f = context;

	struct fetcher *fetcher = f->fetcher;
	struct server *s = fetcher->server;
	struct err e = {0};

	if (land_query(s, span_of(f->document.at, f->document.len), &e) == 0) {
		memcpy(fetcher->query_etag, f->etag, sizeof(f->etag));
		jobs_done(s->jobs, f->job);
	} else {
		land_failure(s, f->job, f->name, &e,
			e.code == ERR_FULL ? JOB_DISK_FULL : JOB_UPSTREAM_UNAVAILABLE, 0);
	}
	fetch_free(f);
}

static void
work_header(void *context)
{
	struct fetch *f = context;

	land_header(f->fetcher->server, f->job, span_of(f->document.at, f->document.len),
		clock_mono_ms() - f->began_ms);
	fetch_free(f);
}

static void
work_archive(void *context)
{
	struct fetch *f = context;

	f->landing.took_ms = clock_mono_ms() - f->began_ms;
	land_archive(f->fetcher->server, f->job, &f->landing);
	fetch_free(f);
}

static void
hand_over(struct fetch *f, void (*run)(void *context))
{
	fetch_leave(f);
	workers_add(f->fetcher->server->workers, run, f);
}

/* ---- Requests */

static void
request_document(struct fetch *f, const char *accept, size_t max,
	void (*done)(void *context, const struct upstream_reply *reply))
{
	buf_clear(&f->document);
	f->request = (struct upstream_request){.name = f->name,
		.accept = accept,
		.max_bytes = max,
		.write = to_document,
		.done = done,
		.context = f};
	upstream_start(f->fetcher->upstream, &f->request);
}

static void
start_query(struct fetch *f)
{
	struct fetcher *fetcher = f->fetcher;

	(void)snprintf(f->name, sizeof(f->name), "q");
	buf_clear(&f->document);
	f->request = (struct upstream_request){.name = f->name,
		.accept = accept_ar1,
		.max_bytes = ANSWER_QUERY_BYTES_MAX,
		.write = to_document,
		.done = on_query,
		.context = f};
	if (fetcher->query_by_post)
		f->request.post_body = "{}";
	else
		f->request.if_none_match = fetcher->query_etag;
	upstream_start(fetcher->upstream, &f->request);
}

static void
on_query(void *context, const struct upstream_reply *reply)
{
	struct fetch *f = context;
	struct fetcher *fetcher = f->fetcher;
	bool refused = reply->status == 404 || reply->status == 405 || reply->status == 501;

	if (refused && !fetcher->query_by_post) {
		fetcher->query_by_post = true; /* from now on */
		start_query(f);
		return;
	}
	note_upstream(fetcher, reply);
	if (reply->outcome == UPSTREAM_UNCHANGED) {
		fetch_leave(f);
		jobs_done(fetcher->server->jobs, f->job);
		fetch_free(f);
		return;
	}
	if (reply->outcome != UPSTREAM_FRESH) {
		fetch_refused(f, reply);
		return;
	}
	(void)snprintf(f->etag, sizeof(f->etag), "%s", reply->etag);
	hand_over(f, work_query);
}

static void
on_header(void *context, const struct upstream_reply *reply)
{
	struct fetch *f = context;

	note_upstream(f->fetcher, reply);
	if (reply->outcome == UPSTREAM_ABSENT)
		fetch_absent(f);
	else if (reply->outcome == UPSTREAM_FRESH)
		hand_over(f, work_header);
	else
		fetch_refused(f, reply);
}

/* The part of an archive that an earlier run left is gone on with. */
static int
open_part(struct fetch *f, struct err *e)
{
	int stage = repo_stage_dir(depot_repo(f->fetcher->server->depot));
	off_t have;

	f->part = openat(stage, f->landing.stage,
		O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	have = f->part < 0 ? -1 : lseek(f->part, 0, SEEK_END);
	if (have < 0)
		return err_sys(e, "stage/%s", f->landing.stage);
	if ((uint64_t)have > f->landing.row.ref.bytes && ftruncate(f->part, have = 0) != 0)
		return err_sys(e, "stage/%s", f->landing.stage);
	f->job->have_bytes = f->job->body_start = (uint64_t)have;
	f->job->total_bytes = f->landing.row.ref.bytes;
	return 0;
}

/* Two offers can name one archive: its part is written by one of them. */
static bool
part_is_taken(const struct fetch *f)
{
	for (const struct fetch *other = f->fetcher->first; other != NULL; other = other->next)
		if (other != f && strcmp(other->landing.stage, f->landing.stage) == 0)
			return true;
	return false;
}

static void
start_archive(struct fetch *f)
{
	char hex[DIGEST_HEX + 1];
	struct err e = {0};

	(void)snprintf(f->landing.stage, sizeof(f->landing.stage), "%s.part",
		digest_hex(&f->landing.row.ref.id, hex));
	if (repo_has_archive(depot_repo(f->fetcher->server->depot), &f->landing.row.ref)) {
		hand_over(f, work_archive);
		return;
	}
	if (part_is_taken(f)) {
		(void)err_set(
			&e, ERR_BUSY, "the same archive is being downloaded for another offer");
		fetch_failed(f, &e, JOB_DOWNLOADING, SAME_ARCHIVE_MS);
		return;
	}
	if (retain_room(f->fetcher->server->retain, f->landing.row.ref.bytes, &e) != 0) {
		fetch_failed(f, &e, JOB_DISK_FULL, 0);
		return;
	}
	if (open_part(f, &e) != 0) {
		fetch_failed(f, &e, e.code == ERR_FULL ? JOB_DISK_FULL : JOB_BUSY, 0);
		return;
	}
	if (f->job->have_bytes == f->landing.row.ref.bytes) {
		hand_over(f, work_archive);
		return;
	}
	(void)ident_file_name(&f->landing.row.ref.id, f->name);
	f->request = (struct upstream_request){.name = f->name,
		.resume_from = f->job->have_bytes,
		.max_bytes = f->landing.row.ref.bytes,
		.exact = true,
		.write = to_part,
		.restart = restart_part,
		.done = on_archive,
		.context = f};
	upstream_start(f->fetcher->upstream, &f->request);
}

/* A server above says with 301 that it has no such difference; another redirect is a fault. */
static bool
is_absent(const struct fetch *f, const struct upstream_reply *reply)
{
	struct target target;

	if (reply->outcome == UPSTREAM_ABSENT)
		return true;
	return reply->outcome == UPSTREAM_MOVED &&
	       upstream_location_target(f->fetcher->upstream, reply->location, &target) &&
	       target.kind == TARGET_OFFER && target.base.version == 0 &&
	       strcmp(target.ident.type, f->job->spec.ident.type) == 0;
}

/* The best archive of an offer that the client understands. */
static void
take_offer(struct fetch *f, const struct offer *offer)
{
	const struct job_spec *spec = &f->job->spec;
	int format = (int)spec->format;

	while (format >= 0 && offer->archive[format].bytes == 0)
		format--;
	if (format < 0) {
		fetch_absent(f);
		return;
	}
	f->landing.row = (struct record){.ident = spec->ident,
		.base = spec->base,
		.format = (enum format)format,
		.ref = offer->archive[format]};
	f->landing.last_choice = format != (int)spec->format;
	start_archive(f);
}

/* Of a JOB_PRICE: what it says is all that is wanted. */
static void
note_price(struct fetch *f, const struct offer *offer)
{
	fetch_leave(f);
	jobs_known(f->fetcher->server->jobs, f->job, offer);
	fetch_free(f);
}

static void
on_offer(void *context, const struct upstream_reply *reply)
{
	struct fetch *f = context;
	struct offer offer;
	struct err e = {0};

	note_upstream(f->fetcher, reply);
	if (is_absent(f, reply)) {
		fetch_absent(f);
		return;
	}
	if (reply->outcome != UPSTREAM_FRESH) {
		fetch_refused(f, reply);
		return;
	}
	if (answer_offer_parse(span_of(f->document.at, f->document.len), &offer, &e) != 0) {
		fetch_failed(f, &e, JOB_UPSTREAM_UNAVAILABLE, 0);
		return;
	}
	if (f->job->spec.kind == JOB_PRICE)
		note_price(f, &offer);
	else
		take_offer(f, &offer);
}

static void
on_archive(void *context, const struct upstream_reply *reply)
{
	struct fetch *f = context;

	note_upstream(f->fetcher, reply);
	if (reply->outcome == UPSTREAM_FRESH) {
		hand_over(f, work_archive);
		return;
	}
	/* A broken connection leaves a good part; a wrong answer may have left a bad one. */
	if (reply->outcome == UPSTREAM_BROKEN || reply->outcome == UPSTREAM_REFUSED)
		(void)fs_remove(repo_stage_dir(depot_repo(f->fetcher->server->depot)),
			f->landing.stage, NULL);
	land_forget_price(f->fetcher->server, f->job);
	fetch_refused(f, reply);
}

/* The price may have been asked a moment ago, to find the cheapest way. */
static void
start_offer(struct fetch *f)
{
	struct job_spec price = {
		.kind = JOB_PRICE, .ident = f->job->spec.ident, .base = f->job->spec.base};
	struct job_look look = {.state = JOB_NONE};

	(void)ident_offer_name(&price.ident, &price.base, f->name);
	if (f->job->spec.kind == JOB_OFFER)
		look = jobs_look(f->fetcher->server->jobs, &price);
	if (look.state == JOB_KNOWN)
		take_offer(f, &look.offer);
	else
		request_document(f,
			f->job->spec.kind == JOB_OFFER && f->job->spec.format == FORMAT_AR1
				? accept_ar1
				: accept_all,
			ANSWER_OFFER_BYTES_MAX, on_offer);
}

/* ---- The thread */

static void
start_job(struct fetcher *fetcher, struct job *job)
{
	struct fetch *f = mem_new(1, sizeof(*f));

	f->fetcher = fetcher;
	f->job = job;
	f->part = -1;
	f->began_ms = clock_mono_ms();
	f->next = fetcher->first;
	fetcher->first = f;
	fetcher->running++;
	switch (job->spec.kind) {
	case JOB_QUERY:
		start_query(f);
		break;
	case JOB_HEADER:
		(void)ident_header_name(&job->spec.ident, f->name);
		request_document(f, accept_ar1, HEADER_BYTES_MAX, on_header);
		break;
	case JOB_OFFER:
	case JOB_PRICE:
		start_offer(f);
		break;
	case JOB_CHECK:
	case JOB_MAKE:
	case JOB_CONTENT:
	case JOB_KINDS:
		assert(false); /* never in this queue */
	}
}

static void *
run(void *context)
{
	struct fetcher *f = context;

	while (!f->stop) {
		struct job *job;

		while (f->running < RUNNING_MAX &&
			(job = jobs_take(f->server->jobs, QUEUE_FETCHER)) != NULL)
			start_job(f, job);
		upstream_run(f->upstream, 10000);
	}
	return NULL;
}

int
fetcher_start(struct server *s, struct fetcher **ret, struct err *e)
{
	struct fetcher *f = mem_new(1, sizeof(*f));

	f->server = s;
	if (upstream_new(s->options.guts2ServerUrl, &f->upstream, e) != 0) {
		free(f);
		return -1;
	}
	*ret = f; /* a job that is queued meanwhile finds it */
	if (pthread_create(&f->thread, NULL, run, f) != 0) {
		*ret = NULL;
		upstream_free(f->upstream);
		free(f);
		return err_set(e, ERR_SYS, "cannot start a thread");
	}
	return 0;
}

void
fetcher_wake(struct fetcher *f)
{
	upstream_wake(f->upstream);
}

void
fetcher_stop(struct fetcher *f)
{
	if (f == NULL)
		return;
	f->stop = true;
	upstream_wake(f->upstream);
	(void)pthread_join(f->thread, NULL);
	upstream_free(f->upstream);
	for (struct fetch *dropped = f->first, *next; dropped != NULL; dropped = next) {
		next = dropped->next;
		fetch_free(dropped);
	}
	free(f);
}
