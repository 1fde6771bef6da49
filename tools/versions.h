/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * versions.h - which versions a repository or a server's cache has.
 *
 * Errors:   ERR_SYS, of repo_walk
 */
#ifndef VERSIONS_H
#define VERSIONS_H

#include "store/repo.h"

/* All whose header is there, of a type (NULL: of all), newest first within a type. The
 * caller frees. */
int versions_read(
	struct repo *repo, const char *type, struct ident **ret, size_t *ret_count, struct err *e);

#endif
