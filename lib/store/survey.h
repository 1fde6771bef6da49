/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * survey.h - what a cache holds, read from its files.
 *
 * Does:     finds every header, archive and content whose documents are valid and
 *           whose files are there with their sizes. Digests of archives and contents are
 *           looked at by survey_check alone.
 * Errors:   ERR_SYS; what is wrong with a document is told to `bad`
 * Source:   guts2(7), REPOSITORY
 */
#ifndef SURVEY_H
#define SURVEY_H

#include "base/err.h"
#include "model/record.h"
#include "model/tally.h"
#include "store/repo.h"

/*
 * Everything in ret, sorted. bad (may be NULL) is called with the name of each
 * document that says something wrong, and why; what it returns other than 0 ends the survey.
 */
int survey_read(struct repo *repo,
	int (*bad)(void *context, const char *name, const char *why, struct err *e), void *context,
	struct records *ret, struct err *e);

/*
 * The announcement, which the caller frees; empty where ret_lost has a code. ERR_MISSING: there is
 * none; ERR_INPUT, ERR_LIMIT: what is there cannot be believed.
 */
int survey_query(struct repo *repo, struct idents *ret, struct err *ret_lost, struct err *e);

/*
 * The files of records, by their numbers. The header of a content says which they are; where it
 * cannot be read the content counts as one file. Returns what all of them take (tally_total).
 */
uint64_t survey_tally(struct repo *repo, const struct records *records, struct tally *ret);

/*
 * Look at the bytes of a record against its digest. ERR_DIGEST, ERR_MISSING,
 * ERR_INPUT: they are not what they were.
 */
int survey_check(struct repo *repo, const struct record *r, struct err *e);

/*
 * The same of an archive that lies under another name, that of a stage for one; and whether it can
 * be that archive (validate.h), as far as its version's header is stored. ERR_DIGEST: other bytes;
 * ERR_INPUT: the right ones, and of no use.
 */
int survey_check_archive(
	struct repo *repo, const struct record *r, const char *name, struct err *e);

#endif
