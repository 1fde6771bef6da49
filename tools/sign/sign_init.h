/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sign_init.h - a repository is signed from now on, by keys that are made here.
 *
 * Does:     the steps of a ceremony by one who sits at one machine: keys, a root that two of three
 *           have to sign, targets that leave each type to one key, and one key that is online.
 * Shapes:   DIR/root-1 to root-3, targets, types, online, each with .pub; root.json, targets.json
 * Errors:   ERR_INPUT it is signed already; a key that is there is not replaced
 * Source:   guts2-trust(7), ROLES
 */
#ifndef SIGN_INIT_H
#define SIGN_INIT_H

#include "sign/sign_document.h"

enum { SIGN_INIT_ROOTS = 3, SIGN_INIT_ROOTS_NEEDED = 2, SIGN_INIT_TYPES_MAX = 100 };

struct sign_init {
	const char *repo;
	const char *directory; /* made if it is not there */
	const char *scheme;
	const struct keys_passphrase
		*passphrase; /* asked for each key but the one that is online */
	/* With those that are announced: */
	const char *types[SIGN_INIT_TYPES_MAX];
	size_t type_count;
};

int sign_init(const struct sign_init *init, struct err *e);

#endif
