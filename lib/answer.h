/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * answer.h - the small documents: the announcement (`q`), what a client has
 *            (the body of POST `/q`) and the offer of an archive (`o`).
 *
 * Shapes:   {"updates":[{"cookie","type","version"}, ...]}
 *           {"client"?,"group"?,"updates":[...]}
 *           {"guts2ar1":{"id":"<64 hex>_archive","size":N}, "guts2ar2":{...}}
 * Owner:    idents_free releases a list
 * Errors:   ERR_INPUT naming the field; ERR_LIMIT
 * Source:   PROTOCOL sections 2 and 8
 */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "digest.h"
#include "err.h"
#include "ident.h"

#define ANSWER_QUERY_BYTES_MAX ((size_t)4 << 20)
#define ANSWER_OFFER_BYTES_MAX ((size_t)64 << 10)
#define ANSWER_ARCHIVE_BYTES_MAX (1ULL << 40)
enum { ANSWER_CLIENT_MAX = 64 };

/* Identities, one for each type, sorted by type. */
struct idents {
	struct ident *at;
	size_t count;
	size_t capacity;
};

#define AUTO_IDENTS __attribute__((cleanup(idents_free)))

void idents_add(struct idents *list, const struct ident *ident);
/* Sort; false where a type is repeated. */
bool idents_sort(struct idents *list);
const struct ident *idents_find(const struct idents *list, const char *type);
void idents_free(struct idents *list);

int answer_query_parse(struct span json, struct idents *ret, struct err *e);
void answer_query_format(const struct idents *list, struct buf *ret);

/* What a client says of itself. */
struct inventory {
	char client[ANSWER_CLIENT_MAX + 1]; /* "" where it did not say */
	bool filter;			    /* `updates` says what it has */
	struct idents updates;
};

/* A body that is no inventory asks for everything, as an empty one does. */
void answer_inventory_parse(struct span json, struct inventory *ret);
/* has NULL: ask for everything. */
void answer_inventory_format(const char *client, const struct idents *has, struct buf *ret);

/* An archive by its id. bytes 0: there is none (the smallest archive is its terminator). */
struct archive_ref {
	struct digest id;
	uint64_t bytes;
};

struct offer {
	struct archive_ref archive[FORMAT_COUNT];
};

int answer_offer_parse(struct span json, struct offer *ret, struct err *e);
void answer_offer_format(const struct offer *offer, struct buf *ret);

#endif
