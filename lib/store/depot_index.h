/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * depot_index.h - the index of a depot, opened or made anew: for depot.c.
 *
 * Threads:  one at a time
 * Errors:   of index.h
 */
#ifndef DEPOT_INDEX_H
#define DEPOT_INDEX_H

#include "store/index.h"
#include "store/repo.h"

/*
 * The index of the tree at path. One that is damaged, or does not fit the files, is made anew; and
 * where a full disk has no room for one it is made in memory, and on the disk again at another
 * start.
 */
int depot_index_open(
	struct repo *repo, const char *path, struct index **ret, bool *ret_rebuilt, struct err *e);

/*
 * A new file in its place, with what the old index, which stays the caller's, can say still; in
 * memory, where the disk is full.
 */
int depot_index_renew(
	struct repo *repo, const char *path, struct index *old, struct index **ret, struct err *e);

#endif
