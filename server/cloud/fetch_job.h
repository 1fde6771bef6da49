/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fetch_job.h - one job of the fetcher, and what all of them share.
 *
 * Does:     sends a job's requests to the upstream that is in use, and to the next one where
 *           that fails; ends the job. What is asked and what comes of the answer is said in
 *           fetch_query.c, fetch_header.c and fetch_archive.c.
 * Threads:  the fetcher's, until a worker takes over
 * Owner:    fetch_job_new -> one of the ends below, or fetch_job_free where a worker has taken over
 */
#ifndef FETCH_JOB_H
#define FETCH_JOB_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "cache/announce.h"
#include "cache/arrivals.h"
#include "cache/land.h"
#include "cache/retain.h"
#include "cache/stock.h"
#include "cloud/upstreams.h"
#include "cloud/vouch.h"
#include "jobs/jobs.h"
#include "jobs/workers.h"
#include "model/hops.h"
#include "model/options.h"
#include "net/source.h"
#include "settings.h"

/*
 * How many archives come at a time, from one upstream and of one type: slow ones leave room for
 * others. How many jobs run is job_table.h's.
 */
enum {
	FETCH_ARCHIVES_MAX = 16,
	FETCH_ARCHIVES_OF_TYPE = 4,
	FETCH_WAIT_S = 30, /* how long a server above may hold its answer */
};

struct fetcher_parts {
	const struct options *options;
	const char *id; /* of this run (hops.h) */
	struct settings *settings;
	struct stock *stock;
	struct jobs *jobs;
	struct workers *workers;
	struct retain *retain;
	struct arrivals *arrivals;
	struct announce *announce;
	struct vouch *vouch; /* NULL: no root is pinned */
};

struct fetch;
LIST_HEAD(fetch_list, fetch);
STAILQ_HEAD(fetch_queue, fetch);

/* What all fetches share. The fetcher's thread's, but for what says otherwise. */
struct fetch_pool {
	struct fetcher_parts parts;
	struct upstream *upstream;
	struct upstreams *upstreams;
	struct fetch_list all;
	struct fetch_queue waiting;	   /* to download an archive */
	struct source_request signed_look; /* fetch_signed.h */
	bool signed_asked;
	uint64_t started_ms;	       /* monotonic */
	uint64_t loop_said_ms;	       /* when the log had a line about one last */
	pthread_mutex_t lock;	       /* query_via */
	char query_via[HOPS_TEXT_MAX]; /* of who polled us last */
};

/* One running job, from its first request to where a worker takes over. */
struct fetch {
	struct fetch_pool *pool;
	struct job *job;
	int upstream;	/* that is asked; -1: none was chosen yet */
	uint32_t tried; /* of the upstreams, a bit each */
	struct source_request request;
	void (*prepare)(
		struct fetch *f); /* fills in what depends on the upstream; NULL: nothing does */
	char via[HOPS_TEXT_MAX];
	uint64_t began_ms;
	/* An announcement: */
	unsigned query_number; /* announce_number, when it was asked for */
	char query_etag[128];
	struct vouch_whom whom; /* was asked, for who looks up what is signed */
	/* What is signed, of a role or a header (fetch_role.h): */
	struct buf header;
	char role_file[IDENT_NAME_MAX]; /* "tuf/2.t-t.json"; "" none was asked for */
	struct buf role;
	/* An archive: */
	struct landing landing;
	int part;
	struct arrival *arrival; /* of the part; NULL: none */
	bool reserved;		 /* landing.stage, in the ledger */
	int offered_by;		 /* the upstream whose offer names it; -1: not known any more */
	bool offer_is_empty;	 /* what an upstream offers is not there; another one was asked */
	bool last_choice;	 /* the format asked for does not exist: this is the next best */
	bool is_archive;	 /* its bytes come, or are about to */
	void (*go_on)(struct fetch *f); /* when its turn to download, or its role, has come */
	LIST_ENTRY(fetch) in_all;
	STAILQ_ENTRY(fetch) in_waiting;
};

struct fetch *fetch_job_new(struct fetch_pool *pool, struct job *job);

/* Send f->request: to an upstream that is chosen now where none was. The job ends where nobody can
 * be asked. */
void fetch_job_send(struct fetch *f);

/*
 * How a request went is noted. True: another upstream is asked the same
 * instead, or the job has ended, for want of one.
 */
bool fetch_job_settled(struct fetch *f, const struct upstream_reply *reply);

/*
 * The next upstream is in use from now on, for this reason: what is to be asked of it is sent next.
 * False: there is none left.
 */
bool fetch_job_elsewhere(struct fetch *f, const struct err *why);

/* The upstream that is in use. */
struct upstreams_one *fetch_job_upstream(const struct fetch *f);

/* Whether one more archive may be downloaded now; else f waits, and f->go_on is called later. */
bool fetch_job_may_download(struct fetch *f);

/* ---- The ends, by the fetcher; f is gone. */
void fetch_job_done(struct fetch *f);
void fetch_job_known(struct fetch *f, const struct offer *offer);
void fetch_job_absent(struct fetch *f);
/* No upstream has the document: it is absent, or still to come. */
void fetch_job_not_there(struct fetch *f);
/* What is offered is not there, and nobody else offers anything. A difference does not exist. */
void fetch_job_not_as_offered(struct fetch *f, const struct err *why);
/* It is tried again after that time: that is no fault, and not logged as one. */
void fetch_job_later(struct fetch *f, enum job_reason reason, uint64_t delay_ms);
void fetch_job_failed(
	struct fetch *f, const struct err *why, enum job_reason reason, uint64_t delay_ms);
/* For want of a useful answer. */
void fetch_job_refused(struct fetch *f, const struct upstream_reply *reply);

/* ---- Or a worker goes on, and ends the job and f. */
void fetch_job_hand_over(struct fetch *f, void (*run)(void *context));
/* Or the thread that looks up what is signed does (vouch.h). */
void fetch_job_hand_to_vouch(struct fetch *f, void (*run)(void *context));

/* What came could not be stored, or is wrong: then the upstream is asked again after the others. */
void fetch_job_not_landed(struct fetch *f, const char *name, const struct err *why);

/* The upstream in use has delivered a part of the archive; anew: there is nothing of others. */
void fetch_job_note_part(struct fetch *f, bool anew);

/*
 * Whether what was offered a moment ago, to find the cheapest way, may be taken: nothing that was
 * offered for this job was of no use so far.
 */
bool fetch_job_trusts_price(const struct fetch *f);

/*
 * What came is what its upstream names, and of no use. The others are asked; where none is left, or
 * can be asked for a while, a difference is as good as absent, so that the next way is taken. A
 * full archive is asked for again after some minutes: the upstream may have mended it.
 */
void fetch_job_of_no_use(struct fetch *f, const char *name, const struct err *why);
/* Let go of the part and of the room for it. */
void fetch_job_release(struct fetch *f);
void fetch_job_free(struct fetch *f);

#endif
