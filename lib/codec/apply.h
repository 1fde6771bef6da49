/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * apply.h - files from an archive.
 *
 * Does:     decodes every entry of an archive whose id was checked, against the
 *           header it belongs to. Nothing is allocated or written beyond the
 *           sizes the header states, and a file has its name only after its
 *           SHA-256 matched.
 * Shapes:   results are <64 hex> in the output directory; nothing else is left there
 * Errors:   those of validate.h, before anything is decoded; ERR_INPUT, ERR_DIGEST a stream
 *           that is not that of its file; ERR_STOPPED; ERR_FULL; ERR_SYS
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

struct apply {
	struct span archive;
	const struct header *header;
	const struct header *old; /* the version a difference starts from; NULL: a full archive */
	const struct blobs *base; /* its files */
	int dir;		  /* emptied by the caller */
	const struct stop *stop;  /* NULL: to the end */
};

/*
 * Decode into the directory what the base has not, each blob once, however many files have it. 0:
 * archive and base together hold every file of the header. The files are not synced.
 */
int apply_archive(const struct apply *what, struct err *e);

#endif
