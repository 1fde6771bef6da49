/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * freeze.h - the switch that freezes what is announced, kept across restarts.
 *
 * Does:     keeps what was announced as well, so that a stored announcement that is lost leads to
 *           nothing newer.
 * Shapes:   data/guts2/hold.json below the root: {"at","by","updates","why"}; no file: nothing is
 *           frozen. It is read at the start.
 * Threads:  any
 * Owner:    freeze_open -> freeze_close
 * Errors:   ERR_SYS, ERR_FULL: nothing has changed
 * Source:   guts2d(8), ADMINISTRATION
 */
#ifndef FREEZE_H
#define FREEZE_H

#include "cache/announce.h"
#include "model/doc.h"

struct freeze;

/* What was frozen when the last run ended is. A file that cannot be read freezes: nobody released
 * it.
 */
int freeze_open(
	const struct options *o, struct announce *announce, struct freeze **ret, struct err *e);
void freeze_close(struct freeze *h);

enum { FREEZE_WHY_MAX = 500 }; /* bytes */

/* by: who wants it; why: in his words. Both are logged. ERR_INPUT: they are too long. */
int freeze_begin(struct freeze *h, const char *by, const char *why, struct err *e);
int freeze_end(struct freeze *h, const char *by, const char *why, struct err *e);

/* {"at","by","why"}, or null; the caller drops it. */
json_t *freeze_document(struct freeze *h);

#endif
