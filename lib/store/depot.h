/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * depot.h - the cache: repository and index in step.
 *
 * Does:     one server's store. What is put is durable when the call returns;
 *           files come before what refers to them, the index comes last.
 * Threads:  any; writers wait for each other
 * Owner:    depot_open -> depot_close
 * Errors:   ERR_BUSY another server has it; ERR_DIGEST what is staged is not what
 *           it is to be named; ERR_FULL; ERR_SYS
 * Source:   guts2(7), REPOSITORY
 */
#ifndef DEPOT_H
#define DEPOT_H

#include "base/buf.h"
#include "base/err.h"
#include "model/header.h"
#include "model/record.h"
#include "model/wire.h"
#include "store/index.h"
#include "store/repo.h"

struct depot;

/*
 * Open the cache in directory path (made if missing) and take its lock. An
 * index that is missing, damaged or was not closed is made anew from the files.
 */
int depot_open(const char *path, struct depot **ret, bool *ret_rebuilt, struct err *e);
void depot_close(struct depot *d);

struct repo *depot_repo(struct depot *d);

/*
 * Make the index anew from the files, as a new file. What is damaged goes to quarantine/, and
 * what nothing refers to is removed. Times are those of the old index, as far as it can be read.
 */
int depot_rebuild_index(struct depot *d, struct err *e);

/*
 * After a put that failed halfway, and where somebody removed the index: it is made anew
 * (*ret_rebuilt), and what is left of the put is removed.
 */
int depot_tidy(struct depot *d, bool *ret_rebuilt, struct err *e);

/* The announcement that was stored last; *ret_lost: there is none, or it was damaged. */
int depot_query(struct depot *d, struct idents *ret, bool *ret_lost, struct err *e);
int depot_put_query(struct depot *d, const struct idents *query, struct err *e);

/* A header's bytes as they came, already parsed by the caller. ret: its digest and size. */
int depot_put_header(struct depot *d, const struct ident *ident, struct span bytes,
	struct archive_ref *ret, struct err *e);

/* Who wants to know as soon as an archive was looked at and is right, before it is on the disk. */
struct depot_checked {
	void (*tell)(void *context);
	void *context;
};

/*
 * A staged file, or one that is stored already, becomes the archive of an offer.
 * It is looked at here (survey_check_archive); where it is wrong nothing is put and the staged file
 * is removed. ERR_DIGEST: other bytes than the id says; ERR_INPUT: no archive of that version,
 * whoever sends it. checked: NULL: nobody wants to know.
 */
int depot_put_archive(struct depot *d, const struct record *r, const char *stage,
	const struct depot_checked *checked, struct err *e);

/*
 * The content of a version whose header is stored: see content_put. ret is its
 * record.
 */
int depot_put_content(
	struct depot *d, const struct header *h, int from, struct record *ret, struct err *e);

/*
 * Remove it, and the files that nothing else needs. What is absent is removed
 * already; after an error it is there still, maybe not whole.
 */
int depot_remove(struct depot *d, const struct record *r, struct err *e);

/*
 * Look at the stored bytes of a record; the offer of a good archive is mended
 * where it does not name it. ERR_DIGEST, ERR_MISSING, ERR_INPUT: they
 * are not what they were; after other errors they may be.
 */
int depot_check(struct depot *d, const struct record *r, struct err *e);
bool depot_is_damage(const struct err *e);

/* A record that depot_check found to be damaged: its bytes go to quarantine/. */
int depot_quarantine(struct depot *d, const struct record *r, struct err *e);

/* Remember when these came, were served and checked. */
int depot_put_times(struct depot *d, const struct record *records, size_t count, struct err *e);

/* See index_put_setting; an index that is made anew has all of them still. */
int depot_put_setting(struct depot *d, const char *name, uint64_t value, struct err *e);

bool depot_setting(struct depot *d, const char *name, uint64_t *ret);

/* Everything that the index has, sorted. */
int depot_records(struct depot *d, struct records *ret, struct err *e);

#endif
