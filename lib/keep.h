/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keep.h - what a cache keeps, builds and removes: retention, as a pure function.
 *
 * Does:     looks at everything a cache holds, and says what to do next, in
 *           order, each with its reason. It never lets go of the last full content of a
 *           type: content, or where there is none a full archive.
 * Units:    bytes
 * Owner:    keep_actions_free
 * Source:   the rules are in guts2d(8), CACHE
 */
#ifndef KEEP_H
#define KEEP_H

#include "channels.h"
#include "record.h"

struct keep_facts {
	const struct records *records; /* sorted */
	const bool *busy;	       /* of each record: it is being sent or used; NULL: none */
	const bool *offered;   /* a client was told of it, and is about to come; NULL: none */
	size_t versions;       /* to keep of each type, unless `channels` says another number */
	uint64_t excess_bytes; /* that have to go to make room */
	const struct channels *channels; /* NULL: nothing is said of single types */
};

enum keep_verb {
	KEEP_BUILD,  /* the content of record's version has to be built */
	KEEP_HOLD,   /* record's version would go, but for the reason */
	KEEP_REMOVE, /* record goes */
};

enum keep_reason {
	KEEP_SOLE_CONTENT,  /* the oldest version has the type's only full content */
	KEEP_IN_USE,	    /* it is being sent or used */
	KEEP_TOO_MANY,	    /* more versions than are to be kept */
	KEEP_OLDER_CONTENT, /* the newest version has content */
	KEEP_OLDER_FULL,    /* it is not of the two newest versions, and the newest is whole */
	KEEP_LEAST_RECENT,  /* room is needed: it was not asked for the longest */
};

struct keep_action {
	enum keep_verb verb;
	enum keep_reason reason;
	struct record record;
};

struct keep_actions {
	struct keep_action *at;
	size_t count;
	size_t capacity;
};

/* How many bytes have to go for `wanted` more to fit. */
struct keep_room {
	uint64_t cache_bytes;
	uint64_t wanted_bytes;
	uint64_t max_bytes;	 /* cacheMaxBytes; 0: no limit */
	uint64_t min_free_bytes; /* cacheMinFreeBytes; the default is at most a tenth of the disk */
	uint64_t disk_bytes;
	uint64_t disk_free_bytes;
};
uint64_t keep_excess_bytes(const struct keep_room *room);

void keep_decide(const struct keep_facts *facts, struct keep_actions *ret);
void keep_actions_free(struct keep_actions *actions);

/* "build", "hold", "remove"; and the reason in a few words. */
const char *keep_verb_name(enum keep_verb verb);
const char *keep_reason_text(enum keep_reason reason);

#endif
