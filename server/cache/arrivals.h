/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * arrivals.h - archives that are on their way here, for who takes them as they come.
 *
 * Does:     says which archive of an offer arrives, and gives its first bytes as soon as they
 *           are here; but the last ARRIVALS_BACK_BYTES only when the whole was looked at. So nobody
 *           can complete what was not verified.
 * Units:    bytes
 * Threads:  any; who brings an archive is one
 * Owner:    arrivals_begin -> arrivals_end by who brings it; arrivals_find, arrivals_find_id ->
 *           arrivals_release by who takes it
 * Source:   guts2(7), REQUESTS
 */
#ifndef ARRIVALS_H
#define ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "jobs/jobs.h"
#include "model/record.h"

enum {
	ARRIVALS_BACK_BYTES = 1 << 16,
	ARRIVALS_MIN_BYTES = 1 << 18, /* what is smaller is there in a moment */
};

struct arrivals;
struct arrival;

struct arrivals *arrivals_new(void);
void arrivals_free(struct arrivals *a);

/* Nothing is waited for any more: who waits is resumed. */
void arrivals_stop(struct arrivals *a);

/* What is here and was not said, as it was little, is said. */
void arrivals_tick(struct arrivals *a);

/*
 * An archive of the offer that was asked for in a format, of which the first bytes are in a file
 * already. fd is read from, and stays the caller's. NULL: it is too small for that, or nothing can
 * be opened.
 */
struct arrival *arrivals_begin(
	struct arrivals *a, const struct record *record, enum format asked, int fd, uint64_t have);

/* So many more are in the file. */
void arrivals_add(struct arrival *t, uint64_t bytes);
/* All of it is here, and right: who takes it gets the rest, whether it can be stored or not. It may
 * be none. */
void arrivals_checked(struct arrival *t);
/* Nobody else takes it from here. What was not checked before is of no use. It may be none. */
void arrivals_end(struct arrival **take);

/* The archive that an offer will name, to who asks for this format; NULL: it does not arrive. */
struct arrival *arrivals_find(struct arrivals *a, const struct ident *ident,
	const struct edition *base, enum format asked);
struct arrival *arrivals_find_id(struct arrivals *a, const struct digest *id);
void arrivals_release(struct arrival *t);

const struct record *arrivals_record(const struct arrival *t);
/* What brings it. */
struct job_spec arrivals_job(const struct arrival *t);

/*
 * How many of at most max bytes from an offset, which is before the end, can be read. 0: they are
 * not here yet, or not verified; -1: they will not come.
 */
ssize_t arrivals_look(struct arrival *t, uint64_t at, size_t max);
ssize_t arrivals_read(struct arrival *t, uint64_t at, void *ret, size_t max);
/* The file that has them. */
int arrivals_file(const struct arrival *t);

/*
 * Resume when there is more from this offset on, or none will come. False: that is so already, and
 * nobody is resumed.
 */
bool arrivals_wait(struct arrival *t, uint64_t at, struct waiter *waiter);

#endif
