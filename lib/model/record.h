/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record.h - one thing that a cache holds: a header, an archive, or the content
 *            of a version.
 *
 * Units:    bytes; _ms milliseconds of the wall clock, 0: never
 * Owner:    records_free releases a list
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "model/ident.h"
#include "model/wire.h"

enum record_kind {
	RECORD_ARCHIVE, /* one format of an offer's archive */
	RECORD_HEADER,
	RECORD_CONTENT, /* every file of the version, below c/ */
};

struct record {
	enum record_kind kind;
	struct ident ident;
	struct edition base; /* archives: version 0 is the full archive */
	enum format format;  /* archives */
	/* Digest and bytes of the file; of content: the header's digest, and its distinct files. */
	struct archive_ref ref;
	uint64_t landed_ms;  /* when it came into the cache */
	uint64_t served_ms;  /* when a client last got it */
	uint64_t checked_ms; /* when its digest was last seen to be right */
};

struct records {
	struct record *at;
	size_t count;
	size_t capacity;
};

#define AUTO_RECORDS __attribute__((cleanup(records_free)))

bool record_is_full(const struct record *r);
bool record_is_difference(const struct record *r);
/* Whether every file of a version can be had from it alone: its content, or a full archive. */
bool record_is_whole(const struct record *r);

/* The version that a difference starts from. */
static inline struct ident
record_base(const struct record *r)
{
	struct ident ret = r->ident;

	ret.edition = r->base;
	return ret;
}

/* Whether two records name the same thing, whatever its bytes are. */
bool record_same(const struct record *a, const struct record *b);

/* By type, newest version first; header, content, full archives, then differences by base. */
int record_compare(const void *a, const void *b);

/* "header", "content", "full", "difference". */
const char *record_kind_name(const struct record *r);

/* The document that says the cache has it: h;..., o;... or c;... Returns ret. */
char *record_name(const struct record *r, char ret[IDENT_NAME_MAX]);

void records_add(struct records *list, const struct record *r);
void records_sort(struct records *list);
void records_free(struct records *list);

/* In a sorted list, the one that names the same thing (record_same); NULL: none. */
struct record *records_find(const struct records *list, const struct record *r);

/*
 * Of a sorted list, the newest version of each type that has its header and whose records (so many,
 * the header first) are enough; idents_free. An announcement that was lost can be made of it.
 */
void records_newest(const struct records *list,
	bool (*is_enough)(void *context, const struct record *first, size_t count), void *context,
	struct idents *ret);

/* How many records from `first` on are of the same type. */
size_t records_type_count(const struct records *list, size_t first);

#endif
