/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * compose.h - an archive of a version from one of an older version and the difference between them.
 *
 * Does:     puts the entries of both one behind the other, without decoding any: the full archive
 *           of the older version, or a difference to that. What the new version does not have
 *           stays where something is made from it, as an unlisted content; entries that are of no
 *           use any more are left out. So a server has the cloud's streams again, and a publisher
 *           its own, and no work.
 * Owner:    compose_open -> compose_close; headers and archives stay until then
 * Errors:   ERR_INPUT an archive that is not of its version; compose_write: what a reader would
 *           not take
 * Source:   guts2(7), ARCHIVES
 */
#ifndef COMPOSE_H
#define COMPOSE_H

#include "codec/archive.h"
#include "model/header.h"

struct compose {
	/* Both are GUTS2AR2, and mapped by the caller until the last call. */
	struct span first;	   /* of the older version */
	const struct header *base; /* what the first starts from; NULL: it is a full archive */
	const struct header *old;
	struct span second; /* the difference from there to the new one */
	const struct header *new;
};

struct composed;

#define AUTO_COMPOSED __attribute__((cleanup(compose_cleanup)))

/* All of it but the bytes, to see what comes of it. */
int compose_open(const struct compose *from, struct composed **ret, struct err *e);
void compose_close(struct composed *c);

/*
 * Whether it is as good as one that is encoded anew, or nearly: it has little that is of use for
 * what comes behind it alone, and not more unlisted contents than a reader takes.
 */
bool compose_is_worth_it(const struct composed *c);

/* Once; fd is written from where it stands. */
int compose_write(struct composed *c, int fd, struct archive_ref *ret, struct err *e);

static inline void
compose_cleanup(struct composed **pointer)
{
	compose_close(*pointer);
}

#endif
