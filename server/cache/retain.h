/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * retain.h - retention: carries out what retention.h decides, and looks after the room.
 *
 * Does:     after something came into the cache, and every now and then, looks
 *           at all of it, removes what is to go, and asks for the content that has to be
 *           built first.
 * Units:    bytes, _ms milliseconds
 * Threads:  retain_tick from timers; the rest any. It works on the workers
 * Owner:    retain_new -> retain_free
 */
#ifndef RETAIN_H
#define RETAIN_H

#include "server.h"

struct retain *retain_new(struct server *s);
void retain_free(struct retain *r);

/* Something came into the cache. */
void retain_note(struct retain *r);

/* So many bytes are needed and were not to be had. */
void retain_want(struct retain *r, uint64_t bytes);

/* Whether there is room for so many more bytes. ERR_FULL: there is not, but may be soon. */
int retain_room(struct retain *r, uint64_t bytes, struct err *e);

void retain_tick(struct retain *r, uint64_t now_ms);

#endif
