/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http.h - HTTP/1.0 and 1.1 on a TCP port (with http_response.h the only user of
 *          libmicrohttpd).
 *
 * Does:     reads requests, guards against malformed ones, holds answers, sends
 *           replies; files by sendfile from an open descriptor.
 * Threads:  one for each processor; no request waits for another
 * Owner:    http_start -> http_stop; jobs_stop comes before http_stop
 * Errors:   ERR_SYS the address cannot be listened on
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

void http_stop(struct http *h);

#endif
