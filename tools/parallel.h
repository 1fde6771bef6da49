/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * parallel.h - one function over an array, on several threads.
 *
 * Threads:  `run` is called from up to `threads` threads at once, with each index once
 * Errors:   the first one ends the rest early and is returned
 */
#ifndef PARALLEL_H
#define PARALLEL_H

#include <stddef.h>

#include "base/err.h"

int parallel_for(size_t count, unsigned threads,
	int (*run)(void *context, size_t index, struct err *e), void *context, struct err *e);

#endif
