/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * migrated.h - an old file of a few lines, and what is said of it, for tests.
 *
 * Shapes:   the file is "f" in the working directory, which is a new one
 */
#ifndef MIGRATED_H
#define MIGRATED_H

#include "migrate/migrate_table.h"

typedef int migrated_reader(struct migration *m, const char *path, struct err *e);

struct migrated_case {
	const char *old;   /* what the file says */
	const char *table; /* as for people */
};

/* Once for a test. */
void migrated_set_up(void);

/* The file says this; read it. The result of read. */
int migrated_read(migrated_reader *read, const char *old, struct migration *m, struct err *e);

/* Of each of them the table has to be this. */
void migrated_check(migrated_reader *read, const struct migrated_case *cases, size_t count);

#endif
