/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * peers.h - what each address has of the server just now.
 *
 * Does:     counts the connections of an address, the held answers and the large transfers among
 *           them, for those who say how much one may have. An IPv6 address counts by its first 64
 *           bits: the rest is the site's own to choose.
 * Threads:  any
 * Owner:    peers_new -> peers_free; a peer is there from the first peers_join to the last
 *           peers_leave
 */
#ifndef PEERS_H
#define PEERS_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct peer {
	uint64_t name;		 /* a hash of the address that nobody can foresee; never 0 */
	unsigned connections;	 /* peers.c's */
	unsigned cut;		 /* of these, that are about to go: conns.c's */
	_Atomic uint64_t places; /* in the limiter */
	_Atomic uint64_t held;	 /* answers that are held back */
	LIST_ENTRY(peer) link;
};

struct peers;

struct peers *peers_new(void);
void peers_free(struct peers *p);

/* How many connections the address has. */
unsigned peers_connections(struct peers *p, const struct sockaddr *address);

/* One more; ret_connections: how many the address has with it. And one less. */
struct peer *peers_join(struct peers *p, const struct sockaddr *address, unsigned *ret_connections);
void peers_leave(struct peers *p, struct peer *peer);

#endif
