/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * build.h - contents from what is kept, and archives from contents.
 *
 * Does:     everything a server builds itself: the content of a version from
 *           an older one and differences, full archives from content in any format,
 *           differences that the cloud does not have. What is built is stored in the depot,
 *           whole or not at all.
 * Threads:  any; each build has a workspace of its own
 * Errors:   ERR_DIGEST, ERR_INPUT, ERR_MISSING: something it was built from is
 *           damaged or does not fit; ERR_STOPPED (repo_set_stop); ERR_FULL; ERR_SYS
 * Source:   guts2(7), ARCHIVES and REPOSITORY
 */
#ifndef BUILD_H
#define BUILD_H

#include <stdbool.h>

#include "codec/encode.h"
#include "codec/listing.h"
#include "store/depot.h"

struct build {
	struct depot *depot;
	const char *workspace; /* a name in stage/ that nobody else uses; removed at the end */
	const struct encode_crew *crew; /* NULL: this thread alone */
};

/*
 * The content of a version: start is a content or a full archive, and each of
 * the differences leads one step on. The last step's header is that version's; all
 * headers are stored. Where an archive does not decode to what its header says,
 * *ret_culprit is that archive.
 */
struct build_way {
	const struct record *start;
	const struct record *differences;
	size_t count;
};
int build_content(const struct build *b, const struct build_way *way, struct record *ret,
	const struct record **ret_culprit, struct err *e);

/* What decoding an archive takes beside its files: the contents that no header lists. */
uint64_t build_scratch_bytes(struct repo *repo, const struct record *archive);

/*
 * A full archive of a version whose content is stored. Streams of the donors,
 * archives of any version, are used again where they fit; of a full archive and the difference
 * from it to this version all are.
 */
struct build_full {
	struct ident ident;
	enum format format;
	const struct record *donors;
	size_t count;
	const bool *decoded; /* of each: this process has seen that all of it is right */
	bool roomy;	     /* the workspace may take BUILD_FULL_ROOM times the content's bytes */
};
enum { BUILD_FULL_ROOM = 1 + LISTING_UNLISTED_SHARE };
int build_full(
	const struct build *b, const struct build_full *what, struct record *ret, struct err *e);

struct build_difference {
	struct ident ident;
	struct edition base; /* its header is stored */
	enum format format;
	const struct record *new_full; /* NULL: the content is stored */
	const struct record *old_full; /* NULL: what c/ has of the old version is all there is */
	uint64_t full_bytes;	       /* what the difference has to be smaller than */
};

/* ret->ref.bytes 0: it would not be enough smaller, and was not stored. */
int build_difference(const struct build *b, const struct build_difference *what, struct record *ret,
	struct err *e);

#endif
