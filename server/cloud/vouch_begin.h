/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vouch_begin.h - what a server announces when it starts, by what was verified with the root that
 *                 it has now.
 *
 * Does:     takes what is lost of data/guts2/trust from what was handed on; looks up what is
 *           announced, but where it is what was looked up last with the root that is pinned.
 * Shapes:   data/guts2/trust/announced: SHA-256 of the pinned root and of q, in hex digits
 * Threads:  one, before there are others; then vouch.h's own
 * Errors:   ERR_FULL, ERR_SYS
 * Source:   guts2-trust(7), SERVERS
 */
#ifndef VOUCH_BEGIN_H
#define VOUCH_BEGIN_H

#include "cache/announce.h"
#include "cache/stock.h"
#include "cloud/vouch_ask.h"
#include "store/trusted_state.h"

/*
 * *ret_verified: whether anything was verified earlier, which *ret is then (trusted_state_clear),
 * also after an error. What is announced of types in use, and was not, is forgotten.
 */
int vouch_begin(struct vouch_ask *ask, struct stock *stock, struct announce *announce,
	struct trusted_state *ret, bool *ret_verified, struct err *e);

/* What is announced now was looked up. */
int vouch_begin_mark(const struct vouch_ask *ask, struct stock *stock, struct err *e);

/* No root is pinned: from now on what is announced is looked up by nobody. */
int vouch_begin_unsigned(const struct options *o, struct err *e);

#endif
