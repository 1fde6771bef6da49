/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * publish_staged.h - files in stage/ that wait for their names in the repository.
 *
 * Shapes:   stage/<what>-<number>
 * Owner:    the caller's, all zero but the first two -> publish_staged_free; the files are
 *           repo_stage_clear's
 * Errors:   ERR_FULL; ERR_SYS
 */
#ifndef PUBLISH_STAGED_H
#define PUBLISH_STAGED_H

#include "base/err.h"
#include "store/repo.h"

struct publish_staged_file {
	char stage[32];
	char name[IDENT_NAME_MAX];
};

struct publish_staged {
	struct repo *repo;
	const char *what;
	struct publish_staged_file *at;
	size_t count;
	size_t capacity;
};

/* One more, to be written to: a descriptor that is the caller's, or -1. Its name may come later. */
int publish_staged_open(struct publish_staged *s, const char *name, struct err *e);

/* The last one goes again. */
int publish_staged_drop(struct publish_staged *s, struct err *e);

/* All get their names, in the order in which they were opened. */
int publish_staged_move(const struct publish_staged *s, struct err *e);

void publish_staged_free(struct publish_staged *s);

#endif
