/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sign_verify.h - a signed repository as a client sees it.
 *
 * Does:     follows the workflow from a root to every role, and looks at every header that is
 *           listed, and at whether what is announced is.
 * Units:    _s seconds since 1970
 * Errors:   ERR_INPUT, what a client does not trust, or a header that is not the one listed;
 *           ERR_MISSING there is no such tree
 * Source:   guts2-trust(7), WORKFLOW
 */
#ifndef SIGN_VERIFY_H
#define SIGN_VERIFY_H

#include "trust/trust.h"

/* Each role that is trusted, by its name; and each type that is announced and was never signed. */
struct sign_visitor {
	void (*role)(void *context, const char *name, const struct metadata *m);
	void (*unsigned_type)(void *context, const char *type);
	void *context;
};

/* root: the file that clients begin with; NULL: the first of the repository. */
int sign_verify(const char *repo, const char *root, int64_t now_s,
	const struct sign_visitor *visitor, struct err *e);

#endif
