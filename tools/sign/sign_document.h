/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sign_document.h - a role's document in a file, carried from one who signs to the next.
 *
 * Does:     one that somebody has signed becomes the next version when it is changed; one that
 *           nobody has is changed as it is. Replaced whole, or left as it was.
 * Owner:    the caller's
 * Errors:   ERR_INPUT, with the file; ERR_MISSING no such key or role
 * Source:   guts2-sign(1)
 */
#ifndef SIGN_DOCUMENT_H
#define SIGN_DOCUMENT_H

#include "keys.h"

enum { SIGN_CHANGES_MAX = 64 };

enum sign_what { SIGN_ADD, SIGN_REMOVE, SIGN_THRESHOLD };

/* Of a root: a key that signs for a role, or does no more; how many have to. */
struct sign_change {
	enum sign_what what;
	enum role role;
	const char *text; /* ADD: a file; REMOVE: an id */
	unsigned threshold;
};

struct sign_changes {
	struct sign_change at[SIGN_CHANGES_MAX];
	size_t count;
	uint64_t days; /* until it expires; 0: as long as is usual for the role */
};

/* What became of a document, for people. */
struct sign_state {
	enum role role;
	uint64_t version;
	unsigned signatures; /* good ones, of those who may by what it says itself: of a root */
	unsigned required;   /* 0: another document says it */
	bool is_signed;	     /* by anybody */
	unsigned strangers;  /* of the keys that signed now: those that a root does not name */
};

/* A root, made if it is not there. */
int sign_document_root(
	const char *path, const struct sign_changes *c, struct sign_state *ret, struct err *e);

/* Targets, made if they are not there: a type is left to the role of its name. */
int sign_document_delegate(const char *path, const char *type, const char *const *keys,
	size_t count, unsigned threshold, uint64_t days, struct sign_state *ret, struct err *e);
int sign_document_revoke(
	const char *path, const char *type, uint64_t days, struct sign_state *ret, struct err *e);

/* A signature more of each key. */
int sign_document_sign(
	const char *path, const struct keys *keys, struct sign_state *ret, struct err *e);

#endif
