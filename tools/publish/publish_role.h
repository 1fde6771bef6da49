/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * publish_role.h - the versions of a type that clients may install, signed.
 *
 * Does:     lists headers in the role of their type, or takes them out of it. Clients see it after
 *           signed_tree_commit.
 * Shapes:   guts2-trust(7), LAYOUT and ROLES
 * Errors:   ERR_INPUT the keys are not those of the role, or it would be too long; ERR_MISSING no
 *           such version
 */
#ifndef PUBLISH_ROLE_H
#define PUBLISH_ROLE_H

#include "signed_tree.h"

enum { PUBLISH_LIST_DEFAULT = 40, PUBLISH_LIST_MAX = 5000 };

struct publish_signing {
	const struct keys *keys;
	uint64_t list;	      /* so many of the newest versions are listed */
	bool security;	      /* of a version that is added */
	const char *advisory; /* the same; NULL: none */
};

/* A version whose header has its name, durably. */
int publish_role_add(struct signed_tree *t, struct repo *repo, const struct ident *ident,
	const struct publish_signing *s, struct err *e);

/* As it is, for as long again; where there is no role yet, with the versions that are there. */
int publish_role_sign(struct signed_tree *t, struct repo *repo, const char *type,
	const struct publish_signing *s, struct err *e);

/* A version that is there is listed no more; one that is not listed already is none the less. */
int publish_role_withdraw(struct signed_tree *t, struct repo *repo, const struct ident *ident,
	const struct publish_signing *s, struct err *e);

/*
 * The highest version of each type that was ever announced, or listed, as far as is known: what is
 * newer is a leftover. *ret is the caller's, empty before. type: the one that is published, whose
 * role has to be as it was.
 */
int publish_role_last(const struct signed_tree *t, const struct idents *query, const char *type,
	struct idents *ret, struct err *e);

#endif
