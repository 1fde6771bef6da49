/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * depot_offer.h - the document of an offer in a cache: one for both formats of an archive.
 *
 * Threads:  the depot's one writer
 * Errors:   ERR_FULL, ERR_SYS
 */
#ifndef DEPOT_OFFER_H
#define DEPOT_OFFER_H

#include "model/wire.h"
#include "store/repo.h"

/* What the offer of this name says, without formats whose archive is not here. */
void depot_offer_read(struct repo *repo, const char *name, struct offer *ret);

/* Write it anew; an offer that names nothing is none, and goes. */
int depot_offer_write(
	struct repo *repo, const char *name, const struct offer *offer, struct err *e);

#endif
