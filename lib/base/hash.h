/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hash.h - short hashes that nobody outside can foresee.
 *
 * Does:     SipHash-2-4. Who does not know the key can make no two texts that meet, so that tables
 *           and lists of what strangers send stay as short as they should be.
 * Threads:  any
 * Source:   Aumasson, Bernstein: SipHash: a fast short-input PRF (2012)
 */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t word[2];
};

/* A key of this run. */
struct hash_key hash_key_new(void);

uint64_t hash_of(const struct hash_key *key, const void *bytes, size_t len);

/* Of a text, without its NUL. */
uint64_t hash_of_text(const struct hash_key *key, const char *text);

#endif
