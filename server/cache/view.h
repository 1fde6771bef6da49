/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view.h - what the server knows, as an immutable picture.
 *
 * Does:     request threads take the current view and answer from it; whoever
 *           changes something makes a new one from the old and publishes it. Only the
 *           type that changed is copied.
 * Threads:  a published view is never written to, but for the atomics of a record
 * Owner:    view_take -> view_release; types and records are counted references
 */
#ifndef VIEW_H
#define VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "cache/view_record.h"
#include "cache/vouched.h"
#include "model/ident.h"
#include "model/wire.h"

struct view_offer {
	struct edition base;
	struct view_record *archive[FORMAT_COUNT]; /* NULL: not here */
};

struct view_version {
	struct edition edition;
	struct view_record *header;  /* NULL: not here */
	struct view_record *content; /* NULL: not here */
	struct view_offer *offers;
	size_t count;
	size_t capacity;
};

struct view_type {
	atomic_uint references;
	char type[IDENT_TYPE_MAX + 1];
	struct edition announced;      /* version 0: metadata does not name it any more */
	struct view_version *versions; /* kept ones, newest first */
	size_t count;
	size_t capacity;
	struct view_record **by_id; /* archives, sorted by id */
	size_t id_count;
};

struct view {
	atomic_uint references;
	struct view_type **types; /* sorted by name */
	size_t count;
	bool has_query; /* metadata was seen, now or before the last start */
	bool query_due; /* a type was taken from it, and the upstream has not said since what holds
			 */
	struct prepared query;
	struct vouched *vouched; /* NULL: nothing is signed, as far as is known */
};

struct view_holder;
struct view_holder *view_holder_new(void);
void view_holder_free(struct view_holder *h);

struct view *view_take(struct view_holder *h);
void view_release(struct view *v);

/* ---- Looking */
const struct view_type *view_find_type(const struct view *v, const char *type);
const struct view_version *view_find_version(
	const struct view_type *t, const struct edition *edition);
/* Whether this is what metadata names of its type. */
bool view_announces(const struct view *v, const struct ident *ident);
/* A record with this id, of any type; NULL: none. */
struct view_record *view_find_id(const struct view *v, const struct digest *id);
struct view_record *view_find_archive(
	const struct view_version *version, const struct edition *base, enum format format);

/* The record that names the same thing (record_same); NULL: none. */
struct view_record *view_find_same(const struct view *v, const struct record *record);

/* The same, with these very bytes; NULL: it is not there any more. */
struct view_record *view_find_record(const struct view *v, const struct record *record);

/* Whether all of an archive was decoded since the start, and was right. */
void view_note_decoded(struct view_holder *h, const struct record *record);
bool view_is_decoded(struct view_holder *h, const struct record *record);

/* Call act for every record; of a type (NULL: of all). */
void view_each(const struct view *v, const char *type,
	void (*act)(void *context, struct view_record *vr), void *context);

/* What metadata names, sorted. */
void view_announced(const struct view *v, struct idents *ret);

/* The records of a type (NULL: of all), sorted. */
void view_records(const struct view *v, const char *type, struct records *ret);

/* ---- Changing: each publishes a new view */
/* Records sorted by type, none of them checked: what a cache holds at the start. */
void view_load(struct view_holder *h, const struct record *records, size_t count);
/* checked: the caller has seen the digest. */
void view_add(struct view_holder *h, const struct record *record, bool checked);
void view_remove(struct view_holder *h, const struct record *record);
void view_set_vouched(struct view_holder *h, struct vouched *take);
void view_set_query(struct view_holder *h, const struct idents *query, bool due);

#endif
