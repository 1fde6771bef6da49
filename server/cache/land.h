/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * land.h - what arrived is checked, stored, and becomes part of what the server has.
 *
 * Does:     everything between the last byte of a transfer and the first client that may have it.
 *           It knows nothing of jobs and upstreams: whoever brought it hears how it went.
 * Units:    bytes, _ms milliseconds
 * Threads:  the workers', since it waits for disks
 * Errors:   ERR_FULL, ERR_SYS: of this machine; the rest: what arrived is wrong
 * Source:   guts2(7), REPOSITORY and LIMITS
 */
#ifndef LAND_H
#define LAND_H

#include "base/buf.h"
#include "cache/retain.h"
#include "cache/stock.h"

struct land {
	struct stock *stock;
	struct retain *retain;
};

/* A header's bytes as they came. */
int land_header(const struct land *l, const struct ident *ident, struct span bytes,
	uint64_t took_ms, struct err *e);

/* A staged archive, of what record names. */
struct landing {
	struct record record;
	char stage[DIGEST_HEX + 8];
	uint64_t received_bytes; /* in this run, without what an earlier one had */
	uint64_t took_ms;
	const struct depot_checked *checked; /* NULL: nobody wants to know */
};
/* The room that it had reserved is given back once it is in its place. */
int land_archive(const struct land *l, const struct landing *landing, struct err *e);

/*
 * An archive contradicts the header of its version: either may be wrong. A header that nothing else
 * here agrees with goes. *ret: its digest. False: there is none, or it stays.
 */
bool land_drop_header(const struct land *l, const struct ident *ident, struct digest *ret);

#endif
