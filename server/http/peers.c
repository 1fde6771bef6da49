/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/peers.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { BUCKETS = 4096 };

struct peers {
	struct hash_key key;
	pthread_mutex_t lock; /* the lists, and the connections of each */
	LIST_HEAD(peer_list, peer) buckets[BUCKETS];
};

struct peers *
peers_new(void)
{
	struct peers *p = mem_new(1, sizeof(*p));

	p->key = hash_key_new();
	(void)pthread_mutex_init(&p->lock, NULL);
	return p;
}

void
peers_free(struct peers *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

/* An IPv4 address is the same one on a socket for both families. */
static uint64_t
name_of(const struct peers *p, const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	uint64_t name = 0;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		name = hash_of(&p->key, &v4.sin_addr, sizeof(v4.sin_addr));
	} else if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		name = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)
			       ? hash_of(&p->key, &v6.sin6_addr.s6_addr[12], 4)
			       : hash_of(&p->key, &v6.sin6_addr, 8);
	}
	return name != 0 ? name : 1;
}

/* With the lock. */
static struct peer *
find(const struct peers *p, uint64_t name)
{
	struct peer *peer;

	LIST_FOREACH (peer, &p->buckets[name % BUCKETS], link)
		if (peer->name == name)
			return peer;
	return NULL;
}

unsigned
peers_connections(struct peers *p, const struct sockaddr *address)
{
	uint64_t name = name_of(p, address);
	const struct peer *peer;
	unsigned count;

	(void)pthread_mutex_lock(&p->lock);
	peer = find(p, name);
	count = peer != NULL ? peer->connections : 0;
	(void)pthread_mutex_unlock(&p->lock);
	return count;
}

struct peer *
peers_join(struct peers *p, const struct sockaddr *address, unsigned *ret_connections)
{
	uint64_t name = name_of(p, address);
	struct peer *peer;

	(void)pthread_mutex_lock(&p->lock);
	peer = find(p, name);
	if (peer == NULL) {
		peer = mem_new(1, sizeof(*peer));
		peer->name = name;
		LIST_INSERT_HEAD(&p->buckets[name % BUCKETS], peer, link);
	}
	*ret_connections = ++peer->connections;
	(void)pthread_mutex_unlock(&p->lock);
	return peer;
}

void
peers_leave(struct peers *p, struct peer *peer)
{
	(void)pthread_mutex_lock(&p->lock);
	if (--peer->connections == 0) {
		LIST_REMOVE(peer, link);
		free(peer);
	}
	(void)pthread_mutex_unlock(&p->lock);
}
