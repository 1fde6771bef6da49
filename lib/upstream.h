/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * upstream.h - asking a cloud, a server above or a directory (the only user of libcurl).
 *
 * Does:     runs transfers below one base URL (http, https, file); bounds every
 *           reply; hands a body to the caller only when it is what was asked for.
 * Units:    bytes; _s seconds; _ms milliseconds
 * Threads:  one thread starts and runs transfers; upstream_wake from any
 * Owner:    upstream_new -> upstream_free, which drops what still runs without
 *           calling done; a request is the caller's and stays until done is called
 * Errors:   a reply is an outcome, with a sentence saying why
 * Source:   libcurl's CURLOPT pages; RFC 9110 (Range, Retry-After)
 */
#ifndef UPSTREAM_H
#define UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum upstream_outcome {
	UPSTREAM_FRESH,	      /* the body was delivered whole */
	UPSTREAM_UNCHANGED,   /* 304 */
	UPSTREAM_ABSENT,      /* 404, 410: it does not exist there */
	UPSTREAM_MOVED,	      /* 301 to `location` */
	UPSTREAM_REFUSED,     /* another 4xx */
	UPSTREAM_BUSY,	      /* 503, 429: come back after retry_after_s */
	UPSTREAM_UNREACHABLE, /* no answer */
	UPSTREAM_BROKEN,      /* an answer that is wrong */
};

struct upstream_reply {
	enum upstream_outcome outcome;
	struct err why;		/* unless FRESH, UNCHANGED */
	long status;		/* HTTP status; 0 for file: or none */
	char etag[128];		/* "" where none */
	char location[512];	/* as sent; "" where none */
	uint32_t retry_after_s; /* 0 where none */
	uint64_t elapsed_ms;
};

struct upstream_request {
	const char *name;	   /* below the base URL: "q", "h;t=...", "f/..." */
	const char *accept;	   /* NULL: anything */
	const char *post_body;	   /* NULL: GET */
	const char *if_none_match; /* NULL or "": not conditional */
	const char *prefer;	   /* NULL: none */
	uint64_t resume_from;	   /* ask for the bytes from here on */
	uint64_t max_bytes;	   /* the whole body may have, resume_from included */
	bool exact;		   /* it must have exactly max_bytes */
	/* The body in order; -1 ends the transfer with the error. */
	int (*write)(void *context, const void *bytes, size_t len, struct err *e);
	/* A server ignored the range: forget what is there, all bytes come again. */
	int (*restart)(void *context, struct err *e);
	void (*done)(void *context, const struct upstream_reply *reply);
	void *context;
};

struct upstream;

/* base is http://, https:// or file://, without credentials. ERR_INPUT otherwise. */
int upstream_new(const char *base, struct upstream **ret, struct err *e);
void upstream_free(struct upstream *u);

bool upstream_is_file(const struct upstream *u);

void upstream_start(struct upstream *u, const struct upstream_request *request);

/* Move bytes for up to timeout_ms, or until woken; finished requests get their done call. */
void upstream_run(struct upstream *u, int timeout_ms);
void upstream_wake(struct upstream *u);

/* One request from start to end; request->done and context of it are not used. */
void upstream_fetch(
	struct upstream *u, struct upstream_request *request, struct upstream_reply *ret);

/*
 * What a redirect leads to, where it stays on this server and below the base
 * URL. False: somewhere else, or not a path of ident.h.
 */
struct target;
bool upstream_location_target(const struct upstream *u, const char *location, struct target *ret);

/* Whether a transfer's outcome may be another one later. */
bool upstream_may_recover(enum upstream_outcome outcome);

#endif
