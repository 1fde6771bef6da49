/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * publish_init.h - the announcement of a repository that has none.
 *
 * Does:     makes one that names nothing; or, where somebody lost or damaged that of a
 *           repository with versions in it, the newest version of each type that has its header and
 *           its full archive, whole, in both formats. One that can be read stays as it is.
 * Errors:   ERR_BUSY a publisher is at work; ERR_FULL, ERR_SYS
 */
#ifndef PUBLISH_INIT_H
#define PUBLISH_INIT_H

#include "model/wire.h"
#include "store/repo.h"

/*
 * ret_found: what is announced of versions that were there; empty: a new repository, or one with an
 * announcement. idents_free.
 */
int publish_init(const char *path, struct idents *ret_found, struct err *e);

#endif
