/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * announce_rules.h - which version of a type is believed: pure functions of what is known.
 *
 * Does:     clients are not taken back to older content, nor is other content put under a name that
 *           they have already, nor does a slip of whoever numbers versions lock a type for years,
 *           whatever stands in the place of the cloud.
 * Units:    _s seconds; a version is Unix time
 * Threads:  any
 * Source:   guts2(7), IDENTITY
 */
#ifndef ANNOUNCE_RULES_H
#define ANNOUNCE_RULES_H

#include "cache/view.h"

struct announce_rules {
	uint64_t ahead_s; /* versionAheadMax; 0: no bound */
	uint64_t now_s;
	const struct idents *unlisted; /* what does not count as known; NULL: all does */
};

/*
 * The newest edition that is known of a type: announced before, or kept. What would be refused
 * today is not known. Version 0: none; t NULL: nothing is known of the type.
 */
struct edition announce_rules_known(const struct announce_rules *r, const struct view_type *t);

/* NULL: acceptable. */
const char *announce_rules_refusal(
	const struct announce_rules *r, const struct view_type *t, const struct edition *new);

#endif
