/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * source.h - the one client of the protocol: asks a source for q, h, o, f and tuf.
 *
 * Does:     knows what each request looks like, which answers mean what, and what has to
 *           be true of them: a server, its tools and its tests decide it alike because they
 *           decide it here. What comes of an answer (another source, another time, another
 *           archive) is the caller's.
 * Units:    bytes, _s seconds
 * Threads:  those of upstream.h
 * Owner:    a request is the caller's, from source_start until done was called and
 *           source_clear
 * Errors:   those of upstream.h; an answer that breaks a rule is UPSTREAM_BROKEN with the
 *           reason; a header that is not the one listed is UPSTREAM_UNTRUSTED
 * Source:   guts2(7), REQUESTS, ANSWERS and MANNERS
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/stop.h"

#include "model/header.h"
#include "model/ident.h"
#include "model/wire.h"
#include "net/manners.h"
#include "net/upstream.h"
#include "trust/metadata.h"

/* Whoever is asked, and what was learnt of it. */
struct source {
	const struct origin *origin;
	bool query_by_post; /* it refuses GET of q */
	bool gave_query;    /* it handed out q: what it forbids then is what it has not */
};

struct source_request {
	/* The caller's: */
	enum source_what what;
	struct ident ident;	  /* HEADER, OFFER */
	struct edition base;	  /* OFFER: version 0 asks for the full archive */
	enum format format;	  /* OFFER: the best that is understood */
	struct archive_ref file;  /* FILE */
	const char *trust_file;	  /* TRUST: its name below the base, "tuf/2.root.json" */
	uint64_t trust_bytes_max; /* TRUST */
	const struct listed
		*listed;	   /* HEADER: as the role of its type lists it; NULL: not signed */
	const char *inventory;	   /* QUERY: what is had (wire.h), for POST; NULL: ask for all */
	const char *if_none_match; /* QUERY for all; NULL or "": not conditional */
	const char *via;	   /* NULL: none */
	bool alone;		   /* see upstream.h */
	unsigned wait_s;	   /* how long the answer may be held there */
	uint64_t resume_from;	   /* FILE */
	const struct stop *stop;   /* source_fetch: given up; NULL: never */
	/* FILE: where the bytes go, as in upstream.h. Documents are kept in `bytes`. */
	int (*write)(void *context, const void *bytes, size_t len, struct err *e);
	/*
	 * Forget what is there: all bytes come again, now or the next time, since those that came
	 * may be wrong.
	 */
	int (*restart)(void *context, struct err *e);
	void (*done)(void *context, const struct upstream_reply *reply);
	void *context;

	/* What came, where the outcome is FRESH: */
	struct buf bytes;    /* of a document, as they came */
	struct idents query; /* QUERY */
	struct offer offer;  /* OFFER */
	/* OFFER, where it is MOVED: there is no such difference, and this is what has a full
	 * archive. */
	struct ident moved;

	/* source.c's: */
	char name[IDENT_NAME_MAX];
	struct source *source;
	struct upstream *upstream;
	struct upstream_request request;
	bool posted;
	bool changed_method;
	struct upstream_reply *reply; /* of source_fetch */
	bool ended;
};

/* What is asked for, as it stands in a URL, for people. Before it is started too. */
const char *source_name(struct source_request *r);

/* Ask, or ask another source the same; what came before is forgotten. */
void source_start(struct upstream *u, struct source *source, struct source_request *r);

/* The same from start to end; request->done is not used. */
void source_fetch(struct upstream *u, struct source *source, struct source_request *r,
	struct upstream_reply *ret);

/* Let go of what came. */
void source_clear(struct source_request *r);

/* The bytes that came are the caller's, who frees them. */
struct buf source_take_bytes(struct source_request *r);

/* The header that came; one that breaks a rule makes the reply BROKEN. */
int source_header(
	const struct source_request *r, struct header **ret, struct upstream_reply *reply);

/*
 * The part of a file that an earlier run left below dir, to go on with at *ret_have; made if
 * missing. One that is longer than the file is begun anew. Returns a descriptor; -1: ERR_FULL,
 * ERR_SYS.
 */
int source_part_open(int dir, const char *name, uint64_t bytes, uint64_t *ret_have, struct err *e);
int source_part_restart(int fd, struct err *e);

#endif
