/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listing.h - which files an archive speaks of, by the headers of both versions.
 *
 * Does:     lists what the new version has and the old one has not (the missing files), in the
 *           order of paths; and takes the entries of an archive one after the other, to say
 *           which files each of them gives, and from which bases. Every rule that needs the
 *           headers is checked on the way: each file is given once, contents that no header lists,
 *           groups and bases are within their sizes, and a stream is one that files of that size
 *           can need.
 * Owner:    listing_new -> listing_free; the headers outlive it
 * Errors:   ERR_INPUT
 * Source:   guts2(7), ARCHIVES
 */
#ifndef LISTING_H
#define LISTING_H

#include <stdbool.h>

#include "codec/archive.h"
#include "model/header.h"

enum {
	LISTING_GROUP_BYTES = 1 << 24, /* several files at the most, and several bases */
	LISTING_UNLISTED_SHARE = 2,    /* of unlisted contents, as many times the new version's */
	LISTING_BASES_SHARE = 16, /* of the bases of all entries, as many times both versions' */
};

struct listing {
	const struct header_file **missing; /* in the order of paths */
	size_t missing_count;
	const struct header_file **old; /* all of the older version, likewise */
	size_t old_count;
	const struct header_file **old_blobs; /* the same: header_blobs */
	const struct header_file **blobs;     /* all of the new version: header_blobs */
	size_t blob_count;
	bool *given;	 /* of these, by any entry so far */
	size_t *blob_of; /* of the missing, its number among these */
	size_t next;	 /* of the missing: all before it are given */
	const struct header_file *
		*all; /* what was given, in that order; at first, what is missing */
	size_t given_count;
	size_t capacity;       /* of all */
	size_t unlisted_count; /* of these */
	uint64_t unlisted_bytes;
	uint64_t bytes;	     /* of all of the new version */
	uint64_t old_bytes;  /* of all of the older one */
	uint64_t base_bytes; /* of all entries so far */
	size_t *bases;	     /* of the entry that was taken last */
};

/* old NULL: of a full archive. */
struct listing *listing_new(const struct header *new, const struct header *old);
void listing_free(struct listing *v);

/*
 * The number of a base: those of the old version come first, then what was given; before the first
 * entry, what is missing. An unlisted one has a size, no path, and a digest that says nothing.
 */
static inline const struct header_file *
listing_base(const struct listing *v, uint64_t number)
{
	return number < v->old_count ? v->old[number] : v->all[number - v->old_count];
}

static inline bool
listing_is_unlisted(const struct header_file *file)
{
	return file->path == NULL;
}

/* The number of an old file, and of those with its bytes; old_count: there is none. */
size_t listing_number(const struct listing *v, const struct header_file *file);

/* What the bases of all entries can have together: each is read, and copied where it is several. */
static inline uint64_t
listing_bases_max(const struct listing *v)
{
	return LISTING_BASES_SHARE * (v->bytes + v->old_bytes);
}

/* The files of an entry, and the numbers of its bases, which are the listing's until the next. */
struct listing_entry {
	const struct header_file *const *files;
	size_t count;
	size_t number; /* of the first, see listing_base; the rest are behind it */
	uint64_t bytes;
	const size_t *bases;
	size_t base_count;
	uint64_t base_bytes;
};

/* The next entry of an archive. */
int listing_take(struct listing *v, enum format format, const struct archive_entry *entry,
	struct listing_entry *ret, struct err *e);

/* Whether it was given so far. */
bool listing_is_given(const struct listing *v, const struct digest *digest);

#endif
