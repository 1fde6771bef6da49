/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalog.h - the index of a cache (the only user of SQLite).
 *
 * Does:     remembers for each header and archive whose it is, how large and
 *           which digest it has. It says nothing that the files do not say, and can be
 *           deleted at any time.
 * Threads:  one at a time; depot.h sees to it
 * Owner:    catalog_open -> catalog_close
 * Errors:   ERR_INPUT not an index of ours; ERR_FULL; ERR_SYS
 * Source:   sqlite.org/c3ref
 */
#ifndef CATALOG_H
#define CATALOG_H

#include <stdbool.h>

#include "answer.h"
#include "err.h"
#include "ident.h"

/* A header, or one format of an offer's archive. */
struct catalog_item {
	struct ident ident;
	struct edition base; /* archives: version 0 is the full archive */
	bool is_header;
	enum format format;	/* archives */
	struct archive_ref ref; /* digest and bytes of the file, headers too */
};

struct catalog;

/*
 * Open or make. *ret_trusted: it was closed properly by its last user and can
 * be believed; else it is to be filled anew (catalog_clear, catalog_put).
 */
int catalog_open(const char *path, struct catalog **ret, bool *ret_trusted, struct err *e);

/* Marks it as closed properly. */
void catalog_close(struct catalog *c);

int catalog_clear(struct catalog *c, struct err *e);
int catalog_put(struct catalog *c, const struct catalog_item *item, struct err *e);
int catalog_remove(struct catalog *c, const struct catalog_item *item, struct err *e);

/* One transaction around many changes. */
int catalog_begin(struct catalog *c, struct err *e);
int catalog_commit(struct catalog *c, struct err *e);

/* Whether any archive has this id. */
int catalog_uses(struct catalog *c, const struct digest *id, bool *ret, struct err *e);

/* Every item; visit returns 0 to go on. */
int catalog_each(struct catalog *c, int (*visit)(void *context, const struct catalog_item *item),
	void *context, struct err *e);

#endif
