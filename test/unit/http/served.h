/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * served.h - a site that is listened to, and its clients, for tests.
 *
 * Owner:    served_set_up -> served_tear_down
 */
#ifndef SERVED_H
#define SERVED_H

#include "http/http.h"
#include "http/site.h"

struct served {
	struct site site;
	struct http *http;
	struct buf got; /* what served_hear heard last */
};

/* What the log says is kept: logged.h. */
void served_set_up(struct served *v, uint64_t connections_per_address);
void served_tear_down(struct served *v);

/* No answer is on its way any more: what the log has been told of is in it. */
const char *served_stop(struct served *v);

/* The header of version 5 of "t" is here: of so many bytes, blanks most of them. */
void served_put_header(struct served *v, unsigned bytes);

/* A connection on which this was sent; the caller closes, or hears. */
int served_say(const struct http *http, const char *text);

/* To the end of the connection; without the date of the answer. */
const char *served_hear(struct served *v, int fd);

/* One request on a connection of its own: what is answered. fields: each with its line's end. */
const char *served_ask(struct served *v, const char *line, const char *fields);

#endif
