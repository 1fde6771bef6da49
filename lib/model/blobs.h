/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * blobs.h - where the bytes of files are found by their digests.
 *
 * Does:     says which files are at hand and maps them; the rest of the library
 *           does not know whether they lie in c/, in stage/ or in a client's directory.
 * Owner:    the context stays its maker's
 * Errors:   ERR_MISSING, ERR_DIGEST, ERR_SYS
 */
#ifndef BLOBS_H
#define BLOBS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/map.h"

struct blobs {
	void *context;
	bool (*has)(void *context, const struct digest *digest);
	/*
	 * Map a file whose every byte can be read. check: after its digest was compared; without
	 * that, whoever uses it finds out by what comes of it.
	 */
	int (*open)(void *context, const struct digest *digest, bool check, struct map *ret,
		struct err *e);
};

/* Directories whose files are named by 64 hex digits; the first that has it counts. */
enum { BLOBS_DIRS_MAX = 3 };
struct blobs_dirs {
	int dir[BLOBS_DIRS_MAX]; /* the caller's */
	size_t count;
	const struct stop *stop; /* NULL: a look at a digest goes to its end */
};
struct blobs blobs_in(struct blobs_dirs *dirs);

#endif
