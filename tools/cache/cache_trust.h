/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache_trust.h - what the server verified, in the words of ls and why.
 *
 * Owner:    cache_trust_open -> cache_trust_close; a server without a root has none, and a dir of
 * -1
 */
#ifndef CACHE_TRUST_H
#define CACHE_TRUST_H

#include "model/doc.h"
#include "store/trusted_state.h"

struct cache_trust {
	int dir;
	struct trusted_state state;
	struct err why; /* ERR_NONE: the state is there */
};

/* root: of the server. */
void cache_trust_open(struct cache_trust *t, const char *root);
void cache_trust_close(struct cache_trust *t);

/* "signed by 7c05c2d1 until ...", "not signed", ...; the caller frees. */
char *cache_trust_text(const struct cache_trust *t, const char *type);

/* The same as a document: null where nothing is signed; the caller drops it. */
json_t *cache_trust_object(const struct cache_trust *t, const char *type);

/*
 * Call wrong for each document in tuf/ of the cache that is none, or not the one that is listed;
 * returns how many there are. wrong may remove it.
 */
uint64_t cache_trust_check(const struct cache_trust *t, int cache,
	void (*wrong)(void *context, int dir, const char *name, const char *why), void *context);

/* Of all of it: which timestamp there is. */
char *cache_trust_summary(const struct cache_trust *t);

#endif
