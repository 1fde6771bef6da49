/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * migrate_statement.h - what an old file says, in its order: which of two statements counts is
 *                       known when all have been read.
 *
 * Owner:    migrate_statement_free
 */
#ifndef MIGRATE_STATEMENT_H
#define MIGRATE_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "migrate/migrate_table.h"

struct migrate_statement {
	char *origin; /* "FILE:LINE" */
	char *name;   /* NULL: it is not understood, and value is the line */
	char *value;
	bool depends; /* on what a shell would have to be asked for */
};

struct migrate_statements {
	struct migrate_statement *at;
	size_t count;
	size_t capacity;
};

/* At the end. Consumes all three. */
void migrate_statement_add(
	struct migrate_statements *all, char *take_origin, char *take_name, char *take_value);
void migrate_statement_free(struct migrate_statements *all);

/* The last one that sets name and can be taken; NULL: none does. */
const struct migrate_statement *migrate_statement_last(
	const struct migrate_statements *all, const char *name);

/* The one in whose favour s, which could be taken, is not; NULL: s is the last. */
const struct migrate_statement *migrate_statement_later(
	const struct migrate_statements *all, const struct migrate_statement *s);

/* "ORIGIN: name=value", masked. The caller frees. */
char *migrate_statement_show(const struct migrate_statement *s);

/* A row that says so; consumes take_old. */
void migrate_statement_note_later(
	struct migration *m, char *take_old, const struct migrate_statement *later);

#endif
