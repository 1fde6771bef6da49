/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * publish_scan.h - a directory becomes a header and stored contents.
 *
 * Does:     copies every regular file below a directory
 * Shapes:   <64 hex> in the directory it is copied to
 * Errors:   ERR_INPUT naming the path: not a regular file, an empty directory,
 *           a name that cannot be published, or that differs from another one only in the
 *           case of letters A to Z, a file that changed while it was read
 */
#ifndef PUBLISH_SCAN_H
#define PUBLISH_SCAN_H

#include "cli.h"
#include "model/header.h"

/* Fills and seals h. What is in directory `to` afterwards is not synced. */
int publish_scan(const char *directory, int to, struct header *h, struct err *e);

#endif
