/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fetch_job.h - one job of the fetcher: what fetch.c and fetch_archive.c share, and
 *               nobody else uses.
 *
 * Does:     sends a job's requests to the upstream that is in use, and to the
 *           next one where that fails; a job that has ended is freed.
 * Threads:  the fetcher's, until a worker takes over
 */
#ifndef FETCH_JOB_H
#define FETCH_JOB_H

#include "cache/land.h"
#include "cloud/upstreams.h"

struct fetcher;

/* One running job, from its first request to where a worker takes over. */
struct fetch {
	struct server *server;
	struct fetcher *fetcher;
	struct job *job;
	int upstream;	/* that is asked; -1: none was chosen yet */
	uint32_t tried; /* of the upstreams, a bit each */
	/* The request that runs, and how it is sent anew. */
	char name[IDENT_NAME_MAX];
	char via[HOPS_TEXT_MAX];
	struct upstream_request request;
	void (*send)(struct fetch *f);
	struct buf document;
	struct idents query; /* an announcement */
	char query_etag[128];
	unsigned query_policy;
	int part;
	int offered_by;	 /* the upstream whose offer names the archive; -1: not known any more */
	bool is_archive; /* it counts among the archives that are being downloaded */
	struct landing landing;
	uint64_t began_ms;
	struct fetch *next;
};

/* Choose an upstream where none is yet, and f->send; the job ends where nobody can be asked. */
void fetch_send(struct fetch *f);

/* For f->send: f->request goes to the upstream. */
void fetch_start(struct fetch *f);

/* Send f->name as the request for a document. */
void fetch_document(struct fetch *f, const char *accept, size_t max,
	void (*done)(void *context, const struct upstream_reply *reply));

/*
 * How a request went is noted. True: another upstream is asked the same
 * instead, or the job has ended, for want of one.
 */
bool fetch_settled(struct fetch *f, const struct upstream_reply *reply);

/* A worker goes on. */
void fetch_hand_over(struct fetch *f, void (*run)(void *context));

/* The end; f is gone. */
void fetch_leave(struct fetch *f);
void fetch_free(struct fetch *f);
void fetch_failed(
	struct fetch *f, const struct err *why, enum job_reason reason, uint64_t delay_ms);
void fetch_refused(struct fetch *f, const struct upstream_reply *reply);
void fetch_absent(struct fetch *f);

/* The upstream that is in use. */
struct upstreams_one *fetch_upstream(const struct fetch *f);

/* Whether one more archive may be downloaded now; else f is taken, and fetch_archive is called
 * later. */
bool fetch_may_download(struct fetch *f);

/* The other fetches that run. */
struct fetch *fetch_first(const struct fetch *f);

/* The fetcher's `query_policy` now; and the way of who polled us last, which is forgotten. */
unsigned fetch_policy(const struct fetch *f);
void fetch_take_via(struct fetch *f, char ret[HOPS_TEXT_MAX]);

/* The write of a request for a document. */
int fetch_to_document(void *context, const void *bytes, size_t len, struct err *e);

/* In fetch_query.c: the first request of a QUERY. */
void fetch_query(struct fetch *f);

/* In fetch_archive.c: the first request of an OFFER or PRICE. */
void fetch_offer(struct fetch *f);
/* And the archive that its offer named. */
void fetch_archive(struct fetch *f);

extern const char fetch_accept_all[];
extern const char fetch_accept_ar1[];

#endif
