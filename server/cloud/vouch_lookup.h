/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vouch_lookup.h - an announcement, and what is known here, by what is signed.
 *
 * Threads:  vouch.h's own
 * Source:   guts2-trust(7), SERVERS
 */
#ifndef VOUCH_LOOKUP_H
#define VOUCH_LOOKUP_H

#include "cache/announce_vouched.h"
#include "cache/stock.h"
#include "cloud/vouch_ask.h"

/*
 * What was fetched, is announced and is kept of types in use, which are those of which anything is
 * kept; *ret is the caller's (announce_vouched_clear). What is announced and listed, and was left
 * out, comes into *fetched. *ret_wrong: FRESH, or what is wrong with what was fetched.
 */
void vouch_lookup_query(struct vouch_ask *ask, struct stock *stock, struct idents *fetched,
	struct announce_vouched *ret, struct upstream_reply *ret_wrong);

/*
 * After it was announced: what is kept, newer than what is announced, and not listed goes. It would
 * count as the newest that is kept, and serves nobody.
 */
void vouch_lookup_drop(struct stock *stock, const struct announce_vouched *vouched);

#endif
