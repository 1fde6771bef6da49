/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * published.h - a repository of a publisher, and directories to publish, for tests.
 *
 * Owner:    published_set_up -> published_tear_down
 */
#ifndef PUBLISHED_H
#define PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>

#include "model/ident.h"
#include "publish/publish_add.h"

struct published {
	char *path; /* of the repository */
	int dir;
	char *from; /* what is published next */
	int from_dir;
};

/* A repository that announces nothing, and an empty directory. */
void published_set_up(struct published *p);
void published_tear_down(struct published *p);

/* A file of the next version, in the place of the one before; text NULL: it goes. */
void published_put(const struct published *p, const char *name, const char *text, bool executable);

/* What there is to publish, as a version of a type; by one thread, from at most 5 versions. */
struct publish_request published_request(
	const struct published *p, const char *type, uint64_t version);
/* The repository is opened for it, and closed behind it. */
int published_try(const struct published *p, const struct publish_request *request,
	struct ident *ret, struct err *e);
struct ident published_add(const struct published *p, const char *type, uint64_t version);

/* Announce these, and nothing else. */
void published_announce(const struct published *p, const struct ident *idents, size_t count);

/* The archive of an offer: base NULL: the full one. */
struct archive_ref published_archive(const struct published *p, const struct ident *ident,
	const struct edition *base, enum format format);

#endif
