/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cli.h - what the command-line tools share: exit codes, errors, progress.
 *
 * Threads:  cli_progress_add from any; the rest from main
 */
#ifndef CLI_H
#define CLI_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_TRY_LATER = 75 };

/* "program: text" on standard error; what a terminal could take amiss is replaced. */
void cli_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same with a hint where the help is. Returns CLI_USAGE. */
int cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A whole number option; complains and returns false where it is not one from min to max. */
bool cli_number(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* A bar on standard error while it is a terminal, and nothing anywhere else. */
struct progress {
	const char *label;
	uint64_t total;
	_Atomic uint64_t done;
	_Atomic uint64_t shown_ms;
	bool visible;
};

void cli_progress_start(struct progress *p, const char *label, uint64_t total);
void cli_progress_add(struct progress *p, uint64_t more);
void cli_progress_end(struct progress *p);

#endif
