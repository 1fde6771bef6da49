/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * retention.h - what a cache keeps, builds and removes: retention, as a pure function.
 *
 * Does:     looks at everything a cache holds, and says what to do next, in
 *           order, each with its reason. It does not let go of the last full content of a
 *           type: content, or where there is none a full archive. For room what serves nobody goes
 *           first, of a type that is not announced all; and content, which the server unpacked
 *           itself, where nothing else is left.
 * Units:    bytes
 * Owner:    retention_actions_free
 * Source:   the rules are in guts2d(8), CACHE
 */
#ifndef RETENTION_H
#define RETENTION_H

#include "model/channels.h"
#include "model/record.h"
#include "model/tally.h"

struct retention_facts {
	const struct records *records; /* sorted */
	const bool *busy;	       /* of each record: it is being sent or used; NULL: none */
	const bool *offered;   /* a client was told of it, and is about to come; NULL: none */
	const bool *withdrawn; /* its type is not announced any more; NULL: none */
	size_t versions;       /* to keep of each type, unless `channels` says another number */
	uint64_t excess_bytes; /* that have to go to make room */
	/* What the records take, by their numbers; what goes is taken from it. NULL: no excess. */
	struct tally *tally;
	const struct channels *channels; /* NULL: nothing is said of single types */
};

enum retention_verb {
	RETENTION_BUILD,  /* the content of record's version has to be built */
	RETENTION_SPARE,  /* record's version would go, but for the reason */
	RETENTION_REMOVE, /* record goes */
};

enum retention_reason {
	RETENTION_SOLE_CONTENT,	 /* the oldest version has the type's only full content */
	RETENTION_IN_USE,	 /* it is being sent or used */
	RETENTION_TOO_MANY,	 /* more versions than are to be kept */
	RETENTION_OLDER_CONTENT, /* the newest version has content */
	RETENTION_OLDER_FULL,	 /* it is not of the two newest versions, and the newest is whole */
	RETENTION_LEAST_RECENT,	 /* room is needed: it was not asked for the longest */
	RETENTION_UNSERVED,	 /* room is needed: as it is nobody can have it */
};

struct retention_action {
	enum retention_verb verb;
	enum retention_reason reason;
	struct record record;
	uint64_t freed_bytes; /* REMOVE, with a tally: what of it no record that is left has */
};

struct retention_actions {
	struct retention_action *at;
	size_t count;
	size_t capacity;
};

/* What there is to tell how many bytes have to go for `wanted` more to fit. */
struct retention_room {
	uint64_t cache_bytes;
	uint64_t wanted_bytes;
	uint64_t max_bytes;	 /* cacheMaxBytes; 0: no limit */
	uint64_t min_free_bytes; /* cacheMinFreeBytes, or retention_min_free_bytes */
	uint64_t disk_free_bytes;
};

/* What is left free of a disk where nobody set it: the standard, but no more than a tenth. */
uint64_t retention_min_free_bytes(uint64_t standard_bytes, uint64_t disk_bytes);

uint64_t retention_excess_bytes(const struct retention_room *room);

void retention_decide(const struct retention_facts *facts, struct retention_actions *ret);
void retention_actions_free(struct retention_actions *actions);

/* "build", "hold", "remove"; and the reason in a few words. */
const char *retention_verb_name(enum retention_verb verb);
const char *retention_reason_text(enum retention_reason reason);

#endif
