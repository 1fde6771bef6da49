/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * signed.h - documents of roles, signed, for tests.
 *
 * Owner:    the keys are the suite's, which says signed_use; a document is the caller's
 */
#ifndef SIGNED_H
#define SIGNED_H

#include "trust/metadata.h"
#include "unit.h"

enum { SIGNED_KEYS = 6 };

/* Keys by the ids "k0", "k1"; all kinds, of which k0 to k3 are of the quickest. */
struct signed_keys {
	struct key *at[SIGNED_KEYS];
};

/* Keys are made once for all tests of the suite: one of RSA takes half a second. */
void signed_use(TCase *c);
void signed_set_up(struct signed_keys *k);

/* "k3":{...} as a role lists it. */
void signed_entry(const struct signed_keys *k, unsigned n, struct buf *ret);

/* The content, signed by the keys whose numbers are in `by`: "02". */
void signed_document(
	const struct signed_keys *k, const char *content, const char *by, struct buf *ret);

static inline struct span
signed_span(const struct buf *b)
{
	return span_of(b->at, b->len);
}

#endif
