/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * migrate_read.h - the files of older products.
 *
 * Shapes:   fsaua.cfg: lines of name=value, # comments; http_proxies=a,b,...
 *           channels: a channels.json of ours, or an array of types
 * Errors:   ERR_MISSING, ERR_SYS, ERR_INPUT: nothing of the file can be used;
 *           what can be understood but not used becomes a row
 */
#ifndef MIGRATE_READ_H
#define MIGRATE_READ_H

#include "base/err.h"
#include "migrate/migrate_table.h"

/* The whole of a text file, NUL behind it. */
int migrate_read_text(const char *path, struct buf *text, struct err *e);

int migrate_read_fsaua(struct migration *m, const char *path, struct err *e);
int migrate_read_channels(struct migration *m, const char *path, struct err *e);

#endif
