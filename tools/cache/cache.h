/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache.h - a server's cache as guts2-cache sees it: read from the files,
 *           whether or not a server runs.
 *
 * Owner:    cache_open -> cache_close
 * Errors:   ERR_MISSING there is no cache; ERR_SYS
 */
#ifndef CACHE_H
#define CACHE_H

#include <stdbool.h>

#include "cache/cache_trust.h"
#include "model/channels.h"
#include "model/doc.h"
#include "model/options.h"
#include "model/record.h"
#include "model/wire.h"
#include "store/repo.h"

/* A document that says something wrong. */
struct cache_bad {
	char name[IDENT_NAME_MAX];
	char *why;
};

struct cache {
	char *path;
	struct repo *repo;
	struct records records; /* sorted, with the index's times */
	struct records indexed; /* what the index says, sorted; empty where there is none */
	struct idents query;	/* announced */
	struct cache_bad *bad;
	size_t bad_count;
	size_t bad_capacity;
	struct err unindexed; /* why the index cannot be read; its code is ERR_NONE where it was */
	/* The numbers that counted for the server when it last started, or the defaults. */
	struct options settings;
	bool has_settings;
	struct channels channels; /* config/channels.json as it is now */
	struct cache_trust trust;
	uint64_t *legacy_seen_ms; /* of each of its legacy types, in their order; 0: never */
};

/* When a legacy client last asked for a type; 0: never, or it is not on the list. */
uint64_t cache_legacy_seen_ms(const struct cache *c, const char *type);

/* path: of the cache, below the server's root. */
int cache_open(struct cache *c, const char *root, const char *path, struct err *e);
void cache_close(struct cache *c);

/* Where there is no index to read, tell why, and what is not known for it. */
void cache_complain_unindexed(const struct cache *c, const char *consequence);

/* What the index says of a record; NULL: it does not know it. */
const struct record *cache_indexed(const struct cache *c, const struct record *r);

/* The first record of a type, and how many there are; 0: none. */
size_t cache_find_type(const struct cache *c, const char *type, size_t *ret_first);

/* How many records from first on are of one version. */
size_t cache_version_count(const struct cache *c, size_t first);

/* An archive as the documents of ls and show have it; the caller drops it. */
json_t *cache_archive_object(const struct record *r);

#endif
