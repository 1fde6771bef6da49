/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timers.h"

#include <pthread.h>
#include <time.h>

#include "cache/announce.h"
#include "base/clock.h"
#include "cloud/fetch.h"
#include "cache/legacy.h"
#include "base/mem.h"
#include "settings.h"
#include "cache/retain.h"
#include "cache/scrub.h"

enum { TICK_MS = 100, REAP_MS = 1000, LOOK_MS = 1000 };

struct timers {
	struct server *server;
	struct http *http;
	pthread_t thread;
	pthread_mutex_t lock; /* stop */
	pthread_cond_t wake;
	bool stop;
};

/* False: it is time to end. */
static bool
sleep_for(struct timers *k, long ms)
{
	struct timespec until;
	bool stop;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_mutex_lock(&k->lock);
	if (!k->stop)
		(void)pthread_cond_timedwait(&k->wake, &k->lock, &until);
	stop = k->stop;
	(void)pthread_mutex_unlock(&k->lock);
	return !stop;
}

void
timers_apply_policy(struct server *s)
{
	const struct job_spec query = {.kind = JOB_QUERY};

	announce_policy(s);
	retain_note(s->retain);
	fetcher_forget_query(s->fetcher);
	(void)jobs_ask(s->jobs, &query, NULL);
}

static void
look_at_files(void *context)
{
	struct server *s = context;

	if (settings_look(s->settings))
		timers_apply_policy(s);
}

static void *
run(void *context)
{
	const struct job_spec query = {.kind = JOB_QUERY};
	struct timers *k = context;
	uint64_t next_poll_ms = 0;
	uint64_t next_reap_ms = 0;
	uint64_t next_look_ms = clock_mono_ms() + LOOK_MS;

	do {
		uint64_t now_ms = clock_mono_ms();

		if (now_ms >= next_poll_ms) {
			next_poll_ms = now_ms + k->server->options.updatePollingInterval;
			(void)jobs_ask(k->server->jobs, &query, NULL);
		}
		if (now_ms >= next_reap_ms) {
			next_reap_ms = now_ms + REAP_MS;
			http_reap(k->http, now_ms);
		}
		jobs_tick(k->server->jobs, now_ms);
		retain_tick(k->server->retain, now_ms);
		scrub_tick(k->server->scrub, now_ms);
		legacy_tick(k->server->legacy, now_ms);
		if (now_ms >= next_look_ms) {
			next_look_ms = now_ms + LOOK_MS;
			workers_add(k->server->workers, look_at_files, k->server);
		}
	} while (sleep_for(k, TICK_MS));
	return NULL;
}

int
timers_start(struct server *s, struct http *http, struct timers **ret, struct err *e)
{
	struct timers *k = mem_new(1, sizeof(*k));
	pthread_condattr_t attributes;

	k->server = s;
	k->http = http;
	(void)pthread_mutex_init(&k->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&k->wake, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	if (pthread_create(&k->thread, NULL, run, k) != 0) {
		free(k);
		return err_set(e, ERR_SYS, "cannot start a thread");
	}
	*ret = k;
	return 0;
}

void
timers_stop(struct timers *k)
{
	if (k == NULL)
		return;
	(void)pthread_mutex_lock(&k->lock);
	k->stop = true;
	(void)pthread_mutex_unlock(&k->lock);
	(void)pthread_cond_signal(&k->wake);
	(void)pthread_join(k->thread, NULL);
	(void)pthread_cond_destroy(&k->wake);
	(void)pthread_mutex_destroy(&k->lock);
	free(k);
}
