/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * policy.h - the files that an administrator edits while the server runs:
 *            data/fspms.proxy.config and config/channels.json.
 *
 * Does:     reads them; reads them again when they changed or when told to. A
 *           file with an error is logged, and what was read before stays in force.
 * Threads:  any; a policy is immutable, and goes with its last reference
 * Owner:    policies_new -> policies_free; policy_take -> policy_release
 */
#ifndef POLICY_H
#define POLICY_H

#include <stdatomic.h>

#include "channels.h"
#include "options.h"
#include "proxy.h"

enum policy_file { POLICY_PROXY, POLICY_CHANNELS, POLICY_FILES };

struct policy {
	atomic_uint references;
	const struct proxy *proxy;
	const struct channels *channels;
	/* Where those are: here, or in an earlier policy that had no error there. */
	struct proxy own_proxy;
	struct channels own_channels;
	struct policy *lender[POLICY_FILES];
};

struct policies;

/* The files as they are; with an error in one of them the server does not start. */
int policies_new(const struct options *o, struct policies **ret, struct err *e);
void policies_free(struct policies *p);

struct policy *policy_take(struct policies *p);
void policy_release(struct policy *policy);

/* Read both anew; false: nothing new is in force. */
bool policies_reload(struct policies *p);

/*
 * The same where a file is another one than was read, and has been so since the
 * last look: nobody is writing it any more. One caller at a time.
 */
bool policies_look(struct policies *p);

/* What is in force, and where it is from, a line each; no password. Before any thread runs. */
void policies_print(const struct policies *p, FILE *to);

#endif
