/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * upstream.h - asking a cloud, a server above or a directory (the only user of libcurl).
 *
 * Does:     runs transfers from origins (http, https, file), through the proxy
 *           where one is configured and never past it, no faster than allowed; bounds every
 *           reply; hands a body to the caller only when it is what was asked for.
 * Units:    bytes; _s seconds; _ms milliseconds
 * Threads:  one thread starts and runs transfers; upstream_wake from any
 * Owner:    upstream_new -> upstream_free, which drops what still runs without
 *           calling done; a request is the caller's and stays until done is called
 * Errors:   a reply is an outcome, with a sentence saying why, which is the same each
 *           time the same fails, and never has a password in it
 * Source:   libcurl's CURLOPT pages; RFC 9110 (Range, Retry-After); RFC 7240
 */
#ifndef UPSTREAM_H
#define UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/origin.h"
#include "model/pace.h"
#include "model/proxy.h"

enum upstream_outcome {
	UPSTREAM_FRESH,	      /* the body was delivered whole */
	UPSTREAM_UNCHANGED,   /* 304 */
	UPSTREAM_ABSENT,      /* 404, 410: it does not exist there */
	UPSTREAM_MOVED,	      /* 301 to `location` */
	UPSTREAM_REFUSED,     /* another 4xx */
	UPSTREAM_PREPARING,   /* 503 of a server of this kind: it is being obtained there */
	UPSTREAM_BUSY,	      /* any other 503, or 429: come back after retry_after_s */
	UPSTREAM_UNREACHABLE, /* no answer, or none past the proxy */
	UPSTREAM_BROKEN,      /* an answer that is wrong */
	UPSTREAM_UNTRUSTED,   /* one that is not signed by those who may: of source.h */
};

/* How far a transfer got: what failed, unless the outcome is FRESH or UNCHANGED. */
enum upstream_step {
	UPSTREAM_NAME,	  /* the host's name, or the proxy's */
	UPSTREAM_CONNECT, /* a connection there */
	UPSTREAM_PROXY,	  /* the proxy lets us through */
	UPSTREAM_TLS,	  /* the certificate */
	UPSTREAM_ANSWER,  /* what was answered */
	UPSTREAM_STEPS,
};

struct upstream_reply {
	enum upstream_outcome outcome;
	enum upstream_step step;
	struct err why;		/* unless FRESH, UNCHANGED */
	long status;		/* HTTP status; 0 for file: or none */
	char etag[128];		/* "" where none */
	char location[512];	/* as sent; "" where none */
	uint32_t retry_after_s; /* 0 where none; an hour at the most */
	char reason[32];	/* PREPARING: the word of the 503; "" none */
	char address[64];	/* whom it was connected to; "" nobody */
	uint64_t elapsed_ms;
};

struct upstream_request {
	const struct origin *origin; /* until done */
	const char *name;	     /* below the base URL: "q", "h;t=...", "f/..." */
	const char *accept;	     /* NULL: anything */
	bool fresh;		     /* it can change: caches on the way are to ask */
	const char *post_body;	     /* NULL: GET */
	const char *if_none_match;   /* NULL or "": not conditional */
	const char *via;	     /* NULL: none */
	bool alone;		     /* on a connection of its own, which is closed behind it */
	unsigned wait_s;	     /* how long the answer may be held there: Prefer: wait */
	uint64_t resume_from;	     /* ask for the bytes from here on */
	uint64_t max_bytes;	     /* the whole body may have, resume_from included */
	bool exact;		     /* it must have exactly max_bytes */
	bool quick;		     /* somebody waits for it, and does nothing else meanwhile */
	/* The body in order; -1 ends the transfer with the error. */
	int (*write)(void *context, const void *bytes, size_t len, struct err *e);
	/* A server ignored the range: forget what is there, all bytes come again. */
	int (*restart)(void *context, struct err *e);
	void (*done)(void *context, const struct upstream_reply *reply);
	void *context;
};

struct upstream;

int upstream_new(struct upstream **ret, struct err *e);
void upstream_free(struct upstream *u);

/* For transfers that start from now on; until then, and with NULL, there is no proxy. Not copied.
 */
void upstream_set_proxy(struct upstream *u, const struct proxy *proxy);
/* A PEM file in the place of the system's certificates. */
void upstream_set_ca_file(struct upstream *u, const char *path);
/* How fast all transfers together may be, by the local time. */
void upstream_set_schedule(struct upstream *u, const struct pace_schedule *schedule);

void upstream_start(struct upstream *u, const struct upstream_request *request);

/* Move bytes for up to timeout_ms, or until woken; finished requests get their done call. */
void upstream_run(struct upstream *u, int timeout_ms);
void upstream_wake(struct upstream *u);

/* What still runs is gone, without its done call. */
void upstream_drop(struct upstream *u);

/* Whether it failed on this machine, as where a disk is full: that says nothing of who was asked.
 */
static inline bool
upstream_failed_here(const struct upstream_reply *reply)
{
	return reply->outcome == UPSTREAM_BROKEN &&
	       (reply->why.code == ERR_FULL || reply->why.code == ERR_SYS);
}

/* Whether a transfer's outcome may be another one later. */
static inline bool
upstream_may_recover(enum upstream_outcome outcome)
{
	return outcome == UPSTREAM_BUSY || outcome == UPSTREAM_PREPARING ||
	       outcome == UPSTREAM_UNREACHABLE || outcome == UPSTREAM_BROKEN ||
	       outcome == UPSTREAM_REFUSED;
}

#endif
