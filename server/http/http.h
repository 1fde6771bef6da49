/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http.h - HTTP/1.0 and 1.1 on a TCP port (with http_request.h and http_response.h the only user
 *          of libmicrohttpd).
 *
 * Does:     reads requests, guards against malformed ones, holds answers, sends
 *           replies; files by sendfile from an open descriptor.
 * Threads:  one for each processor; no request waits for another
 * Owner:    http_start -> http_stop; jobs_stop comes before http_stop
 * Errors:   ERR_SYS the address cannot be listened on; ERR_LIMIT too few files may be open
 */
#ifndef HTTP_H
#define HTTP_H

#include "http/reply.h"

struct http;

int http_start(const struct reply_parts *parts, struct http **ret, struct err *e);

/* "ADDRESS:PORT", as it goes into a URL. */
const char *http_address(const struct http *h);

/* Shut down connections that are past a deadline. */
void http_reap(struct http *h, uint64_t now_ms);

/*
 * No new connection is let in; answers that are on their way have drain_ms to go out. A second or
 * two more where they do not.
 */
void http_stop(struct http *h, uint64_t drain_ms);

#endif
