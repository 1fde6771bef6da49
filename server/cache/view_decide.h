/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_decide.h - what decide() asks, answered from a view.
 *
 * Owner:    records that decide() gives back belong to the view
 */
#ifndef VIEW_DECIDE_H
#define VIEW_DECIDE_H

#include "cache/view.h"
#include "model/decide.h"

struct decide_cache view_decide_cache(struct view *v);

/* The view's record around one that decide() gave back. */
struct view_record *view_decide_record(const struct record *record);

#endif
