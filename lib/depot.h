/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * depot.h - the cache: repository and index in step.
 *
 * Does:     one server's store. What is put is durable when the call returns;
 *           files come before what refers to them, the index comes last.
 * Threads:  any; writers wait for each other
 * Owner:    depot_open -> depot_close
 * Errors:   ERR_BUSY another server has it; ERR_DIGEST what is staged is not what
 *           it is to be named; ERR_FULL; ERR_SYS
 * Source:   PROTOCOL section 6
 */
#ifndef DEPOT_H
#define DEPOT_H

#include "answer.h"
#include "buf.h"
#include "catalog.h"
#include "err.h"
#include "ident.h"
#include "repo.h"

struct depot;

/*
 * Open the cache in directory path (made if missing) and take its lock. An
 * index that is missing, damaged or was not closed is made anew from the files.
 */
int depot_open(const char *path, struct depot **ret, bool *ret_reindexed, struct err *e);
void depot_close(struct depot *d);

struct repo *depot_repo(struct depot *d);

/* The announcement that was stored last; empty where there is none. */
int depot_query(struct depot *d, struct idents *ret, struct err *e);
int depot_put_query(struct depot *d, const struct idents *query, struct err *e);

/* A header's bytes as they came, already parsed by the caller. ret: its digest and size. */
int depot_put_header(struct depot *d, const struct ident *ident, struct span bytes,
	struct archive_ref *ret, struct err *e);

/* Whether an archive is stored already: several offers can name one. */
bool depot_has_archive(struct depot *d, const struct archive_ref *ref);

/*
 * A staged file, or one that is stored already, becomes the archive of an offer.
 * Its size and digest are checked here; where they are wrong nothing is put and
 * the file is removed.
 */
int depot_put_archive(
	struct depot *d, const struct catalog_item *item, const char *stage, struct err *e);

/* An item whose file is missing or damaged: remove what is left of it. */
int depot_forget(struct depot *d, const struct catalog_item *item, struct err *e);

int depot_each(struct depot *d, int (*visit)(void *context, const struct catalog_item *item),
	void *context, struct err *e);

#endif
