/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_fetch.h - what an update asks the server for.
 *
 * Does:     asks for q, header, offer and archive, and says what the answer means to the
 *           update. Archives go on where an earlier run stopped; what turns out not to be of the
 *           archive is begun anew, once.
 * Errors:   in the update: result, why, retry_s, may_recover
 */
#ifndef CLIENT_FETCH_H
#define CLIENT_FETCH_H

#include "client/client_update.h"

/* One update. The target is what is announced, until a redirect leads elsewhere. */
struct fetch {
	const struct update_client *client;
	struct update *u;
	struct ident target;
	struct header *header; /* of the target, once it is there */
	struct buf header_bytes;
};

enum fetch_result {
	FETCH_GOT,
	FETCH_ABSENT, /* there is none, or the target is another one now */
	FETCH_FAILED, /* the update has */
};

/*
 * What the server announces to a client that has these versions: what is missing is current,
 * or not known there. has NULL: all that it announces. -1: u has failed.
 */
int client_fetch_query(const struct update_client *client, const struct idents *has,
	struct idents *ret, struct update *u);

/* The archive from base, or the full one with version 0. ABSENT: no difference, or redirected. */
enum fetch_result client_fetch_offer(
	struct fetch *f, const struct edition *base, enum format format, struct archive_ref *ret);

/* The target's header, unless it is here. */
int client_fetch_header(struct fetch *f);

/* Into .state/part, with the right digest. ABSENT: the offer was older than the archive's end. */
enum fetch_result client_fetch_archive(
	struct fetch *f, const struct archive_ref *archive, const char *part);

void client_fetch_free(struct fetch *f);

/* What a reply that is not what was hoped for means to the update; what failed in front of why. */
enum fetch_result client_fetch_fail_reply(
	struct update *u, const char *name, const struct upstream_reply *reply);

/* Make it the update's failure. Returns -1. */
int client_fetch_fail(struct update *u, const struct err *e, bool may_recover);

#endif
