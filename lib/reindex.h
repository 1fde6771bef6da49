/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reindex.h - the index of a cache from its files.
 *
 * Threads:  the caller is the cache's only writer
 * Errors:   ERR_FULL, ERR_SYS: the index is what it was
 * Source:   PROTOCOL section 6
 */
#ifndef REINDEX_H
#define REINDEX_H

#include <stdbool.h>

#include "catalog.h"
#include "err.h"
#include "repo.h"

/*
 * Make the index anew. What is damaged goes to quarantine/, what nothing refers
 * to is removed, and what the files do not say is taken over from the old index.
 */
int reindex_run(struct repo *repo, struct catalog *catalog, struct err *e);

/* Whether the documents are those of the index: somebody may have been at them meanwhile. */
int reindex_fits(struct repo *repo, struct catalog *catalog, bool *ret, struct err *e);

#endif
