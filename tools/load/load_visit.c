/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load/load_visit.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/source.h"

enum { FAILED_RETRY_S = 10 };

/*
 * One client at the server, from its question until it goes. It is in its thread's list of visits
 * all the time, and in the one of those that are ready from the end of a request until
 * load_visit_go_on. Target and archive are what the last answers named.
 */
struct load_visit {
	struct load_thread *thread;
	struct load_client client;
	enum load_step step;
	struct ident target;
	bool full; /* no difference is to be had */
	struct archive_ref archive;
	struct buf inventory;
	struct source source;
	struct source_request request;
	struct upstream_reply reply;
	struct digester *digester;
	uint64_t received; /* of a header or an archive */
	uint64_t started_us;
	LIST_ENTRY(load_visit) open;
	SLIST_ENTRY(load_visit) ready;
};

/* ---- Who is due when */

/*
 * A heap: clients can be a million, and each visit takes the one that is due first. Nobody is due
 * before his parent, which is at (i - 1) / 2.
 */
static void
heap_add(struct load_thread *t, const struct load_client *client)
{
	size_t i = t->count++;

	/* A gap moves to where the client belongs: one copy for each step, not an exchange. */
	while (i > 0 && t->heap[(i - 1) / 2].due_ms > client->due_ms) {
		t->heap[i] = t->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	t->heap[i] = *client;
}

static struct load_client
heap_take(struct load_thread *t)
{
	struct load_client first = t->heap[0];
	struct load_client last = t->heap[--t->count];
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
	if (t->count > 0) /* else last is first */
		t->heap[i] = last;
	return first;
}

uint64_t
load_visit_now_ms(const struct load *r)
{
	return clock_mono_ms() - r->started_ms;
}

/* From 0 to 1. With a state of its own for each thread: no lock. */
double
load_visit_chance(struct load_thread *t)
{
	return (double)rand_r(&t->seed) / (double)RAND_MAX;
}

void
load_visit_wait(struct load_thread *t, struct load_client *client, double seconds)
{
	double ms = seconds * 1000 / t->load->settings->speed;

	client->due_ms = load_visit_now_ms(t->load) + (uint64_t)ms;
	heap_add(t, client);
}

/* ---- Versions */

/* LOAD_NONE: there are too many. */
uint16_t
load_visit_edition(struct load *r, const struct edition *edition)
{
	uint16_t i = 0;

	(void)pthread_mutex_lock(&r->lock);
	while (i < r->edition_count && !ident_edition_equal(&r->editions[i], edition))
		i++;
	/* Written before it is counted: readers take no lock. */
	if (i == r->edition_count && i < LOAD_EDITIONS_MAX) {
		r->editions[i] = *edition;
		r->edition_count++;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return i < LOAD_EDITIONS_MAX ? i : LOAD_NONE;
}

/* Only ever raised: tried until it stands, or a newer one of another thread does. */
static void
note_announced(struct load *r, uint16_t number)
{
	uint16_t newest = r->newest;

	while (number != LOAD_NONE &&
		(newest == LOAD_NONE ||
			r->editions[newest].version < r->editions[number].version) &&
		!atomic_compare_exchange_weak(&r->newest, &newest, number))
		;
}

void
load_visit_set_edition(struct load *r, struct load_client *client, uint16_t edition)
{
	if (client->edition != LOAD_NONE)
		(void)atomic_fetch_sub(&r->has[client->edition], 1);
	if (edition != LOAD_NONE)
		(void)atomic_fetch_add(&r->has[edition], 1);
	client->edition = edition;
}

/* ---- One visit */

struct load_visit *
load_visit_new(struct load_thread *t)
{
	struct load_visit *v = mem_new(1, sizeof(*v));

	v->thread = t;
	v->client = heap_take(t);
	v->client.told_later = false;
	v->source.origin = t->load->settings->server;
	LIST_INSERT_HEAD(&t->open, v, open);
	t->visits++;
	return v;
}

void
load_visit_free(struct load_visit *v)
{
	LIST_REMOVE(v, open);
	v->thread->visits--;
	buf_free(&v->inventory);
	source_clear(&v->request);
	digester_free(v->digester);
	free(v);
}

/* The client waits again; v is gone. */
static void
end_visit(struct load_visit *v, double wait_s)
{
	load_visit_wait(v->thread, &v->client, wait_s);
	load_visit_free(v);
}

static void
note_error(struct load_visit *v, const char *why)
{
	struct load_counts *c = &v->thread->counts;

	if (c->error[0] == '\0')
		(void)snprintf(
			c->error, sizeof(c->error), "%.80s: %.110s", source_name(&v->request), why);
}

static void
end_wrong(struct load_visit *v, const char *why)
{
	v->thread->counts.wrong++;
	note_error(v, why);
	end_visit(v, FAILED_RETRY_S);
}

/* What is large is counted and digested, and not kept: clients are many. */
static int
take_bytes(void *context, const void *bytes, size_t len, struct err *e)
{
	struct load_visit *v = context;

	(void)e;
	v->received += len;
	v->thread->moved_ms = load_visit_now_ms(v->thread->load);
	if (v->digester != NULL)
		digester_add(v->digester, bytes, len);
	return 0;
}

static int
restart_bytes(void *context, struct err *e)
{
	struct load_visit *v = context;

	(void)e;
	v->received = 0;
	if (v->digester != NULL)
		(void)digester_end(v->digester); /* it is as new afterwards */
	return 0;
}

/*
 * Called from within upstream_run, with the request that has ended: to go on with it here would
 * free what the caller still has.
 */
static void
note_done(void *context, const struct upstream_reply *reply)
{
	struct load_visit *v = context;

	v->reply = *reply;
	v->thread->moved_ms = load_visit_now_ms(v->thread->load);
	SLIST_INSERT_HEAD(&v->thread->ready, v, ready);
}

/* The rest of v->request is the step's. */
static void
ask(struct load_visit *v, enum load_step step, enum source_what what)
{
	v->step = step;
	v->received = 0;
	v->request.what = what;
	v->request.ident = v->target;
	v->request.format = FORMAT_COUNT - 1;
	v->request.done = note_done;
	v->request.context = v;
	v->started_us = clock_mono_us();
	source_start(v->thread->upstream, &v->source, &v->request);
}

void
load_visit_ask(struct load_visit *v)
{
	const struct load *r = v->thread->load;
	AUTO_IDENTS struct idents has = {0};
	struct ident ident = {0};
	char name[WIRE_CLIENT_MAX + 1];

	(void)snprintf(name, sizeof(name), "load-%u", v->client.number);
	(void)snprintf(ident.type, sizeof(ident.type), "%s", r->settings->type);
	if (v->client.edition != LOAD_NONE) {
		ident.edition = r->editions[v->client.edition];
		idents_add(&has, &ident);
	}
	wire_inventory_format(name, has.count > 0 ? &has : NULL, &v->inventory);
	v->thread->counts.polls++;
	v->request.inventory = v->inventory.at;
	v->request.alone = true; /* clients come one by one, each on a connection of its own */
	ask(v, LOAD_QUERY, SOURCE_QUERY);
}

/*
 * The difference from what the client has, or the full archive where that is nothing or there is
 * none.
 */
static void
ask_offer(struct load_visit *v)
{
	const struct load *r = v->thread->load;
	bool full = v->full || v->client.edition == LOAD_NONE;

	v->request.alone = false;
	v->request.base = (struct edition){0};
	if (!full)
		v->request.base = r->editions[v->client.edition];
	ask(v, LOAD_OFFER, SOURCE_OFFER);
}

/*
 * A tenth more or less than the interval, as guts2-client does: polls that have come together once
 * drift apart.
 */
static void
end_current(struct load_visit *v)
{
	const struct load_settings *s = v->thread->load->settings;

	end_visit(v, (double)s->interval_s * (0.9 + 0.2 * load_visit_chance(v->thread)));
}

/* A client has nothing, or what is older than this: else it takes nothing, as guts2-client does. */
static bool
is_newer(const struct load_visit *v, const struct edition *edition)
{
	return v->client.edition == LOAD_NONE ||
	       edition->version > v->thread->load->editions[v->client.edition].version;
}

static void
on_query(struct load_visit *v)
{
	const struct ident *ident = idents_find(&v->request.query, v->thread->load->settings->type);

	if (ident == NULL && v->client.edition == LOAD_NONE) {
		end_wrong(v, "the server does not know this type");
		return;
	}
	/* Left out of the answer: what it has is the newest. */
	if (ident == NULL) {
		note_announced(v->thread->load, v->client.edition);
		end_current(v);
		return;
	}
	/* An older version, or this one from a server that answers with its whole list. */
	if (!is_newer(v, &ident->edition)) {
		end_current(v);
		return;
	}
	note_announced(v->thread->load, load_visit_edition(v->thread->load, &ident->edition));
	v->target = *ident;
	ask_offer(v);
}

static void
on_offer(struct load_visit *v)
{
	enum format format;

	if (!wire_offer_best(&v->request.offer, v->request.format, &format)) {
		end_wrong(v, "no archive is offered");
		return;
	}
	v->archive = v->request.offer.archive[format];
	ask(v, LOAD_HEADER, SOURCE_HEADER);
}

static void
on_header(struct load_visit *v)
{
	v->digester = digester_new();
	v->request.write = take_bytes;
	v->request.restart = restart_bytes;
	v->request.file = v->archive;
	ask(v, LOAD_FILE, SOURCE_FILE);
}

static void
on_file(struct load_visit *v)
{
	struct digest got = digester_end(v->digester);
	uint16_t number = load_visit_edition(v->thread->load, &v->target.edition);

	if (!digest_equal(&got, &v->archive.id)) {
		end_wrong(v, "the archive is not what its name says");
		return;
	}
	v->thread->counts.updates++;
	load_visit_set_edition(v->thread->load, &v->client, number);
	end_current(v);
}

/* There is no difference: the full archive of what is the newest by now. */
static void
on_moved(struct load_visit *v)
{
	if (v->step != LOAD_OFFER || v->full || !is_newer(v, &v->request.moved.edition)) {
		end_wrong(v, "it leads nowhere");
		return;
	}
	v->target = v->request.moved;
	v->full = true;
	ask_offer(v);
}

/* Of documents the source looks at q and o itself. */
static void
check_header(struct load_visit *v)
{
	AUTO_HEADER struct header *h = NULL;

	if (v->step == LOAD_HEADER && v->reply.outcome == UPSTREAM_FRESH)
		(void)source_header(&v->request, &h, &v->reply);
}

/* Status 0 stands for no answer, and for one that is wrong whatever its status was. */
static void
count_reply(struct load_visit *v)
{
	struct load_counts *c = &v->thread->counts;
	long status = v->reply.status;
	bool good = v->reply.outcome != UPSTREAM_BROKEN &&
		    v->reply.outcome != UPSTREAM_UNREACHABLE && status > 0 &&
		    status < LOAD_STATUS_MAX;

	c->status[v->step][good ? status : 0]++;
	load_stats_note_latency(c, v->step, clock_mono_us() - v->started_us);
	if (v->reply.outcome == UPSTREAM_FRESH)
		c->bytes[v->step] += v->received + v->request.bytes.len;
}

static void
go_on(struct load_visit *v)
{
	/* What comes after each step that went well. */
	static void (*const next[LOAD_STEPS])(struct load_visit * v) = {
		on_query, on_offer, on_header, on_file};

	check_header(v);
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
		v->client.told_later = true;
		end_visit(v, v->reply.retry_after_s > 0 ? v->reply.retry_after_s : FAILED_RETRY_S);
		break;
	default:
		end_wrong(v, v->reply.why.text);
	}
}

void
load_visit_go_on(struct load_thread *t)
{
	while (!SLIST_EMPTY(&t->ready)) {
		struct load_visit *v = SLIST_FIRST(&t->ready);

		/* Off the list first: going on frees it, or puts it on the list again. */
		SLIST_REMOVE_HEAD(&t->ready, ready);
		t->moved_ms = load_visit_now_ms(t->load);
		go_on(v);
	}
}

/* How long it was waited for is its latency, so that no percentile is better than it was. */
void
load_visit_give_up(struct load_visit *v)
{
	struct load_counts *c = &v->thread->counts;
	uint64_t age_us = clock_mono_us() - v->started_us;

	c->status[v->step][0]++;
	load_stats_note_latency(c, v->step, age_us);
	c->unanswered++;
	if (age_us > c->unanswered_us)
		c->unanswered_us = age_us;
	note_error(v, "no answer until the end");
	load_visit_free(v);
}

uint64_t
load_visit_due_ms(const struct load_visit *v)
{
	return v->client.due_ms;
}
