/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * options_row.h - the rows of config/options.def: what a setting is called and may be.
 *
 * Errors:   ERR_INPUT with the value and the allowed range
 * Source:   config/options.def
 */
#ifndef OPTIONS_ROW_H
#define OPTIONS_ROW_H

#include <stddef.h>

#include "model/options.h"

enum row_kind { ROW_TEXT, ROW_NUMBER, ROW_DURATION, ROW_SIZE, ROW_SWITCH };

struct options_row {
	const char *name;
	enum row_kind kind;
	size_t offset;
	const char *standard;
	uint64_t min;
	uint64_t max;
	uint64_t bare_unit_ms;
	int (*check)(const char *value, struct err *e); /* TEXT */
	const char *placeholder;
	const char *line;
	const char *paragraph;
};

enum {
#define TEXT(name, ...) OPTIONS_ROW_##name,
#define NUMBER(name, ...) OPTIONS_ROW_##name,
#define DURATION(name, ...) OPTIONS_ROW_##name,
#define SIZE(name, ...) OPTIONS_ROW_##name,
#define SWITCH(name, ...) OPTIONS_ROW_##name,
#include "options.def"
#undef TEXT
#undef NUMBER
#undef DURATION
#undef SIZE
#undef SWITCH
	OPTIONS_ROWS
};

extern const struct options_row options_rows[OPTIONS_ROWS];

/* NULL: there is none of this name. */
const struct options_row *options_row_find(const char *name);

/* Whether it may have this value; ret_number is set for rows that are numbers. */
int options_row_check(
	const struct options_row *row, const char *value, uint64_t *ret_number, struct err *e);

/* A number as it is written in a setting. Returns ret. */
char *options_row_number_text(
	const struct options_row *row, uint64_t number, char *ret, size_t size);

/* "1 to 200", "on or off". */
void options_row_range_text(const struct options_row *row, char *ret, size_t size);

#endif
