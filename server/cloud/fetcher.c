/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/fetch.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cloud/fetch_job.h"
#include "base/fs.h"
#include "model/header.h"
#include "log.h"
#include "base/mem.h"
#include "settings.h"

enum {
	RUNNING_MAX = 64,  /* most of them wait for a server above to have it */
	ARCHIVES_MAX = 16, /* of these, that move bytes */
	WAIT_S = 30,	   /* how long a server above may hold its answer */
};

const char fetch_accept_all[] = "application/x-guts2ar2, application/json";
const char fetch_accept_ar1[] = "application/json";

struct fetcher {
	struct server *server;
	struct upstream *upstream;
	pthread_t thread;
	atomic_bool stop;
	atomic_uint query_policy; /* grows with each change of what is taken of an announcement */
	struct upstreams *upstreams;
	struct policy *policy; /* whose proxy is in use */
	struct fetch *first;   /* those that run */
	unsigned running;
	unsigned archives;
	struct fetch *waiting[RUNNING_MAX]; /* to download an archive */
	unsigned waiting_count;
	pthread_mutex_t lock; /* query_via */
	char query_via[HOPS_TEXT_MAX];
};

struct upstreams_one *
fetch_upstream(const struct fetch *f)
{
	return &f->fetcher->upstreams->at[f->upstream];
}

struct fetch *
fetch_first(const struct fetch *f)
{
	return f->fetcher->first;
}

unsigned
fetch_policy(const struct fetch *f)
{
	return f->fetcher->query_policy;
}

void
fetch_take_via(struct fetch *f, char ret[HOPS_TEXT_MAX])
{
	struct fetcher *fetcher = f->fetcher;

	(void)pthread_mutex_lock(&fetcher->lock);
	memcpy(ret, fetcher->query_via, HOPS_TEXT_MAX);
	fetcher->query_via[0] = '\0';
	(void)pthread_mutex_unlock(&fetcher->lock);
}

/* ---- The end of a fetch */

static void
start_waiting(struct fetcher *fetcher)
{
	struct fetch *f;

	if (fetcher->waiting_count == 0 || fetcher->archives >= ARCHIVES_MAX)
		return;
	f = fetcher->waiting[0];
	memmove(fetcher->waiting, fetcher->waiting + 1,
		--fetcher->waiting_count * sizeof(*fetcher->waiting));
	fetch_archive(f);
}

bool
fetch_may_download(struct fetch *f)
{
	struct fetcher *fetcher = f->fetcher;

	if (!f->is_archive && fetcher->archives >= ARCHIVES_MAX) {
		fetcher->waiting[fetcher->waiting_count++] = f;
		return false;
	}
	fetcher->archives += !f->is_archive;
	f->is_archive = true;
	return true;
}

/* It does not run any more. */
void
fetch_leave(struct fetch *f)
{
	struct fetch **link = &f->fetcher->first;

	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
	f->fetcher->running--;
	f->fetcher->archives -= f->is_archive;
	start_waiting(f->fetcher);
}

void
fetch_free(struct fetch *f)
{
	fs_close(&f->part);
	buf_free(&f->document);
	idents_free(&f->query);
	free(f);
}

void
fetch_failed(struct fetch *f, const struct err *why, enum job_reason reason, uint64_t delay_ms)
{
	fetch_leave(f);
	land_failure(f->server, f->job, f->name, why, reason, delay_ms);
	fetch_free(f);
}

void
fetch_absent(struct fetch *f)
{
	struct server *s = f->server;
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

/* A server above is about to have it, and said when: that is no fault. */
static void
fetch_later(struct fetch *f, const struct upstream_reply *reply)
{
	enum job_reason reason = JOB_DOWNLOADING;
	uint64_t delay_ms = (uint64_t)reply->retry_after_s * 1000;

	if (strcmp(reply->reason, jobs_reason_name(JOB_BUILDING)) == 0)
		reason = JOB_BUILDING;
	else if (strcmp(reply->reason, jobs_reason_name(JOB_UPSTREAM_UNAVAILABLE)) == 0)
		reason = JOB_UPSTREAM_UNAVAILABLE;
	fetch_leave(f);
	jobs_failed(f->server->jobs, f->job, reason, delay_ms);
	fetch_free(f);
}

void
fetch_hand_over(struct fetch *f, void (*run)(void *context))
{
	fetch_leave(f);
	workers_add(f->server->workers, run, f);
}

/* ---- Requests */

void
fetch_send(struct fetch *f)
{
	struct fetcher *fetcher = f->fetcher;
	struct err e = {0};

	if (f->upstream < 0)
		f->upstream = upstreams_choose(fetcher->upstreams, &f->tried);
	/* Who delivered something wrong is asked again only where nobody else is left. */
	if (f->upstream < 0 && f->job->distrusted != 0) {
		f->tried = f->job->distrusted = 0;
		f->upstream = upstreams_choose(fetcher->upstreams, &f->tried);
	}
	if (f->upstream < 0) {
		(void)err_set(&e, ERR_BUSY, "every upstream is left alone for a while");
		fetch_failed(
			f, &e, JOB_UPSTREAM_UNAVAILABLE, upstreams_wait_ms(fetcher->upstreams) + 1);
		return;
	}
	f->job->upstream = (unsigned)f->upstream;
	f->send(f);
}

void
fetch_start(struct fetch *f)
{
	f->request.origin = &fetch_upstream(f)->origin;
	f->request.name = f->name;
	f->request.context = f;
	if (f->request.origin->scheme != ORIGIN_FILE)
		f->request.via = f->via;
	upstream_start(f->fetcher->upstream, &f->request);
}

static void
log_failover(const struct fetch *f, int from, const struct upstream_reply *reply)
{
	struct log_line l;

	log_begin(&l, EVENT_FAILOVER);
	log_text(&l, "name", f->name);
	log_text(&l, "from", f->fetcher->upstreams->at[from].origin.base);
	log_text(&l, "to", fetch_upstream(f)->origin.base);
	log_text(&l, "reason", reply->why.text);
	log_end(&l, LOG_DOWNLOAD);
}

bool
fetch_settled(struct fetch *f, const struct upstream_reply *reply)
{
	int from = f->upstream;
	int next = -1;

	upstreams_report(f->fetcher->upstreams, from, reply);
	if (upstreams_may_help(reply))
		next = upstreams_choose(f->fetcher->upstreams, &f->tried);
	if (next < 0 && reply->outcome == UPSTREAM_PREPARING) {
		fetch_later(f, reply);
		return true;
	}
	if (next < 0)
		return false;
	f->upstream = next;
	log_failover(f, from, reply);
	fetch_send(f);
	return true;
}

/* What is left of a reply that is of no use. */
void
fetch_refused(struct fetch *f, const struct upstream_reply *reply)
{
	uint64_t delay_ms = (uint64_t)reply->retry_after_s * 1000;
	uint64_t wait_ms = upstreams_wait_ms(f->fetcher->upstreams);

	/* Before the upstream is asked again nothing can come. */
	if (wait_ms > 0 && wait_ms > delay_ms)
		delay_ms = wait_ms + 1;
	fetch_failed(f, &reply->why,
		reply->why.code == ERR_FULL ? JOB_DISK_FULL : JOB_UPSTREAM_UNAVAILABLE, delay_ms);
}

int
fetch_to_document(void *context, const void *bytes, size_t len, struct err *e)
{
	struct fetch *f = context;

	(void)e;
	buf_add(&f->document, bytes, len);
	return 0;
}

static void
send_document(struct fetch *f)
{
	buf_clear(&f->document);
	fetch_start(f);
}

void
fetch_document(struct fetch *f, const char *accept, size_t max,
	void (*done)(void *context, const struct upstream_reply *reply))
{
	f->request = (struct upstream_request){.accept = accept,
		.wait_s = WAIT_S,
		.max_bytes = max,
		.write = fetch_to_document,
		.done = done};
	f->send = send_document;
	fetch_send(f);
}

/* ---- Headers */

static void
work_header(void *context)
{
	struct fetch *f = context;

	land_header(f->server, f->job, span_of(f->document.at, f->document.len),
		clock_mono_ms() - f->began_ms);
	fetch_free(f);
}

static void
on_header(void *context, const struct upstream_reply *reply)
{
	struct fetch *f = context;

	if (fetch_settled(f, reply))
		return;
	if (reply->outcome == UPSTREAM_ABSENT)
		fetch_absent(f);
	else if (reply->outcome == UPSTREAM_FRESH)
		fetch_hand_over(f, work_header);
	else
		fetch_refused(f, reply);
}

/* ---- The thread */

static void
start_job(struct fetcher *fetcher, struct job *job)
{
	struct fetch *f = mem_new(1, sizeof(*f));

	f->server = fetcher->server;
	f->fetcher = fetcher;
	f->job = job;
	f->upstream = -1;
	f->part = -1;
	f->began_ms = clock_mono_ms();
	f->next = fetcher->first;
	fetcher->first = f;
	fetcher->running++;
	(void)hops_add(job->via, f->server->id, f->via);
	f->tried = job->distrusted;
	switch (job->spec.kind) {
	case JOB_QUERY:
		fetch_query(f);
		break;
	case JOB_HEADER:
		(void)ident_header_name(&job->spec.ident, f->name);
		fetch_document(f, fetch_accept_ar1, HEADER_BYTES_MAX, on_header);
		break;
	case JOB_OFFER:
	case JOB_PRICE:
		fetch_offer(f);
		break;
	case JOB_CHECK:
	case JOB_BUILD:
	case JOB_CONTENT:
	case JOB_KINDS:
		assert(false); /* never in this queue */
	}
}

/* The proxy of the policy that is in force now. */
static void
take_policy(struct fetcher *f)
{
	struct policy *policy = settings_take(f->server->settings);

	settings_release(f->policy);
	f->policy = policy;
	upstream_set_proxy(f->upstream, policy->proxy);
}

static void *
run(void *context)
{
	struct fetcher *f = context;

	while (!f->stop) {
		struct job *job;

		take_policy(f);
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
	struct fetcher *f;
	struct upstream *upstream;
	struct pace_schedule schedule;

	if (upstream_new(&upstream, e) != 0 ||
		pace_parse(s->options.upstreamMaxBytesPerSecond, &schedule, e) != 0)
		return -1;
	f = mem_new(1, sizeof(*f));
	f->server = s;
	f->upstream = upstream;
	f->upstreams = upstreams_new(&s->options);
	(void)pthread_mutex_init(&f->lock, NULL);
	upstream_set_ca_file(f->upstream, s->options.upstreamCaFile);
	upstream_set_schedule(f->upstream, &schedule);
	*ret = f; /* a job that is queued meanwhile finds it */
	if (pthread_create(&f->thread, NULL, run, f) != 0) {
		*ret = NULL;
		fetcher_free(f);
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
fetcher_note_via(struct fetcher *f, const char *via)
{
	(void)pthread_mutex_lock(&f->lock);
	(void)snprintf(f->query_via, sizeof(f->query_via), "%s", via);
	(void)pthread_mutex_unlock(&f->lock);
}

void
fetcher_forget_query(struct fetcher *f)
{
	(void)atomic_fetch_add(&f->query_policy, 1);
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
}

void
fetcher_free(struct fetcher *f)
{
	if (f == NULL)
		return;
	upstream_free(f->upstream);
	for (struct fetch *dropped = f->first, *next; dropped != NULL; dropped = next) {
		next = dropped->next;
		fetch_free(dropped);
	}
	upstreams_free(f->upstreams);
	settings_release(f->policy);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}
