/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pack.h - full archives and differences of one version.
 *
 * Does:     encodes what all of them need, each piece once, and puts the smallest streams together.
 * Owner:    pack_new -> pack_free; headers, and a donor's bytes, stay until then
 * Errors:   those of encode.h
 * Source:   guts2(7), ARCHIVES
 */
#ifndef PACK_H
#define PACK_H

#include <stdbool.h>

#include "codec/encode.h"
#include "model/header.h"

struct pack;

struct pack *pack_new(const struct header *h, const struct encode_settings *settings);
void pack_free(struct pack *p);

/* Ask for an archive. old: of a difference, the version it starts from; NULL: the full one. Returns
 * its number. */
size_t pack_want(struct pack *p, enum format format, const struct header *old);

/*
 * Take streams from an archive of another version, or of this, that the caller has mapped and whose
 * digest he looked at, where they fit what was asked for so far; see encode_donate. old: as above.
 * What is no archive of that version has none to give.
 */
void pack_donor(struct pack *p, struct span archive, const struct header *h,
	const struct header *old, bool trusted);

/* Make all that was asked for. */
int pack_encode(struct pack *p, struct err *e);

/* Write one of them. */
int pack_write(
	const struct pack *p, size_t archive, int fd, struct archive_ref *ret, struct err *e);

/* Whether a difference is enough smaller than the full archive to be published. */
bool pack_is_worth_it(uint64_t difference_bytes, uint64_t full_bytes);

#endif
