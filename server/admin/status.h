/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * status.h - how the server is, as one document, which the page and the tools show.
 *
 * Shapes:   guts2d(8), STATUS
 * Units:    bytes; times in seconds since 1970, 0: never
 * Threads:  any; it looks at the disk
 */
#ifndef STATUS_H
#define STATUS_H

#include "admin/verbs.h"

/* When the files of what a view has were read. */
struct status_checks {
	uint64_t records;
	uint64_t not_yet;   /* since the start */
	uint64_t oldest_ms; /* when the one was read that was not read the longest */
};
struct status_checks status_checks(const struct view *view);

/* The caller drops it. */
json_t *status_document(const struct verbs_parts *parts);

#endif
