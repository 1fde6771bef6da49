/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load/load_run.h"

#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli.h"
#include "load/load_visit.h"

enum {
	VISITS_MAX = 1500, /* at a time, of all threads: a server allows 2,000 of one address */
	TURN_MS = 20,	   /* how long a thread waits for bytes before it looks at the clock */
	SAMPLE_MS = 250,
	LATE_MS = 1000,
	/*
	 * At the end, without a byte. A guts2d holds the answer to a header for five seconds
	 * unasked.
	 */
	PATIENCE_MS = 8000,
};

atomic_bool load_run_stopped;

/* Who is due and finds all places taken comes when one is free, and is counted as late. */
static void
begin_due(struct load_thread *t)
{
	unsigned room = VISITS_MAX / t->load->settings->threads;

	while (t->count > 0 && t->visits < room) {
		uint64_t now = load_visit_now_ms(t->load);
		struct load_visit *v;

		if (t->heap[0].due_ms > now)
			break;
		v = load_visit_new(t);
		t->counts.late += now - load_visit_due_ms(v) > LATE_MS;
		load_visit_ask(v);
	}
}

static int
wait_ms(const struct load_thread *t)
{
	uint64_t now = load_visit_now_ms(t->load);

	if (t->count == 0 || t->heap[0].due_ms > now + TURN_MS)
		return TURN_MS;
	/* Not 0 for who is due already: with no place free the loop would turn without end. */
	return t->heap[0].due_ms > now ? (int)(t->heap[0].due_ms - now) : 1;
}

/*
 * No client comes any more, and who is there has time to get what he came for: what the end of the
 * run has cut off would be no answer of the server's, and none that is counted.
 */
static void
let_end(struct load_thread *t)
{
	t->moved_ms = load_visit_now_ms(t->load);
	while (t->visits > 0 && load_visit_now_ms(t->load) - t->moved_ms < PATIENCE_MS) {
		upstream_run(t->upstream, TURN_MS);
		load_visit_go_on(t);
	}
}

/*
 * Begins what is due, moves bytes, and goes on with what has come; upstream_run is where it waits.
 */
static void *
run_thread(void *context)
{
	struct load_thread *t = context;
	uint64_t end_ms = t->load->settings->seconds * 1000;

	while (!load_run_stopped && load_visit_now_ms(t->load) < end_ms) {
		begin_due(t);
		upstream_run(t->upstream, wait_ms(t));
		load_visit_go_on(t);
	}
	let_end(t);
	return NULL;
}

/* Drawn by weight: the point lies in the share of one of them. */
static uint16_t
first_edition(const struct load_settings *s, struct load_thread *t)
{
	double sum = 0;
	double point;

	for (size_t i = 0; i < s->share_count; i++)
		sum += s->shares[i].weight;
	point = load_visit_chance(t) * sum;
	for (size_t i = 0; i < s->share_count; i++) {
		point -= s->shares[i].weight;
		/* Rounding may leave a remainder: the last one takes it. */
		if (point <= 0 || i + 1 == s->share_count)
			return s->shares[i].index < s->edition_count ? (uint16_t)s->shares[i].index
								     : LOAD_NONE;
	}
	return LOAD_NONE;
}

static int
thread_fill(struct load_thread *t, unsigned which, struct err *e)
{
	const struct load_settings *s = t->load->settings;

	/* Always the same: two runs with the same options simulate the same clients. */
	t->seed = 12345 + which;
	t->heap = mem_new(s->clients / s->threads + 1, sizeof(*t->heap));
	for (uint64_t i = which; i < s->clients; i += s->threads) {
		struct load_client client = {.number = (uint32_t)i, .edition = LOAD_NONE};

		load_visit_set_edition(t->load, &client, first_edition(s, t));
		/* Somewhere within an interval, as clients are that have been there for long. */
		load_visit_wait(t, &client, load_visit_chance(t) * (double)s->interval_s);
	}
	return upstream_new(&t->upstream, e);
}

/* What the clients have just now. */
static struct load_sample
sample(const struct load *r)
{
	uint16_t newest = r->newest; /* once: clients hear of newer ones meanwhile */
	struct load_sample ret = {.at_s = (double)load_visit_now_ms(r) * r->settings->speed / 1000};

	if (newest == LOAD_NONE)
		return ret;
	ret.newest = r->editions[newest].version;
	ret.share = (double)r->has[newest] / (double)r->settings->clients;
	return ret;
}

/* By the main thread, once for each sample, until the end or a signal: it reads atomics alone. */
static void
watch(const struct load *r, struct load_report *report)
{
	const uint64_t end_ms = r->settings->seconds * 1000;
	const struct timespec pause = {.tv_nsec = SAMPLE_MS * 1000000L};
	struct cli_progress progress = {0};
	struct load_sample *samples = NULL;
	size_t capacity = 0;
	uint64_t shown_ms = 0;

	cli_progress_start(&progress, "seconds", r->settings->seconds * 1000);
	while (!load_run_stopped && load_visit_now_ms(r) < end_ms) {
		uint64_t now;

		(void)nanosleep(&pause, NULL);
		samples = mem_grow(samples, report->sample_count, &capacity, sizeof(*samples));
		samples[report->sample_count++] = sample(r);
		now = load_visit_now_ms(r);
		cli_progress_add(&progress, now - shown_ms);
		shown_ms = now;
	}
	cli_progress_end(&progress);
	report->samples = samples;
}

/* Visits that still go on end with their thread's connections, and are counted. */
static void
thread_clear(struct load_thread *t, struct load_report *report)
{
	double end_ms = report->seconds * 1000;

	upstream_free(t->upstream);
	while (!LIST_EMPTY(&t->open))
		load_visit_give_up(LIST_FIRST(&t->open));
	for (size_t i = 0; i < t->count; i++) {
		t->counts.waiting += t->heap[i].told_later;
		t->counts.not_begun += (double)t->heap[i].due_ms + LATE_MS < end_ms;
	}
	load_stats_add(&report->counts, &t->counts);
	free(t->heap);
}

int
load_run(const struct load_settings *s, struct load_report *ret, struct err *e)
{
	AUTO_FREE struct load *r = mem_new(1, sizeof(*r));
	AUTO_FREE struct load_thread *threads = mem_new(s->threads, sizeof(*threads));
	unsigned started = 0;
	int result = 0;

	if (s->edition_count >= LOAD_EDITIONS_MAX)
		return err_set(e, ERR_LIMIT, "more than %d versions of the type to begin with",
			LOAD_EDITIONS_MAX - 1);
	*ret = (struct load_report){.clients = s->clients, .speed = s->speed};
	(void)pthread_mutex_init(&r->lock, NULL);
	r->settings = s;
	r->newest = LOAD_NONE;
	for (size_t i = 0; i < s->edition_count; i++)
		(void)load_visit_edition(r, &s->editions[i]);
	r->started_ms = clock_mono_ms();
	for (unsigned i = 0; i < s->threads && result == 0; i++) {
		threads[i].load = r;
		result = thread_fill(&threads[i], i, e);
	}
	for (; started < s->threads && result == 0; started++)
		if (pthread_create(&threads[started].id, NULL, run_thread, &threads[started]) != 0)
			result = err_set(e, ERR_SYS, "cannot start a thread");
	if (result == 0)
		watch(r, ret);
	ret->seconds = (double)load_visit_now_ms(r) / 1000;
	/* Also where no thread, or not every one, could be started. */
	load_run_stopped = true;
	while (started > 0)
		(void)pthread_join(threads[--started].id, NULL);
	/* A thread that was never filled is all zero, and there is nothing of it to free. */
	for (unsigned i = 0; i < s->threads; i++)
		thread_clear(&threads[i], ret);
	(void)pthread_mutex_destroy(&r->lock);
	return result;
}
