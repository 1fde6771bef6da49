/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * site.h - what answers requests, over a small cache, for tests; nothing is asked of any upstream.
 *
 * Shapes:   metadata names version 5 of the types t and old, of which old is on the legacy list
 * Owner:    site_set_up -> site_tear_down
 */
#ifndef SITE_H
#define SITE_H

#include "http/reply.h"

extern const struct edition site_newest; /* 5 */
extern const struct edition site_before; /* 4 */
extern const struct edition site_full;

struct site {
	struct options options;
	struct reply_context c;
	_Atomic uint64_t places;
	struct request_facts facts; /* of the next request */
	char client[WIRE_CLIENT_MAX + 1];
	struct reply r; /* the last one */
};

void site_set_up(struct site *s);
void site_tear_down(struct site *s);

/* An archive of version 5 without entries, of 8 bytes; those of a format have the same. */
struct record site_put(
	struct site *s, const char *type, const struct edition *base, enum format format);

/* The reply, until the next one. */
const struct reply *site_ask(struct site *s, const char *path, bool may_hold);
const struct reply *site_ask_file(struct site *s, const struct record *r, bool may_hold);

/* The record as the view has it, for as long as the reply is there. */
const struct view_record *site_shown(struct site *s, const struct record *r);

#endif
