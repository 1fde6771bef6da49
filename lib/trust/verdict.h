/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verdict.h - what a role's document is measured by, one measure at a time.
 *
 * Does:     says of a document whether it may be trusted, and if not why. All roles are measured
 *           here, delegated or not, new or kept.
 * Units:    _s seconds since 1970
 * Threads:  any
 * Errors:   the sentence to a verdict that is not GOOD
 * Source:   TUF 1.0.34, section 5; guts2-trust(7), WORKFLOW
 */
#ifndef VERDICT_H
#define VERDICT_H

#include "trust/metadata.h"

enum verdict {
	VERDICT_GOOD,
	VERDICT_MALFORMED,   /* it breaks a rule of the format */
	VERDICT_UNSIGNED,    /* fewer good signatures than the role needs */
	VERDICT_ROLLED_BACK, /* older than what was seen before */
	VERDICT_MIXED,	     /* not the version, or the bytes, that is listed */
	VERDICT_EXPIRED,
	VERDICT_NOT_LISTED, /* a role that the snapshot does not name */
	VERDICT_MISSING,    /* the repository has it not */
	VERDICTS
};

/* The word of guts2-trust(7), REASONS. */
const char *verdict_name(enum verdict verdict);

/* Who vouches for a document. */
struct verdict_basis {
	const struct listed *listed; /* its bytes; NULL: nobody says which they are */
	const struct keyring *keys;  /* NULL: nobody but the document itself, which is a root */
	const struct signers *who;
};

/*
 * Its bytes and signatures, before anything else of it is read; a root is signed by itself, too.
 * *ret is the caller's, NULL unless it is GOOD.
 */
enum verdict verdict_read(const struct verdict_basis *basis, enum role role, struct span bytes,
	struct metadata **ret, struct err *e);

/* It has this version, and no other. */
enum verdict verdict_version(const struct metadata *m, uint64_t version, struct err *e);

/* In the second in which it expires its time is over. */
enum verdict verdict_expiry(const struct metadata *m, int64_t now_s, struct err *e);

/*
 * A clock that stands before this program was made is wrong, and says nothing of what has expired.
 * ERR_INPUT.
 */
int verdict_check_clock(int64_t now_s, struct err *e);

/* Neither a timestamp nor the snapshot that it lists is older than before. */
enum verdict verdict_timestamp(
	const struct metadata *before, const struct metadata *m, struct err *e);

/* No role that a snapshot lists goes, and none goes back. */
enum verdict verdict_snapshot(
	const struct metadata *before, const struct metadata *m, struct err *e);

#endif
