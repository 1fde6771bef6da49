/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hops.h - the way of a request through servers of this kind, so that loops end.
 *
 * Does:     reads Via as other servers wrote it, passing over what HTTP proxies
 *           put there, and writes our own.
 * Shapes:   "1.1 guts2d-<16 hex>", with commas between; a server makes its id anew at
 *           each start, so that copies of a machine never share one
 * Source:   RFC 9110 section 7.6.3
 */
#ifndef HOPS_H
#define HOPS_H

#include <stdbool.h>

enum {
	HOPS_ID = 23, /* "guts2d-" and 16 hex digits */
	HOPS_MAX = 8, /* servers that a request may have come through */
	HOPS_TEXT_MAX = (HOPS_ID + 6) * (HOPS_MAX + 1), /* any that hops_add makes, with its NUL */
};

/* An id from 8 random bytes. Returns ret. */
char *hops_id(const unsigned char random[8], char ret[HOPS_ID + 1]);

enum hops_verdict { HOPS_GOOD, HOPS_LOOP, HOPS_LONG };

/*
 * The servers that a request came through, of the field's value; id is our own.
 * LOOP: it came through us. LONG: through HOPS_MAX or more. ret: what
 * of it is ours, written as above; "" where nothing is.
 */
enum hops_verdict hops_read(const char *value, const char *id, char ret[HOPS_TEXT_MAX]);

/* The same with ourselves behind. Returns ret. */
char *hops_add(const char *via, const char *id, char ret[HOPS_TEXT_MAX]);

#endif
