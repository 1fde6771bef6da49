/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * signers.h - who may sign for a role, and how many of them have to.
 *
 * Owner:    signers_free; of zero bytes there is nobody
 * Errors:   ERR_INPUT, with the field; ERR_LIMIT more than SIGNERS_MAX for one role
 * Source:   TUF 1.0.34, sections 4.3 and 4.5
 */
#ifndef SIGNERS_H
#define SIGNERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "model/doc.h"

enum { SIGNERS_MAX = 256 }; /* of one role: each look-up and each signature costs them */

struct signers {
	char **ids;
	size_t count;
	unsigned threshold; /* at least 1 */
};

/* The members "keyids" and "threshold". An id twice is an error. */
int signers_read(const json_t *object, struct signers *ret, struct err *e);
void signers_free(struct signers *who);
bool signers_has(const struct signers *who, const char *id);

#endif
