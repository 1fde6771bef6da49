/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/wishes.h"

#include <stdlib.h>

#include "base/mem.h"

/* guts2d(8), LIMITS: so many at once, and then one in each interval; of first and of repeated ones.
 */
enum {
	ALL_BURST = 60,
	ALL_EVERY_MS = 100,
	ADDRESS_BURST = 40,
	ADDRESS_EVERY_MS = 250,
	ADDRESSES = 4096, /* those that share a place share its allowance */
	ASKED = 1 << 20,  /* 4 MiB, of which only what is written to is memory */
};

/* An allowance, as the time at which all that was taken of it will be used up. */
struct allowance {
	uint64_t until_ms;
};

struct wishes {
	struct allowance all[2]; /* first ones, and repeated ones */
	struct allowance of_address[ADDRESSES][2];
	uint32_t asked[ASKED]; /* what was refused last, by a part of its hash; 0: nothing */
};

struct wishes *
wishes_new(void)
{
	return mem_new(1, sizeof(struct wishes));
}

void
wishes_free(struct wishes *w)
{
	free(w);
}

static bool
has_left(const struct allowance *a, uint64_t now_ms, uint64_t burst, uint64_t every_ms)
{
	return a->until_ms < now_ms + burst * every_ms;
}

static void
take(struct allowance *a, uint64_t now_ms, uint64_t every_ms)
{
	a->until_ms = (a->until_ms > now_ms ? a->until_ms : now_ms) + every_ms;
}

bool
wishes_allow(struct wishes *w, uint64_t asker, uint64_t what, uint64_t now_ms)
{
	uint32_t *asked = &w->asked[what % ASKED];
	uint32_t mark = (uint32_t)(what >> 32) | 1;
	bool again = *asked == mark;
	struct allowance *all = &w->all[again];
	struct allowance *own = &w->of_address[asker % ADDRESSES][again];

	if (!has_left(all, now_ms, ALL_BURST, ALL_EVERY_MS) ||
		!has_left(own, now_ms, ADDRESS_BURST, ADDRESS_EVERY_MS)) {
		*asked = mark;
		return false;
	}
	take(all, now_ms, ALL_EVERY_MS);
	take(own, now_ms, ADDRESS_EVERY_MS);
	return true;
}
