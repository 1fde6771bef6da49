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

/* The caller drops it. */
json_t *status_document(const struct verbs_parts *parts);

#endif
