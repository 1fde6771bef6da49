/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * load_visit.h - the parts of a load run: clients, the threads that play them, and
 *                their visits to the server. For load_run.c.
 *
 * Units:    _ms real milliseconds since the run began; _s seconds of the clients
 * Threads:  a thread's own, but for struct load: its versions are added to under its lock and
 *           never changed, the rest of it are atomics
 */
#ifndef LOAD_VISIT_H
#define LOAD_VISIT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "load/load_run.h"
#include "net/upstream.h"

/* Known in all: those at the beginning, and new ones. */
enum { LOAD_EDITIONS_MAX = 4096 };

struct load_client {
	uint64_t due_ms; /* since the run began, real time */
	uint32_t number;
	uint16_t edition; /* LOAD_NONE: nothing is installed */
	bool told_later;  /* by a 503, and it has not come back */
};
#define LOAD_NONE UINT16_MAX

struct load {
	const struct load_settings *settings;
	uint64_t started_ms;
	/* For adding editions. Those below edition_count never change, and are read without it. */
	pthread_mutex_t lock;
	struct edition editions[LOAD_EDITIONS_MAX];
	_Atomic uint16_t edition_count;
	_Atomic uint16_t newest;		 /* LOAD_NONE: nobody was told of any */
	_Atomic uint64_t has[LOAD_EDITIONS_MAX]; /* how many clients have it */
};

struct load_visit;

struct load_thread {
	struct load *load;
	pthread_t id;
	struct upstream *upstream;
	/* A client of this thread is in the heap or on a visit, never both: the heap has room. */
	struct load_client *heap; /* of those that wait, the one that is due first at its top */
	size_t count;
	unsigned visits;			  /* in open */
	uint64_t moved_ms;			  /* when something last came for one of them */
	LIST_HEAD(load_open, load_visit) open;	  /* all visits */
	SLIST_HEAD(load_ready, load_visit) ready; /* of them, those whose request has ended */
	unsigned seed;
	struct load_counts counts;
};

uint64_t load_visit_now_ms(const struct load *l);

/* From 0 to 1. */
double load_visit_chance(struct load_thread *t);

/* The client is due again after so many of its seconds. */
void load_visit_wait(struct load_thread *t, struct load_client *client, double seconds);

/* LOAD_NONE: there are too many. */
uint16_t load_visit_edition(struct load *l, const struct edition *edition);
void load_visit_set_edition(struct load *l, struct load_client *client, uint16_t edition);

/* The client that is due first comes; it asks what is new. */
struct load_visit *load_visit_new(struct load_thread *t);
void load_visit_ask(struct load_visit *v);

/* Go on with all visits whose request has ended; those that are over are freed. */
void load_visit_go_on(struct load_thread *t);
void load_visit_free(struct load_visit *v);

/* Its request has no answer, and is not waited for any more; upstream is gone by then. */
void load_visit_give_up(struct load_visit *v);

/* When its client was due. */
uint64_t load_visit_due_ms(const struct load_visit *v);

#endif
