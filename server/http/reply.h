/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply.h - from a request's facts to the reply, without knowing how HTTP is spoken.
 *
 * Does:     decides (model/decide.h), starts what has to be obtained, takes a place
 *           in the limiter, and says everything that the reply carries.
 * Owner:    reply_clear releases what a reply holds
 * Source:   guts2(7), REQUESTS, ANSWERS and DECISION
 */
#ifndef REPLY_H
#define REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cache/arrivals.h"
#include "cache/legacy.h"
#include "cache/stock.h"
#include "cache/usage.h"
#include "cloud/fetcher.h"
#include "http/limiter.h"
#include "jobs/jobs.h"
#include "metrics.h"
#include "model/options.h"
#include "settings.h"

/* What a request says. Strings are NULL where the field is missing. */
struct request_facts {
	const char *method;
	const char *path;	  /* raw, as on the wire */
	const char *address;	  /* of the client */
	uint64_t asker;		  /* a hash of it that nobody can foresee, and not 0 */
	_Atomic uint64_t *places; /* that it has in the limiter */
	const char *accept;
	const char *if_none_match;
	const char *if_range;
	const char *range;
	const char *prefer;
	const char *if_modified_since;
	const char *via; /* all of them, with commas between */
	struct span body;
};

enum reply_body {
	REPLY_TEXT,	/* text, this reply's own, be it none */
	REPLY_PREPARED, /* prepared, prepared once */
	REPLY_FILE,	/* len bytes of record's file from first on */
	REPLY_DOCUMENT, /* len bytes: the file of document */
	REPLY_ARRIVAL,	/* len bytes of arrival from first on, as they come */
};

enum reply_cache { REPLY_NO_STORE, REPLY_REVALIDATE, REPLY_IMMUTABLE };

struct reply {
	unsigned status;
	const char *reason; /* for the log; NULL: none */
	enum metric asked;  /* of METRIC_REQUESTS, what it answers; 0: it is not known */
	enum reply_body body;
	struct buf text;
	struct prepared *prepared;
	struct view_record *vr;			 /* keeps what is prepared alive as well */
	struct view *view;			 /* the same, for the announcement */
	const struct vouched_document *document; /* of the view */
	struct arrival *arrival;
	uint64_t first;
	uint64_t len;
	uint64_t size; /* of the whole file, where it has a range */
	enum reply_cache cache;
	const char *etag;		   /* NULL: none */
	char own_etag[ETAG_MAX];	   /* where nothing prepared has it */
	char location[IDENT_NAME_MAX + 8]; /* "": none */
	uint64_t retry_after_s;		   /* 0: none */
	uint64_t last_modified_s;	   /* since 1970; 0: none */
	const char *allow;		   /* NULL: none */
	bool vary_accept;
	bool whole_file_size; /* 206, 416: Content-Range is to be sent */
	bool octets;	      /* an archive, not JSON */
	bool alone;	      /* its response is not that of other requests for the file */
	bool close;
	bool holds_place; /* in the limiter, until the caller gives it back */
	bool file_gone;	  /* FILE: there was none, or another one, when it was opened */
	bool sending;	  /* counted in the record, until the reply is gone */
	/* status 0: hold the answer on this job, if the caller can, for hold_ms */
	struct job_spec job;
	uint64_t hold_ms;
	bool early;		 /* an archive that has begun to arrive ends it */
	char via[HOPS_TEXT_MAX]; /* job.via points to it */
};

struct reply_parts {
	const struct options *options;
	const char *id; /* of this run (hops.h) */
	struct settings *settings;
	struct stock *stock;
	struct jobs *jobs;
	struct usage *usage;
	struct legacy *legacy;
	struct fetcher *fetcher;
	struct arrivals *arrivals;
};

struct reply_context {
	struct reply_parts parts;
	struct limiter limiter;
};

/*
 * The reply to a request that passed the guard. may_hold: status 0 can be
 * returned; job and hold_ms say on what and for how long. client receives what a
 * POST of `q` says of itself (IDENT: WIRE_CLIENT_MAX + 1 bytes).
 */
void reply_make(struct reply_context *c, const struct request_facts *facts, bool may_hold,
	char *client, struct reply *ret);

/* A malformed request: status, and the connection is closed behind it. */
void reply_malformed(unsigned status, const char *reason, struct reply *ret);

/* The same reply, become a 503: something that all share is used up for a moment. */
void reply_busy(const struct reply_context *c, struct reply *r);

void reply_clear(struct reply *r);

#endif
