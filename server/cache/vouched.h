/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vouched.h - the documents that this server verified and hands on, as an immutable picture.
 *
 * Does:     says which there are below tuf/, and which role could be had. What it names is on the
 *           disk before it is shown.
 * Units:    bytes, _s seconds since 1970
 * Threads:  any
 * Owner:    vouched_new -> vouched_release; vouched_take counts one more
 * Source:   guts2-trust(7), SERVERS
 */
#ifndef VOUCHED_H
#define VOUCHED_H

#include <stdatomic.h>
#include <stdint.h>

#include "cache/view_record.h"
#include "trust/metadata.h"

struct vouched_document {
	char *name; /* below tuf/ */
	uint64_t bytes;
	char etag[ETAG_MAX];
};

struct vouched {
	atomic_uint references;
	struct vouched_document *at; /* sorted by name */
	size_t count;
	struct metadata *snapshot; /* in force; NULL: none is */
	int64_t expires_s;	   /* of the timestamp */
};

/* Of the files in a directory; those that are listed by their digests have been looked at. */
struct vouched *vouched_new(int dir, struct metadata *take_snapshot, int64_t expires_s);
struct vouched *vouched_take(struct vouched *v); /* NULL stays NULL */
void vouched_release(struct vouched *v);

/* NULL: it is not here. */
const struct vouched_document *vouched_find(const struct vouched *v, const char *name);

/* Whether it is here as it is listed; v NULL: it is not. Numbers begin again where keys changed. */
bool vouched_has(const struct vouched *v, const char *name, const struct listed *listed);

/* Whether the snapshot lists this document as that of the role of a type: which is *ret_type. */
bool vouched_lists(const struct vouched *v, const char *name, char ret_type[IDENT_TYPE_MAX + 1]);

#endif
