/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * depot_settings.h - the settings of an index, in memory for one that is made anew.
 *
 * Threads:  one at a time
 * Owner:    depot_settings_free
 * Errors:   of index.h
 */
#ifndef DEPOT_SETTINGS_H
#define DEPOT_SETTINGS_H

#include "store/index.h"

enum { DEPOT_SETTINGS_NAME_MAX = IDENT_TYPE_MAX + 8 };

/* The one that remembers when a legacy client asked for a type: wall clock, ms. Returns ret. */
char *depot_settings_legacy(const char *type, char ret[DEPOT_SETTINGS_NAME_MAX]);

struct depot_setting;

struct depot_settings {
	struct depot_setting *at;
	size_t count;
	size_t capacity;
};

/* Those that an index has. */
int depot_settings_read(struct depot_settings *s, struct index *index, struct err *e);

/* All of them into another one. */
int depot_settings_write(const struct depot_settings *s, struct index *index, struct err *e);

void depot_settings_put(struct depot_settings *s, const char *name, uint64_t value);
bool depot_settings_find(const struct depot_settings *s, const char *name, uint64_t *ret);
void depot_settings_free(struct depot_settings *s);

#endif
