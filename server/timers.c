/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

/*
 * TICK_MS is how late a held answer may be resumed, or a job be tried again. Connections, whose
 * deadlines are many seconds, and files are looked at less often.
 */
enum { TICK_MS = 100, REAP_MS = 1000, LOOK_MS = 1000 };

struct timers {
	const struct timers_parts *parts;
	pthread_t thread;
	atomic_bool stop;
};

/*
 * What is not allowed any more goes from the announcement at once; what is allowed anew comes with
 * the next one of the upstream. That has to be whole, and is made so before it is asked for: an
 * upstream that says "unchanged" would not tell what was left out of the last one.
 */
void
timers_apply_settings(const struct timers_parts *parts)
{
	const struct job_spec query = {.kind = JOB_QUERY};

	announce_policy(parts->announce);
	retain_note(parts->retain);
	(void)jobs_ask(parts->jobs, &query, NULL);
}

/* On a worker: the thread that ends held answers at their time does not wait for a disk. */
static void
look_at_files(void *context)
{
	const struct timers_parts *parts = context;

	if (settings_look(parts->settings))
		timers_apply_settings(parts);
}

static void *
run(void *context)
{
	/* A cloud that was wrong for long is right at some poll, and backing off ends there. */
	const struct job_spec query = {.kind = JOB_QUERY, .due = true};
	const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
	struct timers *t = context;
	uint64_t next_poll_ms = 0;
	uint64_t next_reap_ms = 0;
	uint64_t next_look_ms = clock_mono_ms() + LOOK_MS;

	while (!t->stop) {
		uint64_t now_ms = clock_mono_ms();

		if (now_ms >= next_poll_ms) {
			next_poll_ms = now_ms + t->parts->options->updatePollingInterval;
			/* Where the last poll is still on its way this joins it. */
			(void)jobs_ask(t->parts->jobs, &query, NULL);
		}
		if (now_ms >= next_reap_ms) {
			next_reap_ms = now_ms + REAP_MS;
			http_reap(t->parts->http, now_ms);
			admin_http_reap(t->parts->admin, now_ms);
		}
		jobs_tick(t->parts->jobs, now_ms);
		arrivals_tick(t->parts->arrivals);
		retain_tick(t->parts->retain, now_ms);
		scrub_tick(t->parts->scrub, now_ms);
		legacy_tick(t->parts->legacy, now_ms);
		vouch_tick(t->parts->vouch, now_ms);
		if (now_ms >= next_look_ms) {
			next_look_ms = now_ms + LOOK_MS;
			workers_add(t->parts->workers, look_at_files, (void *)(uintptr_t)t->parts);
		}
		(void)nanosleep(&tick, NULL);
	}
	return NULL;
}

int
timers_start(const struct timers_parts *parts, struct timers **ret, struct err *e)
{
	struct timers *t = mem_new(1, sizeof(*t));

	t->parts = parts;
	if (pthread_create(&t->thread, NULL, run, t) != 0) {
		free(t);
		return err_set(e, ERR_SYS, "cannot start a thread");
	}
	*ret = t;
	return 0;
}

void
timers_stop(struct timers *t)
{
	if (t == NULL)
		return;
	t->stop = true;
	(void)pthread_join(t->thread, NULL);
	free(t);
}
