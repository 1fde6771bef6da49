/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * migrate_table.h - what an old setting becomes, as rows: old, new, or why not.
 *
 * Does:     takes settings as the readers find them (migrate_read.h), and
 *           collects what has to be written; no setting is left out silently.
 * Owner:    migrate_table_free
 */
#ifndef MIGRATE_TABLE_H
#define MIGRATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "model/channels.h"
#include "model/proxy.h"

enum migrate_result { MIGRATE_TAKEN, MIGRATE_WARNED, MIGRATE_NO_MEANING };

struct migrate_row {
	enum migrate_result result;
	char *old;  /* "fspms.conf:3: hostModulePort=8080"; masked (migrate_mask.h) */
	char *text; /* what it becomes, or why it becomes nothing */
};

/* One setting of guts2d. */
struct migrate_option {
	char *name;
	char *setting; /* "name=value" */
	char *origin;  /* where it is from */
	size_t row;    /* that says it is taken */
};

struct migration {
	struct migrate_row *rows;
	size_t row_count;
	size_t row_capacity;
	struct migrate_option *options;
	size_t option_count;
	size_t option_capacity;
	struct proxy_server proxy; /* host NULL: none */
	struct buf channels;	   /* the bytes of the new channels.json; len 0: none */
};

void migrate_table_free(struct migration *m);

/* A row; consumes take_old. */
void migrate_table_note(struct migration *m, enum migrate_result result, char *take_old,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * A setting of guts2d from an old one at `origin` ("FILE:LINE"), checked as the server does; one of
 * the same name that came before is not taken any more. Consumes take_old.
 */
void migrate_table_option(struct migration *m, const char *origin, char *take_old, const char *name,
	const char *value);

/* Of settings that a server would refuse together as few as will do are not taken. */
void migrate_table_settle(struct migration *m);

/* The rows on standard output, as a table or as JSON. */
void migrate_table_print(const struct migration *m, bool json);

/* How many rows are of a kind. */
size_t migrate_table_count(const struct migration *m, enum migrate_result result);

#endif
