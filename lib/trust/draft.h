/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * draft.h - a role's document while it is written and signed.
 *
 * Does:     begins a document, or the next version of one, changes what it says, and takes
 *           signatures one after the other. Members that are not known here stay as they are.
 *           Whatever is changed takes the signatures with it.
 * Units:    _s seconds since 1970
 * Owner:    draft_new, draft_read -> draft_free
 * Errors:   ERR_INPUT, with the field; ERR_MISSING no such key, role or target
 * Source:   TUF 1.0.34, section 4; guts2-trust(7)
 */
#ifndef DRAFT_H
#define DRAFT_H

#include "trust/metadata.h"

enum { DRAFT_ID_MAX = DIGEST_HEX + 1 }; /* of a key, with its NUL */

struct draft;

/* Version 1 of a role that lists nothing; of a root whose roles have no keys. */
struct draft *draft_new(enum role role, int64_t expires_s);

/* A document, whoever has signed it. NULL: it is none of this role. */
struct draft *draft_read(struct span bytes, enum role role, struct err *e);
void draft_free(struct draft *d);

/* It becomes the next version. */
void draft_renew(struct draft *d, int64_t expires_s);
void draft_set_expiry(struct draft *d, int64_t expires_s);
void draft_set_version(struct draft *d, uint64_t version);
uint64_t draft_version(const struct draft *d);

/* ---- Keys as they are listed: {"keytype","keyval":{"public"},"scheme"} */

/* The id that one is given: SHA-256 of its canonical form. */
char *draft_key_id(const struct key *key, char ret[DRAFT_ID_MAX]);
void draft_format_key(const struct key *key, struct buf *ret);

/* NULL: ERR_INPUT, it is none, or of a kind that never counts. */
struct key *draft_read_key(struct span json, struct err *e);

/* ---- ROOT: who signs for a role */

void draft_add_key(struct draft *d, enum role role, const struct key *key);
int draft_remove_key(struct draft *d, enum role role, const char *id, struct err *e);
void draft_set_threshold(struct draft *d, enum role role, unsigned threshold);

/* Whether each role has as many keys as have to sign. -1: ERR_INPUT, which has not. */
int draft_check_root(const struct draft *d, struct err *e);

/* ---- TIMESTAMP, SNAPSHOT: which file is listed, by name and version; a later one replaces it */

void draft_list(struct draft *d, const char *file, uint64_t version, struct span bytes);

/* ---- TARGETS */

/* Paths of this pattern are left to the role, and to no other; its keys are replaced. */
void draft_delegate(struct draft *d, const char *role, const char *pattern,
	const struct key *const *keys, size_t count, unsigned threshold);
int draft_revoke(struct draft *d, const char *role, struct err *e);

/* take_custom: what custom.guts2 says of it. */
void draft_add_target(struct draft *d, const char *path, struct span bytes, json_t *take_custom);
int draft_remove_target(struct draft *d, const char *path, struct err *e);

/* Those that are listed, in no order; none comes or goes meanwhile. */
void draft_each_target(
	const struct draft *d, void (*visit)(void *context, const char *path), void *context);

/*
 * The highest version of a type that was ever listed, in custom.guts2 of its role: what is
 * withdrawn is listed no more, and its number stays taken. 0: none is noted.
 */
void draft_set_last(struct draft *d, uint64_t last);
uint64_t draft_last(const struct draft *d);

/* ---- Signatures */

/* What is to be signed, appended. */
void draft_signed(const struct draft *d, struct buf *ret);

/* One of this key; a former one of it goes. */
void draft_add_signature(struct draft *d, const struct key *key, struct span signature);

/* The same by a private key. */
void draft_sign(struct draft *d, const struct key *key);
bool draft_is_signed(const struct draft *d); /* by anybody */

/* The bytes that are published, appended. */
void draft_format(const struct draft *d, struct buf *ret);

#endif
