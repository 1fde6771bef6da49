/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_record.h - one thing that the cache holds, as requests use it.
 *
 * Does:     a record, the answers that are prepared of it, and what is noted of
 *           its use.
 * Units:    _ms milliseconds of the wall clock, where nothing else is said
 * Threads:  any; what changes is atomic
 * Owner:    references are counted: view_record_new and view_record_take -> view_record_release
 */
#ifndef VIEW_RECORD_H
#define VIEW_RECORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/record.h"

enum { ETAG_MAX = DIGEST_HEX + 3 };

/* Bytes of an answer, prepared once. `response` belongs to the HTTP layer. */
struct prepared {
	char *bytes;
	size_t len;
	char etag[ETAG_MAX];
	_Atomic(void *) response;
};

/* What the cache holds: a header, an archive with the offer that names it, or a content. */
struct view_record {
	atomic_uint references;
	struct record record;
	struct prepared offer;	     /* archives */
	char etag[ETAG_MAX];	     /* of the file */
	atomic_bool checked;	     /* its digest was seen to be right since the start */
	atomic_bool decoded;	     /* archives: see view_note_decoded */
	atomic_uint sending;	     /* replies that are sending its bytes */
	_Atomic uint64_t offered_ms; /* monotonic: when a client was last told of it; 0: never */
	_Atomic uint64_t served_ms;  /* as in record.h; the record's own are those of the start */
	_Atomic uint64_t checked_ms;
	atomic_bool times_changed; /* since they were written to the index */
	_Atomic(void *) response;  /* the open file, of the HTTP layer */
};

/* How the HTTP layer's part of something prepared or (is_file) record is released. Set before any
 * thread runs. */
extern void (*view_record_response_free)(void *response, bool is_file);

/* checked: it has just come, and its digest was seen to be right. */
struct view_record *view_record_new(const struct record *record, bool checked);

/* The digest was seen to be right, or a client got it, just now. */
void view_record_note_checked(struct view_record *vr);
void view_record_note_served(struct view_record *vr);
void view_record_note_offered(struct view_record *vr);

void view_record_take(struct view_record *vr);
void view_record_release(struct view_record *vr);

/* For what else is prepared: the quoted digest; and what the HTTP layer keeps goes. */
void view_record_etag(const struct digest *digest, char ret[ETAG_MAX]);
void view_record_response_release(_Atomic(void *) *slot, bool is_file);

#endif
