/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_type.h - one type of a view, while it is put together: for view.c.
 *
 * Does:     what is copied when something of a type changes, so that who has the old view keeps it.
 * Threads:  one, until the view that has it is published
 * Owner:    references are counted: view_type_new, view_type_copy -> view_type_release
 */
#ifndef VIEW_TYPE_H
#define VIEW_TYPE_H

#include "cache/view.h"

struct view_type *view_type_new(const char *name);
struct view_type *view_type_copy(const struct view_type *t);
void view_type_release(struct view_type *t);

/* Where a record is or belongs; its version and its offer are made where they are missing. */
struct view_record **view_type_slot(struct view_type *t, const struct record *record);

/* After records went. */
void view_type_drop_empty(struct view_type *t);

/* Once nothing changes any more: the records by their ids. */
void view_type_finish(struct view_type *t);

/* In one that is finished; NULL: none has this id. */
struct view_record *view_type_find_id(const struct view_type *t, const struct digest *id);

#endif
