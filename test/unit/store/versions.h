/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * versions.h - a depot with three versions of one type, for tests.
 *
 * Shapes:   each version has three files: one is always the same, one changes a little, one
 *           is new each time
 * Owner:    versions_set_up -> versions_tear_down
 */
#ifndef VERSIONS_H
#define VERSIONS_H

#include "store/build.h"

struct versions {
	char *path;
	int dir;
	struct depot *depot;
	struct build build;
	struct header *header[3]; /* versions 1, 2, 3 */
};

/* Headers of all three are stored, and the content of version 1. */
void versions_set_up(struct versions *f);
/* The file that is new each time has so many bytes. */
void versions_set_up_of(struct versions *f, size_t new_len);
void versions_tear_down(struct versions *f);

/* Store the content of version n, or remove it. */
void versions_put_content(struct versions *f, unsigned n);
void versions_drop_content(struct versions *f, unsigned n);

/* The difference from version 1 to 2, as far as it can be seen without decoding it. */
struct record versions_archive(const struct versions *f);
/* It is staged under this name; its bytes are not synced, as those of a download are not. */
#define VERSIONS_STAGED "archive"
void versions_stage_archive(const struct versions *f);

/* How many files a directory of the cache has. */
unsigned versions_count_files(struct versions *f, const char *path);

#endif
