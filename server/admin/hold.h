/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hold.h - the switch that freezes what is announced, kept across restarts.
 *
 * Shapes:   data/guts2/hold.json below the root: {"at","by","why"}; no file: nothing is held
 * Threads:  any
 * Owner:    hold_open -> hold_close
 * Errors:   ERR_SYS, ERR_FULL: nothing has changed
 * Source:   guts2d(8), ADMINISTRATION
 */
#ifndef HOLD_H
#define HOLD_H

#include "cache/announce.h"
#include "model/doc.h"

struct hold;

/* What was held when the last run ended is. A file that cannot be read holds: nobody released it.
 */
int hold_open(const struct options *o, struct announce *announce, struct hold **ret, struct err *e);
void hold_close(struct hold *h);

/* by: who wants it; why: in his words. Both are logged. */
int hold_set(struct hold *h, const char *by, const char *why, struct err *e);
int hold_release(struct hold *h, const char *by, const char *why, struct err *e);

/* {"at","by","why"}, or null; the caller drops it. */
json_t *hold_document(struct hold *h);

#endif
