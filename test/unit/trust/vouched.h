/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vouched.h - a signed repository in memory, and a client of it that keeps what it trusts, for
 * tests.
 *
 * Shapes:   each role of the root's has the key of its number; the targets list "top", and leave
 *           what begins with x to the roles a (key 0), which lists "xa", and b (key 1), "xb"
 * Owner:    vouched_set_up -> vouched_tear_down; contents are the caller's, until published
 */
#ifndef VOUCHED_H
#define VOUCHED_H

#include "trust/signed.h"
#include "trust/trust.h"

#define VOUCHED_SOON "2027-01-31T00:00:00Z"
#define VOUCHED_PAST "2026-01-31T00:00:00Z"
extern const int64_t vouched_now_s; /* 2026-11-26 */

enum { VOUCHED_FILES = 64 };

struct vouched_file {
	char name[ROLE_FILE_MAX];
	struct buf bytes;
};

/* By name: what a repository has, or what was kept of it. */
struct vouched_files {
	struct vouched_file at[VOUCHED_FILES];
	size_t count;
};

extern struct signed_keys vouched_keys;
extern struct vouched_files vouched_repository, vouched_kept;
extern char vouched_asked[1024]; /* of the repository: names, with a blank behind each */

void vouched_set_up(void);
void vouched_tear_down(void);

void vouched_put(struct vouched_files *f, const char *name, struct span bytes);
/* NULL: it is not there. */
const struct vouched_file *vouched_get(const struct vouched_files *f, const char *name);

/* A document, signed by the keys whose numbers are in `by`. */
void vouched_publish(const char *name, const char *by, char *take_content);

/* What all roles have, without brackets. */
char *vouched_common(const char *type, unsigned version, const char *expires);

/* who: the number of each role's key, in the order of enum role. */
char *vouched_root(unsigned version, const char *expires, const char *who);
char *vouched_timestamp(unsigned version, unsigned snapshot, const char *expires);

/* a, b: the versions of these roles; 0: it is not listed. */
char *vouched_snapshot(unsigned version, unsigned targets, unsigned a, unsigned b);

/* path NULL: no target. roles: of delegations, such as these. */
char *vouched_targets(unsigned version, const char *expires, const char *path, const char *roles);
#define VOUCHED_A(terminating)                                                                     \
	"{\"name\":\"a\",\"keyids\":[\"k0\"],\"threshold\":1,\"terminating\":" terminating         \
	",\"paths\":[\"x*\"]}"
#define VOUCHED_B                                                                                  \
	"{\"name\":\"b\",\"keyids\":[\"k1\"],\"threshold\":1,\"terminating\":false,\"paths\":["    \
	"\"x*\"]}"

/* Until nothing more is wanted. */
void vouched_run(struct trust *t);

/* From the root that is kept, at a time; ret_why may be NULL. */
enum verdict vouched_refresh_at(int64_t s, const char **ret_why);
enum verdict vouched_refresh(void);

#endif
