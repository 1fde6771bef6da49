/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conns.h - every open connection, and the absolute deadlines it has.
 *
 * Does:     what keeps a connection without getting anywhere is shut down: a
 *           head or body that trickles in, a reader slower than 1 kB/s.
 * Units:    _ms milliseconds, monotonic
 * Threads:  a connection's own thread changes its state; conns_reap from one
 *           other. The lock guards the list, so that no descriptor is shut down after it was
 *           closed.
 * Owner:    conns_add -> conns_remove
 */
#ifndef CONNS_H
#define CONNS_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>

#include "model/wire.h"

/*
 * NEW, HEAD -> BODY -> HELD or SENDING; HELD -> SENDING or HELD again; any -> IDLE when a request
 * has ended, however it did; IDLE -> HEAD.
 */
enum conn_state {
	CONN_NEW,     /* nothing was asked yet */
	CONN_HEAD,    /* a request line has come, the head is not complete */
	CONN_BODY,    /* the head is complete */
	CONN_HELD,    /* its answer is held */
	CONN_SENDING, /* an answer is on its way */
	CONN_IDLE,    /* the answer is gone, the connection stays */
};

struct conn {
	int fd;
	char address[64];
	char client[WIRE_CLIENT_MAX + 1]; /* what it called itself last; its own thread's */
	_Atomic int state;
	_Atomic uint64_t since_ms;
	uint64_t window_ms; /* the reaper's: since when the bytes are counted */
	uint64_t window_acked;
	LIST_ENTRY(conn) link;
};

struct conns;

/*
 * How many connections there can be: wanted, or, with a warning in the log, what
 * the process may open beside other files. Raises the process's soft limit.
 * ret_files: how many files of the cache may stay open.
 */
unsigned conns_limit(unsigned wanted, unsigned *ret_files);

struct conns *conns_new(void);
void conns_free(struct conns *c);

struct conn *conns_add(struct conns *c, int fd, const char *address);
void conns_remove(struct conns *c, struct conn *conn);

void conns_enter(struct conn *conn, enum conn_state state);

/* Bytes that the other side has confirmed since the connection began; 0: not known. */
uint64_t conns_acked(int fd);

/* Shut down what is past its deadline. Returns how many. */
unsigned conns_reap(struct conns *c, uint64_t now_ms);

#endif
