/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * admin_http.h - HTTP for administrators, on a socket or a port of its own.
 *
 * Does:     takes requests from few, each on a connection and a thread of its own, since what is
 *           asked for can wait for disks; answers once, and closes. It is there until the last
 *           client has been served.
 * Units:    _ms milliseconds, monotonic
 * Threads:  admin_http_reap from any
 * Owner:    admin_http_start -> admin_http_stop
 * Errors:   ERR_SYS naming the address; ERR_INPUT of the token's file
 * Source:   guts2d(8), ADMINISTRATION
 */
#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H

#include "admin/admin.h"
#include "model/options.h"

struct admin_http;

/* *ret NULL: it is off. */
int admin_http_start(const struct verbs_parts *parts, const struct options *o,
	struct admin_http **ret, struct err *e);

/* For people: "http://ADDRESS:PORT/" or the socket's path. */
const char *admin_http_address(const struct admin_http *a);

/* Shut down connections that have not said what they want in time. */
void admin_http_reap(struct admin_http *a, uint64_t now_ms);

void admin_http_stop(struct admin_http *a);

#endif
