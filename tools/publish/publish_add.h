/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * publish_add.h - one more version in the cloud's repository.
 *
 * Does:     stores, encodes, packs, signs and announces; until the timestamp, of a repository
 *           that is signed, and else `q` is replaced at the very end the repository is what it was.
 * Errors:   those of publish_scan and publish_role; ERR_INPUT the version is not larger than the
 *           last, or the repository is signed and there are no keys; ERR_MISSING no such content;
 * ERR_BUSY another publisher is at work Source:   guts2(7), ARCHIVES and REPOSITORY
 */
#ifndef PUBLISH_ADD_H
#define PUBLISH_ADD_H

#include "base/err.h"
#include "publish/publish_role.h"

enum { PUBLISH_DIFFS_DEFAULT = 40, PUBLISH_DIFFS_MAX = 200 };

/* Far below what a header may have in one field, however its characters are escaped. */
enum { PUBLISH_TITLE_BYTES_MAX = 1000 };

struct publish_request {
	const char *type;
	const char *title;     /* NULL: the type's name; at most PUBLISH_TITLE_BYTES_MAX */
	const char *directory; /* NULL: the content of an older version, */
	uint64_t content_of;   /* this one, once more */
	const struct publish_signing *signing; /* of a repository that is signed */
	uint64_t version; /* 0: now, or the last one plus 1 if that is larger */
	uint64_t diffs;	  /* from so many versions before */
	uint64_t jobs;	  /* threads */
};

int publish_add(
	struct repo *repo, const struct publish_request *request, struct ident *ret, struct err *e);

#endif
