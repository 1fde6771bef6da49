/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decide.h - the answer to a request, as a value.
 *
 * Does:     applies the order of guts2(7), DECISION. It asks what is held and what is known through
 *           two small interfaces, so that a server answers by it and a tool explains by it. It
 *           knows nothing of HTTP, jobs, locks or files.
 * Threads:  any
 * Owner:    records belong to whoever holds them
 * Source:   guts2(7), REQUESTS, ANSWERS and DECISION
 */
#ifndef DECIDE_H
#define DECIDE_H

#include <stdbool.h>

#include "model/ident.h"
#include "model/record.h"

/* What has to be obtained before there is an answer. */
enum decide_need_kind {
	NEED_QUERY,   /* the announcement */
	NEED_HEADER,  /* a header */
	NEED_ARCHIVE, /* a difference, as the upstream has it */
	NEED_BUILD,   /* a full archive, in whatever way; or a difference that is built here */
	NEED_CHECK,   /* a look at the digest of `record` */
};

struct decide_need {
	enum decide_need_kind kind;
	struct ident ident;	     /* all but QUERY */
	struct edition base;	     /* ARCHIVE, BUILD: version 0 is the full archive */
	enum format format;	     /* ARCHIVE, BUILD */
	const struct record *record; /* CHECK */
};

/* What is held, of which every record is a valid one. */
struct decide_cache {
	void *context;
	bool has_query; /* metadata was seen */
	bool query_due; /* a type was taken from it, and the upstream is asked what holds now */
	/* The announced version of a type; false: metadata does not name it. */
	bool (*announced)(void *context, const char *type, struct edition *ret);
	/* Whether anything of a version is held. */
	bool (*has_version)(void *context, const struct ident *ident);
	/* The record that names the same thing as key (record_same); NULL: it is not held. */
	const struct record *(*find)(void *context, const struct record *key);
	/*
	 * The newest full archive of a type in a format, of this version or an older one; NULL:
	 * none.
	 */
	const struct record *(*newest_full)(void *context, const char *type,
		const struct edition *announced, enum format format);
	/* An archive by its id; NULL: none. */
	const struct record *(*find_id)(void *context, const struct digest *id);
	/* Whether its digest was seen to be right since the start. */
	bool (*is_checked)(void *context, const struct record *record);
};

/* What is known of something that is not held. FAILED: it could not be had just now. */
enum decide_known { DECIDE_UNKNOWN, DECIDE_ABSENT, DECIDE_FAILED };

struct decide_facts {
	struct decide_cache cache;
	enum decide_known (*known)(void *context, const struct decide_need *need);
	void *context;
	bool local_differences; /* the setting */
	bool legacy;		/* the type that a legacy client asks for is on the list */
};

enum decision_kind {
	DECIDE_QUERY,	  /* the announcement */
	DECIDE_FILE,	  /* the bytes of record */
	DECIDE_OFFER,	  /* the offer that names record */
	DECIDE_PREPARE,	  /* need has to be obtained first */
	DECIDE_MOVED,	  /* the full archive of `moved` */
	DECIDE_NOT_FOUND, /* for `reason` */
};

struct decision {
	enum decision_kind kind;
	const struct record *record;
	struct decide_need need;
	bool small; /* PREPARE: short enough to hold the answer without being asked */
	struct ident moved;
	const char *reason;
};

/* best: the best format that the client understands. */
struct decision decide(
	const struct decide_facts *facts, const struct target *target, enum format best);

#endif
