/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vouch_root.h - the root that is pinned here.
 *
 * Source:   guts2-trust(7), SERVERS
 */
#ifndef VOUCH_ROOT_H
#define VOUCH_ROOT_H

#include <stdio.h>

#include "model/options.h"

/* The file of the root, as it is pinned or would be; the caller frees. */
char *vouch_root_path(const struct options *o);

/* The directory of what was verified (trusted.h); the caller frees. */
char *vouch_root_kept(const struct options *o);

/* Whether a root is pinned, and until when what was verified is good; a line. -1: it is no root. */
int vouch_root_print(const struct options *o, FILE *to);

#endif
