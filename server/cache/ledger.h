/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ledger.h - the disk that is in use besides what the view has.
 *
 * Does:     whatever is about to grow in stage/ is entered here first, with what it may become;
 *           what was begun and given up lies there too, and counts until it is removed. So
 *           cacheMaxBytes bounds everything below updates/.
 * Units:    bytes, _s seconds
 * Threads:  any; ledger_used and ledger_clean look at the disk
 * Owner:    ledger_new -> ledger_free; an entry is the maker's, from ledger_enter to ledger_leave
 * Source:   guts2d(8), CACHE
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <stdint.h>
#include <time.h>

#include "store/repo.h"

struct ledger;

struct ledger *ledger_new(struct repo *repo);
void ledger_free(struct ledger *l);

/* A name in stage/, which nobody else uses from now on. ERR_BUSY: somebody does. */
int ledger_enter(struct ledger *l, const char *stage, uint64_t bytes, struct err *e);
/* It is in its place by now, or lies in stage/ for who goes on with it. */
void ledger_leave(struct ledger *l, const char *stage);

struct ledger_used {
	uint64_t entered_bytes; /* what may come yet, or is there already in part */
	uint64_t there_bytes;	/* what of that is there already */
	uint64_t left_bytes;	/* what nobody is at, in stage/ and quarantine/ */
};
struct ledger_used ledger_used(struct ledger *l);

/*
 * Remove from stage/ what nobody is at: the oldest first, until as many bytes are free, and in any
 * case what is older than a week, or more than can be gone on with. Returns the bytes.
 */
uint64_t ledger_clean(struct ledger *l, uint64_t wanted_bytes, time_t now_s);

#endif
