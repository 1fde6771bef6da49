/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalog.h - the index of a cache (the only user of SQLite).
 *
 * Does:     remembers for each header, archive and content whose it is, how
 *           large and which digest it has, when it was last served and checked. It can
 *           be deleted at any time: the files say the same but for these two times.
 * Threads:  one at a time; depot.h sees to it
 * Owner:    catalog_open -> catalog_close
 * Errors:   ERR_INPUT not an index of ours; ERR_FULL; ERR_SYS
 * Source:   sqlite.org/c3ref
 */
#ifndef CATALOG_H
#define CATALOG_H

#include <stdbool.h>

#include "err.h"
#include "record.h"

struct catalog;

/*
 * Open or make. *ret_trusted: it was closed properly by its last user and can
 * be believed; else it is to be filled anew (catalog_clear, catalog_put).
 */
int catalog_open(const char *path, struct catalog **ret, bool *ret_trusted, struct err *e);

/*
 * Open one that is there, and that somebody else may be writing to, for
 * catalog_each only.
 */
int catalog_open_reading(const char *path, struct catalog **ret, struct err *e);

/* in_step: it says what the files say, and is to be believed when it is opened next. */
void catalog_close(struct catalog *c, bool in_step);

int catalog_clear(struct catalog *c, struct err *e);
int catalog_put(struct catalog *c, const struct record *r, struct err *e);
int catalog_remove(struct catalog *c, const struct record *r, struct err *e);

/* Only the times of a record that is there. */
int catalog_put_times(struct catalog *c, const struct record *r, struct err *e);

/* One transaction around many changes. */
int catalog_begin(struct catalog *c, struct err *e);
int catalog_commit(struct catalog *c, struct err *e);
void catalog_rollback(struct catalog *c);

/* Whether an archive other than this one (NULL: any) has this id. */
int catalog_uses(struct catalog *c, const struct digest *id, const struct record *other_than,
	bool *ret, struct err *e);

/* What the server that writes here was told, so that a tool can say what it will do. */
int catalog_put_setting(struct catalog *c, const char *name, uint64_t value, struct err *e);
bool catalog_setting(struct catalog *c, const char *name, uint64_t *ret);

/* Every record; visit returns 0 to go on. */
int catalog_each(struct catalog *c, int (*visit)(void *context, const struct record *r),
	void *context, struct err *e);

#endif
