/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * survey.h - what a cache holds, read from its files.
 *
 * Does:     finds every header, archive and content whose documents are valid and
 *           whose files are there with their sizes. Digests of archives and contents are
 *           not looked at.
 * Errors:   ERR_SYS; what is wrong with a document is told to `bad`
 * Source:   PROTOCOL section 6
 */
#ifndef SURVEY_H
#define SURVEY_H

#include "err.h"
#include "record.h"
#include "repo.h"

/*
 * Everything in ret, sorted. bad (may be NULL) is called with the name of each
 * document that says something wrong, and why; what it returns other than 0 ends the survey.
 */
int survey_read(struct repo *repo,
	int (*bad)(void *context, const char *name, const char *why, struct err *e), void *context,
	struct records *ret, struct err *e);

#endif
