/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_session.h - several types brought up to date together, from one server.
 *
 * Does:     holds the locks of all of them, asks the server once, and updates each; again
 *           for those that are not finished, as often as the caller tries.
 * Units:    _ms
 */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include "client/client_update.h"

enum { CLIENT_SESSION_TYPES_MAX = 100 };

struct client_session {
	struct update_client client; /* the caller's */
	struct update updates[CLIENT_SESSION_TYPES_MAX];
	size_t count;
};

/* Nothing was tried yet. The names stay the caller's. */
void client_session_begin(
	struct client_session *s, const char *directory, const char *const *types, size_t count);

/* None of them can be tried at all. */
void client_session_fail(struct client_session *s, const struct err *why);

/* An update of every type that is not finished yet, while all their locks are held. */
void client_session_try(struct client_session *s);

/*
 * How long until it makes sense to try again, within left_ms; 0: it does not. The first time that
 * somebody told counts, as the others are asked for in the same question; where nobody did,
 * pause_ms.
 */
uint64_t client_session_next_ms(
	const struct client_session *s, uint64_t pause_ms, uint64_t left_ms);

#endif
