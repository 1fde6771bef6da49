/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stop.h - the wish that long work ends.
 *
 * Does:     whoever does what can take longer than a second looks at it every now and then,
 *           and gives up where it is wanted. NULL: nobody will ever want that.
 * Threads:  set by any, once; looked at by any
 * Owner:    whoever ends the program; it outlives all work that was handed it
 */
#ifndef STOP_H
#define STOP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"

struct stop {
	atomic_bool wanted;
};

bool stop_wanted(const struct stop *s);

/* 0: go on. -1: ERR_STOPPED. */
int stop_check(const struct stop *s, struct err *e);

#endif
