/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * key.h - keys, and what is signed with them (with digest.c the only user of libcrypto).
 *
 * Does:     reads a public key as a role's metadata has it, and says whether a signature is its
 * own; makes private keys, keeps them under a passphrase, and signs. Shapes:   public: ed25519 64
 * hex digits; ecdsa-sha2-nistp256 and rsassa-pss-sha256 PEM (SubjectPublicKeyInfo). Private: PEM
 * (PKCS #8), encrypted unless there is no passphrase Threads:  a key may be used by many Owner:
 * key_read, key_new, key_load -> key_free Errors:   ERR_INPUT no such scheme, no private key, or
 * another passphrase Source:   TUF 1.0.34, section 4.2; RFC 8032, RFC 8017, RFC 8018, FIPS 186-5;
 * EVP_DigestSign(3), EVP_DigestVerify(3), PEM_write_bio_PKCS8PrivateKey(3)
 */
#ifndef KEY_H
#define KEY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum { KEY_TEXT_MAX = 16384, KEY_SIGNATURE_MAX = 2048 }; /* bytes; RSA of 16,384 bits */

struct key;

/*
 * A public key. NULL: of a kind that is not known, or not to be read; such a key never counts, and
 * is no error.
 */
struct key *key_read(const char *keytype, const char *scheme, const char *text);
void key_free(struct key *k);

/*
 * The same key, however it is written: a point of a curve has a compressed and a long form, and a
 * key may be named by two ids.
 */
bool key_equal(const struct key *a, const struct key *b);

/* Whether the signature is one of this key over exactly these bytes. */
bool key_verify(const struct key *k, struct span bytes, struct span signature);

/* ---- Private keys */

/* A new one; NULL: ERR_INPUT. */
struct key *key_new(const char *scheme, struct err *e);

/* From PEM; passphrase NULL: it is not encrypted. NULL: ERR_INPUT. */
struct key *key_load(struct span pem, const char *passphrase, struct err *e);

/* To PEM, appended; passphrase NULL: it is not encrypted. */
void key_save(const struct key *k, const char *passphrase, struct buf *ret);

/* The public half as key_read takes it; the text is appended. */
const char *key_type(const struct key *k);
const char *key_scheme(const struct key *k);
void key_text(const struct key *k, struct buf *ret);

/* Appended; of a private key. */
void key_sign(const struct key *k, struct span bytes, struct buf *ret);

#endif
