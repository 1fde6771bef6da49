/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * origin.h - where an upstream is: its base URL, taken apart.
 *
 * Shapes:   http://host[:port][/path]   https://...   file:///path
 * Owner:    origins_parse -> origins_free; immutable in between
 * Errors:   ERR_INPUT with the reason
 * Source:   RFC 3986
 */
#ifndef ORIGIN_H
#define ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/ident.h"

enum { ORIGINS_MAX = 16 };

enum origin_scheme { ORIGIN_HTTP, ORIGIN_HTTPS, ORIGIN_FILE };

struct origin {
	char *base; /* without a slash at the end */
	enum origin_scheme scheme;
	char *host; /* lower case, without brackets; "" for file */
	uint16_t port;
};

struct origins {
	struct origin at[ORIGINS_MAX];
	size_t count;
};

/* One base URL; or several with commas between them, in the order of preference. */
int origin_parse(const char *base, struct origin *ret, struct err *e);
void origin_free(struct origin *o);
int origins_parse(const char *list, struct origins *ret, struct err *e);
void origins_free(struct origins *list);

/*
 * What a redirect leads to, where it stays on this server and below the base
 * URL. False: somewhere else, or not a path of ident.h.
 */
bool origin_location_target(const struct origin *o, const char *location, struct target *ret);

#endif
