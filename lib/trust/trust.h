/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trust.h - the workflow of a client: which file is wanted next, and what follows from it.
 *
 * Does:     is given bytes, one file at a time, and says whether they are to be trusted. It reads
 *           no file, asks nobody, and knows no other time than the one it is given. Whoever drives
 *           it does what trust_next says until that says no more:
 *
 *               while (trust_next(t, &want))
 *                       bytes = want.kept ? (what is kept of it) : (what the repository has)
 *                       trust_take(t, bytes), trust_absent(t) or trust_oversized(t)
 *
 *           and keeps what was taken and was not kept before, byte for byte, under its role's name.
 * Units:    _s seconds since 1970; lengths in bytes
 * Threads:  one at a time
 * Owner:    trust_new -> trust_free; what it gives lives as long, or until a role is replaced
 * Errors:   of all, a verdict (verdict.h) and a sentence. After one nothing more is wanted; what
 *           was trusted before stays so. Of what was kept nothing is an error.
 * Source:   TUF 1.0.34, section 5; guts2-trust(7)
 */
#ifndef TRUST_H
#define TRUST_H

#include "trust/role_file.h"
#include "trust/verdict.h"

enum {
	TRUST_ROOT_BYTES_MAX = 512000,
	TRUST_TIMESTAMP_BYTES_MAX = 16384,
	TRUST_SNAPSHOT_BYTES_MAX = 2000000,
	TRUST_TARGETS_BYTES_MAX = 5000000,
	TRUST_ROOTS_MAX = 256, /* one after the other, in one go */
	TRUST_ROLES_MAX = 32,  /* that are looked at for one target */
};

struct trust;

/* root: what is pinned, or what was kept of it. NULL: it is none, or is not signed by itself. */
struct trust *trust_new(struct span root, int64_t now_s, struct err *e);
void trust_free(struct trust *t);

struct trust_want {
	enum role role;
	bool kept;		  /* from an earlier time; absent is as good */
	uint64_t max_bytes;	  /* counted while they arrive: more is an error */
	char name[ROLE_FILE_MAX]; /* of the role, as a file: "root.json", "t-a%2fb.json" */
	char file[ROLE_FILE_MAX]; /* at the repository: "2.root.json" */
};

/* False: nothing more, see trust_verdict. */
bool trust_next(struct trust *t, struct trust_want *ret);

/*
 * What was wanted. True: it is trusted, and is to be kept. False: it is not, which of something
 * that was kept is no error; or it is a timestamp of the version that was there, which stays.
 */
bool trust_take(struct trust *t, struct span bytes);

/* It is not there; or it is longer than max_bytes. */
void trust_absent(struct trust *t);
void trust_oversized(struct trust *t);

/* VERDICT_GOOD: all that was wanted is trusted. Else what was wrong, and a sentence that says
 * whose.
 */
enum verdict trust_verdict(const struct trust *t);
const char *trust_why(const struct trust *t);

/* As many roots came as are taken in one go: whoever begins with the last of them may find more. */
bool trust_more_roots(const struct trust *t);

/*
 * Look for a target: what trust_next wants from now on are the roles that may list it, each
 * verified by the role that delegates to it here. To be called once all was GOOD; a search that was
 * not brought to its end is forgotten.
 */
void trust_find(struct trust *t, const char *path);

/* NULL: none of them lists it. */
const struct listed *trust_found(const struct trust *t);

/* The role that was looked at last in the search; NULL: none but targets. */
const struct metadata *trust_visited(const struct trust *t);

/* A role of the root's, as it is trusted; NULL: it is not yet. */
const struct metadata *trust_role(const struct trust *t, enum role role);

#endif
