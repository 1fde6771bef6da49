/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply_trust.h - what there is for who asks for a document below tuf/.
 *
 * Does:     finds it among what was verified, and fills the reply.
 * Source:   guts2-trust(7), SERVERS
 */
#ifndef REPLY_TRUST_H
#define REPLY_TRUST_H

#include "http/reply.h"

enum reply_trust {
	REPLY_TRUST_FOUND, /* the reply is made */
	REPLY_TRUST_ROLE,  /* of a type that nobody asked for yet: *ret_role has it fetched */
	REPLY_TRUST_NONE,
};

/* name: below tuf/. The reply has its view. */
enum reply_trust reply_trust(const struct request_facts *facts, const char *name, struct reply *r,
	struct job_spec *ret_role);

#endif
