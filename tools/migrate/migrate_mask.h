/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * migrate_mask.h - what of an old file may be shown: names, and values that give nothing away.
 *
 * Does:     everything else is ***, since nobody knows which of the settings of other
 *           products is a password, nor what stands in a line that is not understood.
 * Owner:    the caller frees what is returned
 */
#ifndef MIGRATE_MASK_H
#define MIGRATE_MASK_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Whether a value may be shown: the server itself would take it, or it is the number of a setting
 * that has one.
 */
bool migrate_mask_harmless(const char *name, const char *value);

/* "name=value" or "name=***"; of a name what is one. value NULL: there is none. */
char *migrate_mask_setting(const char *name, const char *value);

/* Of a line that is not understood: "name=***" where a name stands in front of its first =. */
char *migrate_mask_line(const char *line);

/* What an error quotes is a value, or a part of one: '***' in its place. */
void migrate_mask_error(struct err *e);

#endif
