/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stock.h - what this server has: the depot on disk and the view in memory, in step.
 *
 * Does:     every change of both is made here and nowhere else. What comes is stored before it
 *           is in the view; what goes leaves the view first, and is in it again where it
 *           could not be removed, so that nothing lies on the disk that nobody knows of.
 * Threads:  any; all but stock_view wait for disks
 * Owner:    stock_open -> stock_close
 * Errors:   those of depot.h
 * Source:   guts2(7), REPOSITORY
 */
#ifndef STOCK_H
#define STOCK_H

#include "cache/view.h"
#include "store/build.h"
#include "store/depot.h"

struct stock;

/* Open the cache in this directory (depot_open). That its index was made anew is logged. */
int stock_open(const char *path, struct stock **ret, struct err *e);
void stock_close(struct stock *s);

/* The view as it is now; view_release. */
struct view *stock_view(struct stock *s);

/* Whether the stored announcement was not there, or damaged, when the cache was opened. */
bool stock_query_lost(const struct stock *s);

/* For reading, and for what is staged. */
struct repo *stock_repo(struct stock *s);

/*
 * What all that the view has takes on the disk (survey_tally). Headers are read where contents have
 * come or gone since it was asked last.
 */
uint64_t stock_bytes(struct stock *s);

/* ---- What comes. ret_record: what it is now. */

/* The announcement: stored, then shown. due: see view.h. */
int stock_put_query(struct stock *s, const struct idents *query, bool due, struct err *e);

/* The documents that are signed, which are on the disk. */
void stock_put_vouched(struct stock *s, struct vouched *take);

/* A header's bytes, which the caller has parsed. */
int stock_put_header(struct stock *s, const struct ident *ident, struct span bytes,
	struct record *ret_record, struct err *e);

/* A staged archive (depot_put_archive). */
int stock_put_archive(struct stock *s, const struct record *record, const char *stage,
	const struct depot_checked *checked, struct err *e);

/* What is built here: see build.h. */
struct stock_site {
	const char *workspace;
	const struct encode_crew *crew;
};
int stock_build_content(struct stock *s, const struct stock_site *site, const struct build_way *way,
	struct record *ret_record, const struct record **ret_culprit, struct err *e);
int stock_build_full(struct stock *s, const struct stock_site *site, const struct build_full *what,
	struct record *ret_record, struct err *e);
/* ret_record->ref.bytes 0: it was not worth it, and is not there. */
int stock_build_difference(struct stock *s, const struct stock_site *site,
	const struct build_difference *what, struct record *ret_record, struct err *e);

/* ---- What goes */

/* Out of the view, then off the disk; after an error it is there still, and looked at again. */
int stock_remove(struct stock *s, const struct record *record, struct err *e);

/* ---- Looking */

/*
 * STAYS: damaged, and could not be moved away, for the reason in why. UNREADABLE: it could not be
 * looked at just now, which says nothing of its bytes.
 */
enum stock_verdict { STOCK_GOOD, STOCK_DAMAGED, STOCK_STAYS, STOCK_UNREADABLE };

/*
 * Look at the bytes of a record. What is damaged goes to quarantine/, out of the view, and is
 * logged; one that was removed meanwhile is passed over. why: unless GOOD.
 */
enum stock_verdict stock_check(struct stock *s, const struct record *record, struct err *why);

/*
 * Directories that somebody removed are made again (repo_mend), and an announcement that is not
 * what is shown is stored again.
 */
int stock_mend(struct stock *s, struct err *e);

/* Make the index anew, and let the view follow it: everything is checked before it is served. */
int stock_rebuild_index(struct stock *s, size_t *ret_records, struct err *e);

/* ---- The index alone: see depot.h; one that is made anew has the times that the view has. */
int stock_tidy(struct stock *s, struct err *e);
int stock_put_times(struct stock *s, const struct records *changed, struct err *e);
int stock_put_setting(struct stock *s, const char *name, uint64_t value, struct err *e);
bool stock_setting(struct stock *s, const char *name, uint64_t *ret);

#endif
