/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * probe.h - guts2d --test-upstream: the way to each upstream, step by step.
 *
 * Does:     asks each for its announcement exactly as the server would, and says
 *           how far that got, what failed, and what may be done about it.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdio.h>

#include "model/options.h"
#include "settings.h"

/* 0: every upstream works. Nothing else has to run. */
int probe_upstreams(const struct options *o, struct settings *settings, FILE *to);

#endif
