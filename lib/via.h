/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * via.h - the way of a request through servers of this kind, so that loops end.
 *
 * Does:     reads Via as other servers wrote it, passing over what HTTP proxies
 *           put there, and writes our own.
 * Shapes:   "1.1 guts2d-<16 hex>", with commas between; a server makes its id anew at
 *           each start, so that copies of a machine never share one
 * Source:   RFC 9110 section 7.6.3
 */
#ifndef VIA_H
#define VIA_H

#include <stdbool.h>

enum {
	VIA_ID = 23,	  /* "guts2d-" and 16 hex digits */
	VIA_HOPS_MAX = 8, /* servers that a request may have come through */
	VIA_MAX = (VIA_ID + 6) * (VIA_HOPS_MAX + 1), /* any that via_add makes, with its NUL */
};

/* An id from 8 random bytes. Returns ret. */
char *via_id(const unsigned char random[8], char ret[VIA_ID + 1]);

enum via_verdict { VIA_GOOD, VIA_LOOP, VIA_LONG };

/*
 * The servers that a request came through, of the field's value; id is our own.
 * LOOP: it came through us. LONG: through VIA_HOPS_MAX or more. ret: what
 * of it is ours, written as above; "" where nothing is.
 */
enum via_verdict via_read(const char *value, const char *id, char ret[VIA_MAX]);

/* The same with ourselves behind. Returns ret. */
char *via_add(const char *via, const char *id, char ret[VIA_MAX]);

#endif
