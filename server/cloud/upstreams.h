/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * upstreams.h - which upstream is asked: the first that works.
 *
 * Does:     keeps for each upstream, in the order of guts2ServerUrl, whether it
 *           works (breaker.h) and what was learned of it, and logs each change of that.
 * Units:    _ms milliseconds, monotonic
 * Threads:  the fetcher's
 * Owner:    upstreams_new -> upstreams_free
 */
#ifndef UPSTREAMS_H
#define UPSTREAMS_H

#include <stdatomic.h>

#include "model/breaker.h"
#include "model/options.h"
#include "net/source.h"

/* How one is, as far as is known; the later ones go before the earlier ones. */
enum upstreams_state {
	UPSTREAMS_UNASKED,   /* nobody needed it yet */
	UPSTREAMS_ANSWERS,   /* it did the last time */
	UPSTREAMS_UNTRUSTED, /* the same, and shows nothing that is signed by who may */
	UPSTREAMS_FAILS,     /* it did not */
	UPSTREAMS_RESTS,     /* and is left alone for a time, or asked for that */
};

struct upstreams_one {
	struct origin origin;
	struct source source; /* of that origin */
	struct breaker breaker;
	char query_etag[128];  /* of the announcement that landed last */
	unsigned query_number; /* announce_number, when it was asked for */
	bool lost;	       /* it did not answer the last time */
	/* Of the document that failed there last. */
	char failed[IDENT_NAME_MAX];
	atomic_ullong distrusted_ms; /* since when it shows nothing that is trusted; 0: it does */
	/* For upstreams_look, written by the fetcher's thread alone: */
	_Atomic enum upstreams_state state;
	_Atomic uint64_t good_s;
	_Atomic uint64_t rests_until_ms;
};

struct upstreams {
	struct upstreams_one *at;
	size_t count;
};

struct upstreams *upstreams_new(const struct options *o);
void upstreams_free(struct upstreams *r);

/*
 * The first upstream that may be asked for such and is not in *tried (a bit for each), which it is
 * from now on; one that is not trusted after all others, but that it is asked for its announcement
 * from time to time. -1: none. How the request went has to be reported.
 */
int upstreams_choose(struct upstreams *r, enum source_what what, uint32_t *tried);

/* Whether it showed what is signed by who may. From any thread. */
void upstreams_note_trusted(struct upstreams *r, int index, bool trusted);
bool upstreams_none_trusted(const struct upstreams *r);

/* How a request at an upstream went. One document that fails again and again counts once. */
void upstreams_report(struct upstreams *r, int index, struct source_request *request,
	const struct upstream_reply *reply);

/* How one is, for people; from any thread. */
struct upstreams_seen {
	const char *base; /* as long as r is there */
	enum upstreams_state state;
	uint64_t good_s; /* when it last did, since 1970; 0: not in this run */
};
void upstreams_look(const struct upstreams *r, size_t index, struct upstreams_seen *ret);

/* Whether another upstream may do better. */
bool upstreams_may_help(const struct upstream_reply *reply);

/* How long until one of them may be asked. */
uint64_t upstreams_wait_ms(const struct upstreams *r);

#endif
