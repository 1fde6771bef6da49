/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * page.h - a status for people, as HTML.
 *
 * Does:     says everything without a script and loads nothing from elsewhere; with a script it
 *           asks for itself again every now and then. What is from outside is escaped.
 * Source:   guts2d(8), STATUS
 */
#ifndef PAGE_H
#define PAGE_H

#include "base/buf.h"
#include "model/doc.h"

/* status: of status.h. */
void page_print(const json_t *status, struct buf *to);

/* What it asks for beside. */
extern const char page_style[];
extern const char page_script[];

#endif
