/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bodies.h - bodies of answers, where the kernel sends them from without copying them.
 *
 * Does:     keeps each in a file of its own that is nowhere but in memory, and that nobody can
 *           change any more (memfd_create(2)); the bytes are mapped as well, for who wants to read
 *           them
 * Units:    bytes; of the process at most BODIES_COUNT times BODIES_LEN_MAX
 * Threads:  any
 * Owner:    bodies_new -> bodies_free
 */
#ifndef BODIES_H
#define BODIES_H

#include <stddef.h>
#include <sys/types.h>

enum {
	BODIES_LEN_MIN = 16384, /* what is less is copied in less time */
	BODIES_LEN_MAX = 32768,
	BODIES_COUNT = 1024,
};

/* A copy of these; NULL: of this length none is kept, or there are too many, or no descriptor. */
void *bodies_new(const void *bytes, size_t len);
/* What is on its way to somebody still arrives there as it was. */
void bodies_free(void *body);

/* The file that has these bytes, and where in it they are; -1: they are of no body. */
int bodies_file(const void *at, off_t *ret_offset);

#endif
