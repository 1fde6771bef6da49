/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * envelope.h - a document and who has signed it, before anything in it is believed.
 *
 * Does:     reads {"signatures":[{"keyid","sig"}],"signed":{...}}, and counts whose signatures are
 *           good. What is signed is the canonical form of "signed", which is made here.
 * Shapes:   signatures are hex digits; one that is none is a signature of nobody
 * Units:    bytes
 * Owner:    envelope_read -> envelope_free; what it gives lives as long
 * Errors:   ERR_INPUT not of this shape: a number that is no whole one, a repeated member or key id
 *           among the signatures; ERR_LIMIT more values than ENVELOPE_VALUES_MAX
 * Source:   TUF 1.0.34, section 4.2; "canonical JSON" of OLPC, which is not RFC 8785: only " and \
 *           are escaped, control characters stand for themselves
 */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include "base/buf.h"
#include "base/err.h"
#include "model/doc.h"
#include "trust/keyring.h"
#include "trust/signers.h"

/* A parsed value has about 200 bytes: a document of 5 MB can have as many as a million of them. */
enum { ENVELOPE_VALUES_MAX = 1 << 17 };

struct envelope;

struct envelope *envelope_read(struct span bytes, struct err *e);
void envelope_free(struct envelope *v);

/* What is signed: an object. */
const json_t *envelope_signed(const struct envelope *v);

/* How many of the keys that may sign for a role have signed this; each counts once. */
unsigned envelope_signers(
	const struct envelope *v, const struct keyring *ring, const struct signers *who);

/*
 * The canonical form of a value, appended. -1: ERR_INPUT, a number that is no whole one.
 */
int envelope_canonical(const json_t *value, struct buf *ret, struct err *e);

#endif
