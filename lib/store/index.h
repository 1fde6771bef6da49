/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * index.h - the index of a cache (the only user of SQLite).
 *
 * Does:     remembers for each header, archive and content whose it is, how
 *           large and which digest it has, when it was last served and checked. It can
 *           be deleted at any time: the files say the same but for these times and the settings.
 * Threads:  one at a time; depot.h sees to it
 * Owner:    index_open -> index_close
 * Errors:   ERR_INPUT not an index of ours; ERR_FULL; ERR_SYS
 * Source:   sqlite.org/c3ref
 */
#ifndef INDEX_H
#define INDEX_H

#include <stdbool.h>

#include "base/err.h"
#include "model/record.h"

struct index;

/*
 * Open or make. *ret_trusted: it was closed properly by its last user and can
 * be believed; else it is to be filled anew (index_clear, index_put).
 */
int index_open(const char *path, struct index **ret, bool *ret_trusted, struct err *e);

/*
 * Open one that is there, and that somebody else may be writing to, for
 * index_each only.
 */
int index_open_reading(const char *path, struct index **ret, struct err *e);

/* in_step: it says what the files say, and is to be believed when it is opened next. */
void index_close(struct index *c, bool in_step);

int index_clear(struct index *c, struct err *e);
int index_put(struct index *c, const struct record *r, struct err *e);
int index_remove(struct index *c, const struct record *r, struct err *e);

/* Somebody removed its file, or put another one in its place: nobody else can read it. */
bool index_is_lost(struct index *c);

/* Only the times, of records that are there, in one commit: all or none. */
int index_put_times(struct index *c, const struct record *records, size_t count, struct err *e);

/* One transaction around many changes. */
int index_begin(struct index *c, struct err *e);
int index_commit(struct index *c, struct err *e);
void index_rollback(struct index *c);

/* Whether an archive other than this one (NULL: any) has this id. */
int index_uses(struct index *c, const struct digest *id, const struct record *other_than, bool *ret,
	struct err *e);

/* What the server that writes here was told, so that a tool can say what it will do. */
int index_put_setting(struct index *c, const char *name, uint64_t value, struct err *e);
bool index_setting(struct index *c, const char *name, uint64_t *ret);
int index_each_setting(struct index *c,
	void (*visit)(void *context, const char *name, uint64_t value), void *context,
	struct err *e);

/* Every record; visit returns 0 to go on. */
int index_each(struct index *c, int (*visit)(void *context, const struct record *r), void *context,
	struct err *e);

#endif
