/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pair.h - two versions, and the bytes of their files, for tests.
 *
 * Shapes:   new/ and old/ with files by digest, out/ and stage/ below one directory
 * Owner:    pair_set_up -> pair_tear_down
 */
#ifndef PAIR_H
#define PAIR_H

#include "base/buf.h"
#include "model/blobs.h"
#include "model/header.h"
#include "model/wire.h"

struct pair {
	char *path;
	int dir;
	int out;
	int stage; /* for what encodes */
	struct header *header;
	struct header *old;
	struct blobs_dirs dirs[2];
	struct blobs blobs; /* of both */
	struct blobs base;  /* of the older one alone */
};

void pair_set_up(struct pair *p);
void pair_tear_down(struct pair *p);

/* A file of a version, of these or another one, whose bytes are at hand. */
void pair_add(struct pair *p, struct header *h, const char *path, struct span bytes);

/* After the last one; and of another version's. */
void pair_seal(struct pair *p);
void pair_seal_header(struct header *h);

/* An archive alone, as a publisher makes it; old: what it starts from, or NULL. Its bytes are the
 * caller's. */
void pair_pack(struct pair *p, const struct header *h, const struct header *old, enum format format,
	struct buf *ret);

/* From now on a file of a version has other bytes, or none are at hand. */
void pair_damage(struct pair *p, const struct header *h, const char *path, struct span bytes);
void pair_drop(struct pair *p, const struct header *h, const char *path);

/*
 * Apply an archive into an empty `out`: to the older version's files, or, full, to none. Whatever
 * comes of it, each file that is there then has the bytes that its name says; after a success these
 * are all that the archive should give, and no others.
 */
int pair_apply(struct pair *p, struct span archive, bool full, struct err *e);

#endif
