/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * delegation.h - which paths a role is left with.
 *
 * Source:   TUF 1.0.34, section 4.5; guts2-trust(7), WORKFLOW
 */
#ifndef DELEGATION_H
#define DELEGATION_H

#include "trust/metadata.h"

/* Whether a target of this path is left to the role. */
bool delegation_covers(const struct delegation *d, const char *path);

#endif
