/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * options.h - the settings of one run: -Dname=value, a file, the defaults.
 *
 * Does:     reads, checks, and remembers where each value came from
 * Units:    durations in milliseconds, sizes in bytes
 * Owner:    options_free; values are immutable after options_read
 * Errors:   ERR_INPUT naming option, origin and the allowed range
 * Source:   config/options.def
 *
 * The command line goes before the file, the file before the defaults. The file is what --config
 * names, else <root>/config/guts2d.conf where that exists.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

struct options {
#define TEXT(name, ...) char *name;
#define NUMBER(name, ...) uint64_t name;
#define DURATION(name, ...) uint64_t name;
#define SIZE(name, ...) uint64_t name;
#define SWITCH(name, ...) uint64_t name; /* 0 or 1 */
#include "options.def"
#undef TEXT
#undef NUMBER
#undef DURATION
#undef SIZE
#undef SWITCH
	/* Of each row, in the order of options.def: where its value is from. */
	char **origins;
	bool check_only;
	bool test_upstream;
	bool show_help;
	bool show_version;
};

int options_read(struct options *o, int argc, char **argv, struct err *e);
/* The defaults alone. */
void options_standard(struct options *o);
void options_free(struct options *o);

/* Whether somebody set it, be it to its default. */
bool options_is_set(const struct options *o, const char *name);

/* Each setting that is a number, which may be changed. */
void options_each_number(struct options *o,
	void (*visit)(void *context, const char *name, uint64_t *value), void *context);

/* Each setting, its value as it is written, and where that is from. */
void options_each(const struct options *o,
	void (*visit)(void *context, const char *name, const char *value, const char *origin),
	void *context);

/* Whether there is a setting of this name, and whether it may have this value. */
bool options_known(const char *name);
int options_check(const char *name, const char *value, struct err *e);

/* Whether a server takes these together, each "name=value"; what is not there has its default. */
int options_check_all(const char *const *settings, size_t count, struct err *e);

void options_print_help(FILE *to);

/* name=value and where it came from, a line each. */
void options_print_values(const struct options *o, FILE *to);

/* A sample configuration file; and the rows of the manual in man(7) language. */
void options_print_sample(FILE *to);
void options_print_manual(FILE *to);

#endif
