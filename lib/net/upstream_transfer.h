/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * upstream_transfer.h - one transfer: what upstream.c and upstream_outcome.c share,
 *                       and nobody else uses.
 */
#ifndef UPSTREAM_TRANSFER_H
#define UPSTREAM_TRANSFER_H

#include <curl/curl.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "net/upstream.h"

struct transfer {
	struct upstream *upstream;
	const struct upstream_request *request;
	struct upstream_reply reply;
	CURL *easy;
	struct curl_slist *headers;
	char curl_error[CURL_ERROR_SIZE];
	uint64_t started_ms;
	uint64_t have;	      /* bytes of the body, resume_from included */
	uint64_t began_with;  /* that many */
	uint64_t range_start; /* of Content-Range */
	size_t header_bytes;
	bool asked; /* a connection is there, and the request goes out */
	bool body_began;
	bool too_slow;	 /* for what it has sent so far */
	bool paused;	 /* until the pace allows more */
	bool due;	 /* its turn has come: one more piece, whatever the others took */
	char proxy[300]; /* for people; "" it goes directly */
	struct buf text; /* of a 503 */
	LIST_ENTRY(transfer) link;
};

/* Of the answer; 0: none yet, or file. */
long upstream_outcome_status(const struct transfer *t);

/* The path of a file URL; the caller frees. */
char *upstream_outcome_path(const struct transfer *t);

/* Before the first byte of a body: where in the file does it belong? */
int upstream_outcome_begin_body(struct transfer *t, struct err *e);

/* It has ended: its reply but for what was read of the head. */
void upstream_outcome_judge(struct transfer *t, CURLcode code);

#endif
