/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * content.h - the files of versions, below c/.
 *
 * Does:     keeps every file of a version under its SHA-256, once for all that
 *           have it; an empty file c;t=T;v=V;c=C says that a version's are complete.
 *           The files come before it, and go after it.
 * Threads:  any; the caller keeps two that change c/ apart
 * Errors:   ERR_MISSING, ERR_DIGEST naming the file; ERR_FULL; ERR_SYS
 * Source:   guts2(7), REPOSITORY
 */
#ifndef CONTENT_H
#define CONTENT_H

#include <stdbool.h>

#include "base/err.h"
#include "model/header.h"
#include "store/repo.h"

/* Bytes of the distinct files of a version. */
uint64_t content_bytes(const struct header *h);

/* The bytes of those that are not in c/ yet. */
uint64_t content_missing_bytes(struct repo *r, const struct header *h);

/* Whether every file is there, by name and size. */
bool content_is_complete(struct repo *r, const struct header *h);

/* Look at the digest of every file. The first one that is wrong is the error. */
int content_check(struct repo *r, const struct header *h, struct err *e);

/* Move each file that is wrong to quarantine/; of those that could not be moved the last is told.
 */
int content_quarantine(struct repo *r, const struct header *h, struct err *e);

/*
 * The content of a version, from files named by their digests that directory
 * `from` has, or c/ has already. Their digests were checked by the caller. ERR_MISSING:
 * one is in neither.
 */
int content_put(struct repo *r, const struct header *h, int from, struct err *e);

/* Forget a version's content; content_sweep removes its files. */
int content_remove(struct repo *r, const struct ident *ident, struct err *e);

/* Remove every file below c/ that no complete version has. */
struct content_sweep {
	/*
	 * Every now and then: the caller lets others have their turn. False: it ends here, since a
	 * content has come meanwhile, or for another reason.
	 */
	bool (*go_on)(void *context);
	void *context;
	bool ended; /* by go_on: not all was removed */
};
int content_sweep(struct repo *r, struct content_sweep *sweep, struct err *e);

#endif
