/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * index_rebuild.h - the index of a cache from its files.
 *
 * Threads:  the caller is the cache's only writer
 * Errors:   ERR_FULL, ERR_SYS: the index is what it was
 * Source:   guts2(7), REPOSITORY
 */
#ifndef INDEX_REBUILD_H
#define INDEX_REBUILD_H

#include <stdbool.h>

#include "base/err.h"
#include "store/index.h"
#include "store/repo.h"

/*
 * Make the index anew. What is damaged goes to quarantine/, what nothing refers
 * to is removed, and what the files do not say is taken over from the old index, which may be
 * the same one.
 */
int index_rebuild(struct repo *repo, struct index *index, struct index *old, struct err *e);

/* Whether the documents are those of the index: somebody may have been at them meanwhile. */
int index_rebuild_fits(struct repo *repo, struct index *index, bool *ret, struct err *e);

#endif
