/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire.h - the documents q and o: the announcement, what a client has (the body of
 *          POST /q), and the offer of an archive.
 *
 * Shapes:   {"updates":[{"cookie","type","version"}, ...]}
 *           {"client"?,"group"?,"updates":[...]}
 *           {"guts2ar1":{"id":"<64 hex>_archive","size":N}, "guts2ar2":{...}}
 * Errors:   ERR_INPUT naming the field, ERR_LIMIT; which document it was the caller knows
 * Source:   guts2(7), REQUESTS and LIMITS
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "model/ident.h"

#define WIRE_QUERY_BYTES_MAX ((size_t)4 << 20)
#define WIRE_OFFER_BYTES_MAX ((size_t)64 << 10)
#define WIRE_ARCHIVE_BYTES_MAX (1ULL << 40)
enum { WIRE_CLIENT_MAX = 64 };

/* The archive formats, worst first: a client takes the last one it knows. */
enum format { FORMAT_AR1, FORMAT_AR2, FORMAT_COUNT };

/* "guts2ar1", "guts2ar2". */
const char *wire_format_key(enum format format);

int wire_query_parse(struct span json, struct idents *ret, struct err *e);
void wire_query_format(const struct idents *list, struct buf *ret);

/* What a client says of itself. */
struct inventory {
	char client[WIRE_CLIENT_MAX + 1]; /* "" where it did not say */
	bool filter;			  /* `updates` says what it has */
	struct idents updates;
};

/* A body that is no inventory asks for everything, as an empty one does. */
void wire_inventory_parse(struct span json, struct inventory *ret);
/* has NULL: ask for everything. A client whose name is no UTF-8 says none. */
void wire_inventory_format(const char *client, const struct idents *has, struct buf *ret);

/* An archive by its id. bytes 0: there is none (the smallest archive is its terminator). */
struct archive_ref {
	struct digest id;
	uint64_t bytes;
};

struct offer {
	struct archive_ref archive[FORMAT_COUNT];
};

int wire_offer_parse(struct span json, struct offer *ret, struct err *e);
/* The best format that is offered and no better than `best`; false: none. */
bool wire_offer_best(const struct offer *offer, enum format best, enum format *ret);
void wire_offer_format(const struct offer *offer, struct buf *ret);

#endif
