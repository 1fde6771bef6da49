/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load_run.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "cli.h"
#include "clock.h"
#include "header.h"
#include "mem.h"
#include "upstream.h"

enum {
	EDITIONS_MAX = 4096, /* known in all: those at the beginning, and new ones */
	VISITS_MAX = 1500,   /* at a time, of all threads: a server allows 2,000 of one address */
	TURN_MS = 20,	     /* how long a thread waits for bytes before it looks at the clock */
	SAMPLE_MS = 250,
	FAILED_RETRY_S = 10,
	LATE_MS = 1000,
};

static const char accept_formats[] = "application/x-guts2ar2, application/json";

static atomic_bool stopped;

void
load_stop(void)
{
	stopped = true;
}

struct client {
	uint64_t due_ms; /* since the run began, real time */
	uint32_t number;
	uint16_t edition; /* NONE: nothing is installed */
};
#define NONE UINT16_MAX

struct run {
	const struct load_settings *settings;
	uint64_t started_ms;
	pthread_mutex_t lock; /* editions: added to, never changed */
	struct edition editions[EDITIONS_MAX];
	_Atomic uint16_t edition_count;
	_Atomic uint16_t newest;	    /* NONE: nobody was told of any */
	_Atomic uint64_t has[EDITIONS_MAX]; /* how many clients have it */
};

struct visit;

struct thread {
	struct run *run;
	pthread_t id;
	struct upstream *upstream;
	struct client *heap; /* of those that wait, the one that is due first at its top */
	size_t count;
	unsigned visits;
	struct visit *open;  /* all visits */
	struct visit *ready; /* those whose request has ended */
	unsigned seed;
	struct load_counts counts;
};

/* One client at the server, from its question until it goes. */
struct visit {
	struct thread *thread;
	struct client client;
	enum load_step step;
	struct ident target;
	bool full; /* no difference is to be had */
	struct archive_ref archive;
	struct upstream_request request;
	struct upstream_reply reply;
	char name[IDENT_NAME_MAX];
	struct buf body;
	struct digester *digester;
	uint64_t received;
	uint64_t started_us;
	struct visit *next_ready;
	struct visit *next; /* in open */
	struct visit **link;
};

/* ---- Who is due when */

static void
heap_add(struct thread *t, const struct client *client)
{
	size_t i = t->count++;

	while (i > 0 && t->heap[(i - 1) / 2].due_ms > client->due_ms) {
		t->heap[i] = t->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	t->heap[i] = *client;
}

static struct client
heap_take(struct thread *t)
{
	struct client first = t->heap[0];
	struct client last = t->heap[--t->count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < t->count && t->heap[child + 1].due_ms < t->heap[child].due_ms)
			child++;
		if (child >= t->count || t->heap[child].due_ms >= last.due_ms)
			break;
		t->heap[i] = t->heap[child];
		i = child;
	}
	if (t->count > 0)
		t->heap[i] = last;
	return first;
}

static uint64_t
now_ms(const struct run *r)
{
	return clock_mono_ms() - r->started_ms;
}

/* From 0 to 1. */
static double
chance(struct thread *t)
{
	return (double)rand_r(&t->seed) / (double)RAND_MAX;
}

static void
wait_for(struct thread *t, struct client *client, double seconds)
{
	double ms = seconds * 1000 / t->run->settings->speed;

	client->due_ms = now_ms(t->run) + (uint64_t)ms;
	heap_add(t, client);
}

/* ---- Versions */

/* NONE: there are too many. */
static uint16_t
edition_number(struct run *r, const struct edition *edition)
{
	uint16_t i = 0;

	(void)pthread_mutex_lock(&r->lock);
	while (i < r->edition_count && !edition_equal(&r->editions[i], edition))
		i++;
	if (i == r->edition_count && i < EDITIONS_MAX) {
		r->editions[i] = *edition;
		r->edition_count++;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return i < EDITIONS_MAX ? i : NONE;
}

static void
note_announced(struct run *r, const struct edition *edition)
{
	uint16_t number = edition_number(r, edition);
	uint16_t newest = r->newest;

	while (number != NONE &&
		(newest == NONE || r->editions[newest].version < edition->version) &&
		!atomic_compare_exchange_weak(&r->newest, &newest, number))
		;
}

static void
set_edition(struct run *r, struct client *client, uint16_t edition)
{
	if (client->edition != NONE)
		(void)atomic_fetch_sub(&r->has[client->edition], 1);
	if (edition != NONE)
		(void)atomic_fetch_add(&r->has[edition], 1);
	client->edition = edition;
}

/* ---- One visit */

static struct visit *
begin_visit(struct thread *t)
{
	struct visit *v = mem_new(1, sizeof(*v));

	v->thread = t;
	v->client = heap_take(t);
	v->next = t->open;
	v->link = &t->open;
	if (v->next != NULL)
		v->next->link = &v->next;
	t->open = v;
	t->visits++;
	return v;
}

static void
visit_free(struct visit *v)
{
	*v->link = v->next;
	if (v->next != NULL)
		v->next->link = v->link;
	v->thread->visits--;
	buf_free(&v->body);
	digester_free(v->digester);
	free(v);
}

static void
end_visit(struct visit *v, double wait_s)
{
	wait_for(v->thread, &v->client, wait_s);
	visit_free(v);
}

static void
end_wrong(struct visit *v, const char *why)
{
	struct load_counts *c = &v->thread->counts;

	c->wrong++;
	if (c->error[0] == '\0')
		(void)snprintf(c->error, sizeof(c->error), "%.80s: %.110s", v->name, why);
	end_visit(v, FAILED_RETRY_S);
}

static int
take_body(void *context, const void *bytes, size_t len, struct err *e)
{
	struct visit *v = context;

	(void)e;
	v->received += len;
	if (v->digester != NULL)
		digester_add(v->digester, bytes, len);
	else if (v->step != LOAD_HEADER)
		buf_add(&v->body, bytes, len);
	return 0;
}

static void
note_done(void *context, const struct upstream_reply *reply)
{
	struct visit *v = context;

	v->reply = *reply;
	v->next_ready = v->thread->ready;
	v->thread->ready = v;
}

static void
ask(struct visit *v, enum load_step step, size_t max_bytes, const char *post_body)
{
	v->step = step;
	v->received = 0;
	buf_clear(&v->body);
	v->request = (struct upstream_request){.origin = v->thread->run->settings->server,
		.name = v->name,
		.accept = step != LOAD_FILE ? accept_formats : NULL,
		.post_body = post_body,
		.alone = step == LOAD_QUERY,
		.max_bytes = max_bytes,
		.exact = step == LOAD_FILE,
		.write = take_body,
		.done = note_done,
		.context = v};
	v->started_us = clock_mono_us();
	upstream_start(v->thread->upstream, &v->request);
}

static void
ask_query(struct visit *v)
{
	const struct run *r = v->thread->run;
	AUTO_IDENTS struct idents has = {0};
	AUTO_BUF struct buf body = {0};
	struct ident ident = {0};
	char name[ANSWER_CLIENT_MAX + 1];

	(void)snprintf(name, sizeof(name), "load-%u", v->client.number);
	(void)snprintf(ident.type, sizeof(ident.type), "%s", r->settings->type);
	if (v->client.edition != NONE) {
		ident.edition = r->editions[v->client.edition];
		idents_add(&has, &ident);
	}
	answer_inventory_format(name, has.count > 0 ? &has : NULL, &body);
	(void)snprintf(v->name, sizeof(v->name), "q");
	v->thread->counts.polls++;
	ask(v, LOAD_QUERY, ANSWER_QUERY_BYTES_MAX, body.at);
}

static void
ask_offer(struct visit *v)
{
	const struct run *r = v->thread->run;
	bool full = v->full || v->client.edition == NONE;

	(void)ident_offer_name(&v->target, full ? NULL : &r->editions[v->client.edition], v->name);
	ask(v, LOAD_OFFER, ANSWER_OFFER_BYTES_MAX, NULL);
}

static void
end_current(struct visit *v)
{
	const struct load_settings *s = v->thread->run->settings;

	end_visit(v, (double)s->interval_s * (0.9 + 0.2 * chance(v->thread)));
}

static void
on_query(struct visit *v)
{
	AUTO_IDENTS struct idents newest = {0};
	const struct ident *ident;
	struct err e = {0};

	if (answer_query_parse(span_of(v->body.at, v->body.len), &newest, &e) != 0) {
		end_wrong(v, e.text);
		return;
	}
	ident = idents_find(&newest, v->thread->run->settings->type);
	if (ident == NULL && v->client.edition == NONE) {
		end_wrong(v, "the server does not know this type");
		return;
	}
	if (ident == NULL) {
		note_announced(v->thread->run, &v->thread->run->editions[v->client.edition]);
		end_current(v);
		return;
	}
	note_announced(v->thread->run, &ident->edition);
	v->target = *ident;
	ask_offer(v);
}

static void
on_offer(struct visit *v)
{
	struct offer offer;
	struct err e = {0};

	if (answer_offer_parse(span_of(v->body.at, v->body.len), &offer, &e) != 0) {
		end_wrong(v, e.text);
		return;
	}
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (offer.archive[i].bytes > 0)
			v->archive = offer.archive[i];
	(void)ident_header_name(&v->target, v->name);
	ask(v, LOAD_HEADER, HEADER_BYTES_MAX, NULL);
}

static void
on_header(struct visit *v)
{
	(void)ident_file_name(&v->archive.id, v->name);
	v->digester = digester_new();
	ask(v, LOAD_FILE, v->archive.bytes, NULL);
}

static void
on_file(struct visit *v)
{
	struct digest got = digester_end(v->digester);
	uint16_t number = edition_number(v->thread->run, &v->target.edition);

	if (!digest_equal(&got, &v->archive.id)) {
		end_wrong(v, "the archive is not what its name says");
		return;
	}
	v->thread->counts.updates++;
	set_edition(v->thread->run, &v->client, number);
	end_current(v);
}

/* There is no difference: the full archive of what is the newest by now. */
static void
on_moved(struct visit *v)
{
	struct target target;

	if (v->step != LOAD_OFFER || v->full ||
		!origin_location_target(
			v->thread->run->settings->server, v->reply.location, &target) ||
		target.kind != TARGET_OFFER || target.base.version != 0) {
		end_wrong(v, "it leads nowhere");
		return;
	}
	v->target = target.ident;
	v->full = true;
	ask_offer(v);
}

static void
count_reply(struct visit *v)
{
	struct load_counts *c = &v->thread->counts;
	long status = v->reply.status;
	bool good = v->reply.outcome != UPSTREAM_BROKEN &&
		    v->reply.outcome != UPSTREAM_UNREACHABLE && status > 0 &&
		    status < LOAD_STATUS_MAX;

	c->status[v->step][good ? status : 0]++;
	load_note_latency(c, v->step, clock_mono_us() - v->started_us);
	if (v->reply.outcome == UPSTREAM_FRESH)
		c->bytes[v->step] += v->received;
}

static void
go_on(struct visit *v)
{
	static void (*const next[LOAD_STEPS])(struct visit * v) = {
		on_query, on_offer, on_header, on_file};

	count_reply(v);
	switch (v->reply.outcome) {
	case UPSTREAM_FRESH:
		next[v->step](v);
		break;
	case UPSTREAM_MOVED:
		on_moved(v);
		break;
	case UPSTREAM_PREPARING:
	case UPSTREAM_BUSY:
		v->thread->counts.told_later++;
		end_visit(v, v->reply.retry_after_s > 0 ? v->reply.retry_after_s : FAILED_RETRY_S);
		break;
	default:
		end_wrong(v, v->reply.why.text);
	}
}

/* ---- Threads */

static void
begin_due(struct thread *t)
{
	unsigned room = VISITS_MAX / t->run->settings->threads;

	while (t->count > 0 && t->visits < room) {
		uint64_t now = now_ms(t->run);
		struct visit *v;

		if (t->heap[0].due_ms > now)
			break;
		v = begin_visit(t);
		t->counts.late += now - v->client.due_ms > LATE_MS;
		ask_query(v);
	}
}

static int
wait_ms(const struct thread *t)
{
	uint64_t now = now_ms(t->run);

	if (t->count == 0 || t->heap[0].due_ms > now + TURN_MS)
		return TURN_MS;
	return t->heap[0].due_ms > now ? (int)(t->heap[0].due_ms - now) : 1;
}

static void *
run_thread(void *context)
{
	struct thread *t = context;
	uint64_t end_ms = t->run->settings->seconds * 1000;

	while (!stopped && now_ms(t->run) < end_ms) {
		begin_due(t);
		upstream_run(t->upstream, wait_ms(t));
		while (t->ready != NULL) {
			struct visit *v = t->ready;

			t->ready = v->next_ready;
			go_on(v);
		}
	}
	return NULL;
}

static uint16_t
first_edition(const struct load_settings *s, struct thread *t)
{
	double sum = 0;
	double place;

	for (size_t i = 0; i < s->share_count; i++)
		sum += s->shares[i].weight;
	place = chance(t) * sum;
	for (size_t i = 0; i < s->share_count; i++) {
		place -= s->shares[i].weight;
		if (place <= 0 || i + 1 == s->share_count)
			return s->shares[i].index < s->edition_count ? (uint16_t)s->shares[i].index
								     : NONE;
	}
	return NONE;
}

static int
thread_fill(struct thread *t, unsigned which, struct err *e)
{
	const struct load_settings *s = t->run->settings;

	t->seed = 12345 + which;
	t->heap = mem_new(s->clients / s->threads + 1, sizeof(*t->heap));
	for (uint64_t i = which; i < s->clients; i += s->threads) {
		struct client client = {.number = (uint32_t)i, .edition = NONE};

		set_edition(t->run, &client, first_edition(s, t));
		wait_for(t, &client, chance(t) * (double)s->interval_s);
	}
	return upstream_new(&t->upstream, e);
}

/* What the clients have just now. */
static struct load_sample
sample(const struct run *r)
{
	uint16_t newest = r->newest;
	struct load_sample ret = {.at_s = (double)now_ms(r) * r->settings->speed / 1000};

	if (newest == NONE)
		return ret;
	ret.newest = r->editions[newest].version;
	ret.share = (double)r->has[newest] / (double)r->settings->clients;
	return ret;
}

static void
watch(const struct run *r, struct load_report *report)
{
	const uint64_t end_ms = r->settings->seconds * 1000;
	const struct timespec pause = {.tv_nsec = SAMPLE_MS * 1000000L};
	struct progress progress = {0};
	struct load_sample *samples = NULL;
	size_t capacity = 0;
	uint64_t shown_ms = 0;

	progress_start(&progress, "seconds", r->settings->seconds * 1000);
	while (!stopped && now_ms(r) < end_ms) {
		uint64_t now;

		(void)nanosleep(&pause, NULL);
		samples = mem_grow(samples, report->sample_count, &capacity, sizeof(*samples));
		samples[report->sample_count++] = sample(r);
		now = now_ms(r);
		progress_add(&progress, now - shown_ms);
		shown_ms = now;
	}
	progress_end(&progress);
	report->samples = samples;
}

/* Visits that still go on end with their thread's connections. */
static void
thread_clear(struct thread *t, struct load_report *report)
{
	load_add(&report->counts, &t->counts);
	upstream_free(t->upstream);
	while (t->open != NULL)
		visit_free(t->open);
	free(t->heap);
}

int
load_run(const struct load_settings *s, struct load_report *ret, struct err *e)
{
	AUTO_FREE struct run *r = mem_new(1, sizeof(*r));
	AUTO_FREE struct thread *threads = mem_new(s->threads, sizeof(*threads));
	unsigned started = 0;
	int result = 0;

	assert(s->edition_count < EDITIONS_MAX);
	*ret = (struct load_report){.clients = s->clients, .speed = s->speed};
	(void)pthread_mutex_init(&r->lock, NULL);
	r->settings = s;
	r->newest = NONE;
	for (size_t i = 0; i < s->edition_count; i++)
		(void)edition_number(r, &s->editions[i]);
	r->started_ms = clock_mono_ms();
	for (unsigned i = 0; i < s->threads && result == 0; i++) {
		threads[i].run = r;
		result = thread_fill(&threads[i], i, e);
	}
	for (; started < s->threads && result == 0; started++)
		if (pthread_create(&threads[started].id, NULL, run_thread, &threads[started]) != 0)
			result = err_set(e, ERR_SYS, "cannot start a thread");
	if (result == 0)
		watch(r, ret);
	load_stop();
	while (started > 0)
		(void)pthread_join(threads[--started].id, NULL);
	ret->seconds = (double)now_ms(r) / 1000;
	for (unsigned i = 0; i < s->threads; i++)
		thread_clear(&threads[i], ret);
	(void)pthread_mutex_destroy(&r->lock);
	return result;
}
