/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * publish_scan.h - a directory becomes a header and stored contents.
 *
 * Does:     takes every regular file below a directory into the repository's c/
 * Errors:   ERR_INPUT naming the path: not a regular file, an empty directory,
 *           a name that cannot be published, a file that changed while read
 */
#ifndef PUBLISH_SCAN_H
#define PUBLISH_SCAN_H

#include "cli.h"
#include "model/header.h"
#include "store/repo.h"

/* Fills and seals h. Contents are staged and moved; repo_sync is the caller's. */
int publish_scan(struct repo *repo, const char *directory, struct header *h, struct err *e);

#endif
