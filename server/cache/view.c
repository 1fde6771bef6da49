/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/view.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cache/view_type.h"

/*
 * Two locks, so that readers never wait for a change that is being made. Who changes something
 * holds `writers`, copies the current view (of which only the type that changes is copied in turn),
 * changes the copy, and takes `lock` just to exchange the pointers. Who reads takes `lock` just to
 * count a reference. The old view goes with its last reader.
 */
struct view_holder {
	pthread_mutex_t lock;	 /* current, for as long as it takes to count a reference */
	pthread_mutex_t writers; /* one change after the other */
	struct view *current;
};

/* ---- Views */

static struct view *
view_new(void)
{
	struct view *v = mem_new(1, sizeof(*v));

	v->references = 1;
	return v;
}

/*
 * With the lock of writers. The types are shared, and there is room for one more. The response to
 * the announcement is not shared: it stands on the bytes of its own view.
 */
static struct view *
view_copy(const struct view *v)
{
	struct view *copy = view_new();

	copy->count = v->count;
	copy->types = mem_new(v->count + 1, sizeof(struct view_type *)); /* room for one more */
	for (size_t i = 0; i < v->count; i++) {
		copy->types[i] = v->types[i];
		(void)atomic_fetch_add(&copy->types[i]->references, 1);
	}
	copy->has_query = v->has_query;
	copy->query_due = v->query_due;
	copy->vouched = vouched_take(v->vouched);
	if (v->has_query) {
		copy->query.bytes = mem_string_n(v->query.bytes, v->query.len);
		copy->query.len = v->query.len;
		memcpy(copy->query.etag, v->query.etag, sizeof(copy->query.etag));
	}
	return copy;
}

void
view_release(struct view *v)
{
	if (atomic_fetch_sub(&v->references, 1) != 1)
		return;
	for (size_t i = 0; i < v->count; i++)
		view_type_release(v->types[i]);
	/*
	 * Before the bytes that it stands on. Nobody is sending it: a reply keeps its view until it
	 * is gone.
	 */
	view_record_response_release(&v->query.response, false);
	free(v->query.bytes);
	vouched_release(v->vouched);
	free(v->types);
	free(v);
}

struct view_holder *
view_holder_new(void)
{
	struct view_holder *h = mem_new(1, sizeof(*h));

	(void)pthread_mutex_init(&h->lock, NULL);
	(void)pthread_mutex_init(&h->writers, NULL);
	h->current = view_new();
	return h;
}

void
view_holder_free(struct view_holder *h)
{
	if (h == NULL)
		return;
	view_release(h->current);
	(void)pthread_mutex_destroy(&h->lock);
	(void)pthread_mutex_destroy(&h->writers);
	free(h);
}

struct view *
view_take(struct view_holder *h)
{
	struct view *v;

	(void)pthread_mutex_lock(&h->lock);
	/*
	 * Reading and counting are one step: between them the view could go with its last
	 * reference.
	 */
	v = h->current;
	(void)atomic_fetch_add(&v->references, 1);
	(void)pthread_mutex_unlock(&h->lock);
	return v;
}

static void
publish(struct view_holder *h, struct view *take_new)
{
	struct view *old;

	(void)pthread_mutex_lock(&h->lock);
	old = h->current;
	h->current = take_new;
	(void)pthread_mutex_unlock(&h->lock);
	/* Without the lock: where it was the last reference there is much to free. */
	view_release(old);
}

/* Where a type is in the list, or belongs; *ret_found tells which. */
static size_t
position_of(const struct view *v, const char *type, bool *ret_found)
{
	size_t low = 0;
	size_t high = v->count;

	*ret_found = false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(v->types[middle]->type, type);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct view_type *
view_find_type(const struct view *v, const char *type)
{
	bool found;
	size_t i = position_of(v, type, &found);

	return found ? v->types[i] : NULL;
}

bool
view_announces(const struct view *v, const struct ident *ident)
{
	const struct view_type *t = view_find_type(v, ident->type);

	return t != NULL && ident_edition_equal(&t->announced, &ident->edition);
}

/*
 * A type keeps 200 versions at most (channels.json(5)), and the newest, which most ask for, is
 * first.
 */
const struct view_version *
view_find_version(const struct view_type *t, const struct edition *edition)
{
	for (size_t i = 0; i < t->count; i++)
		if (ident_edition_equal(&t->versions[i].edition, edition))
			return &t->versions[i];
	return NULL;
}

struct view_record *
view_find_archive(
	const struct view_version *version, const struct edition *base, enum format format)
{
	for (size_t i = 0; version != NULL && i < version->count; i++)
		if (ident_edition_equal(&version->offers[i].base, base))
			return version->offers[i].archive[format];
	return NULL;
}

/* Several offers, even of several types, can name one archive: any of their records will do. */
struct view_record *
view_find_id(const struct view *v, const struct digest *id)
{
	for (size_t i = 0; i < v->count; i++) {
		struct view_record *found = view_type_find_id(v->types[i], id);

		if (found != NULL)
			return found;
	}
	return NULL;
}

struct view_record *
view_find_same(const struct view *v, const struct record *record)
{
	const struct view_type *t = view_find_type(v, record->ident.type);
	const struct view_version *version =
		t != NULL ? view_find_version(t, &record->ident.edition) : NULL;

	if (version == NULL)
		return NULL;
	switch (record->kind) {
	case RECORD_HEADER:
		return version->header;
	case RECORD_CONTENT:
		return version->content;
	case RECORD_ARCHIVE:
		break;
	}
	return view_find_archive(version, &record->base, record->format);
}

struct view_record *
view_find_record(const struct view *v, const struct record *record)
{
	struct view_record *vr = view_find_same(v, record);

	return vr != NULL && digest_equal(&vr->record.ref.id, &record->ref.id) ? vr : NULL;
}

void
view_note_decoded(struct view_holder *h, const struct record *record)
{
	struct view *v = view_take(h);
	struct view_record *vr = view_find_record(v, record);

	if (vr != NULL)
		vr->decoded = true;
	view_release(v);
}

bool
view_is_decoded(struct view_holder *h, const struct record *record)
{
	struct view *v = view_take(h);
	const struct view_record *vr = view_find_record(v, record);
	bool decoded = vr != NULL && vr->decoded;

	view_release(v);
	return decoded;
}

static void
version_each(const struct view_version *version, void (*act)(void *context, struct view_record *vr),
	void *context)
{
	if (version->header != NULL)
		act(context, version->header);
	if (version->content != NULL)
		act(context, version->content);
	for (size_t j = 0; j < version->count; j++)
		for (int k = 0; k < FORMAT_COUNT; k++)
			if (version->offers[j].archive[k] != NULL)
				act(context, version->offers[j].archive[k]);
}

void
view_each(const struct view *v, const char *type,
	void (*act)(void *context, struct view_record *vr), void *context)
{
	for (size_t i = 0; i < v->count; i++)
		for (size_t j = 0; j < v->types[i]->count; j++)
			if (type == NULL || strcmp(v->types[i]->type, type) == 0)
				version_each(&v->types[i]->versions[j], act, context);
}

static void
add_record(void *context, struct view_record *vr)
{
	records_add(context, &vr->record);
}

void
view_announced(const struct view *v, struct idents *ret)
{
	for (size_t i = 0; i < v->count; i++) {
		const struct ident ident = ident_of(v->types[i]->type, &v->types[i]->announced);

		if (ident.edition.version > 0)
			idents_add(ret, &ident);
	}
}

void
view_records(const struct view *v, const char *type, struct records *ret)
{
	view_each(v, type, add_record, ret);
	records_sort(ret);
}

/*
 * The type in an unpublished view as a copy of its own, made if it is new. Its place is not taken
 * from elsewhere: the caller has room for it in v->types.
 */
static struct view_type *
own_type(struct view *v, const char *type)
{
	bool found;
	size_t i = position_of(v, type, &found);

	if (found) {
		struct view_type *old = v->types[i];

		v->types[i] = view_type_copy(old);
		view_type_release(old);
	} else {
		memmove(&v->types[i + 1], &v->types[i], (v->count - i) * sizeof(*v->types));
		v->count++;
		v->types[i] = view_type_new(type);
	}
	return v->types[i];
}

/*
 * Records are sorted by type, so that each type is copied once and not once for each of its
 * records. It is for a cache's start and for an index that was made anew: nothing of it is checked.
 */
void
view_load(struct view_holder *h, const struct record *records, size_t count)
{
	struct view_type *t = NULL;
	struct view *v;

	(void)pthread_mutex_lock(&h->writers);
	v = view_copy(h->current);
	for (size_t i = 0; i < count; i++) {
		struct view_record **slot;

		if (t == NULL || strcmp(t->type, records[i].ident.type) != 0) {
			v->types = mem_resize(v->types, v->count + 1, sizeof(*v->types));
			t = own_type(v, records[i].ident.type);
		}
		slot = view_type_slot(t, &records[i]);
		view_record_release(*slot);
		*slot = view_record_new(&records[i], false);
	}
	for (size_t i = 0; i < v->count; i++)
		view_type_finish(v->types[i]);
	publish(h, v);
	(void)pthread_mutex_unlock(&h->writers);
}

/*
 * take_record NULL: it goes. Who has the old view has references of its own to the type and the
 * record.
 */
static void
set_record(struct view_holder *h, const struct record *record, struct view_record *take_record)
{
	struct view *v;
	struct view_type *t;
	struct view_record **slot;

	(void)pthread_mutex_lock(&h->writers);
	v = view_copy(h->current);
	t = own_type(v, record->ident.type);
	slot = view_type_slot(t, record);
	view_record_release(*slot);
	*slot = take_record;
	/* It may have been the last record of its version. */
	view_type_drop_empty(t);
	view_type_finish(t);
	publish(h, v);
	(void)pthread_mutex_unlock(&h->writers);
}

void
view_add(struct view_holder *h, const struct record *record, bool checked)
{
	set_record(h, record, view_record_new(record, checked));
}

void
view_remove(struct view_holder *h, const struct record *record)
{
	set_record(h, record, NULL);
}

/*
 * Formatted once, for all requests; its digest is the ETag, so that clients find it unchanged after
 * a restart as well.
 */
static void
prepare_query(struct view *v, const struct idents *query)
{
	struct buf bytes = {0};
	struct digest digest;

	wire_query_format(query, &bytes);
	digest = digest_of(span_of(bytes.at, bytes.len));
	free(v->query.bytes);
	v->query.bytes = bytes.at;
	v->query.len = bytes.len;
	view_record_etag(&digest, v->query.etag);
	v->has_query = true;
}

/* What metadata does not name any more, and of which nothing is kept. */
static void
drop_forgotten(struct view *v)
{
	size_t left = 0;

	for (size_t i = 0; i < v->count; i++)
		if (v->types[i]->announced.version == 0 && v->types[i]->count == 0)
			view_type_release(v->types[i]);
		else
			v->types[left++] = v->types[i];
	v->count = left;
}

void
view_set_vouched(struct view_holder *h, struct vouched *take)
{
	struct view *v;

	(void)pthread_mutex_lock(&h->writers);
	v = view_copy(h->current);
	vouched_release(v->vouched);
	v->vouched = take;
	publish(h, v);
	(void)pthread_mutex_unlock(&h->writers);
}

void
view_set_query(struct view_holder *h, const struct idents *query, bool due)
{
	static const struct edition none;
	struct view *v;

	(void)pthread_mutex_lock(&h->writers);
	v = view_copy(h->current);
	v->types = mem_resize(v->types, v->count + query->count + 1, sizeof(*v->types));
	for (size_t i = 0; i < query->count; i++) {
		const struct view_type *known = view_find_type(v, query->at[i].type);
		struct view_type *t;

		/* Most types are as they were, and stay shared with the view before. */
		if (known != NULL && ident_edition_equal(&known->announced, &query->at[i].edition))
			continue;
		t = own_type(v, query->at[i].type);
		t->announced = query->at[i].edition;
		view_type_finish(t);
	}
	for (size_t i = 0; i < v->count; i++) {
		struct view_type *t;

		/*
		 * A type that metadata does not name any more stays for what is kept of it: its
		 * archives may be asked for by their ids.
		 */
		if (idents_find(query, v->types[i]->type) != NULL ||
			v->types[i]->announced.version == 0)
			continue;
		t = own_type(v, v->types[i]->type);
		t->announced = none;
		view_type_finish(t);
	}
	drop_forgotten(v);
	prepare_query(v, query);
	v->query_due = due;
	publish(h, v);
	(void)pthread_mutex_unlock(&h->writers);
}
