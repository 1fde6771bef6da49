/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * admin_conns.h - the connections of administrators: how many there may be, and their deadlines.
 *
 * Does:     for one more than there may be, the one goes that has been silent the longest; those
 *           that are being answered stay.
 * Units:    _ms milliseconds, monotonic
 * Threads:  any; the lock guards the list, so that no descriptor is shut down after it was closed
 * Owner:    admin_conns_new -> admin_conns_free; admin_conns_add -> admin_conns_remove
 * Source:   guts2d(8), ADMINISTRATION
 */
#ifndef ADMIN_CONNS_H
#define ADMIN_CONNS_H

#include <stdint.h>

enum { ADMIN_CONNS_SPARE = 16 }; /* for a moment, until others have gone */

struct admin_conns;
struct admin_conn;

struct admin_conns *admin_conns_new(void);
void admin_conns_free(struct admin_conns *c);

/* How many there may be. */
unsigned admin_conns_max(const struct admin_conns *c);

/* It has until then to say what it wants. */
struct admin_conn *admin_conns_add(struct admin_conns *c, int fd, uint64_t until_ms);
void admin_conns_remove(struct admin_conns *c, struct admin_conn *conn);

/* 0: it is being answered, and has the time that it takes. */
void admin_conns_set_deadline(struct admin_conns *c, struct admin_conn *conn, uint64_t until_ms);

/* Shut down what is past its deadline. */
void admin_conns_reap(struct admin_conns *c, uint64_t now_ms);

#endif
