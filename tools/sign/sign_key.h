/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sign_key.h - keys in files, and the passphrases that open them.
 *
 * Shapes:   FILE, PEM, mode 0600 or it is refused; FILE.pub, as roles list a key
 * Owner:    key_free
 * Errors:   ERR_INPUT, with the file
 */
#ifndef SIGN_KEY_H
#define SIGN_KEY_H

#include "trust/draft.h"

enum { SIGN_PASSPHRASE_MAX = 1024 }; /* bytes */

/* Where a passphrase comes from: a file's first line; else who sits at the terminal is asked. */
struct sign_passphrase {
	const char *file; /* NULL: none */
	bool none;	  /* keys are not encrypted */
};

/* A new one in FILE and FILE.pub, neither of which may be there; *ret_id its id. */
int sign_key_new(const char *path, const char *scheme, const struct sign_passphrase *from,
	char ret_id[DRAFT_ID_MAX], struct err *e);

/* The private key in FILE. NULL: an error. */
struct key *sign_key_open(const char *path, const struct sign_passphrase *from, struct err *e);

/* The public key in FILE.pub. NULL: an error. */
struct key *sign_key_open_public(const char *path, struct err *e);

#endif
