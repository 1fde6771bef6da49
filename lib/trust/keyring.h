/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keyring.h - the keys that a root, or a role that delegates, names.
 *
 * Does:     finds keys by their ids, which are names and nothing else: repositories exist whose
 *           ids are not digests of the keys.
 * Owner:    keyring_free; a ring of zero bytes is empty
 * Errors:   ERR_INPUT, with the field
 * Source:   TUF 1.0.34, sections 4.3 and 4.5
 */
#ifndef KEYRING_H
#define KEYRING_H

#include <stddef.h>

#include "base/err.h"
#include "model/doc.h"
#include "trust/key.h"

struct named_key {
	char *id;
	struct key *key; /* NULL: never counts */
};

struct keyring {
	struct named_key *at; /* sorted by id */
	size_t count;
};

/* The member "keys" of an object. */
int keyring_read(const json_t *object, struct keyring *ret, struct err *e);
void keyring_free(struct keyring *ring);

/* NULL: there is none of that name that counts. */
const struct key *keyring_find(const struct keyring *ring, const char *id);

#endif
