/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * publish_sweep.h - what an interrupted publisher left is removed.
 *
 * Does:     where something is in stage/, or headers or offers are newer than what is
 *           announced, removes those, every archive and content that nothing refers to any
 *           more, and what is in stage/. Interrupted, the next one does the rest. Where a
 *           header or an offer cannot be read no archive and content goes, with a warning.
 */
#ifndef PUBLISH_SWEEP_H
#define PUBLISH_SWEEP_H

#include "model/wire.h"
#include "store/repo.h"

/* last: the highest version of each type that is no leftover. The repository is locked. */
int publish_sweep(struct repo *repo, const struct idents *last, struct err *e);

#endif
