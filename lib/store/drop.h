/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drop.h - what an administrator does not want goes from a cache.
 *
 * Units:    bytes
 * Errors:   of remove
 * Source:   guts2-cache(1), drop
 */
#ifndef DROP_H
#define DROP_H

#include "store/survey.h"

struct drop {
	const char *type;
	uint64_t version; /* 0: all */
	int (*remove)(void *context, const struct record *r, struct err *e);
	void *context;
	/* What came of it: */
	uint64_t removed; /* records */
	uint64_t freed_bytes;
};

/* all: the sorted records of every type, since what another one has as well is not freed. */
int drop_records(struct drop *d, struct repo *repo, const struct records *all, struct err *e);

#endif
