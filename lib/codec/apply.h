/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * apply.h - files from an archive.
 *
 * Does:     decodes every entry of an archive whose id was checked, against the
 *           header it belongs to. Nothing is allocated or written beyond the
 *           sizes the header states, and a file has its name only after its
 *           SHA-256 matched.
 * Shapes:   results are <64 hex> in the output directory
 * Errors:   ERR_INPUT entries that are missing, extra, repeated or unlisted;
 *           ERR_DIGEST; ERR_MISSING a base is not there; ERR_FULL; ERR_SYS
 * Source:   guts2(7), ARCHIVES
 */
#ifndef APPLY_H
#define APPLY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "model/blobs.h"
#include "model/header.h"

/*
 * Decode into directory dir (emptied by the caller) what base has not: the
 * files of the version a difference starts from. base is NULL for a full archive. 0: archive and
 * base together hold every file of the header. The files are not synced.
 */
int apply_archive(struct span archive, const struct header *header, const struct blobs *base,
	int dir, struct err *e);

#endif
