/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * validate.h - whether an archive can be one of a version, before anything is decoded.
 *
 * Does:     walks the entries, and compares them with the headers: only files that are listed, each
 *           once, within their sizes, and nothing missing. It looks at the heads of entries and not
 *           at streams, so that it takes a moment.
 * Errors:   ERR_INPUT the archive is of no use, whatever its digest says; ERR_MISSING a base
 *           is not there
 * Source:   guts2(7), ARCHIVES
 */
#ifndef VALIDATE_H
#define VALIDATE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/blobs.h"
#include "model/header.h"

struct validate {
	const struct header *header; /* NULL: not known; then the archive alone is looked at */
	bool full;		     /* it is a full archive, and no difference */
	const struct header *old;    /* of a difference: the older version; NULL: not known */
	const struct blobs *base;    /* of a difference: what is at hand; NULL: not known */
};

int validate_archive(struct span archive, const struct validate *against, struct err *e);

#endif
