/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * announce_refused.h - versions that were refused, so that each is logged once.
 */
#ifndef ANNOUNCE_REFUSED_H
#define ANNOUNCE_REFUSED_H

#include "model/wire.h"

/* This one is: where it was not noted yet, it is logged. */
void announce_refused_note(struct idents *refused, const struct ident *new,
	const struct edition *known, const char *why);

/* Of types that were not fetched any more: what comes and goes leaves nothing behind. */
void announce_refused_sweep(struct idents *refused, const struct idents *fetched);

#endif
