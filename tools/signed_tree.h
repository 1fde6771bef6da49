/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * signed_tree.h - tuf/ of a repository while something is published: what is there, and in which
 *                 order the rest follows.
 *
 * Does:     puts a document under its next name, where it is signed by those who may; then
 *           snapshot, timestamp and last `q` are made to say what is there. At any moment, and
 *           after a crash at any, it is a tree that a client takes; but between a root that changes
 *           who signs snapshot or timestamp and the commit. What was put and not committed, the
 *           next commit lists. What was lost of a tree and cannot be known from the rest is an
 *           error: clients would take nothing of what is signed after it.
 * Shapes:   guts2-trust(7), LAYOUT
 * Units:    _s seconds since 1970
 * Owner:    signed_tree_open -> signed_tree_close, while the repository is locked and open
 * Errors:   ERR_INPUT, with the file and what is wrong with it
 */
#ifndef SIGNED_TREE_H
#define SIGNED_TREE_H

#include "keys.h"
#include "store/repo.h"
#include "trust/role_file.h"
#include "trust/verdict.h"

/* The newest version of a role whose files are numbered. */
struct numbered {
	char name[ROLE_FILE_MAX]; /* "targets.json" */
	uint64_t version;	  /* 0: there is none */
	uint64_t listed;	  /* by the newest snapshot; of the snapshot by the timestamp */
	bool unvouched;		  /* nobody who may sign it today did, or listed it */
	bool accepted;		  /* all the same: signed_tree_accept */
};

struct signed_tree {
	struct repo *repo;
	int dir; /* tuf/ */
	struct numbered *roles;
	size_t count, capacity;
	/* The newest that those signed who may today; NULL: there is none. */
	struct metadata *timestamp;
	struct metadata *snapshot;
	bool lost_snapshot;	  /* one was there, or the timestamp that says which */
	struct metadata *root;	  /* the newest; NULL: there is none */
	struct metadata *targets; /* the newest; NULL: there is none that the root's keys signed */
};

/* A repository that is not signed has a tree without a root. */
int signed_tree_open(struct repo *repo, struct signed_tree **ret, struct err *e);
void signed_tree_close(struct signed_tree *t);
bool signed_tree_has_root(const struct signed_tree *t);

/* Each type whose role is delegated. -1 ends it. */
int signed_tree_each_type(const struct signed_tree *t,
	int (*visit)(void *context, const char *type, struct err *e), void *context, struct err *e);

/* How long a role is good from now on, if nobody says else. role TARGETS: of a type. */
int64_t signed_tree_expiry(enum role role, bool of_type);

/* "targets", or of a type "t-TYPE"; the caller frees. */
char *signed_tree_role_name(const char *type);

/* Who has to sign a role; type NULL: none. ERR_INPUT: there is no root, or no such delegation. */
int signed_tree_basis(const struct signed_tree *t, enum role role, const char *type,
	struct verdict_basis *ret, struct err *e);

/* Whether these keys are enough for the role of a type, and for a commit. */
int signed_tree_check_keys(
	const struct signed_tree *t, const char *type, const struct keys *keys, struct err *e);

/*
 * The next version of the role of a type, or the first one (*ret_new): to be changed, signed and
 * put. NULL: an error.
 */
struct draft *signed_tree_draft(
	const struct signed_tree *t, const char *type, bool *ret_new, struct err *e);

/* The next version of a role; *ret_version its number, of a type any that is higher. */
int signed_tree_put(struct signed_tree *t, enum role role, const char *type, struct span bytes,
	uint64_t *ret_version, struct err *e);

/*
 * The role of a type, as its delegator takes it, whatever its time. NULL: there is none, or not any
 * more. The caller frees.
 */
struct metadata *signed_tree_role_of_type(const struct signed_tree *t, const char *type);

/* Somebody says that the role of this type is right, whoever made it. */
void signed_tree_accept(struct signed_tree *t, const char *type);

/* Whether it had a role, and nobody may sign it any more. */
bool signed_tree_is_revoked(const struct signed_tree *t, const char *type);

/* ---- For signed_tree_commit.c */

/* 0: there is none. name: "targets.json" */
uint64_t signed_tree_newest(const struct signed_tree *t, const char *name);

/* The number of the next snapshot, timestamp or role of a type: higher than any that was seen. */
uint64_t signed_tree_next(const struct signed_tree *t, const char *name);

/* The bytes of the newest, appended; an error where a newer one was lost. */
int signed_tree_read(const struct signed_tree *t, const char *name, struct buf *ret, struct err *e);

/* version 0: none in front. */
int signed_tree_put_file(struct signed_tree *t, uint64_t version, const char *name,
	struct span bytes, struct err *e);

/* Returns -1. */
int signed_tree_no_targets(struct err *e);

#endif
