/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digest.h - SHA-256, and SHA-512 where somebody else's document names it.
 *
 * Shapes:   32 bytes; as text 64 lower-case hex digits
 * Threads:  a digester belongs to one thread
 * Source:   FIPS 180-4; EVP_DigestInit(3)
 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/stop.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX = 64, DIGEST_SHA512_BYTES = 64 };

struct digest {
	uint8_t byte[DIGEST_BYTES];
};

struct digester;

struct digester *digester_new(void);
void digester_add(struct digester *d, const void *bytes, size_t len);
/* The digest of all that was added; d is as new afterwards. */
struct digest digester_end(struct digester *d);
void digester_free(struct digester *d);

struct digest digest_of(struct span bytes);
void digest_sha512(struct span bytes, uint8_t ret[DIGEST_SHA512_BYTES]);

/* Reads fd from its start to its end; ret NULL: does no more than that. -1: ERR_SYS, ERR_STOPPED.
 */
int digest_of_file(
	int fd, const struct stop *stop, struct digest *ret, uint64_t *ret_bytes, struct err *e);

/* 64 hex digits and a NUL. Returns ret. */
char *digest_hex(const struct digest *d, char ret[DIGEST_HEX + 1]);

/* Exactly 64 lower-case hex digits, anything may follow them. */
bool digest_parse(const char *hex, struct digest *ret);

bool digest_equal(const struct digest *a, const struct digest *b);
int digest_compare(const void *a, const void *b);

#endif
