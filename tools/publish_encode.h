/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * publish_encode.h - the streams that archives are put together from.
 *
 * Does:     encodes each distinct content once, and each pair of old and new
 *           content once, however many differences need it; every stream was
 *           decoded and compared with the original before it is offered.
 * Threads:  encode_all uses several; the rest is main's
 * Owner:    encode_new -> encode_free; a donor's bytes stay mapped until then
 */
#ifndef PUBLISH_ENCODE_H
#define PUBLISH_ENCODE_H

#include <stdint.h>

#include "archive.h"
#include "cli.h"
#include "header.h"
#include "map.h"
#include "repo.h"

struct encode;

/* Streams for the contents of h, which stays the caller's. */
struct encode *encode_new(struct repo *repo, const struct header *h);
void encode_free(struct encode *x);

/* Take whole-file streams that an earlier full archive (mapped by the caller) has already. */
int encode_donor(struct encode *x, struct span archive, struct err *e);

/* Ask for a delta from a content of an older version. */
void encode_want_delta(struct encode *x, size_t content, const struct header_file *base);

/* Make all that was asked for. */
int encode_all(struct encode *x, unsigned threads, struct err *e);

/* The contents, in header_contents order. */
const struct header_file *const *encode_contents(const struct encode *x, size_t *ret_count);

/*
 * The entry of a content in a format: the smallest stream there is, base NULL:
 * as a whole file. The caller closes ret_map when it is done with the stream.
 */
int encode_entry(const struct encode *x, size_t content, enum format format,
	const struct header_file *base, struct archive_entry *ret, struct map *ret_map,
	struct err *e);

#endif
