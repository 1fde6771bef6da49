/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache_hand.h - who carries changes out: this process, or the running server.
 *
 * Does:     takes the cache's lock; where a server has it, the server is asked on its
 *           control socket. Two never write at once.
 * Owner:    cache_hand_open -> cache_hand_close
 * Errors:   of depot_open; ERR_BUSY: another program has the lock, and is no server that answers
 */
#ifndef CACHE_HAND_H
#define CACHE_HAND_H

#include "cache/cache.h"
#include "model/doc.h"

struct depot;

struct cache_hand {
	struct cache *cache;
	struct depot *depot; /* NULL: the server, by cache_hand_ask */
};

int cache_hand_open(struct cache_hand *h, struct cache *c, struct err *e);
void cache_hand_close(struct cache_hand *h);

/* The server's answer, for the caller to drop; NULL and an error: there was none, or it failed. */
json_t *cache_hand_ask(const struct cache_hand *h, json_t *take_question, struct err *e);

#endif
