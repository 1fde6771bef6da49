/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conns.h - every open connection, how many there may be, and the absolute deadlines it has.
 *
 * Does:     what keeps a connection without getting anywhere is shut down: a
 *           head or body that trickles in, a reader slower than 1 kB/s; and where there are too
 *           many, those that have been idle the longest.
 * Units:    _ms milliseconds, monotonic
 * Threads:  a connection's own thread changes its state; the rest from any. The lock guards the
 *           list, so that no descriptor is shut down after it was closed.
 * Owner:    conns_add -> conns_remove
 * Source:   guts2d(8), LIMITS
 */
#ifndef CONNS_H
#define CONNS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "http/peers.h"
#include "model/wire.h"

/*
 * NEW, HEAD -> BODY -> HELD or SENDING; HELD -> SENDING or HELD again; SENDING -> HELD where the
 * rest of the answer is still to come; any -> IDLE when a request has ended, however it did; IDLE
 * -> HEAD.
 */
enum conn_state {
	CONN_NEW,     /* nothing was asked yet */
	CONN_HEAD,    /* a request line has come, the head is not complete */
	CONN_BODY,    /* the head is complete */
	CONN_HELD,    /* its answer, or the rest of it, is held */
	CONN_SENDING, /* an answer is on its way */
	CONN_IDLE,    /* the answer is gone, the connection stays */
};

struct conn {
	int fd;
	struct peer *peer;
	char address[64];
	char client[WIRE_CLIENT_MAX + 1]; /* what it called itself last; its own thread's */
	_Atomic int state;
	_Atomic uint64_t since_ms;
	atomic_bool has_place; /* in the limiter */
	atomic_bool arriving;  /* SENDING, HELD: of its answer the rest is not here yet */
	/* Under the lock: */
	bool cut; /* it was shut down; its thread closes it */
	/* SENDING, the reaper's: */
	uint64_t answer_ms; /* which answer the rest is of: when it began */
	uint64_t looked_ms;
	uint64_t moved_ms;    /* when bytes were confirmed last */
	uint64_t patience_ms; /* until then it may go on without */
	uint64_t acked;
	LIST_ENTRY(conn) link;
};

struct conns;

/*
 * How many connections there can be: wanted, or, with a warning in the log, what
 * the process may open beside other files. Raises the process's soft limit.
 * ret_files: how many files of the cache may be open. -1: it may open too few files to work.
 */
int conns_limit(unsigned wanted, unsigned *ret_connections, unsigned *ret_files, struct err *e);

/* How many more than its limit there are for a moment, until idle ones have gone. */
unsigned conns_spare(unsigned limit);

struct conns *conns_new(unsigned limit);
void conns_free(struct conns *c);

/* Whether one more may come at all, of an address that has so many. */
bool conns_has_room(struct conns *c, unsigned of_address);

/* One more: where there are more than the limit the longest idle ones go. */
struct conn *conns_add(struct conns *c, int fd, struct peer *peer, const char *address);
void conns_remove(struct conns *c, struct conn *conn);

/*
 * The address of a new one has `connections` now, and may have limit: those of it that have been
 * idle the longest go, or, where none is idle, the new one.
 */
void conns_limit_address(struct conns *c, struct conn *conn, unsigned connections, unsigned limit);

void conns_enter(struct conn *conn, enum conn_state state);

/* Bytes that the other side has confirmed since the connection began; 0: not known. */
uint64_t conns_acked(int fd);

/*
 * Shut down what is past its deadline; and where somebody wants a place in the limiter, one that
 * has it and does not move. Returns how many.
 */
unsigned conns_reap(struct conns *c, uint64_t now_ms, bool places_wanted);

/*
 * The server ends: shut down every connection but those on which an answer is on its way that can
 * still be whole; `all`: those too. Returns how many are left.
 */
unsigned conns_drain(struct conns *c, bool all);

#endif
